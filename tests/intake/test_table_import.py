from __future__ import annotations

import codecs
import json
from datetime import date
from pathlib import Path

import pytest

from birdwatch.domain.errors import InvalidInputError
from birdwatch.domain.policy import SYSTEM
from birdwatch.domain.survey import SurveyFilter
from birdwatch.intake.archive import Archive
from birdwatch.intake.count_table import Buckets
from birdwatch.intake.table_import import (
    MAX_ERRORS,
    ImportReport,
    import_counts,
    import_sites,
    import_species,
)
from birdwatch.storage.counts import daily_counts, wrong_daily_counts
from birdwatch.storage.ledger import changes, latest
from birdwatch.storage.sites import load_sites
from birdwatch.storage.species import load_species
from birdwatch.storage.surveys import list_surveys
from tests.intake.archives import NOW

pytestmark = pytest.mark.anyio
HEADER = "date,start,end,site,species,low,best,high,method,observers,protocol,complete,tide,note"
TABLE = f"""{HEADER}
2026-04-20,05:30,07:10,sidaogou,grekno,1000,1200,1500,estimated,国颖,roost,1,high,
2026-04-20,05:30,07:10,四道沟,大杓鹬,,85,,,国颖,roost,1,high,leg flag
2026-04-21,,,永远角,Dunlin,,0,,,,,,,
2026-04-20,05:30,07:10,sidaogou,Bar-tailed Godwit,,,,present,国颖,roost,1,high,
"""


async def take(archive: Archive, path: Path, **options: object) -> ImportReport:
    return await import_counts(
        archive,
        path,
        actor=SYSTEM,
        now=NOW,
        **options,  # type: ignore[arg-type]
    )


def write(folder: Path, text: str, encoding: str = "utf-8", name: str = "counts.csv") -> Path:
    path = folder / name
    path.write_bytes(text.encode(encoding))
    return path


async def stored(archive: Archive) -> list[tuple[str, str, int, int | None]]:
    """Site, species, surveys of the day and count of every daily count."""
    return [
        (c.site, c.species, 1 + len(c.set_aside), c.count) for c in await daily_counts(archive.db)
    ]


EXPECTED = [
    ("sidaogou", "batgod", 1, None),
    ("sidaogou", "faecur", 1, 85),
    ("sidaogou", "grekno", 1, 1200),
    ("yongyuanjiao", "dunlin", 1, 0),
]


async def test_import_counts_makes_surveys_of_rows_wherever_they_stand(
    archive: Archive, tmp_path: Path
) -> None:
    assert await take(archive, write(tmp_path, TABLE)) == ImportReport(4, 2, 4, 0)
    assert await stored(archive) == EXPECTED
    assert await wrong_daily_counts(archive.db) == []
    page = await list_surveys(archive.db, SurveyFilter(site="sidaogou"), limit=10)
    (survey,) = page.items
    assert [(s.species, s.note) for s in survey.sightings] == [
        ("grekno", ""), ("faecur", "leg flag"), ("batgod", ""),
    ]  # fmt: skip
    assert (survey.source, survey.protocol, survey.complete, survey.tide, survey.observers) == (
        "counts.csv", "roost", True, "high", ("国颖",),
    )  # fmt: skip


async def test_import_counts_is_one_change_of_the_archive(archive: Archive, tmp_path: Path) -> None:
    before = await latest(archive.db)
    await take(archive, write(tmp_path, TABLE))
    (change,) = await changes(archive.db, before)
    assert (change.action, change.noun, change.detail) == (
        "import", "survey", {"table": "counts.csv", "rows": 4, "surveys": 2, "sightings": 4},
    )  # fmt: skip


async def test_the_same_file_twice_changes_nothing(archive: Archive, tmp_path: Path) -> None:
    path = write(tmp_path, TABLE)
    await take(archive, path)
    before = await latest(archive.db)
    assert await take(archive, path) == ImportReport(4, 0, 0, 2)
    renamed = write(tmp_path, TABLE, "gb18030", "copy.csv")
    assert await take(archive, renamed) == ImportReport(4, 0, 0, 2)
    assert await latest(archive.db) == before


async def test_a_longer_file_adds_only_what_is_new(archive: Archive, tmp_path: Path) -> None:
    await take(archive, write(tmp_path, TABLE))
    longer = TABLE + "2026-04-22,,,sidaogou,grekno,,7,,,,,,,\n"
    assert await take(archive, write(tmp_path, longer)) == ImportReport(5, 1, 1, 2)


async def test_a_file_with_other_numbers_for_a_known_survey_is_refused(
    archive: Archive, tmp_path: Path
) -> None:
    await take(archive, write(tmp_path, TABLE))
    report = await take(archive, write(tmp_path, TABLE.replace(",85,", ",86,")))
    assert [(e.row, e.field) for e in report.errors] == [(2, "best")]
    assert "other numbers" in report.errors[0].message.en
    assert await stored(archive) == EXPECTED


