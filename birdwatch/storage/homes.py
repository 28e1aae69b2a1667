"""Database and folder belong together: each names the other, so a missing disk is noticed."""

from __future__ import annotations

import anyio.to_thread

from birdwatch.domain.policy import SYSTEM
from birdwatch.storage.blobs.files import FileBlobs
from birdwatch.storage.columns import EPOCH
from birdwatch.storage.transactions import Database

HOME = "SELECT value FROM archive WHERE name = 'home'"


async def settle_home(db: Database, blobs: FileBlobs) -> None:
    """Hold the folder to the one on record; a new archive puts it on record.

    Raises UnavailableError where the folder that was in use is not the one that is here.
    """
    rows = await db.rows(HOME)
    if rows:
        await anyio.to_thread.run_sync(blobs.settle, rows[0]["value"])
        return
    async with db.write(SYSTEM, EPOCH) as tx:
        rows = await tx.rows(HOME)
        known = rows[0]["value"] if rows else None
        name = await anyio.to_thread.run_sync(blobs.settle, known)
        if not rows:
            await tx.run("INSERT INTO archive (name, value) VALUES ('home', $1)", name)
