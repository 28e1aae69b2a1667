"""A whole season under the rule, with the same season of earlier years beside it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from msgspec import Struct
from starlette.requests import Request
from starlette.responses import Response

from birdwatch.api import contract
from birdwatch.api.answers import send_list, send_one
from birdwatch.api.filters import known_season
from birdwatch.api.query import read_query
from birdwatch.api.windows import count_window
from birdwatch.domain.daily_count import LEFT_OUT, Audience
from birdwatch.domain.errors import InvalidInputError, NotFoundError
from birdwatch.domain.policy import may
from birdwatch.domain.season import Window, earlier_seasons, parse_season, season_span
from birdwatch.domain.species import SpeciesIndex
from birdwatch.domain.summary import RULE, CountItem, SeasonSummary, SpeciesSummary
from birdwatch.domain.text import Locale
from birdwatch.storage import counts
from birdwatch.storage.db import Database
from birdwatch.storage.species import load_species
from birdwatch.storage.windows import load_windows

EARLIER_YEARS = 3


async def list_seasons(request: Request) -> Response:
    """The seasons that hold anything."""
    query = read_query(request, contract.Query)
    db: Database = request.app.state.archive.db
    exact = _is_exact(request)

    async def make(_version: int) -> contract.Seasons:
        items = [
            contract.ListedSeason(season, *season_span(season))
            for season in await counts.seasons(db, exact=exact)
        ]
        return contract.Seasons(
            items, None, _audience(exact=exact), LEFT_OUT.get(request.state.locale)
        )

    return await send_list(request, query, contract.ListedSeason, make)


async def get_season(request: Request) -> Response:
    """One season, and up to three earlier years of it."""
    query = read_query(request, contract.Query)
    db: Database = request.app.state.archive.db
    season = _season_in_path(request)
    locale: Locale = request.state.locale
    exact = _is_exact(request)

    async def make(version: int) -> contract.Season:
        windows = await load_windows(db)
        species = await load_species(db)
        before = earlier_seasons(season, await counts.seasons(db, exact=exact))[:EARLIER_YEARS]
        summary, *others = [
            await counts.season_summary(db, one, windows, version=version, exact=exact)
            for one in (season, *before)
        ]
        earlier = [_dump_earlier(one, windows, species, locale) for one in others]
        waiting = contract.Waiting(*await counts.waiting(db, season))
        names = _Names(windows, species, locale)
        return _dump(summary, names, earlier, waiting, _audience(exact=exact))

    table = (contract.SeasonSpecies, _table)
    return await send_one(request, query, contract.Season, make, table=table)


def _is_exact(request: Request) -> bool:
    return may(request.state.actor, "see-exact-counts", now=request.state.now)


def _audience(*, exact: bool) -> Audience:
    return "exact" if exact else "public"


@dataclass(frozen=True, slots=True)
class _Names:
    """What a season is told by."""

    windows: Sequence[Window]
    species: SpeciesIndex
    locale: Locale


def _season_in_path(request: Request) -> str:
    """The season that the path names, written as seasons are: one address for each."""
    named: str = request.path_params["id"]
    try:
        is_season = known_season(named) == named
    except InvalidInputError:
        is_season = False
    if not is_season:
        raise NotFoundError(
            "season.not_found",
            zh="没有这个季节。请写成 2026-spring 或 2026-autumn。",
            en="There is no such season. Write 2026-spring or 2026-autumn.",
        )
    return named


def _table(season: Struct) -> list[Struct]:
    """The season as CSV: the total, then a row per species."""
    return [season.total, *season.species] if isinstance(season, contract.Season) else []


def _dump(
    summary: SeasonSummary,
    names: _Names,
    earlier: list[contract.EarlierSeason],
    waiting: contract.Waiting,
    audience: Audience,
) -> contract.Season:
    windows, species, locale = names.windows, names.species, names.locale
    return contract.Season(
        season=summary.season,
        first=summary.first,
        last=summary.last,
        rule=RULE.get(locale),
        window=_window(summary, windows, locale),
        dataset_version=summary.dataset_version,
        total=_dump_species(summary.total, species),
        species=[_dump_species(line, species) for line in summary.species],
        days=[
            contract.SeasonDay(d.day, d.is_counted, d.count, d.species, d.surveys, d.is_partial)
            for d in summary.days
        ],
        dekads=[_dump_dekad(item) for item in summary.dekads],
        surveys_used=summary.surveys_used,
        surveys_set_aside=summary.surveys_set_aside,
        earlier=earlier,
        audience=audience,
        waiting=waiting,
        left_out=LEFT_OUT.get(locale),
    )


def _dump_earlier(
    summary: SeasonSummary, windows: Sequence[Window], species: SpeciesIndex, locale: Locale
) -> contract.EarlierSeason:
    return contract.EarlierSeason(
        season=summary.season,
        window=_window(summary, windows, locale),
        total=_dump_species(summary.total, species),
        species=[_dump_species(line, species) for line in summary.species],
        dekads=[_dump_dekad(item) for item in summary.dekads],
    )


def _window(
    summary: SeasonSummary, windows: Sequence[Window], locale: Locale
) -> contract.CountWindow | None:
    return count_window(windows, parse_season(summary.season)[1], summary.season, locale)


def _dump_species(line: SpeciesSummary, species: SpeciesIndex) -> contract.SeasonSpecies:
    row = species.get(line.species) if line.species else None
    return contract.SeasonSpecies(
        species=line.species,
        name=contract.Text(row.name.zh, row.name.en) if row else None,
        peak=line.peak,
        peak_day=line.peak_day,
        peak_surveys=line.peak_surveys,
        first_day=line.first_day,
        last_day=line.last_day,
        bird_days=line.bird_days,
        share_in_peak=line.share_in_peak,
        days_counted=line.days_counted,
        surveys=line.surveys,
        zeros=line.zeros,
    )


def _dump_dekad(item: CountItem) -> contract.SeasonDekad:
    return contract.SeasonDekad(item.dekad or "", item.count, item.peak_day, item.bird_days)
