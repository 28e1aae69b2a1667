"""Counts of a site and day: from survey values to one number, and from sites to the estuary.

Birds, never records: observers of one flock are not added, zero is not the same as not counted,
and high-tide roosts are not added to the low-tide flats the same birds feed on.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final, Literal, NamedTuple, TypeAlias

from birdwatch.domain.bird_days import add_curve
from birdwatch.domain.season import season_of
from birdwatch.domain.survey import Tide
from birdwatch.domain.text import Text

TideClass = Literal["high", "low", "unstated"]
TideChoice = Literal["one", "high", "low", "all"]
Audience = Literal["public", "exact"]

RULE = Text(
    zh="同一地点同一天，每个物种取各次调查中的最大值（同一群鸟由多人记录不相加），再对各地点求和；"
    "跨日取最大值为峰值。鸟·日为各地点计数日之间连线下的面积（首次之前、末次之后不外推），再对各地点求和。"
    "高潮与低潮的计数不相加：每个物种每天取合计较大的一种潮位，全部物种的合计也取其中一种。",
    en="Within a site and day the largest survey value per species (observers of the same flock are"
    " not added), then the sum over sites; over days the maximum is the peak. Bird-days are the"
    " area under the line between the counted days of a site (nothing is assumed before the first"
    " or after the last), summed over sites. High-tide and low-tide counts are not added: each"
    " species and day takes the tide with the larger total, and the total of all species one of"
    " the two.",
)
# Always the same sentence: said only where something is left out, it would tell that it is there.
LEFT_OUT = Text(
    zh="受保护物种的记录，以及尚未审核和限时未解禁的记录，不在公开的列表和数量里。",
    en="Records of protected species, and those under review or embargo, are left out of public"
    " lists and counts.",
)


class CountValue(NamedTuple):
    """One survey's value of one species, as the roll-up takes it."""

    site: str
    species: str
    day: date
    survey_id: str
    tide: Tide
    low: int | None
    best: int | None
    high: int | None


@dataclass(frozen=True, slots=True)
class DailyCount:
    """The rolled-up value of one species at one site on one local day, at one tide.

    `count` None: only present-only records. `used` is the survey the value is taken from.
    """

    site: str
    species: str
    day: date
    tide: TideClass
    count: int | None
    low: int | None
    high: int | None
    used: str
    set_aside: tuple[str, ...] = ()
    season: str | None = None


@dataclass(frozen=True, slots=True)
class SurveyDay:
    """That a site was visited on a day: what tells zero from not counted.

    `complete` counts surveys with a complete list, in which an unlisted species is a zero.
    """

    site: str
    day: date
    surveys: int
    complete: int
    birds_found: int  # surveys that found any bird


@dataclass(frozen=True, slots=True)
class Combined:
    """Several sites, or several species, of one day as one number."""

    count: int | None
    low: int | None
    high: int | None
    used: tuple[str, ...]
    set_aside: tuple[str, ...]


Lane: TypeAlias = frozenset[TideClass]
# The classes that may be read together; with two lanes the one with the larger total is taken.
# A survey that does not state its tide goes with either.
HIGH: Final[Lane] = frozenset(("high", "unstated"))
LOW: Final[Lane] = frozenset(("low", "unstated"))
LANES: Final[Mapping[TideChoice, tuple[Lane, ...]]] = {
    "one": (HIGH, LOW),
    "high": (HIGH,),
    "low": (LOW,),
    "all": (HIGH | LOW,),
}


def tide_class(tide: Tide) -> TideClass:
    """High, low, or unstated: half-tide and unknown counts may stand for either."""
    return "high" if tide == "high" else "low" if tide == "low" else "unstated"


def roll_up(values: Iterable[CountValue]) -> list[DailyCount]:
    """The largest survey value of each site, species, day and tide class; never a sum.

    Of equal values the survey first by id is used, and within one survey the value with the lower
    bounds, an open bound first. Zero is a value, present-only is not. Ordered by site, species,
    day and tide.
    """
    groups: dict[tuple[str, str, date, TideClass], list[CountValue]] = {}
    for value in map(CountValue._make, values):
        key = (value.site, value.species, value.day, tide_class(value.tide))
        groups.setdefault(key, []).append(value)
    return [_largest(key[3], groups[key]) for key in sorted(groups)]


