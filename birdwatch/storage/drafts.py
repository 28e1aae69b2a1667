"""Drafts: photos received and seen by their owner, sent to nobody yet; and the numbers kept for them.

A draft is a photo whose status is `draft`. Its number waits in a table of its own, outside the
ledger, because nothing that is counted may rest on it before it is published.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from birdwatch.domain.paging import Page, decode_cursor, encode_cursor
from birdwatch.domain.photo import Photo
from birdwatch.domain.sighting import Method
from birdwatch.storage.columns import Row, clean
from birdwatch.storage.photos import JOINED, SELECT, photos_in
from birdwatch.storage.sql import Where, marks
from birdwatch.storage.transactions import Source, Write

DRAFTS_OF = "f.status = 'draft' AND f.owner_id = {}"


@dataclass(frozen=True, slots=True)
class DraftNumber:
    """How many birds its owner says a draft shows, checked; `method` as in surveys."""

    low: int | None
    best: int | None
    high: int | None
    method: Method
    note: str = ""


async def list_drafts(
    db: Source, owner_id: str, *, limit: int, cursor: str | None = None
) -> Page[Photo]:
    """One page of a person's own drafts, by the time they were taken, earliest first.

    Raises MalformedError for a bad cursor.
    """
    where = Where()
    where.add(DRAFTS_OF, owner_id)
    if cursor is not None:
        sort_key, photo_id = decode_cursor(cursor, int, str)
        where.after(("f.sort_key", "f.id"), (sort_key or 0, photo_id or ""), falls=False)
    rows = await db.rows(
        f"{SELECT} WHERE {JOINED} AND {where.sql} ORDER BY f.sort_key, f.id"
        f" LIMIT {where.value(limit + 1)}",
        *where.values,
    )
    photos = tuple(await photos_in(db, rows[:limit]))
    if len(rows) <= limit:
        return Page(photos)
    last = rows[limit - 1]
    return Page(photos, encode_cursor(last["sort_key"], last["id"]))


async def count_drafts(db: Source, owner_id: str) -> int:
    """How many drafts this person has."""
    rows = await db.rows(
        "SELECT COUNT(*) AS drafts FROM photo_fact f WHERE f.until IS NULL AND"
        f" {DRAFTS_OF.format('$1')}",
        owner_id,
    )
    return int(rows[0]["drafts"])


async def find_numbers(db: Source, photo_ids: Sequence[str]) -> dict[str, DraftNumber]:
    """The numbers kept for these drafts."""
    if not photo_ids:
        return {}
    rows = await db.rows(
        f"SELECT * FROM draft_number WHERE photo_id IN ({marks(len(photo_ids))})", *photo_ids
    )
    return {row["photo_id"]: _number_of(row) for row in rows}


async def keep_number(tx: Write, photo_id: str, number: DraftNumber | None) -> None:
    """Keep this number for the draft in place of the one before; None: no number."""
    await tx.run("DELETE FROM draft_number WHERE photo_id = $1", photo_id)
    if number is None:
        return
    await tx.run(
        "INSERT INTO draft_number (photo_id, low, best, high, method, note)"
        " VALUES ($1, $2, $3, $4, $5, $6)",
        photo_id,
        number.low,
        number.best,
        number.high,
        number.method,
        clean(number.note),
    )


def _number_of(row: Row) -> DraftNumber:
    return DraftNumber(row["low"], row["best"], row["high"], row["method"], row["note"])
