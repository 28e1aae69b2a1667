from __future__ import annotations

import time
from dataclasses import replace

import pytest

from birdwatch.domain.errors import InvalidInputError
from birdwatch.domain.species import COLUMNS, Species, SpeciesIndex, name_key, species_from_row
from birdwatch.domain.text import Text
from tests.seeds import SPECIES, species_rows


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("grekno", "grekno"),
        ("GREKNO", "grekno"),
        ("大滨鹬", "grekno"),
        (" 大 滨鹬　", "grekno"),
        ("Great Knot", "grekno"),
        ("great-knot", "grekno"),
        ("ＧＲＥＡＴ　ＫＮＯＴ", "grekno"),
        ("Calidris tenuirostris", "grekno"),
        ("灰斑鸻", "bkbplo"),
        ("Grey Plover", "bkbplo"),
        ("Gray-tailed tattler", "gyttat1"),
        ("Grey tailed Tattler", "gyttat1"),
        ("Swinhoe’s Snipe", "swisni1"),
        ("Charadrius alexandrinus", "kenplo1"),
        ("Limicola falcinellus", "brbsan"),
        ("Calidris sp.", "calidr1"),
        ("未识别杓鹬", "curlew1"),
        ("Siberian/Tibetan Sand-Plover", "lesplo"),
    ],
)
def test_find_knows_every_name_people_use(name: str, code: str) -> None:
    found = SPECIES.find(name)
    assert found is not None
    assert found.code == code


@pytest.mark.parametrize("name", ["", " ", "大宾鹬", "knot", "dby", "-", "'; DROP TABLE"])
def test_find_guesses_nothing(name: str) -> None:
    assert SPECIES.find(name) is None


def test_a_first_name_beats_the_alias_of_another_species() -> None:
    alias = Species("b", "species", "Aa bb", Text("乙", "B"), aliases=("甲",), sort=0)
    first = Species("a", "species", "Cc dd", Text("甲", "A"), sort=1)
    assert SpeciesIndex([alias, first]).find("甲") == first


@pytest.mark.parametrize(
    ("name", "near"),
    [
        ("大宾鹬", "grekno"),
        ("Great Knott", "grekno"),
        ("Numenius madagascarensis", "faecur"),
        ("dby", "grekno"),
        ("斑尾腾鹬", "batgod"),
        ("blacktailed godwits", "bktgod"),
    ],
)
def test_resolve_names_near_matches(name: str, near: str) -> None:
    species = SPECIES.get(near)
    assert species is not None
    with pytest.raises(InvalidInputError) as refused:
        SPECIES.resolve(name)
    (fault,) = refused.value.errors
    assert (refused.value.code, fault.field) == ("species.unknown", "species")
    assert f"{species.name.zh}（{near}）" in fault.message.zh
    assert f"{species.name.en} ({near})" in fault.message.en


def test_resolve_says_what_names_are_known_when_nothing_is_near() -> None:
    with pytest.raises(InvalidInputError) as refused:
        SPECIES.resolve("xxqqzz", "sightings[2].species")
    assert refused.value.text == Text(
        "没有名为“xxqqzz”的物种。请用中文名、学名、英文名或代码。",
        "No species is called “xxqqzz”. Use its Chinese, scientific or English name, or its code.",
    )
    assert refused.value.errors[0].field == "sightings[2].species"


@pytest.mark.parametrize(
    ("typed", "codes"),
    [
        ("dby", ["grekno"]),
        ("dsy", ["faecur"]),
        ("大滨", ["grekno"]),
        ("great kn", ["grekno"]),
        ("knot", ["grekno", "redkno"]),
        ("limosa l", ["batgod", "bktgod"]),
        ("tadorna tadorna", ["comshe"]),
        ("灰斑", ["bkbplo"]),
        ("", []),
    ],
)
def test_suggest_knows_what_is_meant(typed: str, codes: list[str]) -> None:
    assert [species.code for species in SPECIES.suggest(typed, 5)] == codes


def test_suggest_puts_whole_names_before_beginnings_and_parts() -> None:
    assert [species.name.zh for species in SPECIES.suggest("白鹭", 3)] == [
        "白鹭",
        "大白鹭",
        "中白鹭",
    ]


def test_suggest_is_quick_enough_to_type_against() -> None:
    rows = [replace(s, code=f"{s.code}{n}") for n in range(10) for s in species_rows()]
    index = SpeciesIndex(rows)
    started = time.process_time()
    index.suggest("knot", 10)
    assert time.process_time() - started < 0.1


def test_species_of_the_package_are_complete_and_told_apart() -> None:
    rows = list(SPECIES)
    assert [s.rank for s in rows].count("species") == 156
    assert [s.rank for s in rows].count("spuh") == 6
    assert [s.code for s in rows if not (s.name.zh and s.name.en and s.pinyin_initials)] == []
    assert [s.code for s in rows if s.family and not s.family_zh] == []
    for name in ("zh", "en"):
        names = [name_key(s.name.get(name)) for s in rows]
        assert len(names) == len(set(names))
    assert [s.code for s in rows if SPECIES.find(s.name.zh) != s or SPECIES.find(s.code) != s] == []


@pytest.mark.parametrize(
    ("code", "initials"),
    [
        ("bkwsti", "hccjy"),  # 长 chang
        ("lotsti", "czby"),
        ("faecur", "dsy"),  # 杓 shao
        ("batgod", "bwcy"),  # 塍 cheng
        ("euroys1", "ly"),  # 蛎 li
        ("litgre1", "xpt"),  # 䴙䴘 pi ti
        ("grebit1", "dmj"),  # 鳽 jian
        ("grecor", "ptlc"),
        ("osprey", "e"),
    ],
)
def test_pinyin_initials_read_rare_and_ambiguous_characters_right(code: str, initials: str) -> None:
    species = SPECIES.get(code)
    assert species is not None
    assert species.pinyin_initials == initials


def test_one_percent_always_comes_with_its_source() -> None:
    assert [s.code for s in SPECIES if bool(s.one_percent) != bool(s.one_percent_source)] == []


def test_species_from_row_splits_lists_and_fills_what_is_missing() -> None:
    row = dict.fromkeys(COLUMNS, "") | {
        "code": "x1", "scientific_name": "Aa bb", "chinese_aliases": "甲; 乙",
        "english_aliases": "Alpha", "scientific_synonyms": "Cc bb", "is_shorebird": "1",
        "one_percent": "500",
    }  # fmt: skip
    assert species_from_row(row, 7) == Species(
        "x1", "species", "Aa bb", Text(), ("甲", "乙", "Alpha"), ("Cc bb",), is_shorebird=True,
        one_percent=500, sort=7,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"code": "A B"}, "code"),
        ({"scientific_name": ""}, "scientific_name"),
        ({"rank": "kind"}, "rank"),
        ({"one_percent": "1,000"}, "one_percent"),
    ],
)
def test_species_from_row_names_the_wrong_column(changes: dict[str, str], field: str) -> None:
    row = {"code": "x1", "scientific_name": "Aa bb"} | changes
    with pytest.raises(InvalidInputError) as refused:
        species_from_row(row)
    assert [error.field for error in refused.value.errors] == [field]
