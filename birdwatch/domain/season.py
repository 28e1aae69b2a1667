"""When in the year: dekads, seasons, windows as data, and the phase of a local date."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Literal

from birdwatch.domain.text import Text

Phase = Literal["before", "peak", "after", "unknown"]
PHASES: tuple[Phase, ...] = ("before", "peak", "after", "unknown")
HalfYear = Literal["spring", "autumn"]


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
