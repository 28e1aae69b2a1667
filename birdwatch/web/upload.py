"""`/upload`: many files through a plain form; with JavaScript the page sends them one by one."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Literal

from starlette.datastructures import UploadFile
from starlette.requests import Request
from starlette.responses import Response

from birdwatch.domain.errors import BirdwatchError, ForbiddenError
from birdwatch.domain.text import Text
from birdwatch.http.accounts import require, require_csrf
from birdwatch.http.room import require_room
from birdwatch.intake.photo_intake import PhotoRequest, receive_photo
from birdwatch.storage.people import find_person
from birdwatch.storage.sites import load_sites
from birdwatch.storage.species import load_species
from birdwatch.web.forms import typed
from birdwatch.web.reading import archive_of, now_of
from birdwatch.web.render import actor_of, locale_of, page
from birdwatch.web.words import say

MAX_FILES = 50
CHUNK_BYTES = 256 * 1024
FIELDS = ("species", "low", "best", "high", "site", "caption_zh", "caption_en", "credit", "license")


@dataclass(frozen=True, slots=True)
class Result:
    """What became of one file."""

    name: str
    outcome: Literal["accepted", "duplicate", "refused"]
    photo_id: str | None = None
    reason: str = ""


async def show_upload(request: Request) -> Response:
    """The form, with credit and licence as the sender's profile has them."""
    actor = actor_of(request)
    require(actor, "upload")
    person = await find_person(archive_of(request).db, actor.person_id or "")
    values = {"credit": person.credit, "license": person.default_license or ""} if person else {}
    return await _upload_page(request, values, [])


async def take_upload(request: Request) -> Response:
    """Take every file of the form; each is accepted or refused for itself."""
    require(actor_of(request), "upload")
    await require_room(request, MAX_FILES * archive_of(request).settings.max_photo_bytes)
    async with request.form(max_files=MAX_FILES) as form:
        require_csrf(request, form)
        values = typed(form)
        files = [
            one for one in form.getlist("files") if isinstance(one, UploadFile) and one.filename
        ]
        results = [
            await _take(request, one, request_from(values, one.filename or "")) for one in files
        ]
    refused = bool(results) and all(one.outcome == "refused" for one in results)
    return await _upload_page(request, values, results, 422 if refused else 200, was_sent=True)


def request_from(values: dict[str, str], file_name: str) -> PhotoRequest:
    """What the form says about one file."""
    return PhotoRequest(
        file_name=file_name,
        caption=Text(values.get("caption_zh", ""), values.get("caption_en", "")),
        credit=values.get("credit", ""),
        license=values.get("license", ""),
        species=values.get("species") or None,
        low=values.get("low") or None,
        best=values.get("best") or None,
        high=values.get("high") or None,
        site=values.get("site") or None,
    )


async def _take(request: Request, file: UploadFile, words: PhotoRequest) -> Result:
    name = file.filename or ""
    try:
        receipt = await receive_photo(
            archive_of(request),
            _chunks(file),
            words,
            actor=actor_of(request),
            now=now_of(request),
        )
    except ForbiddenError:
        raise
    except BirdwatchError as error:
        locale = locale_of(request)
        sentences = [one.message.get(locale) for one in error.errors]
        return Result(name, "refused", reason=" ".join(sentences) or error.sentence(locale))
    outcome: Literal["accepted", "duplicate"] = "duplicate" if receipt.is_duplicate else "accepted"
    is_waiting = outcome == "accepted" and receipt.photo.facts.status == "pending"
    reason = say(locale_of(request), "status.pending") if is_waiting else ""
    return Result(name, outcome, receipt.photo.id, reason)


async def _chunks(file: UploadFile) -> AsyncIterator[bytes]:
    while chunk := await file.read(CHUNK_BYTES):
        yield chunk


async def _upload_page(
    request: Request,
    values: dict[str, str],
    results: list[Result],
    status: int = 200,
    *,
    was_sent: bool = False,
) -> Response:
    archive = archive_of(request)
    return page(
        request,
        "upload.html",
        status,
        values={**dict.fromkeys(FIELDS, ""), **values},
        results=results,
        was_sent=was_sent,
        max_files=MAX_FILES,
        max_bytes=archive.settings.max_photo_bytes,
        species=await load_species(archive.db),
        sites=await load_sites(archive.db),
    )
