"""The worker: claim a job, call the intake step it names, finish it or say why not.

While a step runs its worker renews the lease, so the job of a killed worker is done again half a
minute later. The attempts are counted at the claim, so that a picture which kills its process is
given up after a few, not for ever.
"""

from __future__ import annotations

import logging
import os
import secrets
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial

import anyio

from birdwatch.domain.errors import BirdwatchError, UnavailableError
from birdwatch.domain.text import Text
from birdwatch.intake.archive import Archive
from birdwatch.intake.bursts import BURST_JOB, join_burst
from birdwatch.intake.photo_rendering import (
    RENDER_FIRST,
    RENDER_REST,
    give_up_rendering,
    render_first,
    render_rest,
)
from birdwatch.storage.jobs import (
    DIED,
    MAX_ATTEMPTS,
    Job,
    claim,
    fail,
    finish,
    pending,
    postpone,
    renew,
)
from birdwatch.worker.schedule import run_schedule

LEASE_S = 30
BEAT_S = 10  # three beats may be lost before another worker takes the job
RETRY_DELAY_S = (5, 60)  # after the first attempt, after the second
DISK_RETRY_DELAY_S = 60
LOOK_EVERY_S = 0.5
PAUSE_S = 3
log = logging.getLogger(__name__)
UNEXPECTED = Text(
    zh="生成显示图时出错，原始文件完好。管理员可以在日志里看到原因。",
    en="Making the pictures failed; the original is intact. The log tells administrators why.",
)


@dataclass(frozen=True, slots=True)
class Kind:
    """What is done for a job, and who is told when it is given up.

    `step` takes the id of its subject and can run twice. `give_up` hears the reason in words for
    the owner.
    """

    step: Callable[[Archive, str, datetime], Awaitable[None]]
    give_up: Callable[[Archive, str, Text, datetime], Awaitable[None]] | None = None


async def _render_first(archive: Archive, photo_id: str, now: datetime) -> None:
    await render_first(archive, photo_id, now=now)


async def _render_rest(archive: Archive, photo_id: str, now: datetime) -> None:
    await render_rest(archive, photo_id, now=now)


async def _join_burst(archive: Archive, photo_id: str, now: datetime) -> None:
    await join_burst(archive, photo_id, now=now)


async def _give_up_rendering(archive: Archive, photo_id: str, reason: Text, now: datetime) -> None:
    await give_up_rendering(archive, photo_id, reason, now=now)


JOBS: dict[str, Kind] = {
    RENDER_FIRST: Kind(_render_first, _give_up_rendering),
    RENDER_REST: Kind(_render_rest),
    BURST_JOB: Kind(_join_burst),
}


async def run_worker(archive: Archive, *, stop: anyio.Event) -> None:
    """Do jobs, as many at a time as there are decoders, and the periodic work, until `stop` is set.

    A job under way is finished first.
    """
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(partial(run_schedule, archive, worker_name(), stop=stop))
        for _ in range(archive.settings.decoders):
            tasks.start_soon(_do_jobs, archive, stop)


async def drain(archive: Archive, progress: Callable[[int], None] | None = None) -> int:
    """Do all jobs there are and return how many. `progress` hears the number of jobs left."""
    done = 0

    async def take_part() -> None:
        nonlocal done
        name = worker_name()
        while await do_next(archive, name, now=datetime.now(UTC)):
            done += 1
            if progress is not None:
                progress(await pending(archive.db))

    async with anyio.create_task_group() as tasks:
        for _ in range(archive.settings.decoders):
            tasks.start_soon(take_part)
    return done


