"""How an upload in pieces begins: all that can be refused is refused before a byte is sent.

Rights, words, size, room on the disk and the quota, which counts what is under way too. A file that
came over several lines at once begins as partial uploads, and is put together here.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import anyio
import anyio.to_thread

from birdwatch.domain.errors import ForbiddenError, InvalidInputError, TooLargeError, TooManyError
from birdwatch.domain.ids import opaque_id
from birdwatch.domain.policy import Actor
from birdwatch.domain.quota import Quota, Uploads, check_quota, quota_day, seconds_to_midnight
from birdwatch.domain.text import Text
from birdwatch.domain.upload import Kind, Metadata, Upload
from birdwatch.intake.archive import Archive
from birdwatch.intake.photo_intake import Arrival, check_words
from birdwatch.intake.photo_request import PhotoRequest
from birdwatch.storage import uploads as rows
from birdwatch.storage.blobs import parts
from birdwatch.storage.db import Write
from birdwatch.storage.requests import uploads_of

MOST_OPEN = 1000  # uploads of one person at a time


@dataclass(frozen=True, slots=True)
class Announced:
    """What a sender says of an upload to begin. `length` None: not known yet."""

    length: int | None
    metadata: Metadata = ()
    kind: Kind = "whole"
    parts: tuple[str, ...] = ()


async def begin_upload(
    archive: Archive, announced: Announced, *, actor: Actor, now: datetime
) -> Upload:
    """A new upload, empty or put together of partial ones.

    Raises ForbiddenError, InvalidInputError, TooLargeError, TooManyError and UnavailableError.
    """
    upload = _new_upload(archive, announced, actor, now)
    if upload.kind == "final":
        upload = replace(upload, length=await _length_of_parts(archive, upload))
    check_length(archive, upload.length)
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


def check_length(archive: Archive, length: int | None) -> None:
    """Raise InvalidInputError for no bytes at all, and TooLargeError for more than is taken."""
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
