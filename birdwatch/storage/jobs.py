"""Work to be done later, in a table: enqueued in the writer's transaction, claimed by lease.

A worker says that it lives by renewing its lease; the job of one that fell silent is claimed again.
An attempt is counted when a job is claimed, so that a picture that kills its worker is given up
after MAX_ATTEMPTS like any other failure. A job may run twice; steps must bear that.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Literal

from birdwatch.domain.errors import NotFoundError
from birdwatch.domain.ids import new_id
from birdwatch.domain.paging import Page, decode_cursor, encode_cursor
from birdwatch.domain.policy import SYSTEM
from birdwatch.domain.text import Text
from birdwatch.storage.columns import Row, clean, from_instant, to_instant
from birdwatch.storage.sql import Where
from birdwatch.storage.transactions import Database, Source, Write

State = Literal["waiting", "running", "dead"]
STATES: Final[tuple[State, ...]] = ("waiting", "running", "dead")
FIRST = 0  # what people look for at once: the first pictures of a new photo
SECOND = 10  # what makes it whole
LATE = 20  # what can wait for a quiet hour
MAX_ATTEMPTS = 3
MAX_ERROR_CHARS = 500
DIED = Text(
    zh="处理它的进程每次都中途停止。",
    en="The process that worked on it died, each time.",
)
ENQUEUE = """
    INSERT INTO job (id, kind, subject_id, state, attempts, rank, run_at, created_at, changed_at)
    VALUES ($1, $2, $3, 'waiting', 0, $4, $5, $6, $7)
    ON CONFLICT (kind, subject_id) DO UPDATE SET id = excluded.id, state = 'waiting',
        attempts = 0, rank = excluded.rank, run_at = excluded.run_at,
        changed_at = excluded.changed_at, lease_until = NULL, worker = NULL, error = NULL,
        error_zh = NULL"""
# One attempt more than there are is for giving up: its worker tells the owner and buries the job.
BURY = """
    UPDATE job SET state = 'dead', error_zh = COALESCE(error_zh, $1), error = COALESCE(error, $2),
        changed_at = $3, lease_until = NULL, worker = NULL
    WHERE state = 'running' AND lease_until < $4 AND attempts > $5"""
RETURN = """
    UPDATE job SET state = 'waiting', lease_until = NULL, worker = NULL, changed_at = $1
    WHERE state = 'running' AND lease_until < $2"""
CLAIM = """
    UPDATE job SET state = 'running', attempts = attempts + 1, worker = $1, lease_until = $2,
        changed_at = $3
    WHERE id = (SELECT id FROM job WHERE state = 'waiting' AND run_at <= $4{kinds}
        ORDER BY rank, run_at, id LIMIT 1 {skip_locked})
    RETURNING *"""
DUE = """
    SELECT 1 AS due WHERE EXISTS (SELECT 1 FROM job WHERE state = 'waiting' AND run_at <= $1)
        OR EXISTS (SELECT 1 FROM job WHERE state = 'running' AND lease_until < $2)"""
SILENT = "SELECT 1 AS silent FROM job WHERE state = 'running' AND lease_until < $1 LIMIT 1"
MINE = "id = {} AND attempts = {} AND worker = {} AND state = 'running'"


@dataclass(frozen=True, slots=True)
class Job:
    """A piece of work. Of a claimed one `attempts` counts this attempt too."""

    id: str
    kind: str
    subject_id: str
    attempts: int
    worker: str = ""
    state: State = "running"
    rank: int = SECOND
    run_at: datetime | None = None
    changed_at: datetime | None = None  # when it came into its state
    error: Text = Text()

    @property
    def is_spent(self) -> bool:
        """Its workers died in every attempt; what is left to do is to give it up."""
        return self.attempts > MAX_ATTEMPTS


async def enqueue(
    tx: Write, kind: str, subject_id: str, *, rank: int = SECOND, run_at: datetime | None = None
) -> None:
    """Ask for this to be done, not before `run_at`. The least rank is done first.

    Asking again while it waits or runs does it once more at most.
    """
    now = to_instant(tx.now)
    due = now if run_at is None else to_instant(run_at)
    await tx.run(ENQUEUE, new_id(tx.now), kind, subject_id, rank, due, now, now)


async def claim(
    db: Database, worker: str, now: datetime, lease_s: float, *, kinds: Sequence[str] | None = None
) -> Job | None:
    """The next job of these kinds, or of any; None when there is nothing to do now.

    Jobs whose worker fell silent wait again first. Of a kind that this program does not know
    another, newer one has put down: it is left for that one.
    """
    moment = to_instant(now)
    if not await db.rows(DUE, moment, moment):
        return None
    until = to_instant(now + timedelta(seconds=lease_s))
    named = Where()
    for value in (worker, until, moment, moment):
        named.value(value)
    among = "" if kinds is None else f" AND kind IN ({', '.join(map(named.value, kinds))})"
    skip_locked = "FOR UPDATE SKIP LOCKED" if db.dialect == "postgres" else ""
    async with _work(db, now) as tx:
        if await tx.rows(SILENT, moment):
            await tx.run(BURY, DIED.zh, DIED.en, moment, moment, MAX_ATTEMPTS)
            await tx.run(RETURN, moment, moment)
        rows = await tx.rows(CLAIM.format(kinds=among, skip_locked=skip_locked), *named.values)
    return _job_of(rows[0]) if rows else None


async def renew(db: Database, job: Job, now: datetime, lease_s: float) -> bool:
    """Say that the worker of this job lives. False: it is not this worker's any more."""
    mine = Where()
    until = mine.value(to_instant(now + timedelta(seconds=lease_s)))
    mine.add(MINE, job.id, job.attempts, job.worker)
    async with _work(db, now) as tx:
        kept = await tx.rows(
            f"UPDATE job SET lease_until = {until} WHERE {mine.sql} RETURNING id", *mine.values
        )
    return bool(kept)


