"""Proposed names of photos, from the proposal to what became of it.

Every open one counts for the photo's level, so each change of them derives the photo's level and
public values anew, in the same transaction.
"""

from __future__ import annotations

from collections.abc import Sequence

from birdwatch.domain.identification import Identification, Outcome
from birdwatch.domain.ids import new_id
from birdwatch.storage import ledger
from birdwatch.storage.columns import Row, clean, from_instant, to_instant
from birdwatch.storage.photos import refresh_photo
from birdwatch.storage.sql import insert, marks
from birdwatch.storage.transactions import Source, Write

INSERT = insert(
    "identification",
    ("id", "photo_id", "species", "note", "person_id", "person_name", "at", "since", "until"),
)


async def open_identifications(
    db: Source, photo_ids: Sequence[str]
) -> dict[str, list[Identification]]:
    """The proposals that wait, by photo, the oldest first; photos without any are left out."""
    return await _by_photo(db, photo_ids, "AND until IS NULL")


async def identifications_of(db: Source, photo_id: str) -> list[Identification]:
    """Every proposal that was ever made for this photo, the oldest first."""
    return (await _by_photo(db, [photo_id], "")).get(photo_id, [])


async def find_identification(db: Source, identification_id: str) -> Identification | None:
    """The proposal, open or closed, or None."""
    rows = await db.rows("SELECT * FROM identification WHERE id = $1", identification_id)
    return _identification_of(rows[0]) if rows else None


async def add_identification(
    tx: Write, photo_id: str, species: str, note: str = ""
) -> Identification:
    """Record what the writer of this transaction proposes."""
    made = new_id(tx.now)
    version = await ledger.append(
        tx, "identify", "photo", photo_id, detail={"identification": made, "outcome": "proposed"}
    )
    actor = tx.actor
    await tx.run(
        INSERT, made, photo_id, species, clean(note), actor.person_id, clean(actor.name),
        to_instant(tx.now), version, None,
    )  # fmt: skip
    await refresh_photo(tx, photo_id)
    return Identification(
        made, photo_id, species, clean(note), actor.person_id, clean(actor.name), tx.now, version
    )


async def close_identification(tx: Write, known: Identification, outcome: Outcome) -> None:
    """The proposal is accepted or dismissed; it stays as history. Closed ones stay as they are."""
    if known.until is not None:
        return
    version = await ledger.append(
        tx, "identify", "photo", known.photo_id,
        detail={"identification": known.id, "outcome": outcome},
    )  # fmt: skip
    await tx.run(
        "UPDATE identification SET until = $1 WHERE id = $2 AND until IS NULL", version, known.id
    )
    await refresh_photo(tx, known.photo_id)


async def _by_photo(
    db: Source, photo_ids: Sequence[str], condition: str
) -> dict[str, list[Identification]]:
    if not photo_ids:
        return {}
    rows = await db.rows(
        f"SELECT * FROM identification WHERE photo_id IN ({marks(len(photo_ids))}) {condition}"
        " ORDER BY since",
        *photo_ids,
    )
    found: dict[str, list[Identification]] = {}
    for row in rows:
        found.setdefault(row["photo_id"], []).append(_identification_of(row))
    return found


def _identification_of(row: Row) -> Identification:
    return Identification(
        id=row["id"],
        photo_id=row["photo_id"],
        species=row["species"],
        note=row["note"],
        person_id=row["person_id"],
        person_name=row["person_name"],
        at=from_instant(row["at"]),
        since=row["since"],
        until=row["until"],
    )
