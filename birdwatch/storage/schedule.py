"""Periodic work as a table: of all processes on one database, one does each piece when it is due."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from birdwatch.domain.policy import SYSTEM
from birdwatch.domain.text import Text
from birdwatch.storage.columns import clean, from_instant, time_or_none, to_instant
from birdwatch.storage.jobs import MAX_ERROR_CHARS
from birdwatch.storage.transactions import Database, Source

# Due is also what lies further ahead than one period: somebody's clock was wrong.
TAKE = """
    INSERT INTO schedule (name, run_at, lease_until, worker, started_at)
    VALUES ($1, $2, $3, $4, $5)
    ON CONFLICT (name) DO UPDATE SET run_at = excluded.run_at, worker = excluded.worker,
        lease_until = excluded.lease_until, started_at = excluded.started_at
    WHERE (schedule.run_at <= $6 OR schedule.run_at > $7)
        AND (schedule.lease_until IS NULL OR schedule.lease_until < $8)
    RETURNING name"""
PUT_BACK = """
    UPDATE schedule SET run_at = $1, lease_until = NULL, finished_at = $2, error_zh = $3,
        error = $4
    WHERE name = $5 AND worker = $6"""


@dataclass(frozen=True, slots=True)
class Turn:
    """A piece of periodic work: when it last began and ended, and when it is due."""

    name: str
    run_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    error: Text
    is_running: bool


async def take_turn(
    db: Database, name: str, worker: str, now: datetime, *, every_s: float, lease_s: float
) -> bool:
    """Whether this work is due and now this worker's to do. The first time it is due at once."""
    moment = to_instant(now)
    next_at = to_instant(now + timedelta(seconds=every_s))
    lease = to_instant(now + timedelta(seconds=lease_s))
    async with db.write(SYSTEM, now) as tx:
        rows = await tx.rows(TAKE, name, next_at, lease, worker, moment, moment, next_at, moment)
    return bool(rows)


async def end_turn(
    db: Database,
    name: str,
    worker: str,
    now: datetime,
    *,
    next_at: datetime,
    error: Text | None = None,
) -> None:
    """The work is done, or failed with this error; it is due again at `next_at`."""
    told = [None, None] if error is None else [clean(error.zh), clean(error.en)]
    zh, en = (text and text[:MAX_ERROR_CHARS] for text in told)
    async with db.write(SYSTEM, now) as tx:
        await tx.run(PUT_BACK, to_instant(next_at), to_instant(now), zh, en, name, worker)


async def list_turns(db: Source, now: datetime) -> list[Turn]:
    """All periodic work that was ever begun, by name."""
    rows = await db.rows("SELECT * FROM schedule ORDER BY name")
    moment = to_instant(now)
    return [
        Turn(
            name=row["name"],
            run_at=from_instant(row["run_at"]),
            started_at=time_or_none(row["started_at"]),
            finished_at=time_or_none(row["finished_at"]),
            error=Text(row["error_zh"] or "", row["error"] or ""),
            is_running=row["lease_until"] is not None and row["lease_until"] >= moment,
        )
        for row in rows
    ]
