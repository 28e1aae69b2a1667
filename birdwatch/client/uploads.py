"""One file over a line that breaks: tus 1.0.0, from where the archive says it is.

https://tus.io/protocols/resumable-upload. The SHA-256 of the whole file is announced, and the
archive takes nothing else: so pieces carry no checksum, and what came of a piece before a cut is
kept. Pieces become small on a bad line, for the sake of proxies that pass on whole requests only.
"""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import Any, Final
from urllib.parse import urlsplit

import anyio
import anyio.to_thread

from birdwatch.client.connection import API, Connection, Cut, Patience, Refusal
from birdwatch.client.folder import Found

UPLOADS = f"{API}/uploads"
TUS: Final = {"Tus-Resumable": "1.0.0"}
PIECE_TYPE = "application/offset+octet-stream"
SMALLEST_PIECE = 256 << 10
LARGEST_PIECE = 8 << 20
SLICE_BYTES = 128 << 10
MOST_KNOWN = 1000
MOST_STARTS = 3
BENT = "upload.changed"  # what came does not have the hash that was announced


class FileChangedError(Exception):
    """The file is no longer what was hashed."""


@dataclass(frozen=True, slots=True)
class Arrival:
    """What an upload became. `is_duplicate`: the archive had it. `is_waiting`: for a reviewer."""

    photo: str
    is_duplicate: bool
    is_waiting: bool


@dataclass(frozen=True, slots=True)
class Course:
    """A file on its way, and who is told of it."""

    file: Found
    sha256: str
    words: Mapping[str, str]
    on_begun: Callable[[str], None]
    on_moved: Callable[[int], None]


async def known_photos(connection: Connection, hashes: list[str]) -> dict[str, str]:
    """Of these SHA-256 those whose photos the asker has here, with the photo's id."""
    known: dict[str, str] = {}
    for start in range(0, max(len(hashes), 1), MOST_KNOWN):
        body = {"sha256": hashes[start : start + MOST_KNOWN]}
        ask = partial(connection.ask_json, "POST", f"{UPLOADS}/known", json=body)
        known |= (await connection.ask_until(ask))["known"]
    return known


async def send_file(
    connection: Connection,
    file: Found,
    sha256: str,
    words: Mapping[str, str],
    *,
    upload: str = "",
    on_begun: Callable[[str], None],
    on_moved: Callable[[int], None],
) -> Arrival:
    """Upload a file, or go on with an upload that was begun, until the archive has it.

    Raises Refusal, Cut when the line stayed away for longer than the connection's patience, or
    FileChangedError when the file is no longer the one with this hash.
    """
    course = Course(file, sha256, words, on_begun, on_moved)
    line = _Line(connection, connection.patience())
    starts = 0
    while upload or starts < MOST_STARTS:
        try:
            offset = None
            if not upload:
                upload = await _begin(connection, course)
                on_begun(upload)
                starts, offset = starts + 1, 0
                line.patience.start_over()
            arrival = await _go_on(line, upload, course, offset)
        except (Cut, Refusal) as error:
            if isinstance(error, Refusal) and error.code == BENT and starts < MOST_STARTS:
                upload = ""  # from the start, since nobody knows which bytes are wrong
                continue
            line.shrink()
            await line.patience.wait(error)
            continue
        if arrival is not None:
            return arrival
        upload = ""  # the archive has forgotten it
    raise Refusal(503, "", "The archive ends every upload of this file.")


