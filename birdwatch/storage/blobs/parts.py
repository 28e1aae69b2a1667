"""Files that grow piece by piece: an upload that may be broken off and taken up again, for days.

`incoming/<id>.upload` belongs to one writer at a time, in whatever process: an exclusive lock of
the file says so, and the kernel lets go of it when its process dies. The size of the file is the
offset. It is told only after the bytes are synced; after a failure the file is cut back to what
was told before. While a piece comes that has a checksum, `incoming/<id>.unchecked` is a link whose
text is where that piece begins: should the process die, the next one cuts the file back to there.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import secrets
import shutil
from collections.abc import Sequence
from pathlib import Path

from birdwatch.domain.errors import BirdwatchError
from birdwatch.domain.ids import is_id
from birdwatch.storage.blobs.faults import full, speaking, unwritable
from birdwatch.storage.blobs.files import FileBlobs, Incoming, sync_folder

SUFFIX = ".upload"
UNCHECKED = ".unchecked"
MOST_BUFFERS = 512  # of one call; the kernel takes 1024
COPY_BYTES = 16 * 1024 * 1024
_sync_data = getattr(os, "fdatasync", os.fsync)  # not everywhere


class PartFile:
    """A part file that nobody else writes until it is closed."""

    def __init__(self, descriptor: int, path: Path) -> None:
        self._descriptor = descriptor
        self._note = path.with_suffix(UNCHECKED)

    def size(self) -> int:
        return os.fstat(self._descriptor).st_size

    def write(self, buffers: Sequence[bytes]) -> None:
        """Append all of these. Raises UnavailableError when the disk does not take them."""
        rest = [memoryview(buffer) for buffer in buffers if buffer]
        with speaking():
            while rest:
                written = os.writev(self._descriptor, rest[:MOST_BUFFERS])
                while rest and written >= len(rest[0]):
                    written -= len(rest.pop(0))
                if written:
                    rest[0] = rest[0][written:]

    def sync(self) -> None:
        """The bytes and the size are durable; when they came is not told by a part file."""
        with speaking():
            _sync_data(self._descriptor)

    def settle(self) -> None:
        """Sync what another writer left, who may have been killed before it did.

        Where that fails nobody can say which bytes are on the disk, and the kernel would call the
        next sync a success: then none of them count.
        """
        try:
            self.sync()
        except BirdwatchError:
            if os.fstat(self._descriptor).st_nlink == 1:  # else they are an original's, and synced
                self.cut_to(0)
            raise

    def doubt(self) -> None:
        """What is written from here on counts only when `trust` has been called."""
        with speaking():
            self._note.symlink_to(str(self.size()))

    def trust(self) -> None:
        """All that is there now counts, durably: a note that came back would cut it off."""
        with speaking():
            self._note.unlink(missing_ok=True)
            sync_folder(self._note.parent)

    def drop_unchecked(self) -> None:
        """Cut off what a process that died had not checked."""
        start = _unchecked_from(self._note)
        if start is not None:
            if self.size() > start:
                self.cut_to(start)
            self.trust()

    def cut_to(self, size: int) -> None:
        """Forget what lies after this."""
        with speaking():
            os.ftruncate(self._descriptor, size)
            os.fsync(self._descriptor)

    def is_removed(self) -> bool:
        """Whether closing it gives its bytes back to the disk, which takes a while."""
        return os.fstat(self._descriptor).st_nlink == 0

    def close(self) -> None:
        os.close(self._descriptor)


def part_path(blobs: FileBlobs, upload_id: str) -> Path:
    """Where the bytes of this upload lie, or would lie."""
    if not is_id(upload_id):
        message = "not an identifier"
        raise ValueError(message)
    return blobs.home / "incoming" / f"{upload_id}{SUFFIX}"


def check_room(blobs: FileBlobs, more_bytes: int) -> None:
    """Raises UnavailableError where so many more bytes would not fit, before any of them is sent."""
    blobs.check_home()
    if blobs.free_bytes() < blobs.reserve_bytes + more_bytes:
        raise full()


def create_part(blobs: FileBlobs, upload_id: str) -> None:
    """An empty part file, its name durable."""
    blobs.check_home()
    path = part_path(blobs, upload_id)
    with speaking():
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        sync_folder(path.parent)


def open_part(blobs: FileBlobs, upload_id: str) -> PartFile | None:
    """The file, locked for us; None while another holds it.

    Raises FileNotFoundError where it is gone, and UnavailableError where the home is.
    """
    blobs.check_home()
    try:
        return _open(part_path(blobs, upload_id))
    except FileNotFoundError:
        raise
    except BlockingIOError:
        return None
    except OSError as error:
        raise unwritable(error) from error


def _open(path: Path) -> PartFile:
    is_writable = os.access(path, os.W_OK)  # one that is being taken in is read-only
    access = os.O_RDWR | os.O_APPEND if is_writable else os.O_RDONLY
    descriptor = os.open(path, access | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        path.stat()  # whoever held it before may have taken it away
        part = PartFile(descriptor, path)
        part.drop_unchecked()
    except BaseException:
        os.close(descriptor)
        raise
    return part


def _unchecked_from(note: Path) -> int | None:
    """Where the piece begins that is not checked; None where there is none."""
    try:
        return int(note.readlink().name)
    except FileNotFoundError:
        return None


def part_size(blobs: FileBlobs, upload_id: str) -> int | None:
    """How much has come, synced or not, before a piece that is unchecked; None without a file."""
    path = part_path(blobs, upload_id)
    with speaking():
        try:
            size = path.stat().st_size
        except FileNotFoundError:
            return None
        start = _unchecked_from(path.with_suffix(UNCHECKED))
    return size if start is None else min(size, start)


def hash_part(blobs: FileBlobs, upload_id: str) -> str:
    """The SHA-256 of the whole file, read again."""
    with speaking(), part_path(blobs, upload_id).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def offer_part(blobs: FileBlobs, upload_id: str, sha256: str) -> Incoming:
    """The bytes under a second name, for intake to keep or discard: the first outlives a crash."""
    path = blobs.home / "incoming" / f"{secrets.token_hex(16)}.part"
    with speaking():
        part = part_path(blobs, upload_id)
        os.utime(part)  # by its age a part file is known to have lost its sender
        os.link(part, path)
        return Incoming(path, sha256, path.stat().st_size)


def join_parts(blobs: FileBlobs, upload_ids: Sequence[str], upload_id: str) -> None:
    """A new part file out of the bytes of these, in their order, durable; or nothing of it."""
    create_part(blobs, upload_id)
    target = part_path(blobs, upload_id)
    try:
        with speaking(), target.open("r+b", buffering=0) as joined:
            for one in upload_ids:
                with part_path(blobs, one).open("rb", buffering=0) as part:
                    shutil.copyfileobj(part, joined, COPY_BYTES)
            os.fsync(joined.fileno())
    except BaseException:
        target.unlink(missing_ok=True)
        raise


def remove_part(blobs: FileBlobs, upload_id: str) -> None:
    """Take the file away; it may be gone already."""
    path = part_path(blobs, upload_id)
    with speaking():
        path.with_suffix(UNCHECKED).unlink(missing_ok=True)
        path.unlink(missing_ok=True)


def stray_parts(blobs: FileBlobs, before: float) -> list[str]:
    """Ids of the part files that nobody has written to since then."""
    found = []
    for path in (blobs.home / "incoming").glob(f"*{SUFFIX}"):
        with contextlib.suppress(FileNotFoundError):
            if path.stat().st_mtime < before and is_id(path.stem):
                found.append(path.stem)
    return sorted(found)
