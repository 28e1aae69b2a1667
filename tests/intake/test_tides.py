from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from birdwatch.domain.errors import InvalidInputError
from birdwatch.domain.policy import SYSTEM
from birdwatch.domain.tide import Station
from birdwatch.intake.archive import Archive
from birdwatch.intake.photo_correction import correct_photo
from birdwatch.intake.photo_request import PhotoRequest
from birdwatch.intake.survey_intake import change_survey, receive_survey
from birdwatch.intake.tides import TideReport, TideRequest, import_tides, tide_of_visit
from birdwatch.storage.ledger import changes, latest
from birdwatch.storage.surveys import find_survey
from birdwatch.storage.tides import load_stations, waters_between
from tests.intake.archives import NOW, SIDAOGOU, person, send
from tests.intake.test_survey_intake import SURVEY
from tests.pictures import make_jpeg

pytestmark = pytest.mark.anyio
TABLE = """时间,潮高cm,类型
2026-04-19 22:40,60,低潮
2026-04-20 05:20,390,高潮
2026-04-20 11:50,85,低潮
2026-04-20 17:40,355,高潮
"""
WAVES = [
    {"name": "M2", "amplitude": 1.3, "phase": 110.0},
    {"name": "K1", "amplitude": 0.4, "phase": 70.0},
    {"name": "Z99", "amplitude": 0.1, "phase": 0.0},
]
BESIDE = {"latitude": 40.68, "longitude": 122.15}
STATION = {
    "id": "ticon/near",
    "name": "Near",
    **BESIDE,
    "chart_datum": "TLT",
    "datums": {"MSL": 2.151, "TLT": 0.309},
    "source": {"name": "TICON-4", "id": "near"},
    "license": {"type": "cc-by-4.0"},
    "harmonic_constituents": WAVES,
}


async def take(
    archive: Archive,
    folder: Path,
    text: str,
    request: TideRequest | None = None,
    suffix: str = "csv",
) -> TideReport:
    path = folder / f"tides.{suffix}"
    path.write_text(text, "utf-8")
    return await import_tides(archive, path, request or TideRequest(), actor=SYSTEM, now=NOW)


async def test_table_of_waters_is_taken_in_whatever_its_units_and_language(
    archive: Archive, tmp_path: Path
) -> None:
    request = TideRequest("鲅鱼圈", source="国家海洋信息中心潮汐表 2026", sites=("四道沟",))
    report = await take(archive, tmp_path, TABLE, request)
    assert report.waters == 4
    stations = await load_stations(archive.db)
    assert stations == (
        Station("鲅鱼圈", "鲅鱼圈", "国家海洋信息中心潮汐表 2026", "", ("sidaogou",)),
    )
    waters = await waters_between(archive.db, stations[0], NOW - timedelta(days=30), NOW)
    assert [(one.kind, one.height_m) for one in waters] == [
        ("low", 0.6), ("high", 3.9), ("low", 0.85), ("high", 3.55),
    ]  # fmt: skip
    assert waters[1].at == datetime(2026, 4, 19, 21, 20, tzinfo=UTC)
    assert (await changes(archive.db))[-1].detail == {
        "rows": 4, "source": "国家海洋信息中心潮汐表 2026",
    }  # fmt: skip


async def test_table_without_types_is_told_by_its_heights(archive: Archive, tmp_path: Path) -> None:
    rows = ["date;time;height", "2026-04-20;05:20;3.9", "2026-04-20;11:50;0.8"]
    await take(archive, tmp_path, "\n".join([*rows, "2026-04-20;17:40;3.5"]))
    found = await tide_of_visit(archive.db, "liaobin", _local(8, 30), None)
    assert found is not None
    assert found[0].stage == "falling"


def _local(hour: int, minute: int) -> datetime:
    return datetime.fromisoformat(f"2026-04-20T{hour:02}:{minute:02}+08:00")


