"""Uploads that may be broken off and taken up again: begun, continued, finished, forgotten.

Rights, sizes, room and words are checked when an upload is begun, before a byte is sent. When the
last byte is durable, the file goes through the same STEPS as any photo (`photo_intake`). If they
refuse it, the upload is over; if the archive could not take it just now, the bytes stay, and who
asks for the offset next starts the steps again: no sender ever hears of a whole upload that is not
in the archive.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import anyio.to_thread

from birdwatch.domain.errors import (
    ConflictError,
    ForbiddenError,
    GoneError,
    InvalidInputError,
    LockedError,
    MalformedError,
    NotFoundError,
    TooLargeError,
    TooManyError,
    UnsupportedMediaError,
)
from birdwatch.domain.ids import is_id, opaque_id
from birdwatch.domain.policy import SYSTEM, Actor
from birdwatch.domain.quota import Quota, Uploads, check_quota, quota_day, seconds_to_midnight
from birdwatch.domain.text import Text
from birdwatch.domain.upload import Checksum, Kind, Metadata, Upload
from birdwatch.intake.archive import Archive
from birdwatch.intake.photo_intake import Arrival, check_words, receive_photo
from birdwatch.intake.photo_request import PhotoRequest
from birdwatch.intake.upload_bytes import Piece, pour, too_long
from birdwatch.intake.upload_turns import Turn
from birdwatch.storage import uploads as rows
from birdwatch.storage.blobs import parts
from birdwatch.storage.db import Write
from birdwatch.storage.requests import uploads_of

MOST_OPEN = 1000  # uploads of one person at a time
STRAY_S = 24 * 3600
SWEEP = 100
# What the steps of intake say of the file itself: the same bytes will never do better.
FINAL = (InvalidInputError, UnsupportedMediaError, TooLargeError, ConflictError, MalformedError)


@dataclass(frozen=True, slots=True)
class Announced:
    """What a sender says of an upload to begin. `length` None: not known yet."""

    length: int | None
    metadata: Metadata = ()
    kind: Kind = "whole"
    parts: tuple[str, ...] = ()


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


async def begin_upload(
    archive: Archive, announced: Announced, *, actor: Actor, now: datetime
) -> Upload:
    """A new upload, empty or put together of partial ones.

    Raises ForbiddenError, InvalidInputError, TooLargeError, TooManyError and UnavailableError.
    """
    upload = _new_upload(archive, announced, actor, now)
    if upload.kind == "final":
        upload = replace(upload, length=await _length_of_parts(archive, upload))
    _check_length(archive, upload.length)
    if upload.kind != "partial":
        request = request_of(upload)
        await check_words(archive, Arrival(_nothing(), request, actor, now))
    room = upload.length or archive.settings.max_photo_bytes
    await anyio.to_thread.run_sync(parts.check_room, archive.blobs, room)
    await _make_file(archive, upload)
    try:
        async with archive.db.write(actor, now) as tx:
            if upload.kind != "final":
                await _check_quota(archive, tx, upload, now)
            await rows.insert_upload(tx, upload)
            for part in upload.parts:
                await rows.delete_upload(tx, part)
    except BaseException:
        with anyio.CancelScope(shield=True):
            await anyio.to_thread.run_sync(parts.remove_part, archive.blobs, upload.id)
        raise
    for part in upload.parts:
        await anyio.to_thread.run_sync(parts.remove_part, archive.blobs, part)
    return upload


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
    _check_open(upload)
    if upload.state == "done":
        return _done(upload, sent.offset)
    async with archive.turns.take(archive.blobs, upload.id) as turn:
        upload = await _again(archive, upload)
        if upload.state == "done":
            return _done(upload, sent.offset)
        offset = turn.part.size()
        _check_offset(offset, sent.offset)
        upload = await _with_length(archive, upload, sent, now)
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
    _check_open(upload)
    if upload.state == "done":
        return Progress(upload, upload.length or 0)
    async with archive.turns.take(archive.blobs, upload.id) as turn:
        upload = await _again(archive, upload)
        if upload.state == "done":
            return Progress(upload, upload.length or 0)
        await anyio.to_thread.run_sync(turn.part.sync)
        offset = turn.part.size()
        return await _finish_if_whole(archive, upload, offset, actor=actor, now=now)


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
    """Of these hashes those of the actor's own photos whose bytes are here, with the photo's id."""
    if actor.person_id is None:
        return {}
    found = await rows.own_photos(archive.db, actor.person_id, hashes)

    def kept() -> dict[str, str]:
        return {one: found[one] for one in found if archive.blobs.has_original(one)}

    return await anyio.to_thread.run_sync(kept)


def request_of(upload: Upload) -> PhotoRequest:
    """What the metadata say of the photo."""
    word = upload.word
    return PhotoRequest(
        file_name=word("filename", "name"),
        caption=Text(word("caption_zh"), word("caption_en")),
        credit=word("credit"),
        license=word("license"),
        species=word("species") or None,
        low=word("low") or None,
        best=word("best", "count") or None,
        high=word("high") or None,
        site=word("site") or None,
        method=word("method"),
        note=word("note"),
        draft=word("draft").lower() in ("1", "true"),
    )


def _new_upload(archive: Archive, announced: Announced, actor: Actor, now: datetime) -> Upload:
    if actor.person_id is None:
        raise ForbiddenError(
            "upload.person",
            zh="续传需要个人账号或其令牌。请登录。",
            en="An upload in pieces needs an account or a token of one. Sign in.",
        )
    return Upload(
        id=opaque_id(),
        owner_id=actor.person_id,
        state="open",
        kind=announced.kind,
        length=announced.length,
        metadata=announced.metadata,
        parts=announced.parts,
        created_at=now,
        expires_at=now + timedelta(days=archive.settings.upload_days),
    )


async def _nothing() -> AsyncIterator[bytes]:
    return
    yield b""


def _check_length(archive: Archive, length: int | None) -> None:
    most = archive.settings.max_photo_bytes
    if length == 0:
        raise InvalidInputError(
            "photo.empty",
            zh="文件是空的。请检查存储卡上的原文件，然后重新上传。",
            en="The file is empty. Check the file on the card and send it again.",
        )
    if length is not None and length > most:
        mib = most / 2**20
        raise TooLargeError(
            "photo.too_large",
            zh=f"文件超过 {mib:.0f} MiB 的上限。请上传较小的文件。",
            en=f"The file is larger than the limit of {mib:.0f} MiB. Send a smaller one.",
        )


async def _check_quota(archive: Archive, tx: Write, upload: Upload, now: datetime) -> None:
    """What was taken in today, what is under way and this one must fit together."""
    settings = archive.settings
    await tx.lock()  # two that begin at once must see each other
    under_way = await rows.under_way(tx, upload.owner_id, settings.max_photo_bytes)
    if under_way.files >= MOST_OPEN:
        raise TooManyError(
            "upload.open",
            zh=f"您有 {MOST_OPEN} 次上传尚未完成。请先完成或取消其中一些。",
            en=f"You have {MOST_OPEN} uploads that are not finished. Finish or end some first.",
            retry_after_s=seconds_to_midnight(now),
        )
    taken = await uploads_of(tx, upload.owner_id, quota_day(now))
    used = Uploads(taken.files + under_way.files, taken.bytes + under_way.bytes, taken.pixels)
    more = Uploads(1, upload.length or settings.max_photo_bytes, 0)
    check_quota(Quota(settings.quota_files, settings.quota_bytes), used, more, now)


async def _make_file(archive: Archive, upload: Upload) -> None:
    if upload.kind == "final":
        await anyio.to_thread.run_sync(parts.join_parts, archive.blobs, upload.parts, upload.id)
    else:
        await anyio.to_thread.run_sync(parts.create_part, archive.blobs, upload.id)


async def _length_of_parts(archive: Archive, final: Upload) -> int:
    """How long the parts are together. Raises InvalidInputError unless each is whole and one's own."""
    if len(set(final.parts)) != len(final.parts):
        raise _bad_parts()
    total = 0
    for part_id in final.parts:
        part = await rows.find_upload(archive.db, part_id)
        if part is None or part.owner_id != final.owner_id or part.kind != "partial":
            raise _bad_parts()
        size = await anyio.to_thread.run_sync(parts.part_size, archive.blobs, part_id)
        if size is None or size != part.length:
            raise _bad_parts()
        total += size
    return total


