"""The pictures made of a photo, as its row lists them: the first ones, and those that come after."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict

from birdwatch.domain.photo import Rendition
from birdwatch.storage import ledger
from birdwatch.storage.columns import from_json, to_json
from birdwatch.storage.transactions import Write


async def add_renditions(tx: Write, photo_id: str, renditions: Sequence[Rendition]) -> None:
    """More pictures of a photo that has some; one of the same size takes the other's place."""
    await ledger.append(tx, "edit", "photo", photo_id, detail={"state": "ready"})
    rows = await tx.rows("SELECT renditions FROM photo WHERE id = $1", photo_id)
    kept = {one["key"]: one for row in rows for one in from_json(row["renditions"])}
    kept |= {one.key: asdict(one) for one in renditions}
    await tx.run(
        "UPDATE photo SET renditions = $1 WHERE id = $2",
        to_json(sorted(kept.values(), key=lambda one: int(one["key"]))),
        photo_id,
    )
