"""Work to be done later, in a table: enqueued in the writer's transaction, claimed by lease.

An attempt is counted when a job is claimed, so that a picture that kills its worker is given up
after MAX_ATTEMPTS like any other failure. A job may run twice; steps must bear that.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta

from birdwatch.domain.ids import new_id
from birdwatch.domain.policy import SYSTEM
from birdwatch.storage.columns import EPOCH, clean, to_instant
from birdwatch.storage.transactions import Database, Source, Write

MAX_ATTEMPTS = 5
MAX_ERROR_CHARS = 500
ENQUEUE = """
    INSERT INTO job (id, kind, subject_id, state, attempts, run_at, created_at)
    VALUES ($1, $2, $3, 'waiting', 0, $4, $5)
    ON CONFLICT (kind, subject_id) DO UPDATE SET id = excluded.id, state = 'waiting',
        attempts = 0, run_at = excluded.run_at, lease_until = NULL, worker = NULL, error = NULL"""
GIVE_UP = """
    UPDATE job SET state = 'dead', error = 'the worker died, each time'
    WHERE state = 'running' AND lease_until < $1 AND attempts >= $2"""
CLAIM = """
    UPDATE job SET state = 'running', attempts = attempts + 1, worker = $1, lease_until = $2
    WHERE id = (SELECT id FROM job
        WHERE (state = 'waiting' AND run_at <= $3) OR (state = 'running' AND lease_until < $4)
        ORDER BY run_at, id LIMIT 1 {skip_locked})
    RETURNING id, kind, subject_id, attempts"""
DUE = (
    "SELECT 1 AS due FROM job WHERE (state = 'waiting' AND run_at <= $1)"
    " OR (state = 'running' AND lease_until < $2) LIMIT 1"
)


@dataclass(frozen=True, slots=True)
class Job:
    """A claimed job: `attempts` counts this one too."""

    id: str
    kind: str
    subject_id: str
    attempts: int


async def enqueue(tx: Write, kind: str, subject_id: str) -> None:
    """Ask for this to be done. Asking again while it waits or runs does it once more at most."""
    now = to_instant(tx.now)
    await tx.run(ENQUEUE, new_id(tx.now), kind, subject_id, now, now)


async def claim(db: Database, worker: str, now: datetime, lease_s: float) -> Job | None:
    """The job that waits longest, or whose worker went silent; None when there is nothing."""
    moment = to_instant(now)
    if not await db.rows(DUE, moment, moment):
        return None
    until = to_instant(now + timedelta(seconds=lease_s))
    skip_locked = "FOR UPDATE SKIP LOCKED" if db.dialect == "postgres" else ""
    async with _work(db, now) as tx:
        await tx.run(GIVE_UP, moment, MAX_ATTEMPTS)
        rows = await tx.rows(CLAIM.format(skip_locked=skip_locked), worker, until, moment, moment)
    return Job(**rows[0]) if rows else None


async def finish(db: Database, job: Job) -> None:
    """The job is done. If it was asked for again meanwhile, it stays."""
    async with _work(db) as tx:
        await tx.run("DELETE FROM job WHERE id = $1 AND attempts = $2", job.id, job.attempts)


async def fail(db: Database, job: Job, error: str, *, retry_at: datetime | None = None) -> None:
    """The job failed: run it again at `retry_at`, or give it up and keep the reason."""
    state = "dead" if retry_at is None or job.attempts >= MAX_ATTEMPTS else "waiting"
    async with _work(db) as tx:
        await tx.run(
            "UPDATE job SET state = $1, error = $2, run_at = $3, lease_until = NULL, worker = NULL"
            " WHERE id = $4 AND attempts = $5",
            state,
            clean(error)[:MAX_ERROR_CHARS],
            to_instant(retry_at or EPOCH),
            job.id,
            job.attempts,
        )


async def pending(db: Source) -> int:
    """How many jobs wait or run."""
    rows = await db.rows("SELECT COUNT(*) AS jobs FROM job WHERE state <> 'dead'")
    return int(rows[0]["jobs"])


async def dead(db: Source) -> list[tuple[Job, str]]:
    """The jobs that were given up, with the reason."""
    rows = await db.rows("SELECT * FROM job WHERE state = 'dead' ORDER BY id")
    return [
        (Job(row["id"], row["kind"], row["subject_id"], row["attempts"]), row["error"] or "")
        for row in rows
    ]


@asynccontextmanager
async def _work(db: Database, now: datetime = EPOCH) -> AsyncIterator[Write]:
    """A transaction that changes jobs only: no published data, so no ledger row."""
    async with db.write(SYSTEM, now) as tx:
        yield tx
