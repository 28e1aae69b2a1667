from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from birdwatch.domain.errors import InvalidInputError
from birdwatch.domain.season import (
    SeasonDay,
    check_window_dates,
    dekad_label,
    dekad_of,
    dekad_span,
    dekads_between,
    earlier_seasons,
    parse_season,
    phase_of,
    place_in_season,
    same_season_of,
    season_label,
    season_of,
    season_span,
    window_dates,
)
from birdwatch.domain.text import Text
from tests.seeds import WINDOWS

PEAK = WINDOWS[0]
days = st.dates(date(1900, 1, 1), date(2100, 12, 31))


@pytest.mark.parametrize(
    ("day", "dekad"),
    [
        (date(2026, 4, 1), "2026-04-1"),
        (date(2026, 4, 10), "2026-04-1"),
        (date(2026, 4, 11), "2026-04-2"),
        (date(2026, 4, 20), "2026-04-2"),
        (date(2026, 4, 21), "2026-04-3"),
        (date(2026, 3, 31), "2026-03-3"),
        (date(2024, 2, 29), "2024-02-3"),
    ],
)
def test_dekad_of_divides_a_month_in_three(day: date, dekad: str) -> None:
    assert dekad_of(day) == dekad


@given(days)
def test_dekad_span_holds_its_days(day: date) -> None:
    first, last = dekad_span(dekad_of(day))
    assert first <= day <= last
    assert dekad_of(first) == dekad_of(last) == dekad_of(day)
    assert dekad_of(first - timedelta(1)) != dekad_of(day) != dekad_of(last + timedelta(1))


@pytest.mark.parametrize(
    "text", ["2026-04-4", "2026-13-1", "0000-04-1", "2026-04", "", "٢٠٢٦-04-1"]
)
def test_dekad_span_refuses_what_is_no_dekad(text: str) -> None:
    with pytest.raises(InvalidInputError) as refused:
        dekad_span(text)
    assert refused.value.code == "dekad.invalid"


@given(days, st.integers(0, 200))
def test_dekads_between_are_those_of_each_day(first: date, length: int) -> None:
    span = [first + timedelta(n) for n in range(length + 1)]
    assert dekads_between(first, span[-1]) == tuple(dict.fromkeys(map(dekad_of, span)))


def test_dekad_label_is_what_people_say() -> None:
    assert [dekad_label(f"2026-04-{part}") for part in (1, 2, 3)] == [
        Text("4月上旬", "early April"),
        Text("4月中旬", "mid-April"),
        Text("4月下旬", "late April"),
    ]


@pytest.mark.parametrize(
    ("day", "season"),
    [
        (date(2026, 2, 28), None),
        (date(2026, 3, 1), "2026-spring"),
        (date(2026, 5, 31), "2026-spring"),
        (date(2026, 6, 1), None),
        (date(2026, 7, 14), None),
        (date(2026, 7, 15), "2026-autumn"),
        (date(2026, 10, 31), "2026-autumn"),
        (date(2026, 11, 1), None),
    ],
)
def test_season_of_begins_and_ends_on_its_days(day: date, season: str | None) -> None:
    assert season_of(day) == season


@given(days)
def test_season_span_holds_its_days(day: date) -> None:
    if season := season_of(day):
        first, last = season_span(season)
        assert first <= day <= last
        assert same_season_of(season, day.year) == season
        assert parse_season(season)[0] == day.year


@pytest.mark.parametrize("text", ["2026", "2026-winter", "26-spring", "spring-2026", "9999-spring"])
def test_parse_season_refuses_what_is_no_season(text: str) -> None:
    with pytest.raises(InvalidInputError) as refused:
        parse_season(text)
    assert refused.value.errors[0].field == "season"


def test_season_label_is_in_both_languages() -> None:
    assert season_label("2026-spring") == Text("2026年春季", "Spring 2026")
    assert season_label("2026-autumn") == Text("2026年秋季", "Autumn 2026")


@pytest.mark.parametrize(
    ("day", "phase"),
    [
        (date(2026, 3, 31), "before"),
        (date(2026, 4, 1), "peak"),
        (date(2026, 5, 10), "peak"),
        (date(2026, 5, 11), "after"),
        (date(2026, 6, 10), "unknown"),
        (date(2026, 8, 14), "before"),
        (date(2026, 9, 15), "peak"),
        (date(2026, 9, 16), "after"),
        (None, "unknown"),
    ],
)
def test_phase_of_is_told_by_the_window_of_the_season(day: date | None, phase: str) -> None:
    assert phase_of(day, WINDOWS) == phase


def test_phase_of_is_unknown_without_a_window_that_sets_it() -> None:
    assert phase_of(date(2026, 4, 20), [replace(PEAK, sets_phase=False)]) == "unknown"


def test_place_in_season_gives_everything_of_a_day() -> None:
    day = date(2026, 4, 5)
    assert place_in_season(day, WINDOWS) == SeasonDay("2026-spring", "peak", "2026-04-1", day)
    assert place_in_season(None, WINDOWS) == SeasonDay(None, "unknown", None)


@given(days)
def test_phase_follows_an_edited_window(day: date) -> None:
    later = [replace(PEAK, start=(4, 14), end=(5, 19))]
    if (season_of(day) or "").endswith("spring"):
        first, last = window_dates(later[0], day.year)
        expected = "before" if day < first else "after" if day > last else "peak"
        assert phase_of(day, later) == expected


def test_window_dates_end_a_february_where_it_ends() -> None:
    window = replace(PEAK, start=(2, 29), end=(3, 1))
    assert window_dates(window, 2026) == (date(2026, 2, 28), date(2026, 3, 1))
    assert window_dates(window, 2028) == (date(2028, 2, 29), date(2028, 3, 1))


@pytest.mark.parametrize(
    ("start", "end", "field"),
    [
        ((4, 31), (5, 1), "start"),
        ((4, 1), (13, 1), "end"),
        ((5, 1), (4, 1), "end"),
        ((2, 1), (4, 1), "start"),
        ((4, 1), (6, 1), "end"),
    ],
)
def test_check_window_dates_names_the_wrong_one(
    start: tuple[int, int], end: tuple[int, int], field: str
) -> None:
    with pytest.raises(InvalidInputError) as refused:
        check_window_dates("spring", start, end)
    assert [error.field for error in refused.value.errors] == [field]


def test_check_window_dates_takes_the_windows_of_the_package() -> None:
    for window in WINDOWS:
        check_window_dates(window.half_year, window.start, window.end)


def test_earlier_seasons_are_the_same_half_of_earlier_years_latest_first() -> None:
    known = ["2026-spring", "2025-autumn", "2023-spring", "2024-spring", "2027-spring"]
    assert earlier_seasons("2026-spring", known) == ["2024-spring", "2023-spring"]
    assert earlier_seasons("2026-autumn", known) == ["2025-autumn"]
    assert earlier_seasons("2023-spring", known) == []
