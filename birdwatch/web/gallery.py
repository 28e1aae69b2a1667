"""`/gallery`: every picture, narrowed by day, species, site, phase and photographer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from starlette.requests import Request
from starlette.responses import Response

from birdwatch.domain.photo import Photo, PhotoFilter
from birdwatch.domain.season import season_of
from birdwatch.domain.species import SpeciesIndex
from birdwatch.storage import counts, photos
from birdwatch.storage.sites import load_sites
from birdwatch.storage.species import load_species
from birdwatch.web.reading import archive_of, query_day, query_phase, query_text, today_of
from birdwatch.web.render import page
from birdwatch.web.seasonal import (
    draw_strips,
    photo_days,
    season_now,
    season_summary,
    sightings_by_photo,
)

PAGE_SIZE = 48
FILTERS = ("day", "species", "site", "season", "phase", "photographer")


@dataclass(frozen=True, slots=True)
class DayOfPhotos:
    """Pictures of one day in the order of the page; `day` None where the time is unknown."""

    day: date | None
    photos: tuple[Photo, ...]


async def show_gallery(request: Request) -> Response:
    """A page of pictures, newest first, under the strip of their season."""
    archive, today = archive_of(request), today_of(request)
    species = await load_species(archive.db)
    asked = query_text(request, "species")
    where = _filter(request, species)
    is_unknown = asked is not None and where.species is None
    shown = await photos.list_photos(
        archive.db, where, limit=PAGE_SIZE, cursor=query_text(request, "cursor")
    )
    items = () if is_unknown else shown.items
    season = (
        where.season or (where.day and season_of(where.day)) or await season_now(archive, today)
    )
    summary = await season_summary(archive, season, species=where.species, site=where.site)
    strips = draw_strips(
        summary, today=today, selected=where.day, pictures=await photo_days(archive, summary)
    )
    return page(
        request,
        "gallery.html",
        groups=group_by_day(items),
        next_cursor=None if is_unknown else shown.next,
        values={name: query_text(request, name) for name in FILTERS},
        near=species.near(asked) if asked and is_unknown else (),
        summary=summary,
        strips=strips,
        sightings=await sightings_by_photo(archive, items),
        species=species,
        sites=await load_sites(archive.db),
        seasons=sorted(await counts.seasons(archive.db), reverse=True),
        photographers=await photos.photographers(archive.db),
        is_filtered=any(query_text(request, name) for name in FILTERS),
    )


def _filter(request: Request, species: SpeciesIndex) -> PhotoFilter:
    name = query_text(request, "species")
    found = species.find(name) if name else None
    return PhotoFilter(
        day=query_day(request),
        species=found.code if found else None,
        site=query_text(request, "site"),
        season=query_text(request, "season"),
        phase=query_phase(request),
        photographer=query_text(request, "photographer"),
    )


def group_by_day(shown: Sequence[Photo]) -> tuple[DayOfPhotos, ...]:
    """Consecutive photos of the same local day together."""
    groups: list[tuple[date | None, list[Photo]]] = []
    for photo in shown:
        if not groups or groups[-1][0] != photo.facts.day:
            groups.append((photo.facts.day, []))
        groups[-1][1].append(photo)
    return tuple(DayOfPhotos(day, tuple(group)) for day, group in groups)
