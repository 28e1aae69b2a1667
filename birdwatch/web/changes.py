"""The history of a photo or survey, and the button that takes one change back."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from birdwatch.domain.errors import NotFoundError
from birdwatch.http.accounts import require_csrf, require_signed_in
from birdwatch.intake.undoing import HistoryEntry, read_history, undo_change
from birdwatch.web.reading import archive_of, now_of
from birdwatch.web.render import actor_of, page

DIGITS = 15  # versions are far smaller, and databases hold no larger numbers


async def history_of(request: Request, noun: str, noun_id: str) -> list[HistoryEntry]:
    """Every change of this thing, newest first. Raises NotFoundError for who may not edit it."""
    entries = await read_history(
        archive_of(request).db, noun, noun_id, actor=actor_of(request), now=now_of(request)
    )
    return entries[::-1]


async def show_photo_history(request: Request) -> Response:
    """The history of a photo on a page of its own, where also a withdrawn one is found."""
    return await _history_page(request, "photo")


async def show_survey_history(request: Request) -> Response:
    """The same for a survey."""
    return await _history_page(request, "survey")


async def undo(request: Request) -> Response:
    """Take back one change, and show what then stands."""
    require_signed_in(actor_of(request))
    require_csrf(request, await request.form())
    version = request.path_params["version"]
    if not (version.isascii() and version.isdigit() and len(version) <= DIGITS):
        raise NotFoundError(
            "change.unknown",
            zh="没有这个版本。请从内容的历史中选择。",
            en="There is no such version. Choose one from the history of the record.",
        )
    history = await undo_change(
        archive_of(request), int(version), actor=actor_of(request), now=now_of(request)
    )
    target = f"/{history.noun}s/{history.noun_id}"
    return RedirectResponse(
        f"{target}?saved=1#history" if history.is_open else f"{target}/history?saved=1", 303
    )


async def _history_page(request: Request, noun: str) -> Response:
    require_signed_in(actor_of(request))
    noun_id = request.path_params["id"]
    return page(
        request,
        "history.html",
        noun=noun,
        noun_id=noun_id,
        changes=await history_of(request, noun, noun_id),
        is_saved="saved" in request.query_params,
    )
