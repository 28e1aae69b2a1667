"""`/gallery`: every picture, narrowed by day, species, site, phase and photographer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from itertools import groupby

from starlette.requests import Request
from starlette.responses import Response

from birdwatch.domain.photo import Photo, PhotoFilter
from birdwatch.domain.season import season_of
from birdwatch.domain.species import SpeciesIndex
from birdwatch.storage import photos
from birdwatch.storage.sites import load_sites
from birdwatch.storage.species import load_species
from birdwatch.web.bursts import fold_bursts
from birdwatch.web.reading import (
    archive_of,
    query_day,
    query_phase,
    query_text,
    reader_of,
    today_of,
)
from birdwatch.web.render import page
from birdwatch.web.seasonal import (
    draw_strips,
    known_seasons,
    photo_days,
    season_now,
    season_summary,
    sightings_by_photo,
)

PAGE_SIZE = 48
FULL_DAY = 3  # pictures that fill a row of their own
FULL_GROUP = 9  # pictures after which sparse days start a new heading
FILTERS = ("day", "species", "site", "season", "phase", "photographer")


@dataclass(frozen=True, slots=True)
class PhotoGroup:
    """Pictures under one heading: a day, or several sparse days in a row; None: time unknown."""

    first: date | None  # the latest day, as the page runs backwards
    last: date | None
    photos: tuple[Photo, ...]


async def show_gallery(request: Request) -> Response:
    """A page of pictures, newest first, under the strip of their season."""
    archive, today = archive_of(request), today_of(request)
    species = await load_species(archive.db)
    asked = query_text(request, "species")
    where = _filter(request, species)
    is_unknown = asked is not None and where.species is None
    shown = await photos.list_photos(
        archive.db,
        where,
        reader=reader_of(request),
        limit=PAGE_SIZE,
        cursor=query_text(request, "cursor"),
    )
    items = () if is_unknown else shown.items
    sightings = await sightings_by_photo(request, items)
    events = await fold_bursts(request, items, sightings)
    season = where.season or (where.day and season_of(where.day)) or await season_now(request)
    summary = await season_summary(request, season, species=where.species, site=where.site)
    strips = draw_strips(
        summary, today=today, selected=where.day, pictures=await photo_days(request, summary)
    )
    return page(
        request,
        "gallery.html",
        groups=group_by_day(events.shown),
        frames=events.frames,
        next_cursor=None if is_unknown else shown.next,
        values={name: query_text(request, name) for name in FILTERS},
        near=species.near(asked) if asked and is_unknown else (),
        summary=summary,
        strips=strips,
        sightings=sightings,
        species=species,
        sites=await load_sites(archive.db),
        seasons=await known_seasons(request),
        photographers=await photos.photographers(archive.db, reader=reader_of(request)),
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


def group_by_day(shown: Sequence[Photo]) -> tuple[PhotoGroup, ...]:
    """Photos of a day together; days of one or two pictures in a row share a group."""
    groups: list[list[Photo]] = []
    for _, members in groupby(shown, key=lambda photo: photo.facts.day):
        day = list(members)
        if groups and _may_share(groups[-1], day):
            groups[-1].extend(day)
        else:
            groups.append(day)
    return tuple(PhotoGroup(one[0].facts.day, one[-1].facts.day, tuple(one)) for one in groups)


def _may_share(group: Sequence[Photo], day: Sequence[Photo]) -> bool:
    latest = group[0].facts
    alone = [photo for photo in group if photo.facts.day == group[-1].facts.day]
    return (
        len(group) < FULL_GROUP
        and len(day) < FULL_DAY
        and len(alone) < FULL_DAY
        and latest.day is not None
        and day[0].facts.day is not None
        and latest.season == day[0].facts.season
    )
