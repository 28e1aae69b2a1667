"""Database and folder belong together: each names the other, so a missing disk is noticed."""

from __future__ import annotations

from birdwatch.storage.blobs.files import FileBlobs
from birdwatch.storage.transactions import Database, Write


async def settle_home(db: Database, blobs: FileBlobs, tx: Write) -> None:
    """Hold the folder to the one on record, or put it on record when the archive is new.

    Raises UnavailableError where the folder that was in use is not the one that is here.
    """
    rows = await tx.rows("SELECT value FROM archive WHERE name = 'home'")
    name = blobs.settle(rows[0]["value"] if rows else None)
    if not rows:
        await tx.run("INSERT INTO archive (name, value) VALUES ('home', $1)", name)
