"""A season in numbers: peaks, first and last days, bird-days and zeros, each with its surveys."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date

from birdwatch.domain.bird_days import add_curve, bird_days, share_within
from birdwatch.domain.count_items import (
    By,
    CountItem,
    combine_sites,
    count_items,
    days_between,
    peak_item,
)
from birdwatch.domain.daily_count import (
    LANES,
    RULE,
    Combined,
    CountValue,
    DailyCount,
    SurveyDay,
    TideChoice,
    TideClass,
    combine,
    roll_up,
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
    "combine_sites", "count_items", "roll_up", "summarise_season", "tide_class",
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
    """One bar of the strip. `count` None and `is_counted` False: nobody looked."""

    day: date
    is_counted: bool
    count: int | None
    species: int
    surveys: int


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
    visited: dict[str, set[int]]


@dataclass(frozen=True, slots=True)
class _Track:
    """One species through a season. `sums` and `cells` (bird-days) are given per lane."""

    species: str
    rows: list[DailyCount]
    sums: list[dict[int, int]]
    cells: list[list[float]]
    found: set[int]  # days with birds, counted or not
    counted: set[int]  # days with a number, zero included
    zeros: int  # sites and days looked at in vain
    used: set[str]
    surveys: set[str]
    silent: int  # complete lists that do not name it


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
    by_species: dict[str, list[DailyCount]] = {}
    for row in daily:
        if row.day in offsets:
            by_species.setdefault(row.species, []).append(row)
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
        total=_summarise_all(tracks, totals, span, visits),
        species=tuple(sorted((_summarise(t, span) for t in tracks), key=_line_rank)),
        days=tuple(totals),
        dekads=tuple(_dekads(tracks, totals, span)),
        surveys_used=tuple(sorted(used)),
        surveys_set_aside=tuple(sorted(surveys - used)),
        dataset_version=dataset_version,
    )


def _visits(survey_days: Iterable[SurveyDay], span: _Span) -> _Visits:
    visits = _Visits({}, {}, {})
    for visit in survey_days:
        offset = span.offsets.get(visit.day)
        if offset is None or not visit.surveys:
            continue
        visits.surveys[offset] = visits.surveys.get(offset, 0) + visit.surveys
        visits.visited.setdefault(visit.site, set()).add(offset)
        if visit.complete:
            at_site = visits.complete.setdefault(visit.site, {})
            at_site[offset] = at_site.get(offset, 0) + visit.complete
    return visits


def _track(species: str, rows: list[DailyCount], span: _Span, visits: _Visits) -> _Track:
    by_site: dict[str, list[tuple[int, DailyCount]]] = {}
    offsets = span.offsets
    for row in rows:
        by_site.setdefault(row.site, []).append((offsets[row.day], row))
    known = {site: {offset for offset, _ in entries} for site, entries in by_site.items()}
    silent = {site: days.keys() - known.get(site, set()) for site, days in visits.complete.items()}
    lanes = LANES["one"]
    if all(row.tide == "unstated" for row in rows):
        lanes = lanes[:1]  # both would read the same
    sums: list[dict[int, int]] = []
    cells: list[list[float]] = []
    for lane in lanes:
        lane_sums: dict[int, int] = {}
        lane_cells = [0.0] * len(span.days)
        for site in sorted(by_site):
            points: dict[int, int] = {}
            for offset, row in by_site[site]:
                count = row.count
                if count is not None and row.tide in lane and count >= points.get(offset, 0):
                    points[offset] = count
            for offset, count in points.items():
                lane_sums[offset] = lane_sums.get(offset, 0) + count
            if points:
                curve = points | dict.fromkeys(silent.get(site, ()), 0)
                add_curve(lane_cells, sorted(curve.items()))
        sums.append(lane_sums)
        cells.append(lane_cells)
    counted = set[int]().union(*sums, *silent.values())
    not_zero = {
        site: {o for o, row in entries if row.count != 0} for site, entries in by_site.items()
    }
    return _Track(
        species=species,
        rows=rows,
        sums=sums,
        cells=cells,
        found=set[int]().union(*not_zero.values()),
        counted=counted,
        zeros=sum(map(len, silent.values()))
        + sum(len(known[site] - not_zero[site]) for site in known),
        used=_used(rows, sums, span),
        surveys={row.used for row in rows}.union(*(r.set_aside for r in rows if r.set_aside)),
        silent=sum(visits.complete[site][o] for site, days in silent.items() for o in days),
    )


def _used(rows: list[DailyCount], sums: list[dict[int, int]], span: _Span) -> set[str]:
    """The surveys that the daily numbers of a species rest on."""
    by_day: dict[date, list[DailyCount]] = {}
    used: set[str] = set()
    single = sums[0]
    is_plain = len(sums) == 1  # then a site and day has one row, since the tide is the key
    for row in rows:
        if is_plain and (row.count is not None or span.offsets[row.day] not in single):
            used.add(row.used)
        elif not is_plain:
            by_day.setdefault(row.day, []).append(row)
    for day_rows in by_day.values():
        if len(day_rows) == 1:
            used.add(day_rows[0].used)
        else:
            used.update(combine(day_rows).used)
    return used


def _best(sums: Iterable[Mapping[int, int]], offset: int) -> int | None:
    """The larger lane on a day; None where no lane has a number."""
    return max((lane[offset] for lane in sums if offset in lane), default=None)


def _larger(cells: Sequence[list[float]]) -> list[float]:
    return max(cells, key=sum)


def _summarise(track: _Track, span: _Span) -> SpeciesSummary:
    values = {o: _best(track.sums, o) or 0 for o in track.counted}
    peak = max(values.values(), default=None)
    peak_day = span.days[min(o for o in values if values[o] == peak)] if peak else None
    cells = _larger(track.cells)
    return SpeciesSummary(
        species=track.species,
        peak=peak,
        peak_day=peak_day,
        peak_surveys=combine([r for r in track.rows if r.day == peak_day]).used if peak_day else (),
        first_day=span.days[min(track.found)] if track.found else None,
        last_day=span.days[max(track.found)] if track.found else None,
        bird_days=round(sum(cells), 3),
        share_in_peak=share_within(cells, *span.peak),
        days_counted=len(track.counted),
        surveys=len(track.surveys) + track.silent,
        zeros=track.zeros,
    )


def _line_rank(line: SpeciesSummary) -> tuple[int, float, str]:
    return -(-1 if line.peak is None else line.peak), -line.bird_days, line.species or ""


def _day_totals(tracks: Sequence[_Track], span: _Span, visits: _Visits) -> list[DayTotal]:
    """Every day of the span, counted or not."""
    sums = _lane_totals(tracks)
    species = [0] * len(span.days)
    for track in tracks:
        for offset in track.found:
            species[offset] += 1
    with_rows = {span.offsets[row.day] for track in tracks for row in track.rows}
    empty = {o for days in visits.complete.values() for o in days} - with_rows
    return [
        DayTotal(
            day=day,
            is_counted=offset in visits.surveys or offset in with_rows,
            count=0 if offset in empty else _best(sums, offset),
            species=species[offset],
            surveys=visits.surveys.get(offset, 0),
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


def _lane_cells(tracks: Sequence[_Track], span: _Span) -> list[list[float]]:
    cells = [[0.0] * len(span.days) for _ in LANES["one"]]
    for track in tracks:
        for lane, total in enumerate(cells):
            for offset, cell in enumerate(track.cells[min(lane, len(track.cells) - 1)]):
                total[offset] += cell
    return cells


def _summarise_all(
    tracks: Sequence[_Track], totals: Sequence[DayTotal], span: _Span, visits: _Visits
) -> SpeciesSummary:
    """All species together; its zeros are sites and days on which a look found no bird at all."""
    peak = max((day.count for day in totals if day.count is not None), default=None)
    peak_day = next((d.day for d in totals if peak and d.count == peak), None)
    cells = _larger(_lane_cells(tracks, span))
    found = [day.day for day in totals if day.species]
    looked = {(site, o) for site, days in visits.complete.items() for o in days}
    birds: set[tuple[str, int]] = set()
    for track in tracks:
        for row in track.rows:
            key = (row.site, span.offsets[row.day])
            if row.count == 0:
                looked.add(key)
            else:
                birds.add(key)
    named = set[str]().union(*(track.surveys for track in tracks))
    return SpeciesSummary(
        species=None,
        peak=peak,
        peak_day=peak_day,
        peak_surveys=_combined_on(tracks, {peak_day})[peak_day].used if peak_day else (),
        first_day=min(found, default=None),
        last_day=max(found, default=None),
        bird_days=round(sum(cells), 3),
        share_in_peak=share_within(cells, *span.peak),
        days_counted=sum(day.count is not None for day in totals),
        surveys=max(sum(visits.surveys.values()), len(named)),
        zeros=len(looked - birds),
    )


def _combined_on(tracks: Iterable[_Track], days: Iterable[date | None]) -> dict[date, Combined]:
    """All species together on some days."""
    rows: dict[date, list[DailyCount]] = {day: [] for day in days if day}
    for track in tracks:
        for row in track.rows:
            if row.day in rows:
                rows[row.day].append(row)
    return {day: combine(day_rows) for day, day_rows in rows.items()}


def _dekads(
    tracks: Sequence[_Track], totals: Sequence[DayTotal], span: _Span
) -> Iterable[CountItem]:
    """The peak of each dekad of the span, also of those in which nobody looked."""
    cells = _lane_cells(tracks, span)
    dekads: dict[str, list[int]] = {}
    for offset, day in enumerate(span.days):
        dekads.setdefault(dekad_of(day), []).append(offset)
    combined = _combined_on(tracks, [day.day for day in totals if day.is_counted])
    for dekad, offsets in dekads.items():
        days = {
            total.day: replace(combined[total.day], count=total.count)
            for total in (totals[offset] for offset in offsets)
            if total.is_counted
        }
        area = max(sum(lane[offset] for offset in offsets) for lane in cells)
        yield peak_item(
            days,
            species=None,
            dekad=dekad,
            season=season_of(span.days[0]),
            bird_days=round(area, 3),
        )
