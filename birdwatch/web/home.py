"""`/`: the season now, its strongest picture, its strip, and one day of it."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from birdwatch.storage.sites import load_sites
from birdwatch.storage.species import load_species
from birdwatch.web.reading import archive_of, query_day, today_of
from birdwatch.web.render import page
from birdwatch.web.seasonal import (
    day_to_show,
    day_view,
    draw_strips,
    photo_days,
    require_in_season,
    season_now,
    season_summary,
    sightings_by_photo,
    strongest_photo,
    summaries_by_species,
)
from birdwatch.web.strip import OPEN


async def show_home(request: Request) -> Response:
    """The season that runs, or the last one, and the chosen day."""
    archive, today = archive_of(request), today_of(request)
    asked = query_day(request)
    season = require_in_season(asked) if asked else await season_now(request)
    summary = await season_summary(request, season)
    selected = asked or day_to_show(summary, today)
    strips = draw_strips(
        summary, today=today, selected=selected, pictures=await photo_days(request, summary)
    )
    hero = await strongest_photo(request, summary)
    return page(
        request,
        "home.html",
        summary=summary,
        strips=strips,
        open_frame=OPEN,
        hero=hero,
        hero_sighting=(await sightings_by_photo(request, [hero])).get(hero.id) if hero else None,
        view=await day_view(request, selected, strips.wide),
        by_species=summaries_by_species(summary),
        species=await load_species(archive.db),
        sites=await load_sites(archive.db),
    )
