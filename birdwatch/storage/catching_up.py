"""What an archive from before publication had a rule of its own is given when it is first opened.

Its rows come with plain defaults: levels have to be settled, and the counts, which are kept for
two audiences now, made anew.
"""

from __future__ import annotations

from datetime import UTC, datetime

from birdwatch.domain.policy import SYSTEM
from birdwatch.storage import ledger
from birdwatch.storage.counts import recompute_everything
from birdwatch.storage.photos import refresh_photo
from birdwatch.storage.sensitivity import NOUN
from birdwatch.storage.sensitivity_rules import settle_sightings
from birdwatch.storage.transactions import Database, Source, Write

MARK = "publication"


async def catch_up(database: Database) -> None:
    """Settle levels and counts once in the life of an archive; one of today has nothing to do."""
    if await _is_done(database):
        return
    async with database.write(SYSTEM, datetime.now(UTC)) as tx:
        await tx.lock()
        if await _is_done(tx):
            return
        await _settle(tx)
        await tx.run("INSERT INTO archive (name, value) VALUES ($1, 'yes')", MARK)


async def _is_done(db: Source) -> bool:
    return bool(await db.rows("SELECT name FROM archive WHERE name = $1", MARK))


async def _settle(tx: Write) -> None:
    species = await tx.rows("SELECT DISTINCT species FROM sighting WHERE until IS NULL")
    photos = await tx.rows("SELECT id FROM photo_fact WHERE until IS NULL")
    surveys = await tx.rows("SELECT id FROM survey WHERE until IS NULL LIMIT 1")
    if not (species or photos or surveys):
        return
    for row in species:
        await settle_sightings(tx, row["species"])
    for row in photos:
        await refresh_photo(tx, row["id"])
    await recompute_everything(tx)
    await ledger.append(tx, "edit", NOUN, "*", detail={"settled": True})
