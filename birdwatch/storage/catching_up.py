"""What an archive of an earlier time is given when it is first opened.

From before publication had a rule of its own, rows come with plain defaults: levels have to be
settled, and the counts, which are kept for two audiences now, made anew. From before clocks were
calibrated, photos do not tell yet what their camera's clock said.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime

from birdwatch.domain.policy import SYSTEM
from birdwatch.storage import ledger
from birdwatch.storage.clocks import fill_clocks
from birdwatch.storage.counts import recompute_everything
from birdwatch.storage.photos import refresh_photo
from birdwatch.storage.sensitivity import NOUN
from birdwatch.storage.sensitivity_rules import settle_sightings
from birdwatch.storage.transactions import Database, Source, Write

PUBLICATION, CLOCKS = "publication", "clocks"


async def catch_up(database: Database) -> None:
    """Each step once in the life of an archive; one of today has nothing to do."""
    for mark, settle in STEPS.items():
        if not await _is_done(database, mark):
            await _take(database, mark, settle)


async def _take(database: Database, mark: str, settle: Callable[[Write], Awaitable[None]]) -> None:
    async with database.write(SYSTEM, datetime.now(UTC)) as tx:
        await tx.lock()
        if await _is_done(tx, mark):
            return
        await settle(tx)
        await tx.run("INSERT INTO archive (name, value) VALUES ($1, 'yes')", mark)


async def _is_done(db: Source, mark: str) -> bool:
    return bool(await db.rows("SELECT name FROM archive WHERE name = $1", mark))


async def _settle_levels(tx: Write) -> None:
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


async def _read_clocks(tx: Write) -> None:
    await fill_clocks(tx)


STEPS = {PUBLICATION: _settle_levels, CLOCKS: _read_clocks}
