"""The bytes of what was set aside: quarantine/<sha256>, apart from the originals, never served.

They are kept as originals are (durable before a row speaks of them), and leave only when they were
taken in after all or when their owner or an administrator says so.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import AsyncIterator
from pathlib import Path

import anyio
from anyio import to_thread

from birdwatch.domain.ids import SHA256
from birdwatch.storage.blobs.faults import speaking
from birdwatch.storage.blobs.files import FileBlobs, Incoming, sync_folder

FOLDER = "quarantine"
CHUNK_BYTES = 1024 * 1024


def quarantine_path(blobs: FileBlobs, sha256: str) -> Path:
    """Where bytes with this hash lie, or would lie."""
    if not SHA256.fullmatch(sha256):
        message = "not a sha-256"
        raise ValueError(message)
    return blobs.home / FOLDER / sha256


async def hold(blobs: FileBlobs, incoming: Incoming) -> None:
    """Keep received bytes apart, durable. The same bytes may be there already."""
    await to_thread.run_sync(_hold, blobs, incoming)


async def release(blobs: FileBlobs, sha256: str) -> None:
    """Remove them."""
    await anyio.Path(quarantine_path(blobs, sha256)).unlink(missing_ok=True)


async def is_held(blobs: FileBlobs, sha256: str) -> bool:
    """Whether they are there."""
    return await anyio.Path(quarantine_path(blobs, sha256)).is_file()


async def read_held(blobs: FileBlobs, sha256: str) -> AsyncIterator[bytes]:
    """Their bytes, in pieces."""
    async with await anyio.open_file(quarantine_path(blobs, sha256), "rb") as file:
        while data := await file.read(CHUNK_BYTES):
            yield data


def _hold(blobs: FileBlobs, incoming: Incoming) -> None:
    with speaking():
        blobs.check_home()
        path = quarantine_path(blobs, incoming.sha256)
        if not path.parent.is_dir():
            path.parent.mkdir(mode=0o750, exist_ok=True)
            sync_folder(blobs.home)
        with contextlib.suppress(FileExistsError):
            os.link(incoming.path, path)
        sync_folder(path.parent)
