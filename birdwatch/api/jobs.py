"""The work behind the pages: what waits, what was given up and why; for administrators."""

from __future__ import annotations

from datetime import datetime

from starlette.requests import Request
from starlette.responses import Response

from birdwatch.api import job_contract
from birdwatch.api.answers import send_written
from birdwatch.api.contract import Text
from birdwatch.api.query import read_query
from birdwatch.http.accounts import require
from birdwatch.intake.archive import Archive
from birdwatch.storage import jobs
from birdwatch.storage.schedule import Turn, list_turns


async def get_jobs(request: Request) -> Response:
    """A page of jobs in one state. Never from a cache: jobs do not move the dataset version."""
    query = read_query(request, job_contract.JobsQuery)
    require(request.state.actor, "administer")
    db = _archive_of(request).db
    found = await jobs.list_jobs(db, query.state, limit=query.limit, cursor=query.cursor)
    counts = await jobs.count_jobs(db)
    answer = job_contract.Jobs(
        items=[_dump_job(job) for job in found.items],
        next=found.next,
        waiting=counts["waiting"],
        running=counts["running"],
        dead=counts["dead"],
        schedule=[_dump_turn(turn) for turn in await list_turns(db, request.state.now)],
    )
    return send_written(answer)


async def post_revive(request: Request) -> Response:
    """Let one job that was given up be tried again."""
    require(request.state.actor, "administer")
    archive = _archive_of(request)
    async with archive.db.write(request.state.actor, request.state.now) as tx:
        job = await jobs.revive(tx, request.path_params["id"])
    archive.jobs_bell.ring()
    return send_written(_dump_job(job))


async def post_revive_all(request: Request) -> Response:
    """Let every job that was given up be tried again."""
    require(request.state.actor, "administer")
    archive = _archive_of(request)
    async with archive.db.write(request.state.actor, request.state.now) as tx:
        revived = await jobs.revive_all(tx)
    archive.jobs_bell.ring()
    return send_written(job_contract.Revived(revived))


def _archive_of(request: Request) -> Archive:
    archive: Archive = request.app.state.archive
    return archive


def _dump_job(job: jobs.Job) -> job_contract.Job:
    return job_contract.Job(
        id=job.id,
        kind=job.kind,
        subject=job.subject_id,
        state=job.state,
        rank=job.rank,
        attempts=job.attempts,
        run_at=_moment(job.run_at) or "",
        since=_moment(job.changed_at) or "",
        error=Text(job.error.zh, job.error.en),
    )


def _dump_turn(turn: Turn) -> job_contract.Turn:
    return job_contract.Turn(
        name=turn.name,
        started_at=_moment(turn.started_at),
        finished_at=_moment(turn.finished_at),
        run_at=_moment(turn.run_at) or "",
        is_running=turn.is_running,
        error=Text(turn.error.zh, turn.error.en),
    )


def _moment(value: datetime | None) -> str | None:
    return None if value is None else value.isoformat("T", "seconds")
