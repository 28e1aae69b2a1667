"""Whose turn it is at an upload: one writer at a time, in this process and in all others.

A phone that changes from one line to another leaves a request behind that nobody ends for minutes.
Its successor must not wait for that: a writer who has been silent for a moment is cut off. What it
had brought is kept. One that still brings bytes is let be, so that two never chase each other.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import math
import os
import time
from collections import OrderedDict
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import anyio
import anyio.to_thread

from birdwatch.domain.errors import GoneError, LockedError
from birdwatch.storage.blobs.files import FileBlobs
from birdwatch.storage.blobs.parts import PartFile, open_part

SILENT_S = 1.0  # without a byte for so long, a writer gives way to the next
WAIT_S = 8.0
LOOK_EVERY_S = 0.05
IDLE_S = 60.0  # a sender who brings nothing for so long is gone
MOST_HASHES = 2048  # about 1 KiB each
WRITERS = max(1, (os.cpu_count() or 2) - 1)  # they hash too: one processor is left for answers
SYNCERS = 8  # these only wait for the disk
MOST_AHEAD = 2  # syncs before the last of a piece: the last ones, which somebody awaits, go first
MOST_BUNDLE_BYTES = 1024 * 1024
LEAST_BUNDLE_BYTES = 256 * 1024
BUNDLES_BYTES = 24 * 1024 * 1024  # of all uploads that come in at once


class Turn:
    """One writer's time at an upload."""

    def __init__(self, part: PartFile) -> None:
        self.part = part
        self.was_cut = False
        self.was_awaited = False  # another had it meanwhile
        self._heard = time.monotonic()
        self._scope: anyio.CancelScope | None = None

    @contextlib.contextmanager
    def reading(self) -> Iterator[None]:
        """While bytes are awaited; ends early, with `was_cut`, for a successor or after silence."""
        with anyio.CancelScope() as scope:
            self._scope = scope
            self.hear()
            try:
                yield
            finally:
                scope.deadline = math.inf
                self._scope = None
        self.was_cut = self.was_cut or scope.cancelled_caught

    def hear(self) -> None:
        """A byte has come."""
        self._heard = time.monotonic()
        if self._scope is not None:
            self._scope.deadline = anyio.current_time() + IDLE_S

    def give_way(self, *, at_once: bool) -> None:
        """Stop reading if nothing comes, or whatever comes."""
        if self._scope is not None and (at_once or time.monotonic() - self._heard > SILENT_S):
            self.was_cut = True
            self._scope.cancel()


class Turns:
    """The writers of this process, its threads for writing, and the hashes that are under way."""

    def __init__(self) -> None:
        self.writers = ThreadPoolExecutor(WRITERS, thread_name_prefix="upload-write")
        self.syncers = ThreadPoolExecutor(SYNCERS, thread_name_prefix="upload-sync")
        self._ahead = 0
        self._held: dict[str, Turn | None] = {}
        self._hashes: OrderedDict[str, tuple[int, hashlib._Hash]] = OrderedDict()

    @contextlib.asynccontextmanager
    async def take(
        self, blobs: FileBlobs, upload_id: str, *, at_once: bool = False
    ) -> AsyncIterator[Turn]:
        """The turn of this upload. `at_once`: whoever has it is cut off, silent or not.

        Raises LockedError where another does not give it up in time, and GoneError without a file.
        """
        end = anyio.current_time() + WAIT_S
        was_awaited = False
        while (turn := await self._try(blobs, upload_id, at_once=at_once)) is None:
            if anyio.current_time() > end:
                raise _locked()
            was_awaited = True
            await anyio.sleep(LOOK_EVERY_S)
        turn.was_awaited = was_awaited
        try:
            yield turn
        finally:
            if turn.part.is_removed():
                with anyio.CancelScope(shield=True):
                    await anyio.to_thread.run_sync(turn.part.close)
            else:
                turn.part.close()
            del self._held[upload_id]

    async def _try(self, blobs: FileBlobs, upload_id: str, *, at_once: bool) -> Turn | None:
        if upload_id in self._held:
            if (holder := self._held[upload_id]) is not None:
                holder.give_way(at_once=at_once)
            return None
        self._held[upload_id] = None
        part = None
        try:
            part = await anyio.to_thread.run_sync(open_part, blobs, upload_id)
        except FileNotFoundError:
            raise lost() from None
        finally:
            if part is None:
                del self._held[upload_id]
        if part is None:
            return None
        turn = self._held[upload_id] = Turn(part)
        return turn

    def bundle_bytes(self) -> int:
        """How much of an upload is gathered before it is written; the less, the more come in."""
        share = BUNDLES_BYTES // max(1, len(self._held))
        return max(LEAST_BUNDLE_BYTES, min(MOST_BUNDLE_BYTES, share))

    def sync_ahead(self, sync: Callable[[], None]) -> asyncio.Future[None] | None:
        """Begin a sync that nobody awaits yet; None where enough of those are under way."""
        if self._ahead >= MOST_AHEAD:
            return None
        self._ahead += 1
        future = asyncio.get_running_loop().run_in_executor(self.syncers, sync)
        future.add_done_callback(self._end_ahead)
        return future

    def _end_ahead(self, _future: asyncio.Future[None]) -> None:
        self._ahead -= 1

    def hash_at(self, upload_id: str, position: int) -> hashlib._Hash | None:
        """The hash of all bytes up to here, if this process has seen them all."""
        if position == 0:
            return hashlib.sha256()
        known = self._hashes.pop(upload_id, None)
        return known[1] if known and known[0] == position else None

    def keep_hash(self, upload_id: str, position: int, digest: hashlib._Hash | None) -> None:
        """Remember it until the next piece comes; the least recent are forgotten."""
        if digest is None:
            return
        self._hashes[upload_id] = (position, digest)
        if len(self._hashes) > MOST_HASHES:
            self._hashes.popitem(last=False)

    def close(self) -> None:
        self.writers.shutdown(wait=True)
        self.syncers.shutdown(wait=True)


def _locked() -> LockedError:
    return LockedError(
        "upload.locked",
        zh="这次上传正由另一个连接写入。请稍候片刻再试。",
        en="Another connection is writing this upload. Wait a moment and try again.",
    )


def lost() -> GoneError:
    """The row is there and the bytes are not."""
    return GoneError(
        "upload.lost",
        zh="这次上传已收到的部分不在了。请重新上传这个文件。",
        en="What had come of this upload is not there any more. Upload the file anew.",
    )
