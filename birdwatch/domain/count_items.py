"""The items of the count API: birds by day, dekad or season, each with the surveys it rests on."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Literal

from birdwatch.domain.bird_days import in_bird_days
from birdwatch.domain.daily_count import (
    LANES,
    Combined,
    DailyCount,
    SurveyDay,
    TideChoice,
    combine,
    lane_cells,
)
from birdwatch.domain.season import dekad_of, season_of, season_span

By = Literal["day", "dekad", "season"]


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


def combine_sites(
    daily: Iterable[DailyCount], *, tide: TideChoice = "one"
) -> dict[tuple[str, date], Combined]:
    """All sites together, for each species and day."""
    groups: dict[tuple[str, date], list[DailyCount]] = {}
    for row in daily:
        groups.setdefault((row.species, row.day), []).append(row)
    return {key: combine(groups[key], tide) for key in sorted(groups)}


def count_items(
    daily: Sequence[DailyCount],
    *,
    by: By,
    per_site: bool = False,
    tide: TideChoice = "one",
    total: bool = False,
    survey_days: Sequence[SurveyDay] | None = None,
) -> list[CountItem]:
    """Counts by day, dekad or season; of each species, or with `total` of all together.

    A dekad or season gives its peak; its bird-days too where `survey_days` are given, since only
    they tell zero from not counted. Days outside every season are in no season's item.
    """
    groups: dict[tuple[str | None, str | None], dict[date, list[DailyCount]]] = {}
    for row in daily:
        key = (None if total else row.species, row.site if per_site else None)
        groups.setdefault(key, {}).setdefault(row.day, []).append(row)
    items: list[CountItem] = []
    for (species, site), days in groups.items():
        visits = survey_days
        if visits is not None and site is not None:
            visits = [visit for visit in visits if visit.site == site]
        items += _items_of(species, site, days, by=by, tide=tide, survey_days=visits)
    items.sort(key=lambda i: (i.day or date.min, i.dekad or i.season or "", i.species or "",
                              i.site or ""))  # fmt: skip
    return items


def day_items(daily: Sequence[DailyCount]) -> tuple[CountItem | None, list[CountItem]]:
    """The total of one day, None where nobody looked, and its species, the largest first."""
    totals = count_items(daily, by="day", total=True)
    items = count_items(daily, by="day")
    return next(iter(totals), None), sorted(items, key=lambda item: -(item.count or 0))


def _items_of(
    species: str | None,
    site: str | None,
    days: Mapping[date, list[DailyCount]],
    *,
    by: By,
    tide: TideChoice,
    survey_days: Sequence[SurveyDay] | None,
) -> list[CountItem]:
    combined = {day: combine(days[day], tide) for day in sorted(days)}
    if by == "day":
        return [
            CountItem(species, site, day, dekad_of(day), season_of(day), one.count, one.low,
                      one.high, one.used, one.set_aside)
            for day, one in combined.items()
        ]  # fmt: skip
    areas = _areas(days, survey_days, by, tide) if survey_days is not None else {}
    periods: dict[str, dict[date, Combined]] = {}
    for day, one in combined.items():
        if period := _period(day, by):
            periods.setdefault(period, {})[day] = one
    return [
        peak_item(
            one,
            species=species,
            site=site,
            dekad=period if by == "dekad" else None,
            season=season_of(next(iter(one))),
            bird_days=areas.get(period),
        )
        for period, one in periods.items()
    ]


def _period(day: date, by: By) -> str | None:
    return dekad_of(day) if by == "dekad" else season_of(day)


def peak_item(
    days: Mapping[date, Combined],
    *,
    species: str | None,
    site: str | None = None,
    dekad: str | None = None,
    season: str | None = None,
    bird_days: float | None = None,
) -> CountItem:
    """The largest of the days, the earliest of equal ones, with all other surveys set aside.

    A peak of 0 has no day and rests on every survey that gave the zeros. Without days the count
    is None.
    """
    counts = [one.count for one in days.values() if one.count is not None]
    top = max(counts, default=None)
    peak_days = sorted(day for day, one in days.items() if one.count == top)
    used: set[str] = set()
    for day in peak_days[:1] if top else peak_days:
        used.update(days[day].used)
    every = {survey for one in days.values() for survey in (*one.used, *one.set_aside)}
    peak = days[peak_days[0]] if peak_days else None
    return CountItem(
        species=species,
        site=site,
        day=None,
        dekad=dekad,
        season=season,
        count=top,
        low=peak.low if peak else None,
        high=peak.high if peak else None,
        surveys=tuple(sorted(used)),
        set_aside=tuple(sorted(every - used)),
        peak_day=peak_days[0] if top else None,
        bird_days=bird_days,
    )


def _areas(
    days: Mapping[date, list[DailyCount]],
    survey_days: Sequence[SurveyDay],
    by: By,
    tide: TideChoice,
) -> dict[str, float]:
    """Bird-days of each dekad or season, in the lane with more; curves end with their season."""
    areas: dict[str, float] = {}
    for season in sorted({season for day in days if (season := season_of(day))}):
        first, last = season_span(season)
        rows = [row for day in sorted(days) if first <= day <= last for row in days[day]]
        visits = [visit for visit in survey_days if first <= visit.day <= last]
        periods = [_period(day, by) or "" for day in days_between(first, last)]
        for lane in LANES[tide]:
            cells = lane_cells(rows, visits, lane, first.toordinal(), len(periods))
            lane_areas = dict.fromkeys(periods, 0)
            for period, cell in zip(periods, cells, strict=True):
                lane_areas[period] += cell
            for period, area in lane_areas.items():
                areas[period] = max(in_bird_days(area), areas.get(period, 0.0))
    return areas


def days_between(first: date, last: date) -> list[date]:
    """Every day from the first to the last."""
    return [date.fromordinal(day) for day in range(first.toordinal(), last.toordinal() + 1)]
