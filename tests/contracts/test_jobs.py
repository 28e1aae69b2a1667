"""What a queue of jobs must do, on every database."""

from __future__ import annotations

from datetime import timedelta

import pytest
from anyio import to_thread

from birdwatch.storage import jobs
from birdwatch.storage.db import Database
from birdwatch.storage.jobs import MAX_ATTEMPTS, Job
from tests.storage.makers import NOW, writing
from tests.storage.processes import run_together

pytestmark = pytest.mark.anyio
LEASE_S = 60
AFTER = NOW + timedelta(seconds=LEASE_S + 1)


async def asked(db: Database, *subjects: str) -> None:
    async with writing(db) as tx:
        for subject in subjects:
            await jobs.enqueue(tx, "render", subject)


async def claimed(db: Database, now: object = NOW) -> Job:
    job = await jobs.claim(db, "worker", now, LEASE_S)  # type: ignore[arg-type]
    assert job is not None
    return job


async def test_job_is_claimed_once_and_finished(db: Database) -> None:
    await asked(db, "p1")
    job = await claimed(db)
    assert (job.kind, job.subject_id, job.attempts) == ("render", "p1", 1)
    assert await jobs.claim(db, "other", NOW, LEASE_S) is None
    assert await jobs.pending(db) == 1
    await jobs.finish(db, job)
    assert await jobs.pending(db) == 0
    assert await jobs.claim(db, "other", AFTER, LEASE_S) is None


async def test_job_of_a_write_that_fails_does_not_exist(db: Database) -> None:
    with pytest.raises(RuntimeError):
        await _ask_and_break(db)
    assert await jobs.pending(db) == 0


async def _ask_and_break(db: Database) -> None:
    async with writing(db) as tx:
        await jobs.enqueue(tx, "render", "p1")
        raise RuntimeError


async def test_job_of_a_silent_worker_is_claimed_again(db: Database) -> None:
    await asked(db, "p1")
    first = await claimed(db)
    second = await claimed(db, AFTER)
    assert (second.subject_id, second.attempts) == ("p1", 2)
    await jobs.finish(db, first)  # the first worker wakes up late
    assert await jobs.pending(db) == 1
    await jobs.finish(db, second)
    assert await jobs.pending(db) == 0


async def test_job_that_kills_its_workers_is_given_up(db: Database) -> None:
    await asked(db, "p1")
    now = NOW
    for _ in range(MAX_ATTEMPTS):
        job = await claimed(db, now)
        now += timedelta(seconds=LEASE_S + 1)
    assert await jobs.claim(db, "worker", now, LEASE_S) is None
    assert await jobs.pending(db) == 0
    assert await jobs.dead(db) == [(job, "the worker died, each time")]


async def test_failed_job_waits_for_its_time_or_is_given_up(db: Database) -> None:
    await asked(db, "p1")
    await jobs.fail(db, await claimed(db), "no memory", retry_at=AFTER)
    assert await jobs.claim(db, "worker", NOW, LEASE_S) is None
    job = await claimed(db, AFTER)
    await jobs.fail(db, job, "not a picture")
    assert await jobs.pending(db) == 0
    assert await jobs.dead(db) == [(job, "not a picture")]


async def test_job_asked_for_again_while_it_runs_is_done_again(db: Database) -> None:
    await asked(db, "p1")
    job = await claimed(db)
    await asked(db, "p1")
    await jobs.finish(db, job)
    again = await claimed(db)
    assert (again.subject_id, again.attempts) == ("p1", 1)


async def test_oldest_job_comes_first(db: Database) -> None:
    await asked(db, "p1", "p2")
    async with writing(db, NOW - timedelta(hours=1)) as tx:
        await jobs.enqueue(tx, "render", "p0")
    assert (await claimed(db)).subject_id == "p0"


async def test_three_workers_do_every_job_once(db: Database, database_url: str) -> None:
    subjects = [f"p{number:03}" for number in range(60)]
    await asked(db, *subjects)
    outputs = await to_thread.run_sync(
        lambda: run_together("work", database_url, "worker", processes=3)
    )
    assert sorted("".join(outputs).split()) == subjects
    assert await jobs.pending(db) == 0
