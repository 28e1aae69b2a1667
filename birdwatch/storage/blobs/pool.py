"""The files of a backup: each once, named by its content, shared by all snapshots, never rewritten."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import secrets
import shutil
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path

from birdwatch.domain.ids import SHA256
from birdwatch.storage.blobs.files import sync_folder
from birdwatch.storage.blobs.inspection import digest_of, files_below

FILES = "files"
BUFFER_BYTES = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Pooled:
    """A file as it was read: its content is in the pool now."""

    sha256: str
    size: int
    is_new: bool


def pool_path(root: Path, sha256: str) -> Path:
    """Where the bytes with this hash lie in the backup, or would lie."""
    if not SHA256.fullmatch(sha256):
        message = "not a sha-256"
        raise ValueError(message)
    return root / FILES / sha256[:2] / sha256[2:4] / sha256


def has_pooled(root: Path, sha256: str, size: int, *, deep: bool) -> bool:
    """Whether the pool has these bytes: by name and size, or read again with `deep`."""
    path = pool_path(root, sha256)
    try:
        if path.lstat().st_size != size:
            return False
    except FileNotFoundError:
        return False
    return not deep or digest_of(path) == sha256


def put_pooled(root: Path, source: Path, sha256: str = "") -> Pooled | None:
    """Copy a file into the pool, durable. None: its bytes are not those of this hash."""
    part = root / FILES / f".{secrets.token_hex(8)}.part"
    try:
        found, size = copy_hashed(source, part, 0o400)
        if sha256 and found != sha256:
            return None
        path = pool_path(root, found)
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        is_new = not has_pooled(root, found, size, deep=True) if path.exists() else True
        if is_new:
            part.replace(path)
        return Pooled(found, size, is_new)
    finally:
        part.unlink(missing_ok=True)


def copy_hashed(source: Path, target: Path, mode: int) -> tuple[str, int]:
    """Copy a file and sync it: hash and size of what was read, which is what was written."""
    digest, size = hashlib.sha256(), 0
    descriptor = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode)
    buffer = memoryview(bytearray(BUFFER_BYTES))
    with source.open("rb", buffering=0) as read, os.fdopen(descriptor, "wb", 0) as write:
        while count := read.readinto(buffer):
            digest.update(buffer[:count])
            rest = buffer[:count]
            while rest:
                rest = rest[write.write(rest) or 0 :]
            size += count
        os.fsync(write.fileno())
    return digest.hexdigest(), size


def sync_pool(root: Path) -> None:
    """Make every name in the pool durable, at once."""
    os.sync()
    sync_folder(root / FILES)


def prune_pool(root: Path, wanted: Collection[str]) -> int:
    """Remove the files that no snapshot names; how many."""
    gone = 0
    for path in files_below(root / FILES):
        if path.name not in wanted:
            path.unlink()
            gone += 1
    return gone


@contextlib.contextmanager
def held(root: Path) -> Iterator[bool]:
    """Hold the backup for this process; False where another one has it."""
    with (root / ".lock").open("wb") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
            return
        yield True


def clear_parts(root: Path) -> None:
    """Remove what an interrupted backup left half-written; the caller holds the backup."""
    for part in (root / FILES).glob(".*.part"):
        part.unlink()
    for folder in (root / "snapshots").glob(".*.part"):
        shutil.rmtree(folder)
