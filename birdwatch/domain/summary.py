"""The roll-up of counts: birds, never records. Every published number comes from here."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Literal

from birdwatch.domain.text import Text

TideClass = Literal["high", "low", "unstated"]
TideChoice = Literal["one", "high", "low", "all"]
By = Literal["day", "dekad", "season"]

RULE = Text(
    zh="同一地点同一天，每个物种取各次调查中的最大值（同一群鸟由多人记录不相加），再对各地点求和；"
    "跨日取最大值为峰值，曲线下面积为鸟·日。高潮与低潮的计数不相加：每个物种每天取合计较大的一种潮位。",
    en="Within a site and day the largest survey value per species (observers of the same flock are"
    " not added), then the sum over sites; over days the maximum is the peak, and the area under"
    " the curve is bird-days. High-tide and low-tide counts are not added: each species and day"
    " takes the tide with the larger total.",
)


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
class CountItem:
    """One number of the count API. `site` None: all sites together.

    `day`, `dekad` or `season` is set by the grouping; for dekad and season `count` is the peak
    and `peak_day` its day. `surveys` are the ones the count rests on, `set_aside` the others.
    """

    species: str | None  # None: all species together
    site: str | None
    day: date | None
    dekad: str | None
    season: str | None
    count: int | None
    low: int | None
    high: int | None
    surveys: tuple[str, ...]
    set_aside: tuple[str, ...]
    peak_day: date | None = None
    bird_days: float | None = None


@dataclass(frozen=True, slots=True)
class SpeciesSummary:
    """One line of a season: `species` None is the total of all species."""

    species: str | None
    peak: int | None
    peak_day: date | None
    peak_surveys: tuple[str, ...]
    first_day: date | None
    last_day: date | None
    bird_days: float
    share_in_peak: float | None  # 0..1 of the bird-days that fall inside the peak window
    days_counted: int
    surveys: int
    zeros: int


@dataclass(frozen=True, slots=True)
class DayTotal:
    """One bar of the strip. `count` None and `is_counted` False: nobody looked."""

    day: date
    is_counted: bool
    count: int | None
    species: int
    surveys: int


@dataclass(frozen=True, slots=True)
class SeasonSummary:
    season: str
    first: date  # span of the season
    last: date
    peak_first: date  # window that sets the phase
    peak_last: date
    total: SpeciesSummary
    species: tuple[SpeciesSummary, ...]  # by peak, largest first
    days: tuple[DayTotal, ...]  # every day of the span
    dekads: tuple[CountItem, ...]  # totals: peak of each dekad
    surveys_used: tuple[str, ...]
    surveys_set_aside: tuple[str, ...]
    dataset_version: int