async def do_next(archive: Archive, name: str, *, now: datetime) -> bool:
    """Claim one job and do it. False when there is none to do now."""
    job = await claim(archive.db, name, now, LEASE_S, kinds=tuple(JOBS))
    if job is None:
        return False
    if job.is_spent:
        await _give_up(archive, job, DIED, UNEXPECTED, now)
        return True
    failure = await _attempt(archive, job, now)
    if failure is None:
        await finish(archive.db, job, now)
    elif isinstance(failure, UnavailableError):
        log.warning("event=job_postponed job=%s reason=%s", job.id, failure.code)
        until = now + timedelta(seconds=DISK_RETRY_DELAY_S)
        await postpone(archive.db, job, failure.text, now, until=until)
    elif isinstance(failure, BirdwatchError):
        await _give_up(archive, job, failure.text, failure.text, now)
    else:
        await _retry_or_give_up(archive, job, _told(failure), now)
    return True


async def _do_jobs(archive: Archive, stop: anyio.Event) -> None:
    name = worker_name()
    while not stop.is_set():
        try:
            is_done = await do_next(archive, name, now=datetime.now(UTC))
        except BirdwatchError as error:
            log.warning("worker=%s event=claim_failed code=%s", name, error.code)
            is_done = False
            await _pause(stop)
        except Exception:  # the loop outlives a database that is away for a moment
            log.exception("worker=%s event=claim_failed", name)
            is_done = False
            await _pause(stop)
        if not is_done:
            await _wait(archive, stop)


async def _pause(stop: anyio.Event) -> None:
    """After a failure: a database that is away is not asked twice a second."""
    with anyio.move_on_after(PAUSE_S):
        await stop.wait()


async def _attempt(archive: Archive, job: Job, now: datetime) -> Exception | None:
    """Do the job while saying that we live; what went wrong, or None."""
    failure: Exception | None = None
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(_beat, archive, job, tasks.cancel_scope)
        try:
            await JOBS[job.kind].step(archive, job.subject_id, now)
        except BirdwatchError as error:
            failure = error
        except Exception as error:  # one job must not stop the others
            log.exception("event=job_failed job=%s kind=%s", job.id, job.kind)
            failure = error
        tasks.cancel_scope.cancel()
    return failure


async def _beat(archive: Archive, job: Job, work: anyio.CancelScope) -> None:
    """Renew the lease until the work is done; end the work where the job went to another."""
    while True:
        await anyio.sleep(BEAT_S)
        try:
            is_ours = await renew(archive.db, job, datetime.now(UTC), LEASE_S)
        except Exception:  # the database is away: the work goes on, and the next beat may reach it
            log.exception("event=beat_failed job=%s", job.id)
            continue
        if not is_ours:
            log.warning("event=job_lost job=%s kind=%s", job.id, job.kind)
            work.cancel()


def _told(failure: Exception) -> Text:
    """An unexpected failure in one line, for administrators."""
    what = f"{type(failure).__name__}: {failure}"
    return Text(zh=f"意外错误：{what}", en=f"Unexpected: {what}")


async def _retry_or_give_up(archive: Archive, job: Job, reason: Text, now: datetime) -> None:
    if job.attempts >= MAX_ATTEMPTS:
        await _give_up(archive, job, reason, UNEXPECTED, now)
        return
    delay_s = RETRY_DELAY_S[min(job.attempts, len(RETRY_DELAY_S)) - 1]
    await fail(archive.db, job, reason, now, retry_at=now + timedelta(seconds=delay_s))


async def _give_up(archive: Archive, job: Job, reason: Text, shown: Text, now: datetime) -> None:
    log.warning("event=job_given_up job=%s kind=%s attempts=%s", job.id, job.kind, job.attempts)
    tell = JOBS[job.kind].give_up
    if tell is not None:
        await tell(archive, job.subject_id, shown, now)
    await fail(archive.db, job, reason, now)


async def _wait(archive: Archive, stop: anyio.Event) -> None:
    """Until there may be a job, or the worker is to stop."""

    async def until_stopped() -> None:
        await stop.wait()
        tasks.cancel_scope.cancel()

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(until_stopped)
        await archive.jobs_bell.wait(LOOK_EVERY_S)
        tasks.cancel_scope.cancel()


def worker_name() -> str:
    """A name no other worker has, in this process or another."""
    return f"{os.getpid()}-{secrets.token_hex(4)}"
