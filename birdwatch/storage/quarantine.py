"""What was set aside, and why. The bytes lie in blobs/quarantine.py; a row speaks of them."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from birdwatch.domain.ids import new_id
from birdwatch.domain.paging import Page, decode_cursor, encode_cursor
from birdwatch.domain.quarantine import Quarantined
from birdwatch.domain.text import Text
from birdwatch.storage.columns import Row, clean, from_instant, text_of, to_instant
from birdwatch.storage.transactions import Source, Write

ADD = """
    INSERT INTO quarantine (id, sha256, size_bytes, owner_id, photo_id, file_name, words,
        reason_zh, reason_en, deaths, first_at, last_at)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
    ON CONFLICT (sha256, owner_id, photo_id) DO UPDATE SET words = excluded.words,
        file_name = excluded.file_name, reason_zh = excluded.reason_zh,
        reason_en = excluded.reason_en, deaths = quarantine.deaths + excluded.deaths,
        last_at = excluded.last_at, retry_until = 0
    RETURNING id"""
SELECT = """
    SELECT q.*, person.name_zh, person.name_en, person.login FROM quarantine q
    LEFT JOIN person ON person.id = q.owner_id"""


async def add_quarantined(
    tx: Write,
    *,
    sha256: str,
    size: int,
    owner_id: str | None,
    photo_id: str | None = None,
    file_name: str = "",
    words: str = "",
    reason: Text,
    deaths: int,
) -> str:
    """Write down a file that was set aside, or that it failed again; its id."""
    moment = to_instant(tx.now)
    rows = await tx.rows(
        ADD, new_id(tx.now), sha256, size, owner_id or "", photo_id or "", clean(file_name),
        clean(words), reason.zh, reason.en, deaths, moment, moment,
    )  # fmt: skip
    return str(rows[0]["id"])


async def find_quarantined(db: Source, quarantined_id: str) -> Quarantined | None:
    """One of them."""
    rows = await db.rows(f"{SELECT} WHERE q.id = $1", quarantined_id)
    return _from_row(rows[0]) if rows else None


async def held_for(
    db: Source, sha256: str, owner_id: str | None, now: datetime
) -> Quarantined | None:
    """The file of this sender that is set aside; None also while it is being tried again."""
    rows = await db.rows(
        f"{SELECT} WHERE q.sha256 = $1 AND q.owner_id = $2 AND q.photo_id = ''"
        " AND q.retry_until <= $3",
        sha256,
        owner_id or "",
        to_instant(now),
    )
    return _from_row(rows[0]) if rows else None


async def list_quarantined(
    db: Source, limit: int, cursor: str | None = None, *, owner_id: str | None = None
) -> Page[Quarantined]:
    """A page of them, the last first; `owner_id`: of one person."""
    values: list[str | int] = []
    where = []
    if owner_id is not None:
        values.append(owner_id)
        where.append(f"q.owner_id = ${len(values)}")
    if cursor:
        values.append(str(decode_cursor(cursor, str)[0] or ""))
        where.append(f"q.id < ${len(values)}")
    only = f" WHERE {' AND '.join(where)}" if where else ""
    values.append(limit + 1)
    rows = await db.rows(f"{SELECT}{only} ORDER BY q.id DESC LIMIT ${len(values)}", *values)
    items = tuple(_from_row(row) for row in rows[:limit])
    return Page(items, encode_cursor(items[-1].id) if len(rows) > limit else None)


async def begin_retry(tx: Write, quarantined_id: str, until: datetime) -> None:
    """Let the bytes in again until then."""
    await tx.run(
        "UPDATE quarantine SET retry_until = $1 WHERE id = $2", to_instant(until), quarantined_id
    )


async def end_retry(tx: Write, quarantined_id: str, reason: Text) -> None:
    """It failed in another way: what is said of it now."""
    await tx.run(
        "UPDATE quarantine SET retry_until = 0, reason_zh = $1, reason_en = $2, last_at = $3"
        " WHERE id = $4",
        reason.zh,
        reason.en,
        to_instant(tx.now),
        quarantined_id,
    )


async def drop_quarantined(tx: Write, one: Quarantined) -> bool:
    """Take the row away. Whether no other row speaks of the same bytes."""
    await tx.run("DELETE FROM quarantine WHERE id = $1", one.id)
    left = await tx.rows(
        "SELECT 1 AS held FROM quarantine WHERE sha256 = $1 AND photo_id = '' LIMIT 1", one.sha256
    )
    return not left


async def drop_of_photo(tx: Write, photo_id: str) -> None:
    """The pictures of this photo could be made after all."""
    await tx.run("DELETE FROM quarantine WHERE photo_id = $1", photo_id)


def _from_row(row: Row) -> Quarantined:
    found = Quarantined(
        id=row["id"],
        sha256=row["sha256"],
        size=int(row["size_bytes"]),
        owner_id=row["owner_id"] or None,
        photo_id=row["photo_id"] or None,
        file_name=row["file_name"],
        words=row["words"],
        reason=text_of(row, "reason"),
        deaths=int(row["deaths"]),
        first_at=from_instant(row["first_at"]),
        last_at=from_instant(row["last_at"]),
    )
    return replace(found, owner_name=row["name_zh"] or row["name_en"] or row["login"] or "")