@dataclass(slots=True)
class _Line:
    """The connection as it is for this file: how patient we are, how much goes in one request."""

    connection: Connection
    patience: Patience
    piece_bytes: int = LARGEST_PIECE

    def shrink(self) -> None:
        self.piece_bytes = max(SMALLEST_PIECE, self.piece_bytes // 2)

    def grow(self) -> None:
        self.piece_bytes = min(LARGEST_PIECE, self.piece_bytes * 2)


async def _begin(connection: Connection, course: Course) -> str:
    metadata = {
        "filename": course.file.path.name,
        "sha256": course.sha256,
        **{key: value for key, value in course.words.items() if value},
    }
    headers = {
        **TUS,
        "Upload-Length": str(course.file.size),
        "Upload-Metadata": ",".join(f"{key} {_coded(text)}" for key, text in metadata.items()),
    }
    answer = await connection.ask("POST", UPLOADS, headers=headers)
    path: str = urlsplit(answer.headers.get("location", "")).path
    if not path:
        raise Refusal(502, "", "The archive did not say where to send the file.")
    return path  # the path only: the token goes to the address that was given, never elsewhere


def _coded(text: str) -> str:
    return base64.b64encode(text.encode("utf-8", "replace")).decode()


async def _go_on(line: _Line, upload: str, course: Course, offset: int | None) -> Arrival | None:
    """Send what is missing. None where the archive does not know this upload any more."""
    if offset is None:
        try:
            told = await line.connection.ask("HEAD", upload, headers=TUS)
        except Refusal as error:
            if error.status not in (404, 410):
                raise
            return await _become(line, upload)
        offset = _offset(told.headers)
    line.patience.reached(offset)
    course.on_moved(offset)
    while offset < course.file.size:
        size = min(line.piece_bytes, course.file.size - offset)
        try:
            answer = await _send_piece(line.connection, upload, course, offset, size)
        except Refusal as error:
            if error.status in (404, 410):
                return await _become(line, upload)
            if error.status == 409 and error.code in ("", "upload.offset"):
                raise Cut("out of step") from error  # the archive has less or more than we think
            raise
        reached = _offset(answer.headers)
        if reached <= offset or reached > course.file.size:
            raise Cut(f"the archive is at {reached} after {offset}")
        offset = reached
        line.patience.reached(offset)
        line.grow()
        course.on_moved(offset)
    return await _become(line, upload)


async def _send_piece(
    connection: Connection, upload: str, course: Course, offset: int, size: int
) -> Any:
    data = await anyio.to_thread.run_sync(_read_piece, course.file, offset, size)
    headers = {
        **TUS,
        "Upload-Offset": str(offset),
        "Content-Type": PIECE_TYPE,
        "Content-Length": str(size),
    }

    async def slices() -> AsyncIterator[bytes]:
        for start in range(0, size, SLICE_BYTES):
            yield data[start : start + SLICE_BYTES]
            course.on_moved(offset + min(start + SLICE_BYTES, size))

    return await connection.ask("PATCH", upload, headers=headers, content=slices())


def _read_piece(file: Found, offset: int, size: int) -> bytes:
    """A piece of the file. Raises FileChangedError where it is another file by now."""
    try:
        with file.path.open("rb") as opened:
            opened.seek(offset)
            data = opened.read(size)
    except OSError as error:
        raise FileChangedError(str(error)) from error
    if len(data) != size or not file.is_unchanged:
        raise FileChangedError(file.name)
    return data


async def _become(line: _Line, upload: str) -> Arrival | None:
    """What became of an upload whose bytes are all there; None for one that is not known."""
    while True:
        try:
            told = await line.connection.ask_json("GET", upload)
        except Refusal as error:
            if error.status in (404, 410):
                return None
            raise
        if told.get("state") == "done":
            return Arrival(str(told["photo"]), told["duplicate"] is True, told["waiting"] is True)
        if told.get("state") == "refused":
            error_told = told.get("error") or {}
            raise Refusal(422, error_told.get("code", ""), error_told.get("message", ""))
        await line.patience.wait(Refusal(423, "", "The archive is still taking the file in."))
        with suppress(Refusal):
            await line.connection.ask("HEAD", upload, headers=TUS)  # it takes it up again


async def end_upload(connection: Connection, upload: str) -> None:
    """Tell the archive that nothing more comes. What it does not know or does not do is let be."""
    with suppress(Refusal, Cut):
        await connection.ask("DELETE", upload, headers=TUS)


def _offset(headers: Mapping[str, str]) -> int:
    text = headers.get("upload-offset", "")
    if not (text.isascii() and text.isdigit()):
        raise Cut("an answer without its offset")
    return int(text)
