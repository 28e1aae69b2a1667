"""Send the bytes of a picture: renditions to everyone, the original to those who may see it.

A rendition never changes under its address, so its answer may be kept for ever, and its tag is made
of what is in the address. Private values (the original's hash, its name) are in no public answer.
"""

from __future__ import annotations

import hashlib
import re
from pathlib import Path
from urllib.parse import quote

import anyio
from starlette.requests import Request
from starlette.responses import FileResponse, Response

from birdwatch.domain.errors import NotFoundError
from birdwatch.domain.ids import is_id
from birdwatch.domain.photo import EXTENSIONS, Photo
from birdwatch.domain.policy import Reader
from birdwatch.http.caching import matches
from birdwatch.storage.blobs.files import FileBlobs
from birdwatch.storage.photos import see_photo
from birdwatch.storage.tombstones import refuse_withdrawn

MEDIA_TYPES = {
    "jpeg": "image/jpeg",
    "webp": "image/webp",
    "png": "image/png",
    "tiff": "image/tiff",
    "heif": "image/heic",
    "avif": "image/avif",
    "cr2": "image/x-canon-cr2",
    "cr3": "image/x-canon-cr3",
    "nef": "image/x-nikon-nef",
    "arw": "image/x-sony-arw",
    "dng": "image/x-adobe-dng",
    "raf": "image/x-fuji-raf",
}
ORIGINAL_EXTENSIONS = {"jpeg": "jpg", "heif": "heic"}
FORMATS = {extension: name for name, extension in EXTENSIONS.items()}
RENDITION_NAME = re.compile(r"([0-9]{1,5})\.(webp|jpg)")
RENDER_PROFILE = "1"  # to be raised when the same key comes to mean other pixels
SAFE = {
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "default-src 'none'; sandbox",
}
SHARED = "public, max-age=3600"
PRIVATE = "private, no-store"


async def send_rendition(request: Request) -> Response:
    """GET /media/{photo}/{key}.{webp|jpg}: a picture made for pages."""
    photo_id, name = request.path_params["photo"], request.path_params["name"]
    found = RENDITION_NAME.fullmatch(name)
    if found is None or not is_id(photo_id):
        raise _not_found()
    archive = request.app.state.archive
    photo = await _see(request, photo_id)
    blobs: FileBlobs = archive.blobs
    key, extension = found.groups()
    path = blobs.rendition_path(photo_id, key, FORMATS[extension])
    headers = SAFE | {
        "Cache-Control": _keeping(photo),
        "Vary": "Cookie, Authorization",
        "ETag": _tag(photo_id, name),
        "Cross-Origin-Resource-Policy": "cross-origin",
    }
    return await _send(request, path, MEDIA_TYPES[FORMATS[extension]], headers)


async def send_original(request: Request) -> Response:
    """GET /media/{photo}/original: the bytes as received, for the owner and administrators."""
    archive = request.app.state.archive
    photo_id = request.path_params["photo"]
    photo = await _see(request, photo_id)
    if photo.view != "full":
        raise _not_found()
    path = archive.blobs.original_path(photo.sha256)
    headers = SAFE | {
        "Cache-Control": PRIVATE,
        "ETag": _tag(photo_id, "original"),
        "Content-Disposition": disposition(download_name(photo)),
        "Cross-Origin-Resource-Policy": "same-origin",
    }
    return await _send(request, path, MEDIA_TYPES[photo.format], headers)


async def _see(request: Request, photo_id: str) -> Photo:
    """The photo, if it exists for this reader. Raises NotFoundError, or GoneError."""
    archive = request.app.state.archive
    reader = Reader(request.state.actor, request.state.now)
    photo = await see_photo(archive.db, photo_id, reader) if is_id(photo_id) else None
    if photo is None:
        await refuse_withdrawn(archive.db, "photo", photo_id)
        raise _not_found()
    return photo


def _keeping(photo: Photo) -> str:
    """How long a copy may be kept: what everyone may see for an hour without asking.

    Not for ever: a picture that is withdrawn must leave the shared copies too.
    """
    return SHARED if photo.view == "public" else PRIVATE


async def _send(request: Request, path: Path, media_type: str, headers: dict[str, str]) -> Response:
    if not await anyio.Path(path).is_file():
        raise _not_found()
    if matches(request.headers.get("if-none-match", ""), headers["ETag"]):
        return Response(status_code=304, headers=headers)
    return FileResponse(path, media_type=media_type, headers=headers)


def _tag(photo_id: str, name: str) -> str:
    digest = hashlib.sha256(f"{photo_id}/{name}/{RENDER_PROFILE}".encode()).hexdigest()
    return f'"{digest[:20]}"'


def download_name(photo: Photo) -> str:
    """The sender's own name with the ending of what the bytes really are."""
    ending = ORIGINAL_EXTENSIONS.get(photo.format, photo.format)
    name = photo.original_name or photo.id
    stem = name.rpartition(".")[0] or name
    return f"{stem}.{ending}"


def disposition(name: str) -> str:
    """A Content-Disposition of RFC 6266: plain ASCII for old readers, UTF-8 beside it."""
    plain = re.sub(r"[^A-Za-z0-9 ._()-]", "_", name)
    return f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe='')}"


def _not_found() -> NotFoundError:
    return NotFoundError(
        "media.not_found",
        zh="没有这张图片，或者它还没有生成。请从照片页打开。",
        en="There is no such picture, or it is not made yet. Open it from the photo's page.",
    )
