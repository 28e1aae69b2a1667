"""Uploads that may be broken off and taken up again: continued, finished, forgotten.

When the last byte is durable, the file goes through the same STEPS as any photo (`photo_intake`).
If they refuse it, the upload is over; if the archive could not take it just now, the bytes stay,
and who asks for the offset next starts the steps again: no sender ever hears of a whole upload that
is not in the archive.
"""

from __future__ import annotations

import contextlib
import logging
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import anyio.to_thread

from birdwatch.domain.errors import (
    ChangedMeanwhileError,
    ConflictError,
    ForbiddenError,
    GoneError,
    InvalidInputError,
    LockedError,
    MalformedError,
    NotFoundError,
    TooLargeError,
    UnavailableError,
    UnsupportedMediaError,
)
from birdwatch.domain.ids import is_id
from birdwatch.domain.policy import SYSTEM, Actor
from birdwatch.domain.upload import Checksum, Upload
from birdwatch.intake.archive import Archive
from birdwatch.intake.photo_intake import Receipt, receive_photo
from birdwatch.intake.upload_beginning import check_length, request_of
from birdwatch.intake.upload_bytes import Piece, pour, too_long
from birdwatch.intake.upload_turns import Turn, lost
from birdwatch.storage import uploads as rows
from birdwatch.storage.blobs import parts
from birdwatch.storage.db import Write

TRIES = 3  # at taking in one whose ground moved, as when its camera's clock was just set right
STRAY_S = 24 * 3600
SWEEP = 100
# What the steps of intake say of the file itself: the same bytes will never do better.
FINAL = (InvalidInputError, UnsupportedMediaError, TooLargeError, ConflictError, MalformedError)
log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Sent:
    """One piece as its sender describes it. `size` and `length` None: not said."""

    offset: int
    size: int | None = None
    length: int | None = None
    checksum: Checksum | None = None


@dataclass(frozen=True, slots=True)
class Progress:
    """An upload, and how many of its bytes are durable."""

    upload: Upload
    offset: int


async def find_own(archive: Archive, upload_id: str, actor: Actor) -> Upload:
    """The upload, if it is this actor's. Raises NotFoundError, the same for those of others."""
    upload = await rows.find_upload(archive.db, upload_id) if is_id(upload_id) else None
    if upload is None or upload.owner_id != actor.person_id:
        raise NotFoundError(
            "upload.unknown",
            zh="没有这次上传，或它已过期。请重新上传这个文件。",
            en="There is no such upload, or its time is over. Upload the file anew.",
        )
    return upload


async def append(
    archive: Archive,
    upload: Upload,
    chunks: AsyncIterator[bytes],
    sent: Sent,
    *,
    actor: Actor,
    now: datetime,
) -> Progress:
    """Take one piece; what came of it is durable when this returns, and also when the line broke.

    Raises ConflictError for another offset, ChecksumError, TooLargeError, ForbiddenError for a
    final upload, LockedError, GoneError, and what intake says of a file that is now whole.
    """
    if upload.kind == "final":
        raise ForbiddenError(
            "upload.final",
            zh="由分段合并而成的上传不能再追加内容。",
            en="An upload put together of others takes no more bytes.",
        )
    async with _turn(archive, upload) as (turn, current):
        if turn is None:
            _check_offset(current.length or 0, sent.offset)
            return Progress(current, sent.offset)
        if (offset := turn.part.size()) != sent.offset:  # told below, so it must be durable
            await anyio.to_thread.run_sync(turn.part.settle)
            offset = turn.part.size()
        _check_offset(offset, sent.offset)
        upload = await _with_length(archive, current, sent, now)
        most = upload.length or archive.settings.max_photo_bytes
        if sent.size is not None and offset + sent.size > most:
            raise too_long(most)
        if offset < most:
            offset = await _pour(archive, upload, chunks, sent, turn)
        upload = await _keep_alive(archive, upload, now)
        return await _finish_if_whole(archive, upload, offset, actor=actor, now=now)


async def look(archive: Archive, upload: Upload, *, actor: Actor, now: datetime) -> Progress:
    """How far it is. A whole upload that is no photo yet is taken in first.

    Raises GoneError, with the reason, for one that was refused; LockedError; and as `append`.
    """
    async with _turn(archive, upload) as (turn, current):
        if turn is None:
            return Progress(current, current.length or 0)
        await anyio.to_thread.run_sync(turn.part.settle)
        return await _finish_if_whole(archive, current, turn.part.size(), actor=actor, now=now)


