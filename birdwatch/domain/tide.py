"""Where the tide stands: told from high and low waters of a table or of constants, never guessed.

`high` is within an hour of high water, `low` within an hour of low water; between them it rises or
falls. Where the moment is not between two waters that are known, nothing is told.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from math import cos, pi
from typing import Final, Literal

from birdwatch.domain.harmonics import Constituent, turns_of_day

Turn = Literal["high", "low"]
Stage = Literal["high", "low", "rising", "falling"]
SLACK: Final = timedelta(hours=1)
MAX_GAP: Final = timedelta(hours=16)  # longer between two waters: the table has a hole there


@dataclass(frozen=True, slots=True)
class Water:
    """One high or low water; the height is above the station's datum, None where none is given."""

    at: datetime
    kind: Turn
    height_m: float | None = None


@dataclass(frozen=True, slots=True)
class Station:
    """A place tides are told for, with where its numbers come from.

    `sites` empty: for every site. `constants` empty: its waters are a table. `level_m`: how high
    the mean sea level of the constants stands above the datum.
    """

    id: str
    name: str
    source: str
    datum: str
    sites: tuple[str, ...] = ()
    constants: tuple[Constituent, ...] = ()
    level_m: float = 0.0


@dataclass(frozen=True, slots=True)
class TideNow:
    """How the tide stands at a moment, between which waters, and how high where that can be told."""

    stage: Stage
    before: Water
    after: Water
    height_m: float | None


def station_of(stations: Iterable[Station], site: str) -> Station | None:
    """The station of a site: one that names it, else one for every site; the last of several."""
    found = [one for one in stations if site in one.sites]
    found = found or [one for one in stations if not one.sites]
    return found[-1] if found else None


def stage_at(waters: Sequence[Water], at: datetime) -> TideNow | None:
    """How the tide stands, by the waters before and after it, which are in order of time."""
    place = bisect_right(waters, at, key=lambda water: water.at)
    if place == 0 or place == len(waters):
        return None
    before, after = waters[place - 1], waters[place]
    if before.kind == after.kind or after.at - before.at > MAX_GAP:
        return None
    return TideNow(_stage(before, after, at), before, after, _height(before, after, at))


def _stage(before: Water, after: Water, at: datetime) -> Stage:
    nearest = before if at - before.at <= after.at - at else after
    if abs(at - nearest.at) <= SLACK:
        return nearest.kind
    return "rising" if after.kind == "high" else "falling"


def _height(before: Water, after: Water, at: datetime) -> float | None:
    """Along half a cosine between the two, as harbour tables are read."""
    if before.height_m is None or after.height_m is None:
        return None
    share = (at - before.at) / (after.at - before.at)
    middle, half = (
        (before.height_m + after.height_m) / 2,
        (before.height_m - after.height_m) / 2,
    )
    return middle + half * cos(pi * share)


def computed_waters(station: Station, start: datetime, end: datetime) -> list[Water]:
    """The waters that the constants of a station give from `start` to `end`."""
    day, found = start.astimezone(UTC).date(), []
    while day <= end.astimezone(UTC).date():
        for at, height, is_high in turns_of_day(station.constants, day):
            if start <= at <= end:
                kind: Turn = "high" if is_high else "low"
                found.append(Water(at, kind, round(height + station.level_m, 2)))
        day += timedelta(days=1)
    return found


def middle_of_visit(start: datetime, end: datetime | None) -> datetime:
    """The moment a whole visit is told the tide of."""
    return start if end is None else start + (end - start) / 2
