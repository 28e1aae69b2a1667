"""The worker: claim a job, call the intake step it names, finish it or say why not.

Before each look for a job it lifts the embargoes that have ended.

A job that a crash left claimed is claimed again when its lease runs out; the attempts are counted
at the claim, so that a picture which kills its process is given up after a few, not for ever.
"""

from __future__ import annotations

import logging
import os
import secrets
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta

import anyio

from birdwatch.domain.errors import BirdwatchError, UnavailableError
from birdwatch.domain.policy import SYSTEM
from birdwatch.domain.text import Text
from birdwatch.intake.archive import Archive
from birdwatch.intake.photo_rendering import RENDER_JOB, give_up_rendering, render_photo
from birdwatch.storage.embargo import lift_due
from birdwatch.storage.jobs import Job, claim, enqueue, fail, finish, pending

LEASE_S = 120  # longer than a decoder may take
MAX_ATTEMPTS = 3
RETRY_DELAY_S = (5, 60)
DISK_RETRY_DELAY_S = 60
LOOK_EVERY_S = 0.5
log = logging.getLogger(__name__)
UNEXPECTED = Text(
    zh="生成显示图时出错，原始文件完好。管理员可以在日志里看到原因。",
    en="Making the pictures failed; the original is intact. The log tells administrators why.",
)


async def run_worker(archive: Archive, *, stop: anyio.Event) -> None:
    """Do jobs until `stop` is set; a job under way is finished first."""
    name = worker_name()
    while not stop.is_set():
        try:
            await lift_due(archive.db, datetime.now(UTC))
            is_done = await do_next(archive, name, now=datetime.now(UTC))
        except Exception:  # the loop outlives a database that is away for a moment
            log.exception("worker=%s event=claim_failed", name)
            is_done = False
        if not is_done:
            await _wait(archive, stop)


async def drain(archive: Archive, progress: Callable[[int], None] | None = None) -> int:
    """Do all jobs there are and return how many. `progress` hears the number of jobs left."""
    name = worker_name()
    done = 0
    while await do_next(archive, name, now=datetime.now(UTC)):
        done += 1
        if progress is not None:
            progress(await pending(archive.db))
    return done


async def do_next(archive: Archive, name: str, *, now: datetime) -> bool:
    """Claim one job and do it. False when there is none to do now."""
    job = await claim(archive.db, name, now, LEASE_S)
    if job is None:
        return False
    if job.attempts > MAX_ATTEMPTS:
        await _give_up(archive, job, "the process died in every attempt", UNEXPECTED, now)
        return True
    try:
        await JOBS[job.kind](archive, job.subject_id, now)
    except UnavailableError as error:
        log.warning("event=job_postponed job=%s reason=%s", job.id, error.code)
        await _postpone(archive, job, now + timedelta(seconds=DISK_RETRY_DELAY_S))
    except BirdwatchError as error:
        await _give_up(archive, job, str(error), error.text, now)
    except Exception as error:  # one job must not stop the others
        log.exception("worker=%s event=job_failed job=%s kind=%s", name, job.id, job.kind)
        await _retry_or_give_up(archive, job, f"{type(error).__name__}: {error}", now)
    else:
        await finish(archive.db, job)
    return True


async def _render(archive: Archive, photo_id: str, now: datetime) -> None:
    await render_photo(archive, photo_id, now=now)


JOBS: dict[str, Callable[[Archive, str, datetime], Awaitable[None]]] = {RENDER_JOB: _render}


async def _postpone(archive: Archive, job: Job, until: datetime) -> None:
    """Ask for the job anew: a full disk is no fault of the photo's, so no attempt is counted."""
    async with archive.db.write(SYSTEM, until) as tx:
        await enqueue(tx, job.kind, job.subject_id)


async def _retry_or_give_up(archive: Archive, job: Job, reason: str, now: datetime) -> None:
    if job.attempts >= MAX_ATTEMPTS:
        await _give_up(archive, job, reason, UNEXPECTED, now)
        return
    delay_s = RETRY_DELAY_S[min(job.attempts, len(RETRY_DELAY_S)) - 1]
    await fail(archive.db, job, reason, retry_at=now + timedelta(seconds=delay_s))


async def _give_up(archive: Archive, job: Job, reason: str, shown: Text, now: datetime) -> None:
    log.warning("event=job_given_up job=%s kind=%s attempts=%s", job.id, job.kind, job.attempts)
    if job.kind == RENDER_JOB:
        await give_up_rendering(archive, job.subject_id, shown, now=now)
    await fail(archive.db, job, reason, retry_at=None)


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