async def forget(archive: Archive, upload: Upload, now: datetime) -> None:
    """End it and free its bytes; a photo that it became stays."""
    try:
        async with archive.turns.take(archive.blobs, upload.id, at_once=True):
            await _remove(archive, upload.id, now)
    except GoneError:
        await _remove(archive, upload.id, now)


async def clear_expired(archive: Archive, now: datetime) -> int:
    """Forget what nobody finished in time, and files that no upload knows; how many that were."""
    cleared = 0
    for upload in await rows.expired_uploads(archive.db, now, SWEEP):
        try:
            await forget(archive, upload, now)
        except LockedError:  # it is being taken in
            continue
        cleared += 1
    strays = await anyio.to_thread.run_sync(
        parts.stray_parts, archive.blobs, now.timestamp() - STRAY_S
    )
    for start in range(0, len(strays), SWEEP):
        some = strays[start : start + SWEEP]
        known = await rows.known_uploads(archive.db, some)
        for upload_id in some:
            if upload_id not in known:
                await anyio.to_thread.run_sync(parts.remove_part, archive.blobs, upload_id)
                cleared += 1
    return cleared


async def known_photos(archive: Archive, hashes: Sequence[str], actor: Actor) -> dict[str, str]:
    """Of these hashes those of the actor's own photos whose bytes are here, with the photo's id.

    One that is cut off is not named, so that its file is sent and heals it.
    """
    if actor.person_id is None:
        return {}
    found = await rows.own_photos(archive.db, actor.person_id, hashes)

    def kept() -> dict[str, str]:
        sizes = {one: archive.blobs.original_size(one) for one in found}
        return {one: photo for one, (photo, size) in found.items() if sizes[one] == size}

    return await anyio.to_thread.run_sync(kept)


def _check_open(upload: Upload) -> None:
    if upload.state == "refused":
        raise GoneError(
            upload.error_code or "upload.refused", zh=upload.error.zh, en=upload.error.en
        )


@contextlib.asynccontextmanager
async def _turn(archive: Archive, upload: Upload) -> AsyncIterator[tuple[Turn | None, Upload]]:
    """Our turn at the upload, and the upload as it is then; no turn where it is done.

    Raises GoneError, with the reason, for one that was refused or ended; and LockedError.
    """
    async with contextlib.AsyncExitStack() as held:
        turn = None
        if upload.state == "open":
            with contextlib.suppress(GoneError):  # another may have finished it while we waited
                turn = await held.enter_async_context(archive.turns.take(archive.blobs, upload.id))
            if turn is None or turn.was_awaited or upload.length is None:
                found = await rows.find_upload(archive.db, upload.id)
                if found is None:
                    raise _ended()
                upload = found
        _check_open(upload)
        if upload.state == "open" and turn is None:
            raise lost()
        yield (turn if upload.state == "open" else None), upload


def _ended() -> GoneError:
    return GoneError(
        "upload.ended",
        zh="这次上传已被取消。请重新上传这个文件。",
        en="This upload was ended. Upload the file anew.",
    )


def _check_offset(offset: int, given: int) -> None:
    if given != offset:
        raise ConflictError(
            "upload.offset",
            zh=f"这次上传已收到 {offset} 字节，请从该位置继续（而不是 {given}）。",
            en=f"This upload has {offset} bytes; go on from there, not from {given}.",
        )


async def _with_length(archive: Archive, upload: Upload, sent: Sent, now: datetime) -> Upload:
    """The length, told late. It cannot be told twice in two ways."""
    if sent.length is None or sent.length == upload.length:
        return upload
    if upload.length is not None or sent.length < sent.offset:
        raise MalformedError(
            "upload.length",
            zh="文件长度 Upload-Length 与已说明的或已收到的不符。",
            en="The Upload-Length does not fit the one told before, or what has come already.",
        )
    check_length(archive, sent.length)
    await rows.set_length(archive.db, upload.id, sent.length, now)
    return replace(upload, length=sent.length)


