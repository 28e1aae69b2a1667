from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from birdwatch.domain.harmonics import Constituent, height_at, known_name, turns_of_day
from birdwatch.domain.place import Point
from birdwatch.domain.sun import sun_of
from birdwatch.domain.tide import (
    MAX_GAP,
    Station,
    Water,
    computed_waters,
    middle_of_visit,
    stage_at,
    station_of,
)
from birdwatch.domain.written import SITE_ZONE

LOW = Water(datetime(2026, 4, 20, 0, 0, tzinfo=UTC), "low", 0.4)
HIGH = Water(datetime(2026, 4, 20, 6, 0, tzinfo=UTC), "high", 3.2)
# Constants made up for this test; the waters beside them are what @neaps/tide-predictor 0.11.0 gives.
CONSTANTS = (
    Constituent("M2", 1.3, 110.0),
    Constituent("S2", 0.4, 160.0),
    Constituent("N2", 0.25, 80.0),
    Constituent("K2", 0.11, 150.0),
    Constituent("K1", 0.38, 70.0),
    Constituent("O1", 0.29, 30.0),
    Constituent("P1", 0.12, 65.0),
    Constituent("Q1", 0.05, 10.0),
    Constituent("M4", 0.12, 200.0),
    Constituent("MS4", 0.08, 250.0),
    Constituent("L2", 0.04, 120.0),
    Constituent("SA", 0.25, 130.0),
)
PREDICTED = (
    ("2026-04-20T00:02:59+00:00", -1.814, False),
    ("2026-04-20T05:44:22+00:00", 1.306, True),
    ("2026-04-20T11:17:05+00:00", -1.615, False),
    ("2026-04-20T18:02:36+00:00", 2.559, True),
    ("2015-09-29T04:25:17+00:00", 2.336, True),
    ("2015-09-29T10:54:39+00:00", -1.764, False),
    ("2015-09-29T16:47:49+00:00", 2.309, True),
    ("2015-09-29T23:10:08+00:00", -1.645, False),
    ("2031-01-09T04:16:29+00:00", 1.997, True),
    ("2031-01-09T11:39:18+00:00", -1.695, False),
    ("2031-01-09T16:38:41+00:00", 0.700, True),
    ("2031-01-09T22:21:23+00:00", -1.397, False),
)


@pytest.mark.parametrize(
    ("minutes", "stage"),
    [(0, "low"), (60, "low"), (61, "rising"), (299, "rising"), (300, "high"), (359, "high")],
)
def test_stage_is_that_of_the_nearest_water_within_an_hour(minutes: int, stage: str) -> None:
    found = stage_at([LOW, HIGH], LOW.at + timedelta(minutes=minutes))
    assert found is not None
    assert found.stage == stage


def test_tide_falls_after_high_water_and_stands_half_way_in_the_middle() -> None:
    again = Water(HIGH.at + timedelta(hours=6), "low", 0.2)
    found = stage_at([LOW, HIGH, again], HIGH.at + timedelta(hours=3))
    assert found is not None
    assert (found.stage, found.before, found.after) == ("falling", HIGH, again)
    assert found.height_m == pytest.approx(1.7)


@pytest.mark.parametrize(
    "waters",
    [
        [],
        [LOW],
        [HIGH],
        [LOW, Water(HIGH.at, "low")],
        [LOW, Water(LOW.at + MAX_GAP + timedelta(minutes=1), "high")],
    ],
)
def test_where_the_table_does_not_tell_nothing_is_told(waters: list[Water]) -> None:
    assert stage_at(waters, LOW.at + timedelta(hours=3)) is None


def test_height_is_untold_where_the_table_has_times_alone() -> None:
    found = stage_at([Water(LOW.at, "low"), HIGH], LOW.at + timedelta(hours=3))
    assert found is not None
    assert (found.stage, found.height_m) == ("rising", None)


def test_station_of_a_site_goes_before_one_of_all_and_the_last_before_the_first() -> None:
    everywhere = Station("a", "A", "", "")
    first = Station("b", "B", "", "", ("liaobin",))
    last = Station("c", "C", "", "", ("liaobin", "sidaogou"))
    assert station_of([first, everywhere], "liaobin") == first
    assert station_of([last, first, everywhere], "liaobin") == first
    assert station_of([first, everywhere], "bayuquan") == everywhere
    assert station_of([first], "bayuquan") is None


def test_visit_is_told_by_its_middle() -> None:
    assert middle_of_visit(LOW.at, HIGH.at) == LOW.at + timedelta(hours=3)
    assert middle_of_visit(LOW.at, None) == LOW.at


@pytest.mark.parametrize("day", sorted({at[:10] for at, _, _ in PREDICTED}))
def test_waters_of_constants_are_those_of_another_predictor(day: str) -> None:
    expected = [one for one in PREDICTED if one[0].startswith(day)]
    found = turns_of_day(CONSTANTS, date.fromisoformat(day))
    assert [is_high for _, _, is_high in found] == [is_high for _, _, is_high in expected]
    for (at, height, _), (other, other_height, _) in zip(found, expected, strict=True):
        assert abs(at - datetime.fromisoformat(other)) < timedelta(minutes=3)
        assert height == pytest.approx(other_height, abs=0.02)


@given(st.dates(date(1990, 1, 1), date(2060, 1, 1)))
def test_computed_waters_turn_from_high_to_low_and_back(day: date) -> None:
    start = datetime(day.year, day.month, day.day, tzinfo=UTC)
    station = Station("t", "T", "", "MSL", (), CONSTANTS, 2.0)
    waters = computed_waters(station, start, start + timedelta(days=3))
    assert len(waters) >= 10
    for one, other in pairwise(waters):
        assert one.kind != other.kind
        assert timedelta(0) < other.at - one.at < MAX_GAP
    for water in waters:
        assert water.height_m == pytest.approx(height_at(CONSTANTS, water.at) + 2, abs=0.02)


def test_names_of_constituents_are_known_as_ticon_writes_them() -> None:
    assert [known_name(name) for name in ("EP2", "Sgm", "MTM", "LAMBDA2", "m2", "Z9")] == [
        "EPS2", "SIGMA1", "MTM", "LAMBDA2", "M2", None,
    ]  # fmt: skip


def test_sun_of_the_estuary_rises_and_sets_as_its_declination_asks() -> None:
    sun = sun_of(date(2026, 4, 20), Point(40.7, 122.0))
    assert sun is not None
    # Declination 11.45 degrees: 6 h 44.7 min to either side of noon, which is at 11:51.
    assert (f"{sun.sunrise:%H:%M}", f"{sun.sunset:%H:%M}") == ("05:06", "18:35")
    assert sun.dawn < sun.sunrise < sun.sunset < sun.dusk
    assert sun.sunrise.utcoffset() == SITE_ZONE.utcoffset(None)


def test_sun_that_does_not_set_is_not_told() -> None:
    assert sun_of(date(2026, 6, 21), Point(78.0, 15.0)) is None
