from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from birdwatch.domain.errors import InvalidInputError
from birdwatch.domain.survey import NewSighting, NewSurvey, check_survey
from birdwatch.domain.text import Text
from tests.seeds import SITES, SPECIES

NOW = datetime(2026, 5, 1, 4, 0, tzinfo=UTC)  # noon at the estuary
ZONE = timezone(timedelta(hours=8))
KNOTS: Mapping[str, object] = {"species": "grekno", "best": 1200}
SURVEY: Mapping[str, object] = {
    "site": "sidaogou",
    "start": "2026-04-20T05:30",
    "sightings": [KNOTS],
}


def check(**changes: object) -> NewSurvey:
    return check_survey({**SURVEY, **changes}, species=SPECIES, sites=SITES, now=NOW, source="page")


def faults(**changes: object) -> list[tuple[str, str]]:
    with pytest.raises(InvalidInputError) as refused:
        check(**changes)
    assert refused.value.code == "survey.invalid"
    assert all(fault.message.zh and fault.message.en for fault in refused.value.errors)
    return [(fault.field, fault.code) for fault in refused.value.errors]


def count_faults(**sighting: object) -> list[tuple[str, str]]:
    found = faults(sightings=[{"species": "grekno", **sighting}])
    return [(field.removeprefix("sightings[0]."), code) for field, code in found]


def numbers(**sighting: object) -> tuple[int | None, int | None, int | None, str]:
    (only,) = check(sightings=[{"species": "grekno", **sighting}]).sightings
    return only.low, only.best, only.high, only.method


def test_check_survey_gives_the_whole_survey() -> None:
    survey = check(
        end="07:10", observers="国颖、徐鑫; 国颖", protocol="roost", complete="on", tide="高潮",
        note=" windy\0 ", sightings=[
            {"species": "大滨鹬", "low": "1000", "best": "1200", "high": "1500",
             "method": "estimated", "note": "leg flag 6LBBR", "photos": ["0123456789abcdef"]},
            {"species": "Dunlin", "best": 0},
        ],
    )  # fmt: skip
    assert survey == NewSurvey(
        site="sidaogou",
        start=datetime(2026, 4, 20, 5, 30, tzinfo=ZONE),
        end=datetime(2026, 4, 20, 7, 10, tzinfo=ZONE),
        has_time=True,
        observers=("国颖", "徐鑫"),
        protocol="roost",
        complete=True,
        tide="high",
        note="windy",
        source="page",
        source_key=None,
        sightings=(
            NewSighting("grekno", 1000, 1200, 1500, "estimated", "leg flag 6LBBR",
                        ("0123456789abcdef",)),
            NewSighting("dunlin", 0, 0, 0, "counted"),
        ),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("sighting", "expected"),
    [
        ({"best": 50}, (50, 50, 50, "counted")),
        ({"best": "０５０"}, (50, 50, 50, "counted")),
        ({"best": 50.0}, (50, 50, 50, "counted")),
        ({"low": 40, "best": 50, "high": 60}, (40, 50, 60, "estimated")),
        ({"low": 40, "best": 50}, (40, 50, 50, "estimated")),
        ({"best": 50, "high": 60}, (50, 50, 60, "estimated")),
        ({"low": 50}, (50, 50, None, "estimated")),  # at least fifty
        ({"best": 0}, (0, 0, 0, "counted")),
        ({"method": "present"}, (None, None, None, "present")),
        ({"method": "仅见", "best": ""}, (None, None, None, "present")),
        ({"best": 3, "method": "from-photo"}, (3, 3, 3, "from_photo")),
        ({"best": 2_000_000}, (2_000_000, 2_000_000, 2_000_000, "counted")),
    ],
)
def test_check_survey_fills_in_what_follows_from_a_number(
    sighting: dict[str, object], expected: tuple[int | None, int | None, int | None, str]
) -> None:
    assert numbers(**sighting) == expected


@pytest.mark.parametrize(
    ("best", "code"),
    [
        (-1, "count.negative"),
        ("-1", "count.negative"),
        ("−5", "count.negative"),
        (1_000_000_000, "count.too_large"),
        (1e9, "count.too_large"),
        ("9" * 5000, "count.too_large"),
        ("50+", "count.open_ended"),
        (">50", "count.open_ended"),
        ("50以上", "count.open_ended"),
        ("1,200", "count.separator"),
        ("1 200", "count.separator"),
        ("50-60", "count.range"),
        ("50～60", "count.range"),
        ("约50", "count.about"),
        ("~50", "count.about"),
        ("X", "count.not_a_number"),
        ("many", "count.not_a_number"),
        ("1e3", "count.not_a_number"),
        (2.5, "count.not_a_number"),
        (float("nan"), "count.not_a_number"),
        (float("inf"), "count.not_a_number"),
        (True, "count.not_a_number"),
        ([5], "count.not_a_number"),
        ("١٢", "count.not_a_number"),
    ],
)
def test_check_survey_refuses_what_is_no_count(best: object, code: str) -> None:
    assert count_faults(best=best) == [("best", code)]


