"""The rows of uploads that arrive in pieces. Their bytes are files: see `blobs/parts.py`."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from birdwatch.domain.errors import BirdwatchError
from birdwatch.domain.paging import Page, decode_cursor, encode_cursor
from birdwatch.domain.policy import SYSTEM
from birdwatch.domain.quota import Uploads
from birdwatch.domain.text import Text
from birdwatch.domain.upload import Upload
from birdwatch.storage.columns import Row, from_instant, from_json, to_instant, to_json
from birdwatch.storage.sql import marks
from birdwatch.storage.transactions import Database, Source, Write

INSERT = """
    INSERT INTO upload (id, owner_id, state, kind, length, metadata, parts, created_at, expires_at)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)"""
OPEN_OF = """
    SELECT * FROM upload WHERE state = 'open' AND owner_id = $1
        AND (created_at > $2 OR (created_at = $3 AND id > $4))
    ORDER BY created_at, id LIMIT $5"""
UNDER_WAY = """
    SELECT COUNT(*) AS files, COALESCE(SUM(COALESCE(length, $1)), 0) AS bytes
    FROM upload WHERE state = 'open' AND owner_id = $2"""
OWN_PHOTOS = """
    SELECT p.sha256, p.id, p.size_bytes FROM photo p
    JOIN photo_fact f ON f.id = p.id AND f.until IS NULL
    WHERE p.owner_id = $1 AND p.sha256 IN ({marks})"""


async def insert_upload(tx: Write, upload: Upload) -> None:
    """Put down a new upload."""
    await tx.run(
        INSERT,
        upload.id,
        upload.owner_id,
        upload.state,
        upload.kind,
        upload.length,
        to_json(upload.metadata),
        to_json(upload.parts),
        to_instant(upload.created_at),
        to_instant(upload.expires_at),
    )


async def find_upload(db: Source, upload_id: str) -> Upload | None:
    """The upload with this id, whatever became of it."""
    rows = await db.rows("SELECT * FROM upload WHERE id = $1", upload_id)
    return _upload_of(rows[0]) if rows else None


async def list_open_uploads(
    db: Source, owner_id: str, *, limit: int, cursor: str | None = None
) -> Page[Upload]:
    """A page of what this person has begun and not finished, oldest first."""
    after, last_id = decode_cursor(cursor, int, str) if cursor else (-1, "")
    rows = await db.rows(OPEN_OF, owner_id, after, after, last_id, limit + 1)
    items = tuple(_upload_of(row) for row in rows[:limit])
    more = encode_cursor(rows[limit - 1]["created_at"], items[-1].id) if len(rows) > limit else None
    return Page(items, more)


async def under_way(db: Source, owner_id: str, unknown_bytes: int) -> Uploads:
    """How much this person has begun; a length not known yet counts as `unknown_bytes`."""
    rows = await db.rows(UNDER_WAY, unknown_bytes, owner_id)
    return Uploads(files=int(rows[0]["files"]), bytes=int(rows[0]["bytes"]))


async def set_length(db: Database, upload_id: str, length: int, now: datetime) -> None:
    """The length that was not known at the beginning."""
    async with db.write(SYSTEM, now) as tx:
        await tx.run(
            "UPDATE upload SET length = $1 WHERE id = $2 AND length IS NULL", length, upload_id
        )


async def keep_longer(db: Database, upload_id: str, until: datetime, now: datetime) -> None:
    """Its sender is alive: it ends later."""
    async with db.write(SYSTEM, now) as tx:
        await tx.run(
            "UPDATE upload SET expires_at = $1 WHERE id = $2", to_instant(until), upload_id
        )


async def mark_done(
    db: Database, upload_id: str, photo_id: str, *, is_duplicate: bool, now: datetime
) -> None:
    """It became this photo, which was there before."""
    async with db.write(SYSTEM, now) as tx:
        await note_done(tx, upload_id, photo_id, is_duplicate=is_duplicate)


async def note_done(tx: Write, upload_id: str, photo_id: str, *, is_duplicate: bool) -> None:
    """It becomes this photo, with the photo's own rows: no crash can come between."""
    await tx.run(
        "UPDATE upload SET state = 'done', photo_id = $1, is_duplicate = $2 WHERE id = $3",
        photo_id,
        is_duplicate,
        upload_id,
    )


async def mark_refused(db: Database, upload_id: str, error: BirdwatchError, now: datetime) -> None:
    """It is no photo, for this reason, and never will be."""
    first = error.errors[0].message if error.errors else error.text
    async with db.write(SYSTEM, now) as tx:
        await tx.run(
            "UPDATE upload SET state = 'refused', error_code = $1, error_zh = $2, error_en = $3"
            " WHERE id = $4",
            error.code,
            first.zh,
            first.en,
            upload_id,
        )


async def delete_upload(tx: Write, upload_id: str) -> None:
    """Forget it."""
    await tx.run("DELETE FROM upload WHERE id = $1", upload_id)


async def expired_uploads(db: Source, now: datetime, limit: int) -> list[Upload]:
    """Some of those whose time is over, the oldest first."""
    rows = await db.rows(
        "SELECT * FROM upload WHERE expires_at <= $1 ORDER BY expires_at, id LIMIT $2",
        to_instant(now),
        limit,
    )
    return [_upload_of(row) for row in rows]


async def known_uploads(db: Source, ids: Sequence[str]) -> set[str]:
    """Those of these ids that are uploads with bytes to come or to take in."""
    if not ids:
        return set()
    rows = await db.rows(
        f"SELECT id FROM upload WHERE state = 'open' AND id IN ({marks(len(ids))})", *ids
    )
    return {row["id"] for row in rows}


async def own_photos(
    db: Source, owner_id: str, hashes: Sequence[str]
) -> dict[str, tuple[str, int]]:
    """Of these hashes those of photos of this person, with id and size. Never of others."""
    if not hashes:
        return {}
    # The first mark is the owner's.
    numbered = ", ".join(f"${place}" for place in range(2, len(hashes) + 2))
    rows = await db.rows(OWN_PHOTOS.format(marks=numbered), owner_id, *hashes)
    return {row["sha256"]: (row["id"], row["size_bytes"]) for row in rows}


def _upload_of(row: Row) -> Upload:
    return Upload(
        id=row["id"],
        owner_id=row["owner_id"],
        state=row["state"],
        kind=row["kind"],
        length=row["length"],
        metadata=tuple((key, value) for key, value in from_json(row["metadata"])),
        parts=tuple(from_json(row["parts"])),
        created_at=from_instant(row["created_at"]),
        expires_at=from_instant(row["expires_at"]),
        photo_id=row["photo_id"],
        is_duplicate=bool(row["is_duplicate"]),
        error_code=row["error_code"],
        error=Text(row["error_zh"], row["error_en"]),
    )
