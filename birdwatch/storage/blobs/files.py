"""Originals and renditions as files: durable before anyone is told, and never overwritten.

An original goes through `incoming/<id>.part` (created exclusively, hashed while written, fsynced),
then by a hard link to `originals/ab/cd/<sha256>`, mode 0444, and its folders are fsynced. Only then
may a database row speak of it. The part file goes when the row is written: while it is there, the
original is not promised to anyone, and an intake that fails can take back what it put there. No
other original is ever deleted or rewritten.

A home that was in use and is suddenly empty is a folder that is not mounted. Taking photos into it
would hide the archive behind a new one, so writing stops until the marker file is back.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import re
import secrets
import shutil
import stat
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from anyio import CancelScope, to_thread

from birdwatch.domain.errors import InvalidInputError, TooLargeError
from birdwatch.domain.ids import SHA256
from birdwatch.storage.blobs.faults import full, missing, speaking, unwritable

MARKER = ".birdwatch"
FOLDERS = ("incoming", "originals", "renditions")
WRITE_AT_LEAST = 256 * 1024  # bytes gathered before a thread is asked to write them
NAME = re.compile(r"[0-9a-z_-][0-9a-z._-]*", re.ASCII)
SUFFIX = {"jpeg": "jpg"}


@dataclass(frozen=True, slots=True)
class Incoming:
    """Bytes that were received whole and lie durable in a file of their own."""

    path: Path
    sha256: str
    size: int


class FileBlobs:
    """The files of one archive, under its home folder."""

    def __init__(self, home: Path, reserve_bytes: int = 0) -> None:
        self.home = home
        self.reserve_bytes = reserve_bytes
        self._marker: str | None = None

    def marker(self) -> str | None:
        """The name this home was given when the archive began; None where there is none."""
        try:
            return (self.home / MARKER).read_text(encoding="ascii").strip() or None
        except FileNotFoundError:
            return None
        except OSError as error:
            raise unwritable(error) from error

    def settle(self, known: str | None = None) -> str:
        """Make this home ready for writing and give its name; `known` is the name on record.

        Raises UnavailableError where the home on record is not the one that is here.
        """
        with speaking():
            found = self.marker()
            if known is not None and found != known:
                raise missing()
            if found is None:
                for folder in FOLDERS:
                    (self.home / folder).mkdir(mode=0o750, parents=True, exist_ok=True)
                found = self._write_marker()
        self._marker = found
        self._check_folders()
        return found

    def check_home(self) -> None:
        """Raises UnavailableError when the home is missing, another one, not writable, or full."""
        with speaking():
            if self._marker is None:
                self.settle()
            if self.marker() != self._marker:
                raise missing()
            self._check_folders()
            if self.free_bytes() < self.reserve_bytes:
                raise full()

    def free_bytes(self) -> int:
        """How much room the disk of the home has left. Raises UnavailableError."""
        with speaking():
            return shutil.disk_usage(self.home).free

    async def receive(self, chunks: AsyncIterator[bytes], max_bytes: int) -> Incoming:
        """Take a stream of bytes to disk, durable. Whatever fails, nothing is left of it.

        Raises TooLargeError, InvalidInputError for no bytes at all, and UnavailableError.
        """
        await to_thread.run_sync(self.check_home)
        path = self.home / "incoming" / f"{secrets.token_hex(16)}.part"
        with speaking():
            file = await to_thread.run_sync(_create, path)
        try:
            with speaking():
                sha256, size = await _take(file, chunks, max_bytes)
        except BaseException:
            with CancelScope(shield=True):
                await to_thread.run_sync(_abandon, file, path)
            raise
        return Incoming(path, sha256, size)

    async def keep(self, incoming: Incoming) -> None:
        """Give the bytes their final name, durable. The same bytes may be there already."""
        await to_thread.run_sync(self._keep, incoming)

    def take_back(self, incoming: Incoming) -> None:
        """Remove the original that these bytes have become, if they are what lies there.

        The caller holds the lock of all writers, and knows that no row speaks of it.
        """
        with speaking():
            path = self.original_path(incoming.sha256)
            with contextlib.suppress(FileNotFoundError):
                if path.samefile(incoming.path):
                    path.unlink()
                    sync_folder(path.parent)

    async def discard(self, incoming: Incoming) -> None:
        """Remove received bytes that will not be kept."""
        await to_thread.run_sync(lambda: incoming.path.unlink(missing_ok=True))

    def original_path(self, sha256: str) -> Path:
        """Where the original with this hash lies, or would lie."""
        if not SHA256.fullmatch(sha256):
            message = "not a sha-256"
            raise ValueError(message)
        return self.home / "originals" / sha256[:2] / sha256[2:4] / sha256

    def has_original(self, sha256: str) -> bool:
        return self.original_path(sha256).is_file()

    def original_size(self, sha256: str) -> int | None:
        """How many bytes lie there; None without a file."""
        try:
            told = self.original_path(sha256).stat()
        except (FileNotFoundError, NotADirectoryError):
            return None
        return told.st_size if stat.S_ISREG(told.st_mode) else None

    def rendition_path(self, photo_id: str, key: str, format: str) -> Path:  # noqa: A002
        """Where this rendition lies, or would lie: renditions/<last 2 of the id>/<id>/<key>."""
        if not (NAME.fullmatch(photo_id) and NAME.fullmatch(key) and NAME.fullmatch(format)):
            message = "not a name of a rendition"
            raise ValueError(message)
        name = f"{key}.{SUFFIX.get(format, format)}"
        return self.home / "renditions" / photo_id[-2:] / photo_id / name

    async def put_rendition(self, photo_id: str, key: str, format: str, data: bytes) -> Path:  # noqa: A002
        """Write a rendition whole or not at all, replacing an earlier one."""
        path = self.rendition_path(photo_id, key, format)
        await to_thread.run_sync(self._put, path, data)
        return path

    def _check_folders(self) -> None:
        for folder in FOLDERS:
            path = self.home / folder
            if not path.is_dir():
                raise missing()
            if not os.access(path, os.W_OK | os.X_OK):
                raise unwritable(PermissionError(errno.EACCES, "not writable"))

    def _write_marker(self) -> str:
        """Name this home; of two processes that begin together the first one names it."""
        part = self.home / "incoming" / f"{secrets.token_hex(16)}.part"
        name = secrets.token_hex(16)
        try:
            with _create(part) as file:
                file.write(f"{name}\n".encode())
                _sync(file)
            with contextlib.suppress(FileExistsError):
                os.link(part, self.home / MARKER)
        finally:
            part.unlink(missing_ok=True)
        sync_folder(self.home)
        return self.marker() or name

    def _keep(self, incoming: Incoming) -> None:
        with speaking():
            self.check_home()
            path = self.original_path(incoming.sha256)
            made = _make_folders(path.parent, self.home)
            os.chmod(incoming.path, 0o444)  # noqa: PTH101
            with contextlib.suppress(FileExistsError):
                os.link(incoming.path, path)
            sync_folder(path.parent)
            for folder in made:
                sync_folder(folder.parent)

    def _put(self, path: Path, data: bytes) -> None:
        with speaking():
            self.check_home()
            path.parent.mkdir(parents=True, exist_ok=True)
            part = path.parent / f".{secrets.token_hex(8)}.part"
            file = _create(part)
            try:
                with file:
                    file.write(data)
                    _sync(file)
                part.chmod(0o644)
                part.replace(path)
            except BaseException:
                part.unlink(missing_ok=True)
                raise
            sync_folder(path.parent)


async def _take(file: BinaryIO, chunks: AsyncIterator[bytes], max_bytes: int) -> tuple[str, int]:
    digest = hashlib.sha256()
    size = 0
    gathered = bytearray()

    def write(data: bytes) -> None:
        digest.update(data)
        file.write(data)

    async for chunk in chunks:
        size += len(chunk)
        if size > max_bytes:
            raise _too_large(max_bytes)
        gathered += chunk
        if len(gathered) >= WRITE_AT_LEAST:
            await to_thread.run_sync(write, bytes(gathered))
            gathered.clear()
    if size == 0:
        raise _empty()

    def end() -> None:
        write(bytes(gathered))
        _sync(file)
        file.close()

    await to_thread.run_sync(end)
    return digest.hexdigest(), size


def _create(path: Path) -> BinaryIO:
    """A new file. Buffered, for a raw one may write a part and say nothing when the disk fills."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    return os.fdopen(descriptor, "wb")


def _abandon(file: BinaryIO, path: Path) -> None:
    with contextlib.suppress(OSError):  # closing writes what is buffered, and the disk may be full
        file.close()
    path.unlink(missing_ok=True)


def _sync(file: BinaryIO) -> None:
    file.flush()
    os.fsync(file.fileno())


def sync_folder(path: Path) -> None:
    """Make the names in this folder durable."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _make_folders(path: Path, home: Path) -> list[Path]:
    """Make the missing folders down to `path`; those that were made, innermost first."""
    made = []
    folder = path
    while folder != home and not folder.exists():
        made.append(folder)
        folder = folder.parent
    path.mkdir(parents=True, exist_ok=True)
    return made


def _too_large(max_bytes: int) -> TooLargeError:
    mib = max_bytes / 2**20
    return TooLargeError(
        "photo.too_large",
        zh=f"文件超过 {mib:.0f} MiB 的上限。请上传较小的文件。",
        en=f"The file is larger than the limit of {mib:.0f} MiB. Send a smaller one.",
    )


def _empty() -> InvalidInputError:
    return InvalidInputError(
        "photo.empty",
        zh="文件是空的。请检查存储卡上的原文件，然后重新上传。",
        en="The file is empty. Check the file on the card and send it again.",
    )
