"""`/upload`: files come in as drafts. By a plain form here; with JavaScript in pieces, by tus."""

from __future__ import annotations

from collections.abc import AsyncIterator

from starlette.datastructures import UploadFile
from starlette.requests import Request
from starlette.responses import Response

from birdwatch.domain.errors import BirdwatchError, ForbiddenError
from birdwatch.http.accounts import require, require_csrf
from birdwatch.http.room import require_room
from birdwatch.intake.photo_intake import PhotoRequest, receive_photo
from birdwatch.web.drafts import MAX_FILES, Bench, Result, bench_page
from birdwatch.web.reading import archive_of, now_of
from birdwatch.web.render import actor_of, locale_of

CHUNK_BYTES = 256 * 1024


async def show_upload(request: Request) -> Response:
    """Where files are chosen, and the drafts that came of them."""
    require(actor_of(request), "upload")
    return await bench_page(request, Bench())


async def take_upload(request: Request) -> Response:
    """Take every file of the form as a draft; each is accepted or refused for itself."""
    require(actor_of(request), "upload")
    await require_room(request, MAX_FILES * archive_of(request).settings.max_photo_bytes)
    async with request.form(max_files=MAX_FILES) as form:
        require_csrf(request, form)
        files = [
            one for one in form.getlist("files") if isinstance(one, UploadFile) and one.filename
        ]
        results = [await _take(request, one) for one in files]
    refused = bool(results) and all(one.outcome == "refused" for one in results)
    return await bench_page(request, Bench(results=results, was_sent=True), 422 if refused else 200)


async def _take(request: Request, file: UploadFile) -> Result:
    name = file.filename or ""
    try:
        receipt = await receive_photo(
            archive_of(request),
            _chunks(file),
            PhotoRequest(file_name=name, draft=True),
            actor=actor_of(request),
            now=now_of(request),
        )
    except ForbiddenError:
        raise
    except BirdwatchError as error:
        locale = locale_of(request)
        sentences = [one.message.get(locale) for one in error.errors]
        return Result(name, "refused", reason=" ".join(sentences) or error.sentence(locale))
    return Result(name, "duplicate" if receipt.is_duplicate else "accepted", receipt.photo.id)


async def _chunks(file: UploadFile) -> AsyncIterator[bytes]:
    while chunk := await file.read(CHUNK_BYTES):
        yield chunk
