"""The words of uploads in pieces, as in `contract`. The bytes themselves speak tus 1.0.0."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta, Struct

from birdwatch.api.contract import PageQuery

Sha256 = Annotated[str, Meta(pattern="^[0-9a-f]{64}$")]


class UploadError(Struct):
    """Why a file was not taken."""

    code: str
    message: str


class Upload(Struct, kw_only=True):
    """An upload. `finishing`: all bytes are here, and it is being taken in.

    `photo`: the address of what it became. `waiting`: that photo waits for a reviewer. `duplicate`:
    the archive had these bytes already.
    """

    id: str
    state: Literal["open", "finishing", "done", "refused"]
    kind: Literal["whole", "partial", "final"]
    file_name: str
    length: int | None
    offset: int
    created_at: str
    expires_at: str
    photo: str | None = None
    waiting: bool = False
    duplicate: bool = False
    error: UploadError | None = None


class Uploads(Struct):
    """What the asker has begun and not finished, oldest first."""

    items: list[Upload]
    next: str | None


class UploadsQuery(PageQuery, kw_only=True, frozen=True):
    """Which page."""


class KnownIn(Struct):
    """SHA-256 of files that one is about to send."""

    sha256: Annotated[list[Sha256], Meta(max_length=1000)]


class Known(Struct):
    """Those among them that the asker has uploaded before, with the photo's id."""

    known: dict[str, str]
