"""What a queue of jobs must do, on every database."""

from __future__ import annotations

from datetime import timedelta

import pytest
from anyio import to_thread

from birdwatch.domain.errors import NotFoundError
from birdwatch.domain.text import Text
from birdwatch.storage import jobs
from birdwatch.storage.db import Database
from birdwatch.storage.jobs import DIED, FIRST, LATE, MAX_ATTEMPTS, SECOND, Job
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


async def dead(db: Database) -> list[tuple[str, Text]]:
    page = await jobs.list_jobs(db, "dead", limit=10)
    return [(job.subject_id, job.error) for job in page.items]


async def test_job_is_claimed_once_and_finished(db: Database) -> None:
    await asked(db, "p1")
    job = await claimed(db)
    assert (job.kind, job.subject_id, job.attempts) == ("render", "p1", 1)
    assert await jobs.claim(db, "other", NOW, LEASE_S) is None
    assert await jobs.pending(db) == 1
    await jobs.finish(db, job, NOW)
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
    await jobs.finish(db, first, NOW)  # the first worker wakes up late
    assert await jobs.pending(db) == 1
    await jobs.finish(db, second, NOW)
    assert await jobs.pending(db) == 0


async def test_job_that_kills_its_workers_is_left_to_be_given_up(db: Database) -> None:
    await asked(db, "p1")
    now = NOW
    for _ in range(MAX_ATTEMPTS):
        job = await claimed(db, now)
        assert not job.is_spent
        now += timedelta(seconds=LEASE_S + 1)
    last = await claimed(db, now)
    assert last.is_spent
    now += timedelta(seconds=LEASE_S + 1)  # and whoever was to give it up died too
    assert await jobs.claim(db, "worker", now, LEASE_S) is None
    assert await jobs.pending(db) == 0
    assert await dead(db) == [("p1", DIED)]


async def test_failed_job_waits_for_its_time_or_is_given_up(db: Database) -> None:
    await asked(db, "p1")
    reason = Text("内存不足", "no memory")
    await jobs.fail(db, await claimed(db), reason, NOW, retry_at=AFTER)
    assert await jobs.claim(db, "worker", NOW, LEASE_S) is None
    [waiting] = (await jobs.list_jobs(db, "waiting", limit=5)).items
    assert (waiting.error, waiting.run_at, waiting.attempts) == (reason, AFTER, 1)
    job = await claimed(db, AFTER)
    await jobs.fail(db, job, Text("不是图片", "not a picture"), AFTER)
    assert await jobs.pending(db) == 0
    assert await dead(db) == [("p1", Text("不是图片", "not a picture"))]


async def test_postponed_job_counts_no_attempt(db: Database) -> None:
    await asked(db, "p1")
    now = NOW
    for _ in range(MAX_ATTEMPTS + 2):
        job = await claimed(db, now)
        assert job.attempts == 1
        until = now + timedelta(hours=1)
        await jobs.postpone(db, job, Text("满", "full"), now, until=until)
        assert await jobs.claim(db, "worker", now, LEASE_S) is None
        now = until


async def test_living_worker_keeps_its_job_however_long_it_takes(db: Database) -> None:
    await asked(db, "p1")
    job = await claimed(db)
    now = NOW
    for _ in range(4):
        now += timedelta(seconds=LEASE_S - 10)
        assert await jobs.renew(db, job, now, LEASE_S)
        assert await jobs.claim(db, "other", now, LEASE_S) is None
    now += timedelta(seconds=LEASE_S + 1)
    taken = await jobs.claim(db, "other", now, LEASE_S)
    assert taken is not None
    assert not await jobs.renew(db, job, now, LEASE_S)
    assert await jobs.renew(db, taken, now, LEASE_S)


async def test_first_rank_comes_before_any_second_class_work(db: Database) -> None:
    async with writing(db, NOW - timedelta(hours=2)) as tx:
        await jobs.enqueue(tx, "burst", "old", rank=LATE)
        await jobs.enqueue(tx, "render_rest", "old", rank=SECOND)
    async with writing(db) as tx:
        await jobs.enqueue(tx, "render_first", "new", rank=FIRST)
        await jobs.enqueue(tx, "render_first", "later", rank=FIRST, run_at=AFTER)
    kinds = []
    while job := await jobs.claim(db, "worker", NOW, LEASE_S):
        kinds.append(job.kind)
        await jobs.finish(db, job, NOW)
    assert kinds == ["render_first", "render_rest", "burst"]
    assert (await claimed(db, AFTER)).subject_id == "later"


async def test_job_of_an_unknown_kind_is_left_for_a_newer_program(db: Database) -> None:
    await asked(db, "p1")
    assert await jobs.claim(db, "worker", NOW, LEASE_S, kinds=("burst",)) is None
    assert await jobs.claim(db, "worker", NOW, LEASE_S, kinds=("burst", "render"))


async def test_given_up_jobs_are_listed_in_pages_and_revived(db: Database) -> None:
    await asked(db, "p1", "p2", "p3")
    reason = Text("坏", "bad")
    given_up = []  # those of one moment come in any order
    for minute in range(3):
        now = NOW + timedelta(minutes=minute)
        job = await claimed(db, now)
        await jobs.fail(db, job, reason, now)
        given_up.append(job.subject_id)
    page = await jobs.list_jobs(db, "dead", limit=2)
    assert [job.subject_id for job in page.items] == given_up[:2]
    rest = await jobs.list_jobs(db, "dead", limit=2, cursor=page.next)
    assert ([job.subject_id for job in rest.items], rest.next) == (given_up[2:], None)
    assert await jobs.count_jobs(db) == {"waiting": 0, "running": 0, "dead": 3}
    async with writing(db, AFTER) as tx:
        revived = await jobs.revive(tx, page.items[1].id)
        assert (revived.subject_id, revived.attempts, revived.error) == (given_up[1], 0, reason)
        with pytest.raises(NotFoundError):
            await jobs.revive(tx, page.items[1].id)
    assert (await claimed(db, AFTER)).subject_id == given_up[1]
    async with writing(db, AFTER) as tx:
        assert await jobs.revive_all(tx) == 2
    assert await jobs.count_jobs(db) == {"waiting": 2, "running": 1, "dead": 0}
    assert await jobs.count_waiting(db) == {"render": 2}


async def test_job_asked_for_again_while_it_runs_is_done_again(db: Database) -> None:
    await asked(db, "p1")
    job = await claimed(db)
    await asked(db, "p1")
    await jobs.finish(db, job, NOW)
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
