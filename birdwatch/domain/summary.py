"""A season in numbers: peaks, first and last days, bird-days and zeros, each with its surveys."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import TypeAlias

from birdwatch.domain.bird_days import add_curve, bird_days, in_bird_days, share_within
from birdwatch.domain.count_items import (
    By,
    CountItem,
    combine_sites,
    count_items,
    day_items,
    days_between,
)
from birdwatch.domain.daily_count import (
    LANES,
    RULE,
    Combined,
    CountValue,
    DailyCount,
    Lane,
    SurveyDay,
    TideChoice,
    TideClass,
    combine,
    roll_up,
    surveys_of,
    tide_class,
)
from birdwatch.domain.season import (
    Window,
    dekad_of,
    parse_season,
    phase_window,
    season_of,
    season_span,
    window_dates,
)

__all__ = [
    "RULE", "By", "Combined", "CountItem", "CountValue", "DailyCount", "DayTotal", "SeasonSummary",
    "SpeciesSummary", "SurveyDay", "TideChoice", "TideClass", "bird_days", "combine",
    "combine_sites", "count_items", "day_items", "roll_up", "summarise_season", "tide_class",
]  # fmt: skip


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
    """One bar of the strip. `count` None and `is_counted` False: nobody looked.

    `is_partial`: only incomplete lists were kept that day, of a flock or a few species; its number
    is no count of the estuary and must not read as a fall from the day before.
    """

    day: date
    is_counted: bool
    count: int | None
    species: int
    surveys: int
    is_partial: bool = False


@dataclass(frozen=True, slots=True)
class SeasonSummary:
    """All of a season: totals, species, every day of the span, dekads, and the surveys."""

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


@dataclass(frozen=True, slots=True)
class _Span:
    """The days of a season, counted from 0, and the peak window among them."""

    days: list[date]
    offsets: dict[date, int]
    peak: tuple[int, int]


@dataclass(frozen=True, slots=True)
class _Visits:
    """Who looked: surveys of each day, and complete lists of each site and day."""

    surveys: dict[int, int]
    complete: dict[str, dict[int, int]]


Entry: TypeAlias = tuple[int, DailyCount]  # a row with the offset of its day


@dataclass(frozen=True, slots=True)
class _Track:
    """One species through a season. `sums` and `cells` (bird-days) are given per lane."""

    species: str
    by_site: Mapping[str, list[Entry]]
    sums: list[dict[int, int]]
    cells: list[list[int]]
    found: dict[str, set[int]]  # days with birds, counted or not, by site
    zeros: dict[str, set[int]]  # days with zeros that a survey wrote down
    silent: dict[str, set[int]]  # days with a complete list that does not name it
    silent_lists: int
    used: set[str]
    surveys: set[str]


def summarise_season(
    season: str,
    daily: Iterable[DailyCount],
    survey_days: Iterable[SurveyDay],
    windows: Sequence[Window],
    *,
    dataset_version: int,
) -> SeasonSummary:
    """A season from its daily counts and visits; what lies outside its span is left out.

    Counts are those of tide choice `one`. Without a window that sets the phase the whole span is
    the peak. Raises InvalidInputError for what is no season.
    """
    first, last = season_span(season)
    year, half_year = parse_season(season)
    window = phase_window(half_year, windows)
    peak = window_dates(window, year) if window else (first, last)
    days = days_between(first, last)
    offsets = {day: offset for offset, day in enumerate(days)}
    span = _Span(days, offsets, ((peak[0] - first).days, (peak[1] - first).days))
    visits = _visits(survey_days, span)
    by_species: dict[str, dict[str, list[Entry]]] = defaultdict(lambda: defaultdict(list))
    rows_by_day: list[list[DailyCount]] = [[] for _ in days]
    for row in daily:
        offset = offsets.get(row.day)
        if offset is not None:
            by_species[row.species][row.site].append((offset, row))
            rows_by_day[offset].append(row)
    tracks = [_track(code, by_species[code], span, visits) for code in sorted(by_species)]
    used = set[str]().union(*(track.used for track in tracks))
    surveys = set[str]().union(*(track.surveys for track in tracks))
    totals = _day_totals(tracks, span, visits)
    return SeasonSummary(
        season=season,
        first=first,
        last=last,
        peak_first=peak[0],
        peak_last=peak[1],
        total=_summarise_all(tracks, totals, span, visits, rows_by_day),
        species=tuple(sorted((_summarise(t, span) for t in tracks), key=_line_rank)),
        days=tuple(totals),
        dekads=tuple(_dekads(tracks, totals, span, rows_by_day)),
        surveys_used=tuple(sorted(used)),
        surveys_set_aside=tuple(sorted(surveys - used)),
        dataset_version=dataset_version,
    )


def _visits(survey_days: Iterable[SurveyDay], span: _Span) -> _Visits:
    visits = _Visits({}, {})
    for visit in survey_days:
        offset = span.offsets.get(visit.day)
        if offset is None or not visit.surveys:
            continue
        visits.surveys[offset] = visits.surveys.get(offset, 0) + visit.surveys
        if visit.complete:
            at_site = visits.complete.setdefault(visit.site, {})
            at_site[offset] = at_site.get(offset, 0) + visit.complete
    return visits


def _track(
    species: str, by_site: Mapping[str, list[Entry]], span: _Span, visits: _Visits
) -> _Track:
    known = {site: {offset for offset, _ in entries} for site, entries in by_site.items()}
    silent = {site: days.keys() - known.get(site, set()) for site, days in visits.complete.items()}
    found = {site: {o for o, row in entries if row.count != 0} for site, entries in by_site.items()}
    rows = [row for entries in by_site.values() for _, row in entries]
    lanes = LANES["one"]
    if all(row.tide == "unstated" for row in rows):
        lanes = lanes[:1]  # both would read the same
    curves = [_lane_curves(by_site, lane) for lane in lanes]
    sums = [_add_up(sites) for sites in curves]
    return _Track(
        species=species,
        by_site=by_site,
        sums=sums,
        cells=[_cells(sites, silent, len(span.days)) for sites in curves],
        found=found,
        zeros={site: days - found[site] for site, days in known.items()},
        silent=silent,
        silent_lists=sum(visits.complete[site][o] for site, days in silent.items() for o in days),
        used=_used(by_site, sums),
        surveys=surveys_of(rows),
    )


def _lane_curves(by_site: Mapping[str, list[Entry]], lane: Lane) -> dict[str, dict[int, int]]:
    """The counts of each site by day; the larger of two rows that the lane reads."""
    curves: dict[str, dict[int, int]] = {}
    for site in sorted(by_site):
        entries = by_site[site]
        points = {o: row.count for o, row in entries if row.count is not None and row.tide in lane}
        if len(points) < len(entries):
            for o, row in entries:
                if row.count is not None and row.tide in lane and row.count > points[o]:
                    points[o] = row.count
        if points:
            curves[site] = points
    return curves


def _add_up(curves: Mapping[str, Mapping[int, int]]) -> dict[int, int]:
    sums: dict[int, int] = {}
    for points in curves.values():
        for offset, count in points.items():
            sums[offset] = sums.get(offset, 0) + count
    return sums


def _cells(
    curves: Mapping[str, dict[int, int]], silent: Mapping[str, set[int]], size: int
) -> list[int]:
    cells = [0] * size
    for site, points in curves.items():
        zeros = silent.get(site)
        curve = points | dict.fromkeys(zeros, 0) if zeros else points
        add_curve(cells, sorted(curve.items()))
    return cells


def _used(by_site: Mapping[str, list[Entry]], sums: list[dict[int, int]]) -> set[str]:
    """The surveys that the daily numbers of a species rest on: those that `combine` would name."""
    if len(sums) == 1:  # no tide stated: then a site and day has one row
        only = sums[0]
        return {
            row.used
            for entries in by_site.values()
            for offset, row in entries
            if row.count is not None or offset not in only
        }
    lanes = LANES["one"]
    days = set[int]().union(*sums)
    taken = {
        o: max(zip(sums, lanes, strict=True), key=lambda one: one[0].get(o, -1))[1] for o in days
    }
    used: set[str] = set()
    # Where two rows of a site compete, or none has a number, only `combine` can tell.
    unclear: set[int] = set()
    for entries in by_site.values():
        unclear.update(offset for offset, _ in entries if offset not in days)
        if len(entries) > len({offset for offset, _ in entries}):
            unclear.update(o for o, times in Counter(o for o, _ in entries).items() if times > 1)
    for entries in by_site.values():
        used.update(
            {
                row.used
                for offset, row in entries
                if row.count is not None and offset not in unclear and row.tide in taken[offset]
            }
        )
    for offset in unclear:
        used.update(combine(_rows_on(by_site, offset)).used)
    return used


def _rows_on(by_site: Mapping[str, list[Entry]], offset: int) -> list[DailyCount]:
    return [row for entries in by_site.values() for on, row in entries if on == offset]


def _best(sums: Iterable[Mapping[int, int]], offset: int) -> int | None:
    """The larger lane on a day; None where no lane has a number."""
    return max((lane[offset] for lane in sums if offset in lane), default=None)


def _larger(cells: Sequence[list[int]]) -> list[int]:
    return max(cells, key=sum)


def _summarise(track: _Track, span: _Span) -> SpeciesSummary:
    silent = set[int]().union(*track.silent.values())
    counted = silent.union(*track.sums)
    found = set[int]().union(*track.found.values())
    values = {offset: _best(track.sums, offset) or 0 for offset in counted}
    peak = max(values.values(), default=None)
    peak_day = min(o for o in values if values[o] == peak) if peak else None
    cells = _larger(track.cells)
    return SpeciesSummary(
        species=track.species,
        peak=peak,
        peak_day=None if peak_day is None else span.days[peak_day],
        peak_surveys=() if peak_day is None else combine(_rows_on(track.by_site, peak_day)).used,
        first_day=span.days[min(found)] if found else None,
        last_day=span.days[max(found)] if found else None,
        bird_days=in_bird_days(sum(cells)),
        share_in_peak=share_within(cells, *span.peak),
        days_counted=len(counted),
        surveys=len(track.surveys) + track.silent_lists,
        zeros=sum(map(len, track.zeros.values())) + sum(map(len, track.silent.values())),
    )


def _line_rank(line: SpeciesSummary) -> tuple[int, float, str]:
    return -(-1 if line.peak is None else line.peak), -line.bird_days, line.species or ""


def _day_totals(tracks: Sequence[_Track], span: _Span, visits: _Visits) -> list[DayTotal]:
    """Every day of the span, counted or not."""
    sums = _lane_totals(tracks)
    found = [set[int]().union(*track.found.values()) for track in tracks]
    named = {o for track in tracks for days in track.zeros.values() for o in days}.union(*found)
    listed = {o for days in visits.complete.values() for o in days}
    empty = listed - named
    species = Counter(offset for days in found for offset in days)
    return [
        DayTotal(
            day=day,
            is_counted=offset in visits.surveys or offset in named,
            count=0 if offset in empty else _best(sums, offset),
            species=species[offset],
            surveys=visits.surveys.get(offset, 0),
            is_partial=(offset in visits.surveys or offset in named) and offset not in listed,
        )
        for offset, day in enumerate(span.days)
    ]


def _lane_totals(tracks: Sequence[_Track]) -> list[dict[int, int]]:
    """All species together, in each lane: a total never adds one tide to the other."""
    totals: list[dict[int, int]] = [{}, {}]
    for track in tracks:
        for lane, total in enumerate(totals):
            for offset, count in track.sums[min(lane, len(track.sums) - 1)].items():
                total[offset] = total.get(offset, 0) + count
    return totals


def _lane_cells(tracks: Sequence[_Track], span: _Span) -> list[list[int]]:
    cells = [[0] * len(span.days) for _ in LANES["one"]]
    for track in tracks:
        for lane, total in enumerate(cells):
            for offset, cell in enumerate(track.cells[min(lane, len(track.cells) - 1)]):
                total[offset] += cell
    return cells


def _summarise_all(
    tracks: Sequence[_Track],
    totals: Sequence[DayTotal],
    span: _Span,
    visits: _Visits,
    rows_by_day: Sequence[Sequence[DailyCount]],
) -> SpeciesSummary:
    """All species together; its zeros are sites and days on which a look found no bird at all."""
    peak = max((day.count for day in totals if day.count is not None), default=None)
    peak_day = next((o for o, day in enumerate(totals) if peak and day.count == peak), None)
    cells = _larger(_lane_cells(tracks, span))
    found = [day.day for day in totals if day.species]
    looked: dict[str, set[int]] = {site: set(days) for site, days in visits.complete.items()}
    birds: dict[str, set[int]] = {}
    for track in tracks:
        for site in track.by_site:
            looked.setdefault(site, set()).update(track.zeros[site])
            birds.setdefault(site, set()).update(track.found[site])
    named = set[str]().union(*(track.surveys for track in tracks))
    return SpeciesSummary(
        species=None,
        peak=peak,
        peak_day=None if peak_day is None else span.days[peak_day],
        peak_surveys=() if peak_day is None else combine(rows_by_day[peak_day]).used,
        first_day=min(found, default=None),
        last_day=max(found, default=None),
        bird_days=in_bird_days(sum(cells)),
        share_in_peak=share_within(cells, *span.peak),
        days_counted=sum(day.count is not None for day in totals),
        surveys=max(sum(visits.surveys.values()), len(named)),
        zeros=sum(len(days - birds.get(site, set())) for site, days in looked.items()),
    )


def _dekads(
    tracks: Sequence[_Track],
    totals: Sequence[DayTotal],
    span: _Span,
    rows_by_day: Sequence[Sequence[DailyCount]],
) -> Iterator[CountItem]:
    """The peak of each dekad of the span, also of those in which nobody looked."""
    cells = _lane_cells(tracks, span)
    dekads: dict[str, list[int]] = {}
    for offset, day in enumerate(span.days):
        dekads.setdefault(dekad_of(day), []).append(offset)
    for dekad, offsets in dekads.items():
        counts = {o: totals[o].count for o in offsets if totals[o].count is not None}
        peak = max(counts.values(), default=None, key=lambda count: count or 0)
        top = [o for o in offsets if totals[o].count == peak]
        combined = [combine(rows_by_day[o]) for o in (top[:1] if peak else top)]
        used = {survey for one in combined for survey in one.used}
        every = set[str]().union(*(surveys_of(rows_by_day[offset]) for offset in offsets))
        yield CountItem(
            species=None,
            site=None,
            day=None,
            dekad=dekad,
            season=season_of(span.days[0]),
            count=peak,
            low=combined[0].low if combined else None,
            high=combined[0].high if combined else None,
            surveys=tuple(sorted(used)),
            set_aside=tuple(sorted(every - used)),
            peak_day=span.days[top[0]] if peak else None,
            bird_days=in_bird_days(max(sum(lane[o] for o in offsets) for lane in cells)),
        )