def _largest(tide: TideClass, values: Sequence[CountValue]) -> DailyCount:
    used = min(values, key=_value_rank)
    others = {value.survey_id for value in values} - {used.survey_id}
    return DailyCount(
        site=used.site,
        species=used.species,
        day=used.day,
        tide=tide,
        count=used.best,
        low=used.low,
        high=used.high,
        used=used.survey_id,
        set_aside=tuple(sorted(others)),
        season=season_of(used.day),
    )


def _value_rank(value: CountValue) -> tuple[bool, int, str, int, int]:
    low = -1 if value.low is None else value.low
    high = -1 if value.high is None else value.high
    return value.best is None, -(value.best or 0), value.survey_id, low, high


def combine(rows: Sequence[DailyCount], tide: TideChoice = "one") -> Combined:
    """The rows of one day, of any sites and species, as one number.

    In a lane each species and site gives its largest row, and these are added; the larger lane is
    taken. Present-only rows add nothing; where there is nothing else the count is None. `low` and
    `high` are the sums of the rows taken; None where one of them is open.
    """
    lanes = [_taken(rows, lane) for lane in LANES[tide]]
    taken = max(lanes, key=_lane_rank)  # of equal lanes the first: high tide
    counted = [row for row in taken if row.count is not None]
    used = {row.used for row in counted or taken}
    every = surveys_of(rows)
    return Combined(
        count=sum(row.count or 0 for row in counted) if counted else None,
        low=_sum([row.low for row in counted]),
        high=_sum([row.high for row in counted]),
        used=tuple(sorted(used)),
        set_aside=tuple(sorted(every - used)),
    )


def surveys_of(rows: Sequence[DailyCount]) -> set[str]:
    """Every survey behind these rows, used or set aside."""
    used = {row.used for row in rows}
    return used.union(*[row.set_aside for row in rows if row.set_aside])


def _taken(rows: Iterable[DailyCount], lane: Lane) -> list[DailyCount]:
    """The largest row of each species and site within a lane."""
    taken: dict[tuple[str, str], DailyCount] = {}
    for row in rows:
        if row.tide in lane:
            key = (row.species, row.site)
            other = taken.get(key)
            if other is None or _row_rank(row) < _row_rank(other):
                taken[key] = row
    return list(taken.values())


def _row_rank(row: DailyCount) -> tuple[bool, int, str]:
    return row.count is None, -(row.count or 0), row.used


def _lane_rank(rows: Sequence[DailyCount]) -> tuple[bool, int, bool]:
    counts = [row.count for row in rows if row.count is not None]
    return bool(counts), sum(counts), bool(rows)


def _sum(values: Sequence[int | None]) -> int | None:
    """The sum, or None where a part is open or there is no part."""
    known = [value for value in values if value is not None]
    return sum(known) if known and len(known) == len(values) else None


def lane_cells(
    rows: Iterable[DailyCount],
    survey_days: Iterable[SurveyDay],
    lane: Lane,
    origin: int,
    size: int,
) -> list[int]:
    """The area of each day within a lane, in units of `bird_days.UNIT`, summed over the species and sites of `rows`.

    A complete list without the species is a zero of its site and day.
    """
    complete: dict[str, set[int]] = {}
    for visit in survey_days:
        if visit.complete:
            complete.setdefault(visit.site, set()).add(visit.day.toordinal() - origin)
    known: dict[tuple[str, str], set[int]] = {}
    points: dict[tuple[str, str], dict[int, int]] = {}
    for row in rows:
        key = (row.species, row.site)
        offset = row.day.toordinal() - origin
        known.setdefault(key, set()).add(offset)
        if row.count is not None and row.tide in lane:
            curve = points.setdefault(key, {})
            curve[offset] = max(row.count, curve.get(offset, 0))
    cells = [0] * size
    for key in sorted(points):
        zeros = complete.get(key[1], set()) - known[key]
        add_curve(cells, sorted((points[key] | dict.fromkeys(zeros, 0)).items()))
    return cells
