"""When in the year: dekads, seasons, windows as data, and the phase of a local date."""

from __future__ import annotations

import re
from calendar import monthrange
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final, Literal

from birdwatch.domain.errors import FieldError, InvalidInputError
from birdwatch.domain.text import Text

Phase = Literal["before", "peak", "after", "unknown"]
PHASES: tuple[Phase, ...] = ("before", "peak", "after", "unknown")
HalfYear = Literal["spring", "autumn"]

SPANS: Final[dict[HalfYear, tuple[tuple[int, int], tuple[int, int]]]] = {
    "spring": ((3, 1), (5, 31)),
    "autumn": ((7, 15), (10, 31)),
}
FIRST_YEAR, LAST_YEAR = 1800, 2200
_SEASON = re.compile(r"(\d{4})-(spring|autumn)", re.ASCII)
_DEKAD = re.compile(r"(\d{4})-(\d{2})-([123])", re.ASCII)
_DEKAD_ZH = ("上旬", "中旬", "下旬")
_DEKAD_EN = ("early", "mid", "late")
_MONTH_EN = (
    "January", "February", "March", "April", "May", "June", "July", "August", "September",
    "October", "November", "December",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Window:
    """A dated span within a season, with its source. Months and days, the same every year.

    `sets_phase`: this is the window by which before, peak and after are told in its half-year.
    """

    id: str
    half_year: HalfYear
    name: Text
    start: tuple[int, int]  # month, day; inclusive
    end: tuple[int, int]  # month, day; inclusive
    source: Text
    sets_phase: bool = False


@dataclass(frozen=True, slots=True)
class SeasonDay:
    """Where a local date falls. `season` is None (and phase `unknown`) outside every season."""

    season: str | None  # 2026-spring
    phase: Phase
    dekad: str | None  # 2026-04-1 = 4月上旬
    day: date | None = None


def dekad_of(day: date) -> str:
    """The 旬 of a date: days 1-10, 11-20 and 21 to the end of the month."""
    return f"{day.year:04}-{day.month:02}-{min((day.day - 1) // 10, 2) + 1}"


def dekad_span(dekad: str) -> tuple[date, date]:
    """First and last day of a dekad such as `2026-04-1`. Raises InvalidInputError."""
    match = _DEKAD.fullmatch(dekad)
    if match:
        year, month, part = (int(group) for group in match.groups())
        if year and 1 <= month <= 12:
            last = monthrange(year, month)[1] if part == 3 else part * 10
            return date(year, month, part * 10 - 9), date(year, month, last)
    message = Text(
        f"“{dekad}”不是旬。请写成 2026-04-1（4月上旬）、2026-04-2 或 2026-04-3。",
        f"“{dekad}” is not a dekad. Write 2026-04-1 for the first ten days of April, -2, or -3.",
    )
    raise _invalid("dekad", message)


def dekads_between(first: date, last: date) -> tuple[str, ...]:
    """Every dekad that holds a day of the span, in order."""
    months = range(first.year * 12 + first.month - 1, last.year * 12 + last.month)
    low, high = dekad_of(first), dekad_of(last)
    every = (f"{m // 12:04}-{m % 12 + 1:02}-{part}" for m in months for part in (1, 2, 3))
    return tuple(dekad for dekad in every if low <= dekad <= high)


def dekad_label(dekad: str) -> Text:
    """4月上旬 / early April: without the year, which stands beside it."""
    first, _ = dekad_span(dekad)
    part = int(dekad[-1]) - 1
    return Text(
        f"{first.month}月{_DEKAD_ZH[part]}",
        f"{_DEKAD_EN[part]}{'-' if part == 1 else ' '}{_MONTH_EN[first.month - 1]}",
    )


def season_of(day: date) -> str | None:
    """`2026-spring` from 1 March to 31 May, `2026-autumn` from 15 July to 31 October, or None."""
    month_day = (day.month, day.day)
    for half_year, (first, last) in SPANS.items():
        if first <= month_day <= last:
            return f"{day.year:04}-{half_year}"
    return None


def parse_season(text: str) -> tuple[int, HalfYear]:
    """Year and half-year of a season's name. Raises InvalidInputError."""
    match = _SEASON.fullmatch(text.strip())
    if match and FIRST_YEAR <= int(match[1]) <= LAST_YEAR:
        return int(match[1]), "spring" if match[2] == "spring" else "autumn"
    message = Text(
        f"“{text}”不是季节。请写成 2026-spring 或 2026-autumn。",
        f"“{text}” is not a season. Write 2026-spring or 2026-autumn.",
    )
    raise _invalid("season", message)


def season_span(season: str) -> tuple[date, date]:
    """First and last day of a season. Raises InvalidInputError for what is no season."""
    year, half_year = parse_season(season)
    first, last = SPANS[half_year]
    return date(year, *first), date(year, *last)


def season_label(season: str) -> Text:
    """2026年春季 / Spring 2026."""
    year, half_year = parse_season(season)
    if half_year == "spring":
        return Text(f"{year}年春季", f"Spring {year}")
    return Text(f"{year}年秋季", f"Autumn {year}")


def same_season_of(season: str, year: int) -> str:
    """The season of the same half of another year."""
    return f"{year:04}-{parse_season(season)[1]}"


def earlier_seasons(season: str, known: Iterable[str]) -> list[str]:
    """Those of the known seasons that are the same half of an earlier year, the latest first."""
    year, half_year = parse_season(season)
    years = {when for when, half in map(parse_season, known) if half == half_year and when < year}
    return [same_season_of(season, one) for one in sorted(years, reverse=True)]


def window_dates(window: Window, year: int) -> tuple[date, date]:
    """The window in this year; 29 February is the 28th where there is none."""
    return _date_in(year, window.start), _date_in(year, window.end)


def phase_window(half_year: HalfYear, windows: Sequence[Window]) -> Window | None:
    """The window by which the phases of this half-year are told."""
    return next((w for w in windows if w.sets_phase and w.half_year == half_year), None)


def phase_of(day: date | None, windows: Sequence[Window]) -> Phase:
    """Before, in or after the peak window of the day's season; unknown outside every season."""
    season = season_of(day) if day else None
    if day is None or season is None:
        return "unknown"
    window = phase_window("spring" if season.endswith("spring") else "autumn", windows)
    if window is None:
        return "unknown"
    first, last = window_dates(window, day.year)
    if day < first:
        return "before"
    return "after" if day > last else "peak"


def place_in_season(day: date | None, windows: Sequence[Window]) -> SeasonDay:
    """Season, phase and dekad of a local calendar date; all unknown without a date."""
    if day is None:
        return SeasonDay(None, "unknown", None)
    return SeasonDay(season_of(day), phase_of(day, windows), dekad_of(day), day)


def check_window_dates(half_year: HalfYear, start: tuple[int, int], end: tuple[int, int]) -> None:
    """That both are days of the calendar, in order, and inside the half-year's season.

    Raises InvalidInputError naming `start` or `end`.
    """
    for name, (month, day) in (("start", start), ("end", end)):
        if not (1 <= month <= 12 and 1 <= day <= monthrange(2000, month)[1]):
            message = Text(
                f"{month}月{day}日不存在。请写成月和日，例如 04-01。",
                f"There is no day {month:02}-{day:02}. Write month and day, such as 04-01.",
            )
            raise _invalid(name, message)
    first, last = SPANS[half_year]
    if not first <= start <= end <= last:
        message = Text(
            f"窗口须在 {first[0]}月{first[1]}日 至 {last[0]}月{last[1]}日 之间，且开始不晚于结束。",
            f"The window must start no later than it ends, between {first[0]:02}-{first[1]:02}"
            f" and {last[0]:02}-{last[1]:02}.",
        )
        raise _invalid("start" if not first <= start <= last else "end", message)


def _date_in(year: int, month_day: tuple[int, int]) -> date:
    month, day = month_day
    return date(year, month, min(day, monthrange(year, month)[1]))


def _invalid(field: str, message: Text) -> InvalidInputError:
    return InvalidInputError(
        f"{field}.invalid", zh=message.zh, en=message.en, errors=(FieldError(field, message),)
    )