async def test_table_of_next_year_is_added_and_a_corrected_one_takes_its_place(
    archive: Archive, tmp_path: Path
) -> None:
    request = TideRequest("Port")
    await take(archive, tmp_path, TABLE, request)
    await take(archive, tmp_path, TABLE.replace("2026", "2027"), request)
    await take(archive, tmp_path, TABLE.replace("05:20", "05:26"), request)
    (station,) = await load_stations(archive.db)
    waters = await waters_between(archive.db, station, NOW - timedelta(99), NOW + timedelta(400))
    assert len(waters) == 8
    assert waters[1].at == datetime(2026, 4, 19, 21, 26, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "row", "said"),
    [
        ("height\n3.2\n", "", "no column “time”"),
        ("time,type\n2026-04-20 05:20,high\n", "rows", "at least two rows"),
        ("time,type\n2026-04-20 05:20,high\n2026-04-20 12:00,flood\n", "rows[3]", "neither high"),
        ("time,type\n2026-04-20 05:20,high\n2026-04-20 11:00,high\n", "rows[3]", "both high"),
        ("time,type\n2026-04-20,high\n2026-04-20 11:00,low\n", "rows[2]", "no time of day"),
        ("time,type\n2026-04-31 05:20,high\n2026-05-01 11:00,low\n", "rows[2]", "2026-04-31"),
        ("time,type\n2026-04-20 05:20,high\n2026-04-20 05:20,low\n", "rows[3]", "stands twice"),
        ("time,height,type\n2026-04-20 05:20,1,high\n2026-04-20 11:00,2,low\n", "rows[3]", "lower"),
        ("time,height\n2026-04-20 05:20,390\n2026-04-20 11:00,80\n", "rows[2]", "metres"),
        ("time,height\n2026-04-20 05:20,nan\n2026-04-20 11:00,1\n", "rows[2]", "metres"),
        ("time,height\n2026-04-20 05:20,\n2026-04-20 11:00,1\n", "rows[2]", "cannot be told"),
    ],
)
async def test_table_with_a_mistake_is_refused_whole_and_the_row_is_named(
    archive: Archive, tmp_path: Path, text: str, row: str, said: str
) -> None:
    before = await latest(archive.db)
    with pytest.raises(InvalidInputError) as refused:
        await take(archive, tmp_path, text)
    told = [(one.field, one.message.en) for one in refused.value.errors]
    told = told or [("", refused.value.text.en)]
    assert any(field == row and said in sentence for field, sentence in told), told
    assert await latest(archive.db) == before
    assert await load_stations(archive.db) == ()


async def test_constants_of_a_station_are_taken_in_and_computed(
    archive: Archive, tmp_path: Path
) -> None:
    report = await take(archive, tmp_path, json.dumps(STATION), suffix="json")
    assert report.left_out == ("Z99",)
    (station,) = await load_stations(archive.db)
    assert station == report.station
    assert (station.id, station.datum, station.level_m) == ("ticon-near", "TLT", 1.842)
    assert station.source == "TICON-4 near (cc-by-4.0)"
    waters = await waters_between(archive.db, station, NOW, NOW + timedelta(days=1))
    assert {one.kind for one in waters} == {"high", "low"}
    assert all(one.height_m is not None and one.height_m > -0.2 for one in waters)


async def test_station_far_away_is_refused_unless_it_is_wanted(
    archive: Archive, tmp_path: Path
) -> None:
    far = json.dumps({**STATION, "latitude": 38.925, "longitude": 121.658})
    with pytest.raises(InvalidInputError) as refused:
        await take(archive, tmp_path, far, suffix="json")
    assert refused.value.code == "tides.far"
    assert await load_stations(archive.db) == ()
    await take(archive, tmp_path, far, TideRequest(is_far=True), "json")
    assert len(await load_stations(archive.db)) == 1


@pytest.mark.parametrize(
    ("document", "station", "said"),
    [
        ([STATION, {**STATION, "id": "b", "name": "B"}], "", "Near, B"),
        ([STATION], "Elsewhere", "Near"),
        ({**STATION, "harmonic_constituents": [{"name": "M2", "amplitude": None}]}, "", "main"),
        ({**STATION, "harmonic_constituents": "M2"}, "", "main"),
        ([1, "x", None], "", "none"),
    ],
)
async def test_constants_that_say_too_little_are_refused(
    archive: Archive, tmp_path: Path, document: object, station: str, said: str
) -> None:
    with pytest.raises(InvalidInputError) as refused:
        await take(archive, tmp_path, json.dumps(document), TideRequest(station), "json")
    assert said in refused.value.text.en