async def test_a_dry_run_reports_and_changes_nothing(archive: Archive, tmp_path: Path) -> None:
    before = await latest(archive.db)
    assert await take(archive, write(tmp_path, TABLE), dry_run=True) == ImportReport(4, 2, 4, 0)
    assert await latest(archive.db) == before
    assert await stored(archive) == []


@pytest.mark.parametrize(
    ("prefix", "encoding"),
    [
        (b"", "utf-8"),
        (codecs.BOM_UTF8, "utf-8"),
        (b"", "gbk"),
        (b"", "gb18030"),
        (codecs.BOM_UTF16_LE, "utf-16-le"),
        (codecs.BOM_UTF16_BE, "utf-16-be"),
    ],
)
@pytest.mark.parametrize("line_end", ["\n", "\r\n", "\r"])
async def test_import_counts_reads_any_usual_encoding_and_line_end(
    archive: Archive, tmp_path: Path, prefix: bytes, encoding: str, line_end: str
) -> None:
    path = tmp_path / "counts.csv"
    path.write_bytes(prefix + TABLE.replace("\n", line_end).encode(encoding))
    assert await take(archive, path) == ImportReport(4, 2, 4, 0)
    assert await stored(archive) == EXPECTED


@pytest.mark.parametrize("separator", [";", "\t"])
async def test_import_counts_reads_other_separators(
    archive: Archive, tmp_path: Path, separator: str
) -> None:
    report = await take(archive, write(tmp_path, TABLE.replace(",", separator)))
    assert report == ImportReport(4, 2, 4, 0)


async def test_import_counts_reads_chinese_headers(archive: Archive, tmp_path: Path) -> None:
    text = "日期;地点;物种;数量;观察者\n2026年4月20日;四道沟;大滨鹬;12;国颖、徐鑫\n"
    assert await take(archive, write(tmp_path, text, "gbk")) == ImportReport(1, 1, 1, 0)
    (survey,) = (await list_surveys(archive.db, SurveyFilter(), limit=5)).items
    assert survey.observers == ("国颖", "徐鑫")


async def test_import_counts_maps_the_columns_of_a_foreign_file(
    archive: Archive, tmp_path: Path
) -> None:
    text = "Visit No,When,site,Bird,n,species\n7,2026-04-20,sidaogou,grekno,3,Aves\n"
    columns = {"survey": "Visit No", "date": "when", "species": "Bird", "best": "n"}
    assert await take(archive, write(tmp_path, text), columns=columns) == ImportReport(1, 1, 1, 0)
    assert await stored(archive) == [("sidaogou", "grekno", 1, 3)]


async def test_surveys_with_a_name_of_their_own_stay_apart(
    archive: Archive, tmp_path: Path
) -> None:
    text = """survey,date,site,species,best
A,2026-04-20,sidaogou,grekno,300
B,2026-04-20,sidaogou,grekno,280
A,2026-04-20,sidaogou,dunlin,40
"""
    assert await take(archive, write(tmp_path, text)) == ImportReport(3, 2, 3, 0)
    assert await stored(archive) == [
        ("sidaogou", "dunlin", 1, 40), ("sidaogou", "grekno", 2, 300),
    ]  # fmt: skip


async def test_rows_of_one_survey_must_agree(archive: Archive, tmp_path: Path) -> None:
    text = """survey,date,site,species,best
A,2026-04-20,sidaogou,grekno,300
A,2026-04-21,liaobin,dunlin,40
"""
    report = await take(archive, write(tmp_path, text))
    assert [(e.row, e.field) for e in report.errors] == [(3, "date"), (3, "site")]


async def test_a_complete_list_without_birds_is_a_survey(archive: Archive, tmp_path: Path) -> None:
    text = "date,site,species,best,complete\n2026-04-20,sidaogou,,,yes\n"
    assert await take(archive, write(tmp_path, text)) == ImportReport(1, 1, 0, 0)


