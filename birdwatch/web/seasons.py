"""`/seasons`, `/seasons/{id}` and `/days/{day}`: the numbers, and how each was made."""

from __future__ import annotations

from datetime import date

from starlette.requests import Request
from starlette.responses import Response

from birdwatch.domain.season import earlier_seasons, parse_season, phase_window
from birdwatch.domain.summary import RULE, SeasonSummary, day_items
from birdwatch.storage import counts
from birdwatch.storage.seen_surveys import seen_surveys_of_day
from birdwatch.storage.sites import load_sites
from birdwatch.storage.species import load_species
from birdwatch.storage.windows import load_windows
from birdwatch.web.reading import archive_of, parse_day, reader_of, today_of
from birdwatch.web.render import page
from birdwatch.web.seasonal import (
    audience_values,
    draw_strips,
    known_seasons,
    photo_days,
    require_in_season,
    season_summary,
    sees_exact_counts,
)
from birdwatch.web.strip import OPEN, SMALL, Strip, draw_strip

EARLIER_YEARS = 5


async def list_seasons(request: Request) -> Response:
    """Every season with anything counted, newest first, each with its strip."""
    today = today_of(request)
    known = await known_seasons(request)
    summaries = [await season_summary(request, season) for season in known]
    strips = [draw_strip(one, today=today, frame=SMALL) for one in summaries]
    return page(
        request,
        "seasons.html",
        rows=list(zip(summaries, strips, strict=True)),
        **audience_values(request),
    )


async def show_season(request: Request) -> Response:
    """One season: strip, species, dekads, earlier years and the rule."""
    archive, today = archive_of(request), today_of(request)
    season = request.path_params["id"]
    _, half_year = parse_season(season)
    summary = await season_summary(request, season)
    pictures = await photo_days(request, summary)
    windows = await load_windows(archive.db)
    return page(
        request,
        "season.html",
        summary=summary,
        strips=draw_strips(
            summary, today=today, selected=summary.total.peak_day, pictures=pictures
        ),
        open_frame=OPEN,
        earlier=await earlier_years(request, summary),
        windows=[window for window in windows if window.half_year == half_year],
        window=phase_window(half_year, windows),
        rule=RULE,
        species=await load_species(archive.db),
        photo_count=sum(pictures.values()),
        unreviewed=await counts.waiting(archive.db, season),
        **audience_values(request),
    )


async def show_day(request: Request) -> Response:
    """How the numbers of a day were made: every survey, used or set aside, and why."""
    archive = archive_of(request)
    day = parse_day(request.path_params["day"])
    season = require_in_season(day)
    exact = sees_exact_counts(request)
    daily = await counts.daily_counts(archive.db, day_from=day, day_to=day, exact=exact)
    made = await seen_surveys_of_day(archive.db, day, reader_of(request))
    total, items = day_items(daily)
    return page(
        request,
        "day.html",
        day=day,
        season=season,
        daily=daily,
        total=total,
        items=items,
        surveys={survey.id: survey for survey in made},
        **audience_values(request),
        rule=RULE,
        version=await archive.db.dataset_version(),
        species=await load_species(archive.db),
        sites=await load_sites(archive.db),
    )


async def earlier_years(
    request: Request, summary: SeasonSummary, *, species: str | None = None, site: str | None = None
) -> list[tuple[SeasonSummary, Strip]]:
    """The same half of earlier years, drawn on one scale with this one; latest first."""
    known = earlier_seasons(summary.season, await known_seasons(request))
    before = [
        await season_summary(request, one, species=species, site=site)
        for one in known[:EARLIER_YEARS]
    ]
    scale = max((one.total.peak or 0 for one in (summary, *before)), default=0)
    return [(one, draw_strip(one, today=date.max, frame=SMALL, scale=scale)) for one in before]
