"""What tells one archive from every other, also from a new one that takes its place and address."""

from __future__ import annotations

import secrets
from datetime import datetime

from birdwatch.domain.policy import SYSTEM
from birdwatch.storage.transactions import Database

FIND = "SELECT value FROM archive WHERE name = 'id'"
CHOOSE = "INSERT INTO archive (name, value) VALUES ('id', $1) ON CONFLICT (name) DO NOTHING"


async def archive_id(db: Database, now: datetime) -> str:
    """A random name, chosen when first asked for and the same ever after."""
    rows = await db.rows(FIND)
    if not rows:
        async with db.write(SYSTEM, now) as tx:
            await tx.run(CHOOSE, secrets.token_hex(8))
        rows = await db.rows(FIND)
    return str(rows[0]["value"])