async def finish(db: Database, job: Job, now: datetime) -> None:
    """The job is done. If it was asked for again meanwhile, it stays."""
    mine = Where()
    mine.add(MINE, job.id, job.attempts, job.worker)
    async with _work(db, now) as tx:
        await tx.run(f"DELETE FROM job WHERE {mine.sql}", *mine.values)


async def fail(
    db: Database, job: Job, error: Text, now: datetime, *, retry_at: datetime | None = None
) -> None:
    """The job failed: run it again at `retry_at`, or give it up and keep the reason."""
    if retry_at is None or job.attempts >= MAX_ATTEMPTS:
        await _put_down(db, job, "dead", error, now, now, job.attempts)
    else:
        await _put_down(db, job, "waiting", error, now, retry_at, job.attempts)


async def postpone(db: Database, job: Job, error: Text, now: datetime, *, until: datetime) -> None:
    """It cannot be done now, and that is no fault of its own: this attempt does not count."""
    await _put_down(db, job, "waiting", error, now, until, job.attempts - 1)


async def pending(db: Source) -> int:
    """How many jobs wait or run."""
    counted = await count_jobs(db)
    return counted["waiting"] + counted["running"]


async def count_jobs(db: Source) -> dict[State, int]:
    """How many jobs there are in each state."""
    rows = await db.rows("SELECT state, COUNT(*) AS jobs FROM job GROUP BY state")
    found = {row["state"]: int(row["jobs"]) for row in rows}
    return {state: found.get(state, 0) for state in STATES}


async def count_waiting(db: Source) -> dict[str, int]:
    """How many jobs of each kind wait."""
    rows = await db.rows(
        "SELECT kind, COUNT(*) AS jobs FROM job WHERE state = 'waiting' GROUP BY kind ORDER BY kind"
    )
    return {row["kind"]: int(row["jobs"]) for row in rows}


async def list_jobs(
    db: Source, state: State, *, limit: int, cursor: str | None = None
) -> Page[Job]:
    """Jobs in this state, those that have been in it longest first."""
    where = Where()
    # A constant in the text, so that the planner sees that the state's own index serves.
    where.add(f"state = '{state}'")
    if cursor is not None:
        changed, job_id = decode_cursor(cursor, int, str)
        where.after(("changed_at", "id"), (changed or 0, job_id or ""), falls=False)
    rows = await db.rows(
        f"SELECT * FROM job WHERE {where.sql} ORDER BY changed_at, id"
        f" LIMIT {where.value(limit + 1)}",
        *where.values,
    )
    found = tuple(_job_of(row) for row in rows[:limit])
    if len(rows) <= limit:
        return Page(found)
    return Page(found, encode_cursor(rows[limit - 1]["changed_at"], rows[limit - 1]["id"]))


async def revive(tx: Write, job_id: str) -> Job:
    """Let a job that was given up be tried again, as if for the first time.

    Raises NotFoundError where no such job is dead.
    """
    now = to_instant(tx.now)
    rows = await tx.rows(
        "UPDATE job SET state = 'waiting', attempts = 0, run_at = $1, changed_at = $2"
        " WHERE id = $3 AND state = 'dead' RETURNING *",
        now,
        now,
        job_id,
    )
    if not rows:
        raise NotFoundError(
            "job.unknown",
            zh="没有这个已放弃的任务，也许它已重新排队。请刷新页面。",
            en="There is no such job among those given up; it may be waiting again. Reload the"
            " page.",
        )
    return _job_of(rows[0])


async def revive_all(tx: Write) -> int:
    """Let every job that was given up be tried again; how many."""
    now = to_instant(tx.now)
    rows = await tx.rows(
        "UPDATE job SET state = 'waiting', attempts = 0, run_at = $1, changed_at = $2"
        " WHERE state = 'dead' RETURNING id",
        now,
        now,
    )
    return len(rows)


async def _put_down(  # noqa: PLR0917 (the row as it is to be)
    db: Database,
    job: Job,
    state: State,
    error: Text,
    now: datetime,
    run_at: datetime,
    attempts: int,
) -> None:
    mine = Where()
    zh, en, due, changed, left = (
        mine.value(value)
        for value in (
            clean(error.zh)[:MAX_ERROR_CHARS],
            clean(error.en)[:MAX_ERROR_CHARS],
            to_instant(run_at),
            to_instant(now),
            max(0, attempts),
        )
    )
    mine.add(MINE, job.id, job.attempts, job.worker)
    async with _work(db, now) as tx:
        await tx.run(
            f"UPDATE job SET state = '{state}', error_zh = {zh}, error = {en}, run_at = {due},"
            f" changed_at = {changed}, attempts = {left}, lease_until = NULL, worker = NULL"
            f" WHERE {mine.sql}",
            *mine.values,
        )


def _job_of(row: Row) -> Job:
    return Job(
        id=row["id"],
        kind=row["kind"],
        subject_id=row["subject_id"],
        attempts=int(row["attempts"]),
        worker=row["worker"] or "",
        state=row["state"],
        rank=int(row["rank"]),
        run_at=from_instant(row["run_at"]),
        changed_at=from_instant(row["changed_at"]),
        error=Text(row["error_zh"] or row["error"] or "", row["error"] or ""),
    )


@asynccontextmanager
async def _work(db: Database, now: datetime) -> AsyncIterator[Write]:
    """A transaction that changes jobs only: no published data, so no ledger row."""
    async with db.write(SYSTEM, now) as tx:
        yield tx
