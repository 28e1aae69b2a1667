"""Where somebody was at a moment, by the track their phone recorded.

Between two points not more than five minutes apart the way is taken to be straight; elsewhere the
nearest point counts for one minute; else nothing is known. A recording that was switched off and
on again is two segments, and nothing is made up between them. How long the track was silent
around the moment is kept, so that everyone can see what a position rests on.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from math import cos, hypot, radians
from typing import Final

from birdwatch.domain.place import Confidence, Point

MAX_GAP: Final = timedelta(minutes=5)  # between two points, to go straight from one to the other
MAX_AWAY: Final = timedelta(minutes=1)  # from a single point
SURE_GAP: Final = timedelta(minutes=1)
SURE_AWAY: Final = timedelta(seconds=10)
EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND: Final = timedelta(microseconds=1)
DEGREE_M: Final = 111_195.0
RANKS: Final[tuple[Confidence, ...]] = ("none", "low", "medium", "high")


@dataclass(frozen=True, slots=True)
class Segment:
    """Points in order of their times, each time once. Microseconds since 1970, degrees."""

    times: array[int]
    lats: array[float]
    lons: array[float]


@dataclass(frozen=True, slots=True)
class Track:
    """What was recorded. `skipped`: points without place or time; `backwards`: out of order."""

    segments: tuple[Segment, ...]
    skipped: int = 0
    backwards: int = 0

    @property
    def points(self) -> int:
        return sum(len(segment.times) for segment in self.segments)

    @property
    def first(self) -> datetime:
        return _moment(min(segment.times[0] for segment in self.segments))

    @property
    def last(self) -> datetime:
        return _moment(max(segment.times[-1] for segment in self.segments))


@dataclass(frozen=True, slots=True)
class Match:
    """A position off a track. `gap`: between the points on both sides, or to the only one."""

    point: Point
    gap: timedelta
    is_between: bool
    accuracy_m: float | None = None  # half the way between the points on both sides


def segment_of(times: Sequence[int], lats: Sequence[float], lons: Sequence[float]) -> Segment:
    """The points put in order; of several at one time the most southern, then western, stays."""
    ordered = sorted(zip(times, lats, lons, strict=True))
    kept = [point for at, point in enumerate(ordered) if at == 0 or point[0] != ordered[at - 1][0]]
    return Segment(
        array("q", (point[0] for point in kept)),
        array("d", (point[1] for point in kept)),
        array("d", (point[2] for point in kept)),
    )


def match(track: Track, moment: datetime) -> Match | None:
    """Where the track was at this moment; None where it does not say.

    A way between two points is better than a single one, and a short silence than a long one.
    """
    at = (moment - EPOCH) // MICROSECOND
    found = [one for segment in track.segments if (one := _match(segment, at)) is not None]
    return min(
        found,
        key=lambda one: (not one.is_between, one.gap, one.point.lat, one.point.lon),
        default=None,
    )


def _match(segment: Segment, at: int) -> Match | None:
    after = bisect_left(segment.times, at)
    if after < len(segment.times) and segment.times[after] == at:
        return Match(_point(segment, after), timedelta(), is_between=True, accuracy_m=0.0)
    if 0 < after < len(segment.times):
        gap = segment.times[after] - segment.times[after - 1]
        if gap * MICROSECOND <= MAX_GAP:
            return _between(segment, after, at, gap)
    near = [index for index in (after - 1, after) if 0 <= index < len(segment.times)]
    nearest = min(near, key=lambda index: abs(segment.times[index] - at))
    away = abs(segment.times[nearest] - at) * MICROSECOND
    return Match(_point(segment, nearest), away, is_between=False) if away <= MAX_AWAY else None


def _between(segment: Segment, after: int, at: int, gap: int) -> Match:
    start, end = _point(segment, after - 1), _point(segment, after)
    share = (at - segment.times[after - 1]) / gap
    east = (end.lon - start.lon + 180) % 360 - 180  # the short way round
    lon = start.lon + east * share
    point = Point(
        start.lat + (end.lat - start.lat) * share,
        (lon + 180) % 360 - 180 if abs(lon) > 180 else lon,
    )
    way_m = hypot(end.lat - start.lat, east * cos(radians(start.lat))) * DEGREE_M
    return Match(point, gap * MICROSECOND, is_between=True, accuracy_m=round(way_m / 2, 1))


def trust_in(one: Match, time: Confidence) -> Confidence:
    """How far a position off a track can be believed, for a picture whose time is known so well."""
    if one.is_between:
        by_gap: Confidence = "high" if one.gap <= SURE_GAP else "medium"
    else:
        by_gap = "medium" if one.gap <= SURE_AWAY else "low"
    return min(by_gap, time if time != "none" else "low", key=RANKS.index)


def thinned(segment: Segment, most: int) -> list[Point]:
    """The segment by at most so many of its points, the first and the last among them."""
    count = len(segment.times)
    if count <= most:
        return [_point(segment, index) for index in range(count)]
    step = (count - 1) / (most - 1)
    return [_point(segment, round(index * step)) for index in range(most)]


def _point(segment: Segment, index: int) -> Point:
    return Point(segment.lats[index], segment.lons[index])


def _moment(micros: int) -> datetime:
    return EPOCH + micros * MICROSECOND