async def test_every_fault_is_told_with_its_row_and_column_and_nothing_is_written(
    archive: Archive, tmp_path: Path
) -> None:
    text = """day,Site,Bird,count,note
2026-04-20,sidaogou,grekno,12,

2026-04-20,sidaogou,大宾鹬,3,
2026-02-30,sidaogou,dunlin,3,
2026-05-20,sidaogou,dunlin,3,
2026-04-21,atlantis,dunlin,3,
2026-04-22,sidaogou,dunlin,50+,"two
lines"
2026-04-23,sidaogou,dunlin,-1,
2026-04-20,sidaogou,Great Knot,5,
2026-04-24,sidaogou,dunlin,1,200,3
"""
    path = write(tmp_path, text)
    report = await take(archive, path, columns={"species": "Bird"})
    assert [(e.row, e.field) for e in report.errors] == [(12, "")]
    fixed = text.replace("dunlin,1,200,3", "dunlin,1200,3")
    report = await take(archive, write(tmp_path, fixed), columns={"species": "Bird"})
    assert [(e.row, e.field) for e in report.errors] == [
        (4, "Bird"), (5, "day"), (6, "day"), (7, "Site"), (8, "count"), (10, "count"),
        (11, "Bird"),
    ]  # fmt: skip
    messages = [e.message.en for e in report.errors]
    assert "Great Knot (grekno)" in messages[0]
    assert messages[1] == "There is no 2026-02-30: that month has 28 days. Check the date."
    assert messages[6].startswith("Row 2 of the same survey has this species already.")
    assert (report.rows, report.surveys, report.sightings) == (9, 0, 0)
    assert await stored(archive) == []


async def test_one_bad_row_among_many_keeps_all_out(archive: Archive, tmp_path: Path) -> None:
    rows = [f"2026-04-{n % 28 + 1:02},,,sidaogou,{code},,{n},,,o{n},,,,"
            for n in range(600) for code in ("grekno", "dunlin")]  # fmt: skip
    rows[700] = rows[700].replace("sidaogou", "nowhere")
    report = await take(archive, write(tmp_path, "\n".join([HEADER, *rows])))
    assert [(e.row, e.field) for e in report.errors] == [(702, "site")]
    assert await stored(archive) == []


async def test_a_file_full_of_faults_is_not_read_to_its_end(
    archive: Archive, tmp_path: Path
) -> None:
    rows = [f"2026-04-20,,,nowhere,grekno,,1,,,o{n},,,," for n in range(3000)]
    report = await take(archive, write(tmp_path, "\n".join([HEADER, *rows])))
    assert len(report.errors) == MAX_ERRORS


@pytest.mark.parametrize(
    ("header", "missing"),
    [
        ("site,species,best", "date"),
        ("date,species,best", "site"),
        ("date,site,best", "species"),
        ("date,site,species", "best"),
    ],
)
async def test_a_missing_column_is_named(
    archive: Archive, tmp_path: Path, header: str, missing: str
) -> None:
    with pytest.raises(InvalidInputError) as refused:
        await take(archive, write(tmp_path, f"{header}\n1,2,3\n"))
    there = header.replace(",", ", ")
    assert refused.value.code == "table.columns"
    assert refused.value.text.en == (
        f"Missing column: {missing}. The file has: {there}. If it goes by another name, say so"
        f" with --map {missing}=NAME."
    )


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "The first line of the file must name its columns."),
        (b"\n\n", "The first line of the file must name its columns."),
        (b"PK\x03\x04rest", "This is an Excel workbook. Save it as “CSV UTF-8 (comma delimited)”."),
        (b"\xff\xfe\x00", "The file is neither UTF-8 nor GBK text. Save it as CSV UTF-8."),
        (b"\x89PNG\r\n\x1a\n\x00\x00", "The file is neither UTF-8 nor GBK text. Save it as CSV UTF-8."),
        (b"date,site,site,species,best\n", "Several columns stand for site: site、site. Leave only one."),
    ],
)  # fmt: skip
async def test_what_is_no_table_is_said_so(
    archive: Archive, tmp_path: Path, content: bytes, words: str
) -> None:
    path = tmp_path / "counts.csv"
    path.write_bytes(content)
    with pytest.raises(InvalidInputError) as refused:
        await take(archive, path)
    assert refused.value.text.en == words


async def test_a_file_that_is_not_there_is_said_so(archive: Archive, tmp_path: Path) -> None:
    with pytest.raises(InvalidInputError) as refused:
        await take(archive, tmp_path / "none.csv")
    assert refused.value.code == "table.unreadable"


async def test_a_quote_that_never_closes_is_told_with_its_row(
    archive: Archive, tmp_path: Path
) -> None:
    text = f'{HEADER}\n2026-04-20,,,sidaogou,grekno,,1,,,,,,,\n2026-04-21,,,"sidaogou,grekno\n'
    report = await take(archive, write(tmp_path, text))
    assert [(e.row, e.field) for e in report.errors] == [(3, "")]


async def test_progress_is_told_to_the_end(archive: Archive, tmp_path: Path) -> None:
    rows = [f"2026-04-20,,,sidaogou,grekno,,{n},,,o{n},,,," for n in range(2500)]
    told: list[int] = []
    await take(archive, write(tmp_path, "\n".join([HEADER, *rows])), progress=told.append)
    assert told == [1000, 2000, 2500]


