"""`/species` and `/species/{code}`: the birds of the archive, each with its curve and pictures."""

from __future__ import annotations

from collections.abc import Iterable

from starlette.requests import Request
from starlette.responses import Response

from birdwatch.domain.errors import NotFoundError
from birdwatch.domain.photo import PhotoFilter
from birdwatch.domain.species import Species
from birdwatch.storage import photos
from birdwatch.storage.sites import load_sites
from birdwatch.storage.species import load_species
from birdwatch.web.reading import archive_of, query_text, reader_of
from birdwatch.web.render import page
from birdwatch.web.seasonal import (
    curve_values,
    season_now,
    season_summary,
    sightings_by_photo,
    summaries_by_species,
)
from birdwatch.web.seasons import earlier_years

PHOTOS_SHOWN = 24
SUGGESTIONS = 200


async def list_species(request: Request) -> Response:
    """The taxonomy by family, or what fits a name."""
    archive = archive_of(request)
    index = await load_species(archive.db)
    asked = query_text(request, "q")
    season = await season_now(request)
    rows = index.suggest(asked, SUGGESTIONS) if asked else tuple(index)
    return page(
        request,
        "species_list.html",
        families=_families(rows) if not asked else [(None, rows)],
        rows=rows,
        asked=asked or "",
        near=index.near(asked) if asked and not rows else (),
        season=season,
        by_species=summaries_by_species(await season_summary(request, season)),
        species=index,
    )


def _families(rows: Iterable[Species]) -> list[tuple[Species | None, tuple[Species, ...]]]:
    """The rows by family, in the order of the table; the first row names the family."""
    groups: dict[str, list[Species]] = {}
    for row in rows:
        groups.setdefault(row.family, []).append(row)
    return [(group[0] if family else None, tuple(group)) for family, group in groups.items()]


async def show_species(request: Request) -> Response:
    """One species: its curve, earlier years and pictures."""
    archive = archive_of(request)
    index = await load_species(archive.db)
    one = index.get(request.path_params["code"])
    if one is None:
        raise NotFoundError(
            "species.unknown",
            zh="名录里没有这个物种代码。请在物种页按名称查找。",
            en="The taxonomy has no species of this code. Look for its name on the species page.",
        )
    season = query_text(request, "season") or await season_now(request)
    summary = await season_summary(request, season, species=one.code)
    shown = await photos.list_photos(
        archive.db,
        PhotoFilter(species=one.code),
        reader=reader_of(request),
        limit=PHOTOS_SHOWN,
        cursor=None,
    )
    return page(
        request,
        "species.html",
        one=one,
        **await curve_values(request, summary),
        earlier=await earlier_years(request, summary, species=one.code),
        shown=shown.items,
        sightings=await sightings_by_photo(request, shown.items),
        species=index,
        sites=await load_sites(archive.db),
    )
