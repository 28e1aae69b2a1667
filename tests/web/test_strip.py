from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import date, timedelta

from hypothesis import given
from hypothesis import strategies as st

from birdwatch.domain.summary import DayTotal, SeasonSummary, SpeciesSummary
from birdwatch.web.strip import WIDE, draw_strip, neighbours, nice_ceiling, open_dekad

TOTAL = SpeciesSummary(None, None, None, (), None, None, 0.0, None, 0, 0, 0)
FIRST = date(2026, 3, 1)
PEAK = date(2026, 4, 25)


def season(counts: Mapping[date, int | None]) -> SeasonSummary:
    """A spring with these days counted; None: birds seen and not counted."""
    days = tuple(
        DayTotal(day, day in counts, counts.get(day), 1 if counts.get(day) else 0, 1)
        for day in (FIRST + timedelta(n) for n in range(92))
    )
    return SeasonSummary(
        season="2026-spring",
        first=FIRST,
        last=date(2026, 5, 31),
        peak_first=date(2026, 4, 1),
        peak_last=date(2026, 5, 10),
        total=TOTAL,
        species=(),
        days=days,
        dekads=(),
        surveys_used=(),
        surveys_set_aside=(),
        dataset_version=1,
    )


def test_strip_has_a_place_for_every_day_of_spring() -> None:
    strip = draw_strip(season({}), today=date(2026, 5, 31))
    assert [day.day for day in strip.days] == [FIRST + timedelta(n) for n in range(92)]
    assert strip.days[0].x == 0.0
    assert round(strip.days[-1].x + strip.days[-1].width, 1) == 100.0


def test_strip_tells_counted_zero_present_missing_and_future_apart() -> None:
    counts = {PEAK: 48_210, date(2026, 4, 26): 0, date(2026, 4, 27): None}
    strip = draw_strip(season(counts), today=date(2026, 4, 28))
    kinds = {day.day: day.kind for day in strip.days}
    asked = [PEAK + timedelta(n) for n in range(5)]
    assert [kinds[day] for day in asked] == ["bar", "zero", "present", "missing", "future"]


def test_strip_shades_the_peak_window_and_names_its_dekads() -> None:
    strip = draw_strip(season({}), today=PEAK)
    first = next(day for day in strip.days if day.day == date(2026, 4, 1))
    assert (strip.peak_x, round(strip.peak_width, 2)) == (first.x, round(40 / 92 * 100, 2))
    assert strip.peak_dekads == ("2026-04-1", "2026-05-1")


def test_strip_draws_the_largest_day_below_the_round_number_above_it() -> None:
    strip = draw_strip(season({PEAK: 48_210}), today=PEAK)
    bar = next(day for day in strip.days if day.day == PEAK)
    full = WIDE.base - WIDE.top
    assert [line.value for line in strip.grid] == [25_000.0, 50_000.0]
    assert bar.bar_height == round(full * 48_210 / 50_000, 1)
    assert bar.bar_y == round(WIDE.base - full * 48_210 / 50_000, 1)


def test_strip_keeps_one_bird_visible_beside_thousands() -> None:
    strip = draw_strip(season({PEAK: 48_210, FIRST: 1}), today=PEAK)
    assert strip.days[0].bar_height == 2.0


def test_strip_marks_today_only_within_the_season() -> None:
    assert draw_strip(season({}), today=date(2026, 6, 1)).today_x is None
    assert draw_strip(season({}), today=FIRST).today_x == round(50 / 92, 3)


def test_strip_groups_nine_dekads_and_opens_that_of_the_selected_day() -> None:
    strip = draw_strip(season({PEAK: 9, date(2026, 4, 27): 10}), today=PEAK, selected=PEAK)
    assert [dekad.id for dekad in strip.dekads if dekad.is_open] == ["2026-04-3"]
    assert [len(dekad.days) for dekad in strip.dekads] == [10, 10, 11, 10, 10, 10, 10, 10, 11]
    assert strip.dekads[5].best.day == date(2026, 4, 27)
    assert [dekad.starts_month for dekad in strip.dekads] == [True, False, False] * 3


def test_open_dekad_uses_the_whole_width_and_its_own_scale() -> None:
    strip = draw_strip(season({PEAK: 40, FIRST: 48_210}), today=PEAK, selected=PEAK)
    opened = open_dekad(strip)
    assert [day.day.day for day in opened] == list(range(21, 31))
    assert [day.x for day in opened] == [10.0 * n for n in range(10)]
    assert opened[4].bar_height > 60


def test_strip_without_a_selected_day_opens_nothing() -> None:
    assert open_dekad(draw_strip(season({PEAK: 40}), today=PEAK)) == ()


def test_neighbours_are_the_nearest_days_with_something_to_show() -> None:
    counts = {date(2026, 4, 20): 5, PEAK: 9, date(2026, 4, 28): 0}
    pictures = {date(2026, 4, 23): 3}
    days = draw_strip(season(counts), today=date(2026, 5, 31), photos=pictures).days
    assert neighbours(days, PEAK) == (date(2026, 4, 23), date(2026, 4, 28))
    assert neighbours(days, date(2026, 4, 20)) == (None, date(2026, 4, 23))


@given(st.integers(0, 2_000_000))
def test_nice_ceiling_is_never_below_and_never_far_above(value: int) -> None:
    top = nice_ceiling(value)
    assert value <= top <= max(10, value * 2.5)


@given(st.dictionaries(st.integers(0, 91), st.integers(0, 2_000_000)), st.integers(0, 120))
def test_strip_stays_inside_its_frame(counts: dict[int, int], ahead: int) -> None:
    numbers: dict[date, int | None] = {FIRST + timedelta(n): c for n, c in counts.items()}
    strip = draw_strip(season(numbers), today=FIRST + timedelta(ahead))
    assert all(WIDE.top <= day.bar_y <= WIDE.base for day in strip.days)
    assert all(day.bar_x >= 0 and day.bar_x + day.bar_width <= 100 for day in strip.days)


def test_strip_marks_a_day_of_incomplete_lists() -> None:
    total = DayTotal(
        date(2026, 4, 19), is_counted=True, count=260, species=1, surveys=1, is_partial=True
    )
    summary = replace(season({}), days=(total,))
    assert [day.is_partial for day in draw_strip(summary, today=date(2026, 6, 1)).days] == [True]
