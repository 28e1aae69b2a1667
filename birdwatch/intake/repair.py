"""Mending files: what is damaged goes aside, what is whole is put back, pictures are made again."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from datetime import datetime
from pathlib import Path

import anyio
import anyio.to_thread

from birdwatch.domain.errors import BirdwatchError
from birdwatch.intake.archive import Archive
from birdwatch.intake.photo_rendering import render_photo
from birdwatch.storage.blobs.faults import speaking
from birdwatch.storage.blobs.files import Incoming
from birdwatch.storage.blobs.inspection import aside_with_name, digest_of, set_aside
from birdwatch.storage.photos import find_photo

CHUNK_BYTES = 1024 * 1024


async def set_aside_damaged(archive: Archive, sha256: str, *, now: datetime) -> bool:
    """Move what lies in an original's place, unless it turns out to be whole; whether it was moved."""
    path = archive.blobs.original_path(sha256)
    await anyio.to_thread.run_sync(archive.blobs.check_home)

    def move() -> bool:
        if not os.path.lexists(path) or digest_of(path) == sha256:
            return False
        set_aside(archive.settings.home, path, now)
        return True

    return await anyio.to_thread.run_sync(move)


async def heal_original(archive: Archive, incoming: Incoming, *, now: datetime) -> bool:
    """Put received bytes in the place of an original that is lost or damaged; whether it was.

    What was damaged goes aside. The bytes are read again: nobody should send a file twice in vain.
    """
    with speaking():
        try:
            is_moved = await set_aside_damaged(archive, incoming.sha256, now=now)
        except FileNotFoundError:  # a twin was faster
            is_moved = False
    is_there = await anyio.to_thread.run_sync(archive.blobs.has_original, incoming.sha256)
    if is_there and not is_moved:
        return False
    await archive.blobs.keep(incoming)
    return True


async def put_back_original(
    archive: Archive, sha256: str, size: int, *, source: Path | None
) -> bool:
    """Bring a lost original back from what was set aside or from a backup; whether it is there."""
    for path in await anyio.to_thread.run_sync(_copies, archive, sha256, source):
        if await anyio.to_thread.run_sync(digest_of, path) != sha256:
            continue
        incoming = await archive.blobs.receive(_bytes(path), max(size, 1))
        try:
            if incoming.sha256 == sha256:
                await archive.blobs.keep(incoming)
                break
        finally:
            await archive.blobs.discard(incoming)
    return await anyio.to_thread.run_sync(archive.blobs.has_original, sha256)


def _copies(archive: Archive, sha256: str, source: Path | None) -> list[Path]:
    """Where its bytes may be."""
    found = aside_with_name(archive.settings.home, sha256)
    if source is not None:
        found.append(source / sha256[:2] / sha256[2:4] / sha256)
    return found


async def _bytes(path: Path) -> AsyncIterator[bytes]:
    async with await anyio.open_file(path, "rb") as file:
        while data := await file.read(CHUNK_BYTES):
            yield data


async def render_again(archive: Archive, photo_id: str, *, now: datetime) -> bool:
    """Make every picture of a photo anew from its original; whether that was done."""
    if await find_photo(archive.db, photo_id) is None:
        return False
    try:
        await render_photo(archive, photo_id, now=now)
    except BirdwatchError:
        return False
    return True
