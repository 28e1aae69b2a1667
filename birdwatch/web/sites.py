"""`/sites` and `/sites/{id}`: where the birds are counted."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response

from birdwatch.domain.errors import NotFoundError
from birdwatch.domain.photo import PhotoFilter
from birdwatch.domain.place import Site
from birdwatch.domain.survey import SurveyFilter
from birdwatch.storage import photos
from birdwatch.storage.seen_surveys import seen_surveys
from birdwatch.storage.sites import load_sites
from birdwatch.storage.species import load_species
from birdwatch.web.reading import archive_of, query_text, reader_of
from birdwatch.web.render import page
from birdwatch.web.seasonal import curve_values, season_now, season_summary, sightings_by_photo

PHOTOS_SHOWN = 24
SURVEYS_SHOWN = 12
SKETCH_WIDTH = 600.0
MARGIN = 12.0


@dataclass(frozen=True, slots=True)
class Outline:
    """One site in the sketch of the estuary: the `d` of an SVG path."""

    site: Site
    path: str


@dataclass(frozen=True, slots=True)
class Sketch:
    """The whole drawing and its size."""

    width: float
    height: float
    outlines: tuple[Outline, ...]


async def list_sites(request: Request) -> Response:
    """All count sites with their sketch."""
    archive = archive_of(request)
    sites = await load_sites(archive.db)
    season = await season_now(request)
    counted = [site for site in sites.values() if not site.is_outline]
    rows = [(site, await season_summary(request, season, site=site.id)) for site in counted]
    return page(
        request, "sites.html", rows=rows, sketch=draw_sketch(sites), season=season, sites=sites
    )


async def show_site(request: Request) -> Response:
    """One site: its curve, pictures, birds and surveys."""
    archive = archive_of(request)
    sites = await load_sites(archive.db)
    site = sites.get(request.path_params["id"])
    if site is None:
        raise NotFoundError(
            "site.unknown",
            zh="没有这个地点。全部地点见地点页。",
            en="There is no such site. The sites page lists them all.",
        )
    season = query_text(request, "season") or await season_now(request)
    summary = await season_summary(request, season, site=site.id)
    shown = await photos.list_photos(
        archive.db,
        PhotoFilter(site=site.id),
        reader=reader_of(request),
        limit=PHOTOS_SHOWN,
        cursor=None,
    )
    visits = await seen_surveys(
        archive.db, SurveyFilter(site=site.id), reader_of(request), limit=SURVEYS_SHOWN
    )
    return page(
        request,
        "site.html",
        site=site,
        sketch=draw_sketch(sites),
        **await curve_values(request, summary),
        shown=shown.items,
        sightings=await sightings_by_photo(request, shown.items),
        visits=visits.items,
        species=await load_species(archive.db),
        sites=sites,
    )


def draw_sketch(sites: Mapping[str, Site]) -> Sketch:
    """The polygons as a plain drawing, north up, the outline first. Empty without geometry."""
    rings = {site.id: list(_rings(site)) for site in sites.values()}
    points = [point for several in rings.values() for ring in several for point in ring]
    if not points:
        return Sketch(0, 0, ())
    west, east = min(x for x, _ in points), max(x for x, _ in points)
    south, north = min(y for _, y in points), max(y for _, y in points)
    squeeze = math.cos(math.radians((south + north) / 2))
    scale = SKETCH_WIDTH / max((east - west) * squeeze, 1e-9)

    def place(x: float, y: float) -> str:
        return f"{(x - west) * squeeze * scale + MARGIN:.1f} {(north - y) * scale + MARGIN:.1f}"

    ordered = sorted(sites.values(), key=lambda site: not site.is_outline)
    outlines = tuple(
        Outline(
            site, "".join("M" + "L".join(place(*p) for p in ring) + "Z" for ring in rings[site.id])
        )
        for site in ordered
        if rings[site.id]
    )
    height = (north - south) * scale + 2 * MARGIN
    return Sketch(round(SKETCH_WIDTH + 2 * MARGIN), round(height), outlines)


def _rings(site: Site) -> Iterable[list[tuple[float, float]]]:
    """The outer ring of every polygon of a site, as (lon, lat)."""
    geometry = site.geometry or {}
    coordinates = geometry.get("coordinates")
    if not isinstance(coordinates, list | tuple):
        return
    polygons = [coordinates] if geometry.get("type") == "Polygon" else coordinates
    for polygon in polygons:
        yield [(float(x), float(y)) for x, y, *_ in polygon[0]]