async def test_file_that_is_no_json_is_refused(archive: Archive, tmp_path: Path) -> None:
    for text in ("{", "[" * 100_000):
        with pytest.raises(InvalidInputError, match="not JSON"):
            await take(archive, tmp_path, text, suffix="json")


async def test_tide_of_a_survey_is_that_of_the_table_with_its_source(
    archive: Archive, tmp_path: Path
) -> None:
    await take(archive, tmp_path, TABLE, TideRequest("Port", source="Tables 2026"))
    actor = await person(archive, "guo")
    raw = {**SURVEY, "tide": "table"}  # from 05:30 to 07:10; high water is at 05:20
    survey = await receive_survey(archive, raw, source="page", actor=actor, now=NOW)
    assert (survey.tide, survey.tide_source) == ("high", "Port, Tables 2026")
    assert await find_survey(archive.db, survey.id) == survey
    assert (await changes(archive.db))[-1].detail == {
        "sightings": 3, "tide_source": "Port, Tables 2026",
    }  # fmt: skip
    later = {**raw, "start": "2026-04-20T08:00", "end": "09:00"}
    survey = await change_survey(archive, survey, later, actor=actor, now=NOW)
    assert (survey.tide, survey.tide_source) == ("falling", "Port, Tables 2026")
    survey = await change_survey(archive, survey, {**later, "tide": "low"}, actor=actor, now=NOW)
    assert (survey.tide, survey.tide_source) == ("low", None)


async def test_tide_of_a_count_follows_its_photo(archive: Archive, tmp_path: Path) -> None:
    await take(archive, tmp_path, TABLE, TideRequest("Port", source="Tables 2026"))
    actor = await person(archive, "guo")
    picture = make_jpeg(90, 60, gps=SIDAOGOU, taken="2026:04:20 05:30:00")
    sent = await send(archive, picture, PhotoRequest(species="grekno", best=40), actor=actor)
    assert sent.survey is not None
    seen = [{"species": "grekno", "best": 40, "photos": [sent.photo.id], "method": "from_photo"}]
    raw = {"site": "sidaogou", "start": "2026-04-20T05:30", "tide": "table", "protocol": "photo"}
    told = await change_survey(
        archive, sent.survey, {**raw, "sightings": seen}, actor=actor, now=NOW
    )
    assert (told.tide, told.tide_source) == ("high", "Port, Tables 2026")
    for corrected, tide in (
        ({"species": "dunlin"}, ("high", "Port, Tables 2026")),
        ({"taken_at": "2026-04-20T08:30:00+08:00"}, ("falling", "Port, Tables 2026")),
        ({"taken_at": "2026-04-10T08:30:00+08:00"}, ("unknown", None)),
    ):
        await correct_photo(archive, sent.photo.id, corrected, actor=actor, now=NOW)
        survey = await find_survey(archive.db, told.id)
        assert survey is not None
        assert (survey.tide, survey.tide_source) == tide


async def test_tide_is_never_guessed(archive: Archive, tmp_path: Path) -> None:
    actor = await person(archive, "guo")
    raw = {**SURVEY, "tide": "table"}
    survey = await receive_survey(archive, raw, source="page", actor=actor, now=NOW)
    assert (survey.tide, survey.tide_source) == ("unknown", None)
    await take(archive, tmp_path, TABLE, TideRequest("Port", sites=("liaobin",)))
    elsewhere = await receive_survey(archive, raw, source="page", actor=actor, now=NOW)
    assert elsewhere.tide == "unknown"
    for start in ("2026-04-22T05:30", "2026-04-20"):
        there = {**raw, "site": "liaobin", "start": start, "end": None}
        untold = await receive_survey(archive, there, source="page", actor=actor, now=NOW)
        assert (untold.tide, untold.tide_source) == ("unknown", None)
