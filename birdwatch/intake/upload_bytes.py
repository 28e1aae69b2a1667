"""The bytes of one piece on their way to the disk: hashed, written and synced beside the reading.

While one bundle is written in a thread the next is received, so that an upload never has more than
two of them in memory. What is written is synced while more comes, so that the sender, who hears
of a piece only when all of it is durable, has little left to wait for at its end. What was received
when the line broke is kept, unless the sender gave a checksum: then the piece counts as a whole or
not at all, also when this process is killed.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

from anyio import CancelScope

from birdwatch.domain.errors import BirdwatchError, ChecksumError, TooLargeError
from birdwatch.domain.upload import Checksum
from birdwatch.intake.upload_turns import Turn, Turns

SYNC_BYTES = 1024 * 1024  # so much is worth a sync of its own before the last
GATHER_S = 1.0  # on a weak line less than a bundle is written, so that a kill loses a second of it


@dataclass(slots=True)
class Piece:
    """One piece: where it begins, how long the file may become, and what its bytes must hash to."""

    turn: Turn
    start: int
    length: int
    digest: hashlib._Hash | None  # of the file so far
    checksum: Checksum | None = None
    size: int = 0
    failure: BirdwatchError | None = None  # of a write
    _own: hashlib._Hash | None = field(default=None, init=False)
    _before: hashlib._Hash | None = field(default=None, init=False)
    _is_doubted: bool = field(default=False, init=False)

    def __post_init__(self) -> None:
        if self.checksum is not None:
            self._own = hashlib.new(self.checksum.algorithm)
            self._before = self.digest.copy() if self.digest else None

    @property
    def end(self) -> int:
        return self.start + self.size

    def add(self, bundle: list[bytes]) -> None:
        """Hash and write, unless an earlier write failed; in a thread."""
        if self.failure is not None:
            return
        try:
            if self._own is not None and not self._is_doubted:
                self.turn.part.doubt()
                self._is_doubted = True
            self.turn.part.write(bundle)
        except BirdwatchError as error:
            self.failure = error
            return
        for data in bundle:
            self.size += len(data)
            if self.digest is not None:
                self.digest.update(data)
            if self._own is not None:
                self._own.update(data)

    def sync_ahead(self) -> None:
        """Sync what is written so far; in a thread, beside the writing of more.

        The kernel tells of a failure once: it is kept for the end, which would not hear of it.
        """
        try:
            self.turn.part.sync()
        except BirdwatchError as error:
            self.failure = error

    def finish(self, is_whole: bool, is_refused: bool) -> None:  # noqa: FBT001 (given to a thread)
        """Sync what is to stay, or go back to where the piece began; in a thread.

        Raises ChecksumError, and UnavailableError where a write failed.
        """
        is_right = self.checksum is None or (
            is_whole and self._own is not None and self._own.digest() == self.checksum.digest
        )
        if is_right and not is_refused and self.failure is None:
            try:
                self.turn.part.sync()
            except BirdwatchError as error:  # the kernel would call the next sync a success
                self.failure = error
            else:
                self._trust()
                return
        self.turn.part.cut_to(self.start)
        self._trust()
        self.digest, self.size = self._before, 0
        if self.failure is not None:
            raise self.failure
        if is_whole and not is_right:
            raise _not_as_announced()

    def _trust(self) -> None:
        if self._is_doubted:
            self.turn.part.trust()


class _Way:
    """What of a piece is under way to the disk: one bundle that is written, one sync beside it."""

    def __init__(self, turns: Turns, piece: Piece) -> None:
        self._turns, self._piece = turns, piece
        self._writing: asyncio.Future[None] | None = None
        self._syncing: asyncio.Future[None] | None = None
        self._unsynced = 0

    async def take(self, bundle: list[bytes], size: int) -> None:
        """Write these next. Raises UnavailableError where those before could not be written."""
        if self._writing is not None:
            await asyncio.shield(self._writing)
        if self._piece.failure is not None:
            raise self._piece.failure
        loop = asyncio.get_running_loop()
        self._writing = loop.run_in_executor(self._turns.writers, self._piece.add, bundle)
        self._writing.add_done_callback(self._sync_ahead)
        self._unsynced += size

    def _sync_ahead(self, _written: asyncio.Future[None]) -> None:
        if self._unsynced < SYNC_BYTES or (self._syncing is not None and not self._syncing.done()):
            return
        self._syncing = self._turns.sync_ahead(self._piece.sync_ahead)
        if self._syncing is not None:
            self._unsynced = 0

    async def finish(self, rest: list[bytes], is_whole: bool, is_refused: bool) -> None:  # noqa: FBT001
        """What is left, and the last sync; as `Piece.finish`."""
        loop = asyncio.get_running_loop()
        if self._writing is not None:
            await self._writing
        if rest and not is_refused:
            await loop.run_in_executor(self._turns.writers, self._piece.add, rest)
        if self._syncing is not None:
            await self._syncing
        await loop.run_in_executor(self._turns.syncers, self._piece.finish, is_whole, is_refused)


async def pour(turns: Turns, chunks: AsyncIterator[bytes], piece: Piece) -> None:
    """Take the chunks to the disk. When this returns or raises, `piece.end` is durable.

    Raises TooLargeError, ChecksumError, UnavailableError, and whatever the chunks raise.
    """
    loop = asyncio.get_running_loop()
    way = _Way(turns, piece)
    bundle: list[bytes] = []
    is_whole = is_refused = False
    try:
        received = gathered = 0
        since = loop.time()
        with piece.turn.reading():
            async for chunk in chunks:
                piece.turn.hear()
                received += len(chunk)
                if piece.start + received > piece.length:
                    raise too_long(piece.length)
                bundle.append(chunk)
                gathered += len(chunk)
                if gathered >= turns.bundle_bytes() or loop.time() - since > GATHER_S:
                    await way.take(bundle, gathered)
                    bundle, gathered, since = [], 0, loop.time()
            is_whole = True
    except BirdwatchError:
        is_refused = True
        raise
    finally:
        with CancelScope(shield=True):
            await way.finish(bundle, is_whole, is_refused)


def too_long(length: int) -> TooLargeError:
    """More bytes came than were announced."""
    return TooLargeError(
        "upload.too_long",
        zh=f"收到的字节多于事先说明的 {length} 字节。文件可能在上传中被改动，请重新上传。",
        en=f"More bytes came than the {length} announced. The file may have changed meanwhile;"
        " upload it anew.",
    )


def _not_as_announced() -> ChecksumError:
    return ChecksumError(
        "upload.checksum",
        zh="这一段的校验和不符，未予保存。请从原位置重新发送。",
        en="The checksum of this piece does not match, so it was not kept. Send it again from the"
        " same offset.",
    )
