"""The count sites: small, kept in memory; photos are placed anew when a polygon changes."""

from __future__ import annotations

from collections.abc import Iterable

from birdwatch.domain.place import Point, Site, is_outside, site_at
from birdwatch.domain.text import Text
from birdwatch.storage import ledger, models
from birdwatch.storage.columns import from_json, to_json
from birdwatch.storage.transactions import Source, Write, keep

BATCH = 5_000


async def load_sites(db: Source) -> dict[str, Site]:
    """All sites by id, in their order."""
    return await keep(db, "site", _load)


async def put_sites(tx: Write, sites: Iterable[Site]) -> int:
    """Add these sites, or replace those of the same id, and place every photo anew; how many."""
    rows = {site.id: site for site in sites}
    await ledger.append(tx, "import", "site", "*", detail={"rows": len(rows)})
    known = list((await _load(tx)).keys())
    order = {site_id: sort for sort, site_id in enumerate(dict.fromkeys([*known, *rows]))}
    await models.Site.filter(id__in=list(rows)).using_db(tx.client).delete()
    await models.Site.bulk_create(
        [_to_model(site, order[site.id]) for site in rows.values()], using_db=tx.client
    )
    await _place_photos(tx)
    return len(rows)


async def _place_photos(tx: Write) -> None:
    """The site of a photo is derived from its position, so open rows follow the polygons."""
    sites = await _load(tx)
    last = ""
    while True:
        rows = await tx.rows(
            "SELECT id, lat, lon, site, is_outside FROM photo_fact"
            " WHERE until IS NULL AND id > $1 AND lat IS NOT NULL ORDER BY id LIMIT $2",
            last,
            BATCH,
        )
        if not rows:
            return
        moved = []
        for row in rows:
            point = Point(row["lat"], row["lon"])
            place = (site_at(point, sites), is_outside(point, sites))
            if place != (row["site"], bool(row["is_outside"])):
                moved.append((*place, row["id"]))
        await tx.run_many(
            "UPDATE photo_fact SET site = $1, is_outside = $2 WHERE id = $3 AND until IS NULL",
            moved,
        )
        last = rows[-1]["id"]


async def _load(db: Source) -> dict[str, Site]:
    with db.database.activate():
        rows = await models.Site.all().using_db(db.client).order_by("sort", "id")
    return {row.id: _from_model(row) for row in rows}


def _to_model(site: Site, sort: int) -> models.Site:
    return models.Site(
        id=site.id,
        name_zh=site.name.zh,
        name_en=site.name.en,
        geometry=None if site.geometry is None else to_json(site.geometry),
        is_outline=site.is_outline,
        is_approximate=site.is_approximate,
        source=site.source,
        sort=sort,
    )


def _from_model(row: models.Site) -> Site:
    return Site(
        id=row.id,
        name=Text(row.name_zh, row.name_en),
        geometry=from_json(row.geometry),
        is_outline=row.is_outline,
        is_approximate=row.is_approximate,
        source=row.source,
    )
