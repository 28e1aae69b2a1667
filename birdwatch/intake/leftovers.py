"""What an intake leaves behind that fails or dies between naming its bytes and writing their row.

Until the row is written the part file stays beside the original: two names of the same bytes. So
after a crash it tells which original nobody was promised. Whether a row speaks of it is looked up
under the lock of all writers; a twin of the same bytes looks under that lock whether they are there.
"""

from __future__ import annotations

import contextlib
import hashlib
import logging
from datetime import datetime
from functools import partial
from pathlib import Path

import anyio.to_thread

from birdwatch.domain.errors import BirdwatchError
from birdwatch.domain.policy import SYSTEM
from birdwatch.storage.blobs.files import FileBlobs, Incoming
from birdwatch.storage.photos import is_held
from birdwatch.storage.transactions import Database

STALE_PART_S = 6 * 3600  # a part file untouched for so long has lost its sender
log = logging.getLogger(__name__)


async def take_back(db: Database, blobs: FileBlobs, incoming: Incoming, now: datetime) -> None:
    """Remove these bytes under both their names, unless a row speaks of them after all.

    Where even that fails the part file stays, and the next sweep does it.
    """
    try:
        async with db.write(SYSTEM, now) as tx:
            await tx.lock()
            if not await is_held(tx, incoming.sha256):
                await anyio.to_thread.run_sync(blobs.take_back, incoming)
        await drop_part(blobs, incoming)
    except BirdwatchError as error:
        log.warning("event=left_behind part=%s code=%s", incoming.path.name, error.code)


async def drop_part(blobs: FileBlobs, incoming: Incoming) -> None:
    """Remove the part file. Where that fails the sweep does it: what was decided stays decided."""
    try:
        await blobs.discard(incoming)
    except OSError as error:
        log.warning("event=left_behind part=%s errno=%s", incoming.path.name, error.errno)


async def sweep_leftovers(db: Database, blobs: FileBlobs, now: datetime) -> int:
    """Remove what crashes left half received; other processes may be receiving right now."""
    stale = await anyio.to_thread.run_sync(_stale_parts, blobs, now.timestamp() - STALE_PART_S)
    for part, is_named in stale:
        if not is_named:
            await anyio.to_thread.run_sync(partial(part.unlink, missing_ok=True))
        elif (incoming := await anyio.to_thread.run_sync(_read, part)) is not None:
            await take_back(db, blobs, incoming, now)
    return len(stale)


def _stale_parts(blobs: FileBlobs, before: float) -> list[tuple[Path, bool]]:
    """Part files that nobody writes, and whether their bytes have another name too."""
    found = []
    for part in (blobs.home / "incoming").glob("*.part"):
        with contextlib.suppress(FileNotFoundError):
            told = part.stat()
            if told.st_mtime < before:
                found.append((part, told.st_nlink > 1))
    return found


def _read(part: Path) -> Incoming | None:
    try:
        with part.open("rb") as file:
            sha256 = hashlib.file_digest(file, "sha256").hexdigest()
        return Incoming(part, sha256, part.stat().st_size)
    except FileNotFoundError:
        return None
