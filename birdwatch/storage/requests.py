"""What processes must know of each other's requests: rates, quotas, answers to repeat.

Every function is one short transaction of its own, apart from published data: what is counted here
stays counted when the request it belongs to fails.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from birdwatch.domain.policy import SYSTEM
from birdwatch.domain.quota import Uploads
from birdwatch.storage.columns import from_instant, from_json, to_day, to_instant, to_json
from birdwatch.storage.transactions import Database, Source, Write

SWEEP = 50  # rows out of date that one write takes away: more than it adds
HIT = """
    INSERT INTO rate_window (key, hits, until) VALUES ($1, $2, $3)
    ON CONFLICT (key) DO UPDATE SET
        hits = CASE WHEN rate_window.until <= $4 THEN excluded.hits
            ELSE rate_window.hits + excluded.hits END,
        until = CASE WHEN rate_window.until <= $5 THEN excluded.until ELSE rate_window.until END
    RETURNING hits, until"""
ADD_UPLOAD = """
    INSERT INTO upload_day (person_id, day, files, bytes, pixels) VALUES ($1, $2, $3, $4, $5)
    ON CONFLICT (person_id, day) DO UPDATE SET files = upload_day.files + excluded.files,
        bytes = upload_day.bytes + excluded.bytes, pixels = upload_day.pixels + excluded.pixels"""
CLAIM = """
    INSERT INTO idempotency (key, attempt, lease_until, until) VALUES ($1, $2, $3, $4)
    ON CONFLICT (key) DO UPDATE SET attempt = excluded.attempt,
        lease_until = excluded.lease_until, until = excluded.until, fingerprint = NULL,
        status = NULL, headers = NULL, body = NULL
    WHERE idempotency.until <= $5
        OR (idempotency.status IS NULL AND idempotency.lease_until <= $6)
    RETURNING key"""
FINISH = """
    UPDATE idempotency SET fingerprint = $1, status = $2, headers = $3, body = $4
    WHERE key = $5 AND attempt = $6"""


@dataclass(frozen=True, slots=True)
class Hits:
    """How often something happened in a window, and when the window ends."""

    count: int
    until: datetime


@dataclass(frozen=True, slots=True)
class KeptAnswer:
    """A whole answer, and the fingerprint of the request that it answers."""

    fingerprint: str
    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes


def hashed(*parts: str) -> str:
    """A key of fixed length that tells nothing of its parts."""
    return hashlib.sha256("\0".join(parts).encode("utf-8", "replace")).hexdigest()


async def hit(
    db: Database, hits: Sequence[tuple[str, int]], now: datetime, window_s: float
) -> list[Hits]:
    """Count these, each in its own window, which begins with the first; how many that makes."""
    moment, until = to_instant(now), to_instant(now + timedelta(seconds=window_s))
    found = []
    async with db.write(SYSTEM, now) as tx:
        for key, amount in sorted(hits):  # one order for all, so that no two wait for each other
            rows = await tx.rows(HIT, key, amount, until, moment, moment)
            found.append((key, Hits(int(rows[0]["hits"]), from_instant(rows[0]["until"]))))
        await _sweep(tx, "rate_window", moment)
    counted = dict(found)
    return [counted[key] for key, _ in hits]


async def hits_of(db: Source, key: str, now: datetime) -> Hits | None:
    """What was counted in the window that is open now; None when there is none."""
    rows = await db.rows(
        "SELECT hits, until FROM rate_window WHERE key = $1 AND until > $2", key, to_instant(now)
    )
    return Hits(int(rows[0]["hits"]), from_instant(rows[0]["until"])) if rows else None


async def give_back(db: Database, keys: Sequence[str], now: datetime) -> None:
    """Uncount one of each."""
    async with db.write(SYSTEM, now) as tx:
        for key in sorted(keys):
            await tx.run("UPDATE rate_window SET hits = hits - 1 WHERE key = $1 AND hits > 0", key)


async def forget_hits(db: Database, keys: Sequence[str], now: datetime) -> None:
    """Close these windows."""
    async with db.write(SYSTEM, now) as tx:
        for key in sorted(keys):
            await tx.run("DELETE FROM rate_window WHERE key = $1", key)


async def uploads_of(db: Source, person_id: str, day: date) -> Uploads:
    """What this person has sent in on this local day."""
    rows = await db.rows(
        "SELECT files, bytes, pixels FROM upload_day WHERE person_id = $1 AND day = $2",
        person_id,
        to_day(day),
    )
    return Uploads(**rows[0]) if rows else Uploads()


async def add_upload(tx: Write, person_id: str, day: date, more: Uploads) -> None:
    """Count what this person sent in, in the transaction that records it."""
    await tx.run(ADD_UPLOAD, person_id, to_day(day), more.files, more.bytes, more.pixels)


async def claim_key(
    db: Database, key: str, attempt: str, now: datetime, *, lease_s: float, keep_s: float
) -> KeptAnswer | bool:
    """True: the key is ours to work under. An answer: it was done. False: another works under it.

    A key whose attempt fell silent for `lease_s` is free again.
    """
    moment = to_instant(now)
    lease, until = (to_instant(now + timedelta(seconds=s)) for s in (lease_s, keep_s))
    async with db.write(SYSTEM, now) as tx:
        if await tx.rows(CLAIM, key, attempt, lease, until, moment, moment):
            await _sweep(tx, "idempotency", moment)
            return True
        rows = await tx.rows("SELECT * FROM idempotency WHERE key = $1", key)
    if not rows or rows[0]["status"] is None:
        return False
    row = rows[0]
    headers = tuple((name, value) for name, value in from_json(row["headers"]))
    return KeptAnswer(
        row["fingerprint"], int(row["status"]), headers, base64.b64decode(row["body"])
    )


async def hold_key(db: Database, key: str, attempt: str, now: datetime, lease_s: float) -> None:
    """Say that this attempt is alive."""
    lease = to_instant(now + timedelta(seconds=lease_s))
    async with db.write(SYSTEM, now) as tx:
        await tx.run(
            "UPDATE idempotency SET lease_until = $1 WHERE key = $2 AND attempt = $3",
            lease,
            key,
            attempt,
        )


async def keep_answer(
    db: Database, key: str, attempt: str, answer: KeptAnswer, now: datetime
) -> None:
    """Remember the answer, unless the key has gone to another attempt."""
    async with db.write(SYSTEM, now) as tx:
        await tx.run(
            FINISH,
            answer.fingerprint,
            answer.status,
            to_json(answer.headers),
            base64.b64encode(answer.body).decode(),
            key,
            attempt,
        )


async def free_key(db: Database, key: str, attempt: str, now: datetime) -> None:
    """Forget the key: its request had no effect that must not come twice."""
    async with db.write(SYSTEM, now) as tx:
        await tx.run("DELETE FROM idempotency WHERE key = $1 AND attempt = $2", key, attempt)


async def _sweep(tx: Write, table: str, moment: int) -> None:
    """Take away a few rows that are out of date, so that the table stays as small as its use.

    PostgreSQL skips rows that another transaction holds: two sweeps never wait for each other.
    """
    skip = "FOR UPDATE SKIP LOCKED" if tx.database.dialect == "postgres" else ""
    old = f"SELECT key FROM {table} WHERE until <= $1 ORDER BY until LIMIT {SWEEP} {skip}"
    await tx.run(f"DELETE FROM {table} WHERE key IN ({old})", moment)