def _bad_parts() -> InvalidInputError:
    return InvalidInputError(
        "upload.parts",
        zh="要合并的分段必须都是您自己的、已传完的分段上传，各用一次。",
        en="The parts to put together must be partial uploads of yours, each whole, each used once.",
    )


def _check_open(upload: Upload) -> None:
    if upload.state == "refused":
        raise GoneError(
            upload.error_code or "upload.refused", zh=upload.error.zh, en=upload.error.en
        )


async def _again(archive: Archive, upload: Upload) -> Upload:
    """As it is now that it is our turn."""
    found = await rows.find_upload(archive.db, upload.id)
    if found is None:
        raise GoneError(
            "upload.ended",
            zh="这次上传已被取消。请重新上传这个文件。",
            en="This upload was ended. Upload the file anew.",
        )
    _check_open(found)
    return found


def _check_offset(offset: int, given: int) -> None:
    if given != offset:
        raise ConflictError(
            "upload.offset",
            zh=f"这次上传已收到 {offset} 字节，请从该位置继续（而不是 {given}）。",
            en=f"This upload has {offset} bytes; go on from there, not from {given}.",
        )


def _done(upload: Upload, given: int) -> Progress:
    _check_offset(upload.length or 0, given)
    return Progress(upload, given)


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
    _check_length(archive, sent.length)
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
    except FINAL as error:
        await rows.mark_refused(archive.db, upload.id, error, now)
        await anyio.to_thread.run_sync(parts.remove_part, archive.blobs, upload.id)
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
    incoming = await anyio.to_thread.run_sync(parts.offer_part, archive.blobs, upload.id, sha256)
    receipt = await receive_photo(archive, incoming, request_of(upload), actor=actor, now=now)
    photo_id, is_duplicate = receipt.photo.id, receipt.is_duplicate
    await rows.mark_done(archive.db, upload.id, photo_id, is_duplicate=is_duplicate, now=now)
    await anyio.to_thread.run_sync(parts.remove_part, archive.blobs, upload.id)
    return replace(upload, state="done", photo_id=photo_id, is_duplicate=is_duplicate)


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
    await anyio.to_thread.run_sync(parts.remove_part, archive.blobs, upload_id)
