"""The count API: birds by day, dekad or season, each number with the surveys it rests on."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from typing import Final

import msgspec
from msgspec import UNSET
from starlette.requests import Request
from starlette.responses import Response

from birdwatch.api import contract
from birdwatch.api.answers import send_list
from birdwatch.api.filters import known_season, known_site, species_code
from birdwatch.api.query import read_query
from birdwatch.api.windows import count_window
from birdwatch.domain.daily_count import LEFT_OUT
from birdwatch.domain.paging import decode_cursor, encode_cursor
from birdwatch.domain.policy import may
from birdwatch.domain.season import parse_season, season_of
from birdwatch.domain.summary import RULE, By, CountItem, DailyCount, SurveyDay, count_items
from birdwatch.domain.text import Locale
from birdwatch.storage.counts import daily_counts, survey_days, waiting
from birdwatch.storage.db import Database
from birdwatch.storage.windows import load_windows

Key = tuple[str, str, str]
NAMED_IN_TABLE: Final = 12  # surveys: those of a day fit into a cell, those of a season do not


async def list_counts(request: Request) -> Response:
    """Counts under the rule, in order of time, species and site."""
    query = read_query(request, contract.CountsQuery)
    db: Database = request.app.state.archive.db
    locale: Locale = request.state.locale
    season = known_season(query.season)
    site = await known_site(db, query.site)
    codes = dict.fromkeys([await species_code(db, name) for name in query.species])
    after = _key_of(query.cursor)
    exact = may(request.state.actor, "see-exact-counts", now=request.state.now)

    async def make(version: int) -> contract.Counts:
        daily, visits = await _read(db, query, season, site, codes, exact=exact)
        items = count_items(
            daily,
            by=query.by,
            per_site=query.per == "site",
            tide=query.tide,
            total=query.total,
            survey_days=visits,
        )
        page, cursor = _page(items, query.by, after, query.limit)
        half_year = _half_year(season, query)
        window = count_window(await load_windows(db), half_year, season, locale)
        return contract.Counts(
            items=[_dump(item, query.by) for item in page],
            rule=RULE.get(locale),
            window=window,
            tide=query.tide,
            dataset_version=version,
            surveys_used=len({survey for item in page for survey in item.surveys}),
            surveys_set_aside=len({survey for item in page for survey in item.set_aside}),
            next=cursor,
            audience="exact" if exact else "public",
            waiting=contract.Waiting(*await waiting(db, season or _season(query))),
            left_out=LEFT_OUT.get(locale),
        )

    shortened = None if query.fields else _in_table
    return await send_list(request, query, contract.CountItem, make, shortened)


def _in_table(item: contract.CountItem) -> contract.CountItem:
    """As a row whose cells a person can read: few surveys by name, many by number."""
    return msgspec.structs.replace(item, surveys=_few(item.surveys), set_aside=_few(item.set_aside))


def _few(surveys: tuple[str, ...]) -> tuple[str, ...]:
    return surveys if len(surveys) <= NAMED_IN_TABLE else ()


async def _read(
    db: Database,
    query: contract.CountsQuery,
    season: str | None,
    site: str | None,
    codes: Iterable[str | None],
    *,
    exact: bool,
) -> tuple[list[DailyCount], list[SurveyDay] | None]:
    """The daily counts asked for; and, where bird-days need it, the days on which anybody looked."""
    first, last = query.day_from, query.day_to
    daily = [
        row
        for code in tuple(codes) or (None,)
        for row in await daily_counts(
            db, season=season, species=code, site=site, day_from=first, day_to=last, exact=exact
        )
    ]
    if query.by == "day":
        return daily, None
    visits = await survey_days(
        db, season=season, site=site, day_from=first, day_to=last, exact=exact
    )
    return daily, visits


def _key_of(cursor: str | None) -> Key | None:
    if cursor is None:
        return None
    period, species, site = decode_cursor(cursor, str, str, str)
    return str(period), str(species), str(site)


def _page(
    items: Sequence[CountItem], by: By, after: Key | None, limit: int
) -> tuple[Sequence[CountItem], str | None]:
    """The items after this key, at most `limit` of them, and the cursor of the rest."""
    ordered = sorted(items, key=lambda item: _sort_key(item, by))
    keys = [_sort_key(item, by) for item in ordered]
    first = bisect_right(keys, after) if after else 0
    page = ordered[first : first + limit]
    has_more = first + limit < len(ordered)
    return page, encode_cursor(*_sort_key(page[-1], by)) if has_more else None


def _sort_key(item: CountItem, by: By) -> Key:
    return (_period(item, by), item.species or "", item.site or "")


def _period(item: CountItem, by: By) -> str:
    if by == "day":
        return item.day.isoformat() if item.day else ""
    return (item.dekad if by == "dekad" else item.season) or ""


def _half_year(season: str | None, query: contract.CountsQuery) -> str | None:
    """Spring or autumn, when all that is asked for lies in one."""
    one = season or _season(query)
    return parse_season(one)[1] if one else None


def _season(query: contract.CountsQuery) -> str | None:
    """The season that both ends of the days asked for lie in."""
    if query.day_from and query.day_to and query.day_from.year == query.day_to.year:
        first, last = season_of(query.day_from), season_of(query.day_to)
        return first if first == last else None
    return None


def _dump(item: CountItem, by: By) -> contract.CountItem:
    dumped = contract.CountItem(
        species=item.species,
        site=item.site,
        count=item.count,
        low=item.low,
        high=item.high,
        n_surveys=len(item.surveys),
        n_set_aside=len(item.set_aside),
        surveys=item.surveys,
        set_aside=item.set_aside,
    )
    if by == "day":
        dumped.day = item.day or UNSET
        return dumped
    if by == "dekad":
        dumped.dekad = item.dekad or UNSET
    else:
        dumped.season = item.season or UNSET
    dumped.peak_day = item.peak_day
    dumped.bird_days = item.bird_days
    return dumped
