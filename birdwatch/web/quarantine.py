"""`/account/quarantine` and `/admin/quarantine`: files that took down their decoders, and what to do.

Both are the same page: senders see their own files there, administrators everybody's.
"""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from birdwatch.domain.errors import BirdwatchError
from birdwatch.http.accounts import require, require_csrf
from birdwatch.http.errors import status_of
from birdwatch.intake import quarantine_retry
from birdwatch.storage.quarantine import list_quarantined
from birdwatch.web.reading import archive_of, now_of, query_text
from birdwatch.web.render import actor_of, page

PAGE_SIZE = 50


async def show_own(request: Request) -> Response:
    """One's own files."""
    require(actor_of(request), "have-account")
    return await _list_page(request)


async def show_all(request: Request) -> Response:
    """Everybody's."""
    require(actor_of(request), "administer")
    return await _list_page(request)


async def retry(request: Request) -> Response:
    """Take a file in once more; its photo is shown, or why it cannot be."""
    await _check_form(request)
    try:
        photo_id = await quarantine_retry.retry(
            archive_of(request),
            request.path_params["id"],
            actor=actor_of(request),
            now=now_of(request),
        )
    except BirdwatchError as error:
        return await _list_page(request, error)
    return RedirectResponse(f"/photos/{photo_id}", 303)


async def discard(request: Request) -> Response:
    """Throw a file away."""
    await _check_form(request)
    try:
        await quarantine_retry.discard(
            archive_of(request),
            request.path_params["id"],
            actor=actor_of(request),
            now=now_of(request),
        )
    except BirdwatchError as error:
        return await _list_page(request, error)
    return RedirectResponse(f"{_root(request)}?discarded=1", 303)


def _is_admin_page(request: Request) -> bool:
    return request.url.path.startswith("/admin/")


def _root(request: Request) -> str:
    return "/admin/quarantine" if _is_admin_page(request) else "/account/quarantine"


async def _check_form(request: Request) -> None:
    require(actor_of(request), "administer" if _is_admin_page(request) else "have-account")
    require_csrf(request, await request.form())


async def _list_page(request: Request, error: BirdwatchError | None = None) -> Response:
    owner_id = None if _is_admin_page(request) else actor_of(request).person_id
    found = await list_quarantined(
        archive_of(request).db, PAGE_SIZE, query_text(request, "cursor"), owner_id=owner_id
    )
    shown = page(
        request,
        "quarantine.html",
        200 if error is None else status_of(error),
        files=found,
        root=_root(request),
        is_admin=_is_admin_page(request),
        is_discarded="discarded" in request.query_params,
        error=error,
    )
    shown.headers["Cache-Control"] = "no-store"
    return shown