def test_buckets_keep_the_rows_of_a_visit_together_however_many_files() -> None:
    with Buckets(50 << 20) as buckets:
        for line in range(1000):
            buckets.put(line, f"{line % 7:032x}", [str(line)])
        groups = list(buckets.groups())
    assert sorted(len(group) for group in groups) == [142] + [143] * 6
    assert all([line for line, _ in g] == sorted(line for line, _ in g) for g in groups)
    assert sorted(line for group in groups for line, _ in group) == list(range(1000))


# --- sites and species

SQUARE = [[39.9, -3.4], [40.2, -3.4], [40.2, -3.2], [39.9, -3.2], [39.9, -3.4]]


def _geojson(folder: Path, *features: dict[str, object]) -> Path:
    return write(
        folder,
        json.dumps({"type": "FeatureCollection", "features": features}),
        name="sites.geojson",
    )


def _feature(site_id: str, name: str) -> dict[str, object]:
    return {
        "type": "Feature",
        "properties": {"id": site_id, "name": name, "is_approximate": False, "source": "GPS walk"},
        "geometry": {"type": "Polygon", "coordinates": [SQUARE]},
    }


async def test_import_sites_adds_and_replaces_by_id(archive: Archive, tmp_path: Path) -> None:
    path = _geojson(tmp_path, _feature("mida-creek", "Mida Creek"), _feature("sidaogou", "四道沟"))
    assert await import_sites(archive, path, actor=SYSTEM, now=NOW) == 2
    sites = await load_sites(archive.db)
    assert sites["mida-creek"].geometry == {"type": "Polygon", "coordinates": [SQUARE]}
    assert sites["sidaogou"].source == "GPS walk"
    assert "yongyuanjiao" in sites


@pytest.mark.parametrize(
    ("text", "code"),
    [("{", "sites.not_json"), ("[]", "sites.invalid"), ("[" * 9999, "sites.not_json")],
)
async def test_import_sites_refuses_what_is_no_geojson(
    archive: Archive, tmp_path: Path, text: str, code: str
) -> None:
    before = await load_sites(archive.db)
    with pytest.raises(InvalidInputError) as refused:
        await import_sites(archive, write(tmp_path, text), actor=SYSTEM, now=NOW)
    assert refused.value.code == code
    assert await load_sites(archive.db) == before


async def test_import_species_adds_and_replaces_by_code(archive: Archive, tmp_path: Path) -> None:
    known = await load_species(archive.db)
    text = """code,scientific_name,english_name,chinese_name,english_aliases
craplo1,Dromas ardeola,Crab-Plover,蟹鸻,Crab Plover
grekno,Calidris tenuirostris,Great Knot,大滨鹬,Slender-billed Knot
"""
    path = write(tmp_path, text, "gbk")
    assert await import_species(archive, path, actor=SYSTEM, now=NOW) == 2
    species = await load_species(archive.db)
    added, changed, old = species.find("蟹鸻"), species.get("grekno"), known.get("grekno")
    assert added is not None
    assert changed is not None
    assert old is not None
    assert (added.code, added.sort) == ("craplo1", len(known))
    assert (changed.aliases, changed.sort) == (("Slender-billed Knot",), old.sort)
    assert len(species) == len(known) + 1


@pytest.mark.parametrize(
    ("text", "row", "words"),
    [
        ("code,english_name\nx1,X\n", 1, "Missing column: scientific_name."),
        ("code,scientific_name\nX Y,Aa bb\n", 2, "The code “X Y” must be"),
        ("code,scientific_name\nx1,Aa bb\nx1,Aa cc\n", 3, "The code x1 stands twice."),
    ],
)
async def test_import_species_names_the_row(
    archive: Archive, tmp_path: Path, text: str, row: int, words: str
) -> None:
    with pytest.raises(InvalidInputError) as refused:
        await import_species(archive, write(tmp_path, text), actor=SYSTEM, now=NOW)
    assert refused.value.text.en.startswith(f"Row {row}: {words}")
    assert (await load_species(archive.db)).find("x1") is None


async def test_counts_on_a_new_site_and_species_follow(archive: Archive, tmp_path: Path) -> None:
    await import_sites(
        archive, _geojson(tmp_path, _feature("mida-creek", "Mida Creek")), actor=SYSTEM, now=NOW
    )
    await import_species(
        archive, write(tmp_path, "code,scientific_name\ncraplo1,Dromas ardeola\n"), actor=SYSTEM,
        now=NOW,
    )  # fmt: skip
    text = "date,site,species,best\n1998-10-29,Mida Creek,Dromas ardeola,12\n"
    assert await take(archive, write(tmp_path, text)) == ImportReport(1, 1, 1, 0)
    (count,) = await daily_counts(archive.db)
    assert (count.day, count.season) == (date(1998, 10, 29), "1998-autumn")
