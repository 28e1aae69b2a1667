"""The count sites of the estuary, with their outlines as GeoJSON."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from birdwatch.api import contract
from birdwatch.api.answers import send_list, send_one
from birdwatch.api.query import read_query
from birdwatch.domain.errors import NotFoundError
from birdwatch.domain.place import Site
from birdwatch.storage.db import Database
from birdwatch.storage.sites import load_sites


async def list_sites(request: Request) -> Response:
    """All sites."""
    query = read_query(request, contract.Query)
    db: Database = request.app.state.archive.db

    async def make(_version: int) -> contract.Sites:
        return contract.Sites([_dump(site) for site in (await load_sites(db)).values()], None)

    return await send_list(request, query, contract.Site, make)


async def get_site(request: Request) -> Response:
    """One site."""
    query = read_query(request, contract.Query)
    db: Database = request.app.state.archive.db

    async def make(_version: int) -> contract.Site:
        site = (await load_sites(db)).get(request.path_params["id"])
        if site is None:
            raise NotFoundError(
                "site.not_found",
                zh="没有这个编号的地点。见 /api/v1/sites。",
                en="There is no site of this identifier. See /api/v1/sites.",
            )
        return _dump(site)

    return await send_one(request, query, contract.Site, make)


def _dump(site: Site) -> contract.Site:
    return contract.Site(
        id=site.id,
        name=contract.Text(site.name.zh, site.name.en),
        geometry=site.geometry,
        is_outline=site.is_outline,
        is_approximate=site.is_approximate,
        source=site.source,
    )
