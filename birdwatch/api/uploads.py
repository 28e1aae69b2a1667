"""Resumable uploads: tus 1.0.0, and beside it JSON that tells what became of them.

https://tus.io/protocols/resumable-upload: the core, and the extensions named in EXTENSIONS. The
last piece of a file is answered when its photo is in the archive, with the photo's address.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import datetime
from email.utils import format_datetime
from urllib.parse import urlsplit

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from birdwatch.api import upload_contract
from birdwatch.api.answers import send_written
from birdwatch.api.contract import Query
from birdwatch.api.operations import PREFIX, Handler
from birdwatch.api.query import invalid, read_json, read_query
from birdwatch.domain.errors import (
    BirdwatchError,
    MalformedError,
    UnsupportedMediaError,
    UnsupportedVersionError,
)
from birdwatch.domain.paging import Page
from birdwatch.domain.text import Locale
from birdwatch.domain.upload import (
    ALGORITHMS,
    Checksum,
    Kind,
    Upload,
    read_checksum,
    read_concat,
    read_metadata,
    read_number,
    write_metadata,
)
from birdwatch.http.accounts import require
from birdwatch.http.errors import respond_to
from birdwatch.intake import uploads as intake
from birdwatch.intake.archive import Archive
from birdwatch.intake.upload_beginning import Announced, begin_upload
from birdwatch.intake.uploads import Progress, Sent
from birdwatch.settings import Settings
from birdwatch.storage.blobs.parts import part_size
from birdwatch.storage.photos import find_photo
from birdwatch.storage.uploads import list_open_uploads

VERSION = "1.0.0"
EXTENSIONS = (
    "creation",
    "creation-with-upload",
    "creation-defer-length",
    "expiration",
    "checksum",
    "termination",
    "concatenation",
)
ADDRESS = f"{PREFIX}/uploads"
PIECE = "application/offset+octet-stream"
UNKEPT = {"Cache-Control": "no-store"}


def _speaks_tus(handler: Handler) -> Handler:
    """Every answer, a refusal too, names the version; a version we do not speak is told ours."""

    async def answer(request: Request) -> Response:
        try:
            response = await handler(request)
        except BirdwatchError as error:
            response = respond_to(request, error)
        response.headers["Tus-Resumable"] = VERSION
        if response.status_code == 412:
            response.headers["Tus-Version"] = VERSION
        return response

    answer.__name__ = handler.__name__
    return answer


@_speaks_tus
async def show_abilities(request: Request) -> Response:
    """What this server does, for anyone who asks."""
    archive: Archive = request.app.state.archive
    headers = {
        "Tus-Version": VERSION,
        "Tus-Extension": ",".join(EXTENSIONS),
        "Tus-Max-Size": str(archive.settings.max_photo_bytes),
        "Tus-Checksum-Algorithm": ",".join(ALGORITHMS),
        **UNKEPT,
    }
    return Response(status_code=200, headers=headers)


async def show_upload_abilities(request: Request) -> Response:
    """The same, at the address of an upload."""
    return await show_abilities(request)


@_speaks_tus
async def post_upload(request: Request) -> Response:
    """Begin an upload; a body is its first piece."""
    require(request.state.actor, "upload")
    _require_version(request)
    archive: Archive = request.app.state.archive
    actor, now = request.state.actor, request.state.now
    upload = await begin_upload(archive, _announced(request), actor=actor, now=now)
    headers = {"Location": f"{_origin(request)}{ADDRESS}/{upload.id}", **UNKEPT}
    progress = None
    if upload.kind == "final":
        progress = await intake.look(archive, upload, actor=actor, now=now)
    elif _content_type(request) == PIECE:
        sent = Sent(0, _size(request), None, _checksum(request))
        progress = await intake.append(
            archive, upload, _stream(request), sent, actor=actor, now=now
        )
    if progress is not None:
        headers |= _progress_headers(progress)
    return Response(status_code=201, headers=headers | _expiry(upload))


@_speaks_tus
async def patch_upload(request: Request) -> Response:
    """Send the next piece. 204 when it is durable, and after the last when it is a photo."""
    upload = await _find(request)
    _require_version(request)
    if _content_type(request) != PIECE:
        raise UnsupportedMediaError(
            "upload.content_type",
            zh=f"请以 Content-Type: {PIECE} 发送数据。",
            en=f"Send the bytes with Content-Type: {PIECE}.",
        )
    length = request.headers.get("upload-length")
    sent = Sent(
        _number(request, "Upload-Offset"),
        _size(request),
        None if length is None else read_number(length, "Upload-Length"),
        _checksum(request),
    )
    progress = await intake.append(
        request.app.state.archive,
        upload,
        _stream(request),
        sent,
        actor=request.state.actor,
        now=request.state.now,
    )
    headers = _progress_headers(progress) | _expiry(progress.upload) | UNKEPT
    return Response(status_code=204, headers=headers)


async def get_upload(request: Request) -> Response:
    """What became of an upload, as JSON; asked by HEAD, its offset as tus tells it."""
    if request.method == "HEAD":
        return await _head_upload(request)
    read_query(request, Query)
    upload = await _find(request)
    answer = await _dump(request.app.state.archive, upload, request.state.locale)
    return send_written(answer)


@_speaks_tus
async def _head_upload(request: Request) -> Response:
    upload = await _find(request)
    _require_version(request)
    progress = await intake.look(
        request.app.state.archive, upload, actor=request.state.actor, now=request.state.now
    )
    upload = progress.upload
    headers = _progress_headers(progress) | _expiry(upload) | UNKEPT
    if upload.length is None:
        headers["Upload-Defer-Length"] = "1"
    else:
        headers["Upload-Length"] = str(upload.length)
    if upload.metadata:
        headers["Upload-Metadata"] = write_metadata(upload.metadata)
    if upload.kind == "partial":
        headers["Upload-Concat"] = "partial"
    elif upload.kind == "final":
        listed = " ".join(f"{ADDRESS}/{part}" for part in upload.parts)
        headers["Upload-Concat"] = f"final;{listed}"
    return Response(status_code=200, headers=headers)


@_speaks_tus
async def delete_upload(request: Request) -> Response:
    """End an upload and free its bytes; a photo that it became stays."""
    upload = await _find(request)
    _require_version(request)
    await intake.forget(request.app.state.archive, upload, request.state.now)
    return Response(status_code=204, headers=UNKEPT)


async def post_override(request: Request) -> Response:
    """For lines that pass GET and POST only: the method is in X-HTTP-Method-Override."""
    method = request.headers.get("x-http-method-override", "").upper()
    handler = {"PATCH": patch_upload, "DELETE": delete_upload, "HEAD": _head_upload}.get(method)
    if handler is None:
        await _find(request)
        raise MalformedError(
            "upload.override",
            zh="请以 PATCH 或 DELETE 请求，或在 X-HTTP-Method-Override 中写明方法。",
            en="Send PATCH or DELETE, or name the method in X-HTTP-Method-Override.",
        )
    return await handler(request)


async def list_uploads(request: Request) -> Response:
    """A page of what the asker has begun and not finished."""
    query = read_query(request, upload_contract.UploadsQuery)
    require(request.state.actor, "upload")
    archive: Archive = request.app.state.archive
    owner = request.state.actor.person_id
    page: Page[Upload] = Page(())
    if owner is not None:
        page = await list_open_uploads(archive.db, owner, limit=query.limit, cursor=query.cursor)
    items = [await _dump(archive, upload, request.state.locale) for upload in page.items]
    return send_written(upload_contract.Uploads(items, page.next))


async def post_known(request: Request) -> Response:
    """Which of these files the asker has uploaded before. Of what others hold nothing is told."""
    require(request.state.actor, "upload")
    body = await read_json(request, upload_contract.KnownIn)
    try:
        given = msgspec.convert(body, upload_contract.KnownIn)
    except msgspec.ValidationError:
        raise invalid(
            "sha256",
            "sha256 应为最多 1000 个摘要的列表，每个为 64 个小写十六进制字符。",
            "sha256 must be a list of at most 1000 digests, each of 64 hexadecimal digits in lower"
            " case.",
        ) from None
    known = await intake.known_photos(
        request.app.state.archive, [*dict.fromkeys(given.sha256)], request.state.actor
    )
    return send_written(upload_contract.Known(known))


async def _find(request: Request) -> Upload:
    require(request.state.actor, "upload")
    upload_id: str = request.path_params["id"]
    return await intake.find_own(request.app.state.archive, upload_id, request.state.actor)


def _origin(request: Request) -> str:
    """This host as the sender named it: not every client can follow a Location without a host."""
    settings: Settings = request.app.state.archive.settings
    public, asked = urlsplit(settings.base_url), request.url
    scheme = public.scheme if public.netloc == asked.netloc else asked.scheme
    return f"{scheme}://{asked.netloc}"


def _require_version(request: Request) -> None:
    if request.headers.get("tus-resumable") != VERSION:
        raise UnsupportedVersionError(
            "upload.version",
            zh=f"请在请求头中写明 Tus-Resumable: {VERSION}。",
            en=f"Send the header Tus-Resumable: {VERSION}.",
        )


def _announced(request: Request) -> Announced:
    headers = request.headers
    metadata = read_metadata(headers.get("upload-metadata", ""))
    kind: Kind = "whole"
    parts: tuple[str, ...] = ()
    if "upload-concat" in headers:
        kind, parts = read_concat(headers["upload-concat"])
    if kind == "final":
        return Announced(None, metadata, kind, parts)
    is_deferred = headers.get("upload-defer-length")
    if is_deferred is None:
        return Announced(_number(request, "Upload-Length"), metadata, kind)
    if is_deferred != "1" or "upload-length" in headers:
        raise MalformedError(
            "upload.defer",
            zh="Upload-Defer-Length 只能是 1，且不可与 Upload-Length 同时出现。",
            en="Upload-Defer-Length must be 1, and without an Upload-Length beside it.",
        )
    return Announced(None, metadata, kind)


def _number(request: Request, header: str) -> int:
    return read_number(request.headers.get(header, ""), header)


def _size(request: Request) -> int | None:
    text = request.headers.get("content-length")
    return None if text is None else read_number(text, "Content-Length")


def _checksum(request: Request) -> Checksum | None:
    text = request.headers.get("upload-checksum")
    return None if text is None else read_checksum(text)


def _content_type(request: Request) -> str:
    return request.headers.get("content-type", "").split(";")[0].strip().lower()


async def _stream(request: Request) -> AsyncIterator[bytes]:
    async for chunk in request.stream():
        if chunk:
            yield chunk


def _progress_headers(progress: Progress) -> dict[str, str]:
    headers = {"Upload-Offset": str(progress.offset)}
    if progress.upload.photo_id is not None:
        headers["Birdwatch-Photo"] = f"{PREFIX}/photos/{progress.upload.photo_id}"
    return headers


def _expiry(upload: Upload) -> dict[str, str]:
    return {"Upload-Expires": format_datetime(_whole_second(upload.expires_at), usegmt=True)}


def _whole_second(moment: datetime) -> datetime:
    return moment.replace(microsecond=0)


async def _dump(archive: Archive, upload: Upload, locale: Locale) -> upload_contract.Upload:
    offset = upload.length or 0
    if upload.state == "open":
        offset = part_size(archive.blobs, upload.id) or 0
    is_whole = upload.kind != "partial" and offset == upload.length
    photo = await find_photo(archive.db, upload.photo_id) if upload.photo_id else None
    is_own = photo is not None and photo.owner_id == upload.owner_id  # not so of a duplicate
    return upload_contract.Upload(
        id=upload.id,
        state="finishing" if upload.state == "open" and is_whole else upload.state,
        kind=upload.kind,
        file_name=upload.word("filename", "name"),
        length=upload.length,
        offset=offset if upload.state != "refused" else 0,
        created_at=upload.created_at.isoformat(timespec="seconds"),
        expires_at=upload.expires_at.isoformat(timespec="seconds"),
        photo=f"{PREFIX}/photos/{upload.photo_id}" if upload.photo_id else None,
        waiting=is_own and photo is not None and photo.facts.status == "pending",
        duplicate=upload.is_duplicate,
        error=_error(upload, locale),
    )


def _error(upload: Upload, locale: Locale) -> upload_contract.UploadError | None:
    if not upload.error_code:
        return None
    return upload_contract.UploadError(upload.error_code, upload.error.get(locale))