async def _pour(
    archive: Archive, upload: Upload, chunks: AsyncIterator[bytes], sent: Sent, turn: Turn
) -> int:
    turns = archive.turns
    piece = Piece(
        turn,
        sent.offset,
        upload.length or archive.settings.max_photo_bytes,
        turns.hash_at(upload.id, sent.offset),
        sent.checksum,
    )
    try:
        await pour(turns, chunks, piece)
    finally:
        turns.keep_hash(upload.id, piece.end, piece.digest)
    if turn.was_cut:
        raise LockedError(
            "upload.cut",
            zh="连接沉默过久，或另一个连接接手了这次上传。已收到的部分已保存。",
            en="The connection was silent for too long, or another one took this upload over."
            " What had come is kept.",
        )
    return piece.end


async def _keep_alive(archive: Archive, upload: Upload, now: datetime) -> Upload:
    """Who goes on has time again; written seldom."""
    whole = timedelta(days=archive.settings.upload_days)
    if upload.expires_at - now > whole / 2:
        return upload
    await rows.keep_longer(archive.db, upload.id, now + whole, now)
    return replace(upload, expires_at=now + whole)


async def _finish_if_whole(
    archive: Archive, upload: Upload, offset: int, *, actor: Actor, now: datetime
) -> Progress:
    if upload.kind == "partial" or offset != upload.length:
        return Progress(upload, offset)
    try:
        upload = await _take_in(archive, upload, actor=actor, now=now)
    except ChangedMeanwhileError:
        raise  # the next who asks takes it up again
    except FINAL as error:
        await rows.mark_refused(archive.db, upload.id, error, now)
        await _free(archive, upload.id)
        raise
    return Progress(upload, offset)


async def _take_in(archive: Archive, upload: Upload, *, actor: Actor, now: datetime) -> Upload:
    """Through the steps of every photo. After a crash anywhere in here it can be done again."""
    digest = archive.turns.hash_at(upload.id, upload.length or 0)
    if digest is None:
        sha256 = await anyio.to_thread.run_sync(parts.hash_part, archive.blobs, upload.id)
    else:
        sha256 = digest.hexdigest()
    if upload.word("sha256") not in ("", sha256):
        raise _changed()
    receipt = await _received(archive, upload, sha256, actor, now)
    photo_id, is_duplicate = receipt.photo.id, receipt.is_duplicate
    if is_duplicate:
        await rows.mark_done(archive.db, upload.id, photo_id, is_duplicate=True, now=now)
    await _free(archive, upload.id)
    return replace(upload, state="done", photo_id=photo_id, is_duplicate=is_duplicate)


async def _received(
    archive: Archive, upload: Upload, sha256: str, actor: Actor, now: datetime
) -> Receipt:
    request = request_of(upload)

    async def note(tx: Write, receipt: Receipt) -> None:
        photo, is_duplicate = receipt.photo.id, receipt.is_duplicate
        await rows.note_done(tx, upload.id, photo, is_duplicate=is_duplicate)

    for tries_left in reversed(range(TRIES)):
        offered = await anyio.to_thread.run_sync(parts.offer_part, archive.blobs, upload.id, sha256)
        try:
            return await receive_photo(
                archive, offered, request, actor=actor, now=now, on_record=note
            )
        except ChangedMeanwhileError:
            if not tries_left:
                raise
    raise AssertionError("an upload is taken in at least once")


def _changed() -> InvalidInputError:
    return InvalidInputError(
        "upload.changed",
        zh="收到的内容与事先说明的 sha256 不符：文件在上传中被改动。请重新上传。",
        en="What came does not have the sha256 that was announced: the file changed while it was"
        " uploaded. Upload it anew.",
    )


async def _remove(archive: Archive, upload_id: str, now: datetime) -> None:
    async with archive.db.write(SYSTEM, now) as tx:
        await rows.delete_upload(tx, upload_id)
    await _free(archive, upload_id)


async def _free(archive: Archive, upload_id: str) -> None:
    """Its bytes go. Where that fails the sweep does it: what was decided stays decided."""
    try:
        await anyio.to_thread.run_sync(parts.remove_part, archive.blobs, upload_id)
    except UnavailableError as error:
        log.warning("event=left_behind upload=%s code=%s", upload_id, error.code)
