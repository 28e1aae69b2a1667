"""`/tracks`: a GPX track of one's walk, its map with the photos on it, and the button to place them."""

from __future__ import annotations

from collections.abc import AsyncIterator

from starlette.datastructures import UploadFile
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from birdwatch.domain.clock import write_shift
from birdwatch.domain.errors import BirdwatchError, ConflictError, InvalidInputError
from birdwatch.http.accounts import require, require_csrf
from birdwatch.intake.tracking import (
    apply_track,
    list_tracks,
    preview_track,
    read_offset,
    receive_track,
    remove_track,
)
from birdwatch.intake.words import invalid
from birdwatch.storage.sites import load_sites
from birdwatch.web.forms import field_errors, typed
from birdwatch.web.reading import archive_of, now_of, query_text
from birdwatch.web.render import actor_of, page
from birdwatch.web.track_map import draw_track

PIECE_BYTES = 256 * 1024
SLIDER_S = 3600
SHOWN = 200


async def show_tracks(request: Request) -> Response:
    """One's tracks, and the form for a new one."""
    require(actor_of(request), "have-account")
    return await _tracks_page(request)


async def take_track(request: Request) -> Response:
    """Read a GPX file and go on to its map."""
    actor = actor_of(request)
    require(actor, "have-account")
    async with request.form(max_files=1) as form:
        require_csrf(request, form)
        file = form.get("track")
        try:
            if not isinstance(file, UploadFile) or not file.filename:
                raise invalid("track", "请选择一个 GPX 文件。", "Choose a GPX file.")
            track_id = await receive_track(
                archive_of(request), _read(file), file.filename, actor=actor, now=now_of(request)
            )
        except InvalidInputError as error:
            return await _tracks_page(request, error)
    return RedirectResponse(f"/tracks/{track_id}", 303)


async def show_track(request: Request) -> Response:
    """The map, the photos as this offset places them, and the form to place them so."""
    require(actor_of(request), "have-account")
    offset = query_text(request, "offset") or "0"
    try:
        read_offset(offset)
    except InvalidInputError as error:
        return await _track_page(request, "0", error)
    return await _track_page(request, offset)


async def place_photos(request: Request) -> Response:
    """Place the photos as shown."""
    actor = actor_of(request)
    require(actor, "have-account")
    form = await request.form()
    require_csrf(request, form)
    values = typed(form)
    try:
        done = await apply_track(
            archive_of(request),
            request.path_params["id"],
            values.get("offset", ""),
            overwrites="overwrite" in values,
            actor=actor,
            now=now_of(request),
            seen=values.get("seen", ""),
        )
    except (ConflictError, InvalidInputError) as error:
        return await _track_page(request, "0", error)
    return RedirectResponse(f"/account/clocks?done={done.photos}", 303)


async def delete(request: Request) -> Response:
    """Delete a track; its photos keep their places."""
    actor = actor_of(request)
    require(actor, "have-account")
    require_csrf(request, await request.form())
    await remove_track(
        archive_of(request), request.path_params["id"], actor=actor, now=now_of(request)
    )
    return RedirectResponse("/tracks?deleted=1", 303)


async def _tracks_page(request: Request, error: InvalidInputError | None = None) -> Response:
    return _unkept(
        request,
        "tracks.html",
        422 if error else 200,
        tracks=await list_tracks(archive_of(request), actor=actor_of(request)),
        is_deleted="deleted" in request.query_params,
        error=error,
        errors=field_errors(error, request),
    )


async def _track_page(
    request: Request, offset: str, error: BirdwatchError | None = None
) -> Response:
    archive = archive_of(request)
    overwrites = bool(query_text(request, "overwrite"))
    found = await preview_track(
        archive, request.path_params["id"], offset, overwrites=overwrites, actor=actor_of(request)
    )
    by = read_offset(offset)
    status = 200 if error is None else 409 if isinstance(error, ConflictError) else 422
    return _unkept(
        request,
        "track.html",
        status,
        found=found,
        map=draw_track(found.track, found.matches, await load_sites(archive.db)),
        seconds=round(by.total_seconds()),
        slider=max(SLIDER_S, abs(round(by.total_seconds()))),
        told=write_shift(by),
        overwrites=overwrites,
        error=error,
        errors=field_errors(error, request),
        shown=SHOWN,
    )


def _unkept(request: Request, template: str, status: int, **values: object) -> Response:
    """A page that no cache keeps: it tells where somebody walked."""
    shown = page(request, template, status, **values)
    shown.headers["Cache-Control"] = "no-store"
    return shown


async def _read(file: UploadFile) -> AsyncIterator[bytes]:
    while piece := await file.read(PIECE_BYTES):
        yield piece