@pytest.mark.parametrize(
    ("best", "message"),
    [
        (
            "50+",
            Text(
                "“50+”没有上限：请把 50 写进 low（最少），best 和 high 留空；或在 best 写估计数，方法写 estimated。",
                "“50+” has no upper end: put 50 into low and leave best and high empty, or put your"
                " estimate into best with method estimated.",
            ),
        ),
        (
            "1,200",
            Text(
                "请不要写千位分隔符：把“1,200”写成 1200。",
                "Leave out the thousands separator: write 1200 for “1,200”.",
            ),
        ),
    ],
)
def test_check_survey_says_what_to_write_instead(best: str, message: Text) -> None:
    with pytest.raises(InvalidInputError) as refused:
        check(sightings=[{"species": "grekno", "best": best}])
    assert [fault.message for fault in refused.value.errors] == [message]
    assert refused.value.text == message


@pytest.mark.parametrize(
    ("sighting", "found"),
    [
        ({"low": 60, "best": 50}, [("low", "range.order")]),
        ({"best": 50, "high": 40}, [("best", "range.order")]),
        ({"low": 60, "high": 40}, [("best", "best.missing"), ("low", "range.order")]),
        ({"low": 40, "high": 60}, [("best", "best.missing")]),
        ({"high": 60}, [("best", "best.missing")]),
        ({}, [("best", "best.missing")]),
        ({"method": "counted"}, [("best", "best.missing")]),
        ({"best": 0, "high": 3}, [("high", "zero.conflict")]),
        ({"best": 0, "method": "present"}, [("best", "present.zero")]),
        ({"low": 0, "method": "present"}, [("low", "present.zero")]),
        ({"best": 5, "method": "present"}, [("best", "present.number")]),
        ({"best": 5, "method": "guessed"}, [("method", "method.unknown")]),
        ({"best": 5, "photos": ["../x"]}, [("photos", "photos.unknown")]),
    ],
)
def test_check_survey_refuses_numbers_that_contradict(
    sighting: dict[str, object], found: list[tuple[str, str]]
) -> None:
    assert count_faults(**sighting) == found


@pytest.mark.parametrize(
    ("changes", "found"),
    [
        ({"start": ""}, [("start", "start.missing")]),
        ({"start": "yesterday"}, [("start", "date.unreadable")]),
        ({"start": "2026-02-30"}, [("start", "date.no_such_day")]),
        ({"start": "2026-13-01"}, [("start", "date.no_such_day")]),
        ({"start": "0026-04-01"}, [("start", "date.year")]),
        ({"start": "9999-12-31T23:59Z"}, [("start", "date.year")]),
        ({"start": "2026-04-20T25:00"}, [("start", "time.unreadable")]),
        ({"start": "2026-04-20T05:30+25:00"}, [("start", "time.offset")]),
        ({"start": "2026-05-02"}, [("start", "start.future")]),
        ({"start": "2026-05-01T12:11"}, [("start", "start.future")]),
        ({"end": "05:00"}, [("end", "end.before_start")]),
        ({"end": "2026-04-19T07:00"}, [("end", "end.before_start")]),
        ({"end": "2026-04-22T07:00"}, [("end", "end.too_long")]),
        ({"end": "2026-04-20"}, [("end", "end.without_time")]),
        ({"end": "7.10 am"}, [("end", "date.unreadable")]),
        ({"start": "2026-04-20", "end": "07:00"}, [("end", "end.without_start")]),
        ({"start": "2026-05-01T11:00", "end": "13:00"}, [("end", "end.future")]),
        ({"site": ""}, [("site", "site.missing")]),
        ({"site": "atlantis"}, [("site", "site.unknown")]),
        ({"site": "liao-estuary"}, [("site", "site.outline")]),
        ({"protocol": "psychic"}, [("protocol", "protocol.unknown")]),
        ({"tide": "red"}, [("tide", "tide.unknown")]),
        ({"complete": "maybe"}, [("complete", "yes_no.unreadable")]),
        ({"observers": [f"n{n}" for n in range(51)]}, [("observers", "observers.too_many")]),
        ({"sightings": []}, [("sightings", "sightings.missing")]),
        ({"sightings": "grekno"}, [("sightings", "sightings.invalid")]),
        ({"sightings": ["grekno"]}, [("sightings[0]", "sighting.invalid")]),
        ({"sightings": [KNOTS] * 1001}, [("sightings", "sightings.too_many")]),
        ({"sightings": [{"best": 3}]}, [("sightings[0].species", "species.missing")]),
        (
            {"sightings": [KNOTS, {"species": "大滨鹬", "best": 3}]},
            [("sightings[1].species", "species.twice")],
        ),
        (
            {"sightings": [KNOTS, {"species": "大宾鹬", "best": 3}]},
            [("sightings[1].species", "species.unknown")],
        ),
    ],
)
def test_check_survey_names_the_wrong_field(
    changes: dict[str, object], found: list[tuple[str, str]]
) -> None:
    assert faults(**changes) == found


