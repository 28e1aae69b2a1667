"""`/admin/jobs`: what the workers have to do, what they gave up and why, and what is done when."""

from __future__ import annotations

import anyio.to_thread
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from birdwatch.domain.errors import NotFoundError, UnavailableError
from birdwatch.domain.text import Text
from birdwatch.http.accounts import require, require_csrf
from birdwatch.intake.archive import Archive
from birdwatch.storage.jobs import count_jobs, count_waiting, list_jobs, revive, revive_all
from birdwatch.storage.schedule import list_turns
from birdwatch.web.reading import archive_of, now_of, query_text
from birdwatch.web.render import actor_of, page
from birdwatch.web.words import catalog

PAGE_SIZE = 50


async def show_jobs(request: Request) -> Response:
    """Everything about the work behind the pages."""
    require(actor_of(request), "administer")
    return await _jobs_page(request)


async def revive_one(request: Request) -> Response:
    """Let one job that was given up be tried again."""
    await _check_form(request)
    archive = archive_of(request)
    try:
        async with archive.db.write(actor_of(request), now_of(request)) as tx:
            await revive(tx, request.path_params["id"])
    except NotFoundError as error:
        return await _jobs_page(request, 404, error=error.text)
    archive.jobs_bell.ring()
    return RedirectResponse("/admin/jobs?revived=1", 303)


async def revive_dead(request: Request) -> Response:
    """Let every job that was given up be tried again."""
    await _check_form(request)
    archive = archive_of(request)
    async with archive.db.write(actor_of(request), now_of(request)) as tx:
        revived = await revive_all(tx)
    archive.jobs_bell.ring()
    return RedirectResponse(f"/admin/jobs?revived={revived}", 303)


async def _check_form(request: Request) -> None:
    require(actor_of(request), "administer")
    require_csrf(request, await request.form())


async def _jobs_page(request: Request, status: int = 200, *, error: Text | None = None) -> Response:
    archive, now = archive_of(request), now_of(request)
    shown = page(
        request,
        "admin_jobs.html",
        status,
        counts=await count_jobs(archive.db),
        waiting_kinds=await count_waiting(archive.db),
        running=(await list_jobs(archive.db, "running", limit=PAGE_SIZE)).items,
        dead=await list_jobs(
            archive.db, "dead", limit=PAGE_SIZE, cursor=query_text(request, "cursor")
        ),
        turns=await list_turns(archive.db, now),
        alarm=await alarm_of(archive),
        revived=_number(query_text(request, "revived")),
        # A newer program may have put down work that this one has no words for.
        job_kinds=_named("job_kind."),
        turn_names=_named("schedule."),
        error=error,
    )
    shown.headers["Cache-Control"] = "no-store"
    return shown


async def alarm_of(archive: Archive) -> Text | None:
    """Why the archive takes no photos now; None while it does."""
    try:
        await anyio.to_thread.run_sync(archive.blobs.check_home)
    except UnavailableError as error:
        return error.text
    return None


def _named(family: str) -> set[str]:
    return {key.removeprefix(family) for key in catalog("zh") if key.startswith(family)}


def _number(text: str | None) -> int | None:
    return int(text) if text is not None and text.isascii() and text.isdigit() else None