def test_check_survey_names_near_species_and_the_known_sites() -> None:
    with pytest.raises(InvalidInputError) as refused:
        check(site="x", sightings=[{"species": "大宾鹬", "best": 3}])
    site, species = refused.value.errors
    assert "四道沟（sidaogou）" in site.message.zh
    assert "大滨鹬（grekno）" in species.message.zh
    assert refused.value.text.en == "The survey was not saved: 2 fields need correcting."


def test_check_survey_finds_every_fault_at_once() -> None:
    found = faults(
        site="x", start="2026-02-30", end="7", protocol="x", tide="x", complete="x",
        sightings=[{"species": "x", "best": "50+", "method": "x"}, {"species": "dunlin"}],
    )  # fmt: skip
    assert [field for field, _ in found] == [
        "site", "start", "end", "protocol", "tide", "complete", "sightings[0].species",
        "sightings[0].best", "sightings[0].method", "sightings[1].best",
    ]  # fmt: skip


def test_check_survey_leaves_out_the_empty_rows_of_a_form() -> None:
    blank = {"species": " ", "low": "", "best": "", "high": None, "note": ""}
    survey = check(sightings=[blank, KNOTS, blank, {"species": "dunlin", "best": 1}])
    assert [s.species for s in survey.sightings] == ["grekno", "dunlin"]
    assert faults(sightings=[blank, {"species": "grekno", "best": "x"}]) == [
        ("sightings[1].best", "count.not_a_number")
    ]


def test_check_survey_takes_an_empty_list_when_it_is_complete() -> None:
    assert check(sightings=[], complete=True).sightings == ()


@pytest.mark.parametrize(
    ("written", "start", "has_time"),
    [
        ("2026-04-20", datetime(2026, 4, 20, tzinfo=ZONE), False),
        ("2026/4/20", datetime(2026, 4, 20, tzinfo=ZONE), False),
        ("2026年4月20日", datetime(2026, 4, 20, tzinfo=ZONE), False),
        ("2026-04-20 05:30", datetime(2026, 4, 20, 5, 30, tzinfo=ZONE), True),
        ("2026-04-20T05:30:15.5+08:00", datetime(2026, 4, 20, 5, 30, 15, tzinfo=ZONE), True),
        # A machine's UTC is a day of the estuary: 22:00Z is six in the morning of the next.
        ("2026-04-19T22:00:00Z", datetime(2026, 4, 20, 6, 0, tzinfo=ZONE), True),
        ("2026-05-01T12:09", datetime(2026, 5, 1, 12, 9, tzinfo=ZONE), True),  # clocks differ
        ("2026-05-01", datetime(2026, 5, 1, tzinfo=ZONE), False),  # today
    ],
)
def test_check_survey_reads_the_start(written: str, start: datetime, has_time: bool) -> None:
    survey = check(start=written)
    assert (survey.start, survey.has_time) == (start, has_time)
    assert survey.start.utcoffset() == timedelta(hours=8)


def test_check_survey_keeps_the_local_offset_it_is_given() -> None:
    survey = check(start="2026-04-20T23:30+09:00", end="23:50")
    assert survey.start.isoformat() == "2026-04-20T23:30:00+09:00"
    assert survey.end is not None
    assert survey.end.isoformat() == "2026-04-20T23:50:00+09:00"


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
)


@given(
    st.fixed_dictionaries(
        dict.fromkeys(("site", "start", "end", "observers", "complete", "tide"), anything),
        optional={"sightings": st.lists(st.fixed_dictionaries(
            dict.fromkeys(("species", "low", "best", "high", "method", "photos"), anything)),
            max_size=3)},
    )
)  # fmt: skip
def test_check_survey_only_ever_refuses_with_faults(raw: dict[str, object]) -> None:
    with pytest.raises(InvalidInputError) as refused:
        check_survey(raw, species=SPECIES, sites=SITES, now=NOW, source="api")
    assert refused.value.errors != ()


counts = st.none() | st.integers(0, 3_000_000) | st.integers(0, 99).map(str)


@given(counts, counts, counts, st.sampled_from([None, "counted", "estimated", "present"]))
def test_a_taken_sighting_is_always_consistent(
    low: object, best: object, high: object, method: str | None
) -> None:
    try:
        taken = numbers(low=low, best=best, high=high, method=method)
    except InvalidInputError:
        return
    known = [number for number in taken[:3] if number is not None]
    assert known == sorted(known)
    assert (taken[1] is None) == (taken[3] == "present")
    assert all(0 <= number <= 2_000_000 for number in known)
