"""The way back from quarantine: try the file again as its sender, or throw it away."""

from __future__ import annotations

from datetime import datetime, timedelta

import msgspec

from birdwatch.domain.errors import BirdwatchError, NotFoundError
from birdwatch.domain.policy import SYSTEM, Actor, Thing, may
from birdwatch.domain.quarantine import Quarantined
from birdwatch.intake.archive import Archive
from birdwatch.intake.photo_intake import PhotoRequest, receive_photo
from birdwatch.intake.photo_rendering import RENDER_FIRST
from birdwatch.intake.quarantine import QuarantinedError
from birdwatch.storage.blobs.quarantine import is_held, read_held, release
from birdwatch.storage.jobs import FIRST, enqueue
from birdwatch.storage.people import find_person
from birdwatch.storage.quarantine import (
    begin_retry,
    drop_of_photo,
    drop_quarantined,
    end_retry,
    find_quarantined,
)

RETRY_LASTS = timedelta(minutes=15)  # then an upload of the same bytes is stopped again


async def retry(archive: Archive, quarantined_id: str, *, actor: Actor, now: datetime) -> str:
    """Take the file in once more, with the words it came with; the id of its photo.

    Raises NotFoundError, QuarantinedError when it takes down its decoders again, and what
    receive_photo() raises; then it stays where it is, with that reason.
    """
    one = await _own(archive, quarantined_id, actor)
    if one.photo_id is not None:
        async with archive.db.write(actor, now) as tx:
            await drop_of_photo(tx, one.photo_id)
            await enqueue(tx, RENDER_FIRST, one.photo_id, rank=FIRST)
        archive.jobs_bell.ring()
        return one.photo_id
    if not await is_held(archive.blobs, one.sha256):
        raise _lost()
    async with archive.db.write(actor, now) as tx:
        await begin_retry(tx, one.id, now + RETRY_LASTS)
    try:
        receipt = await receive_photo(
            archive,
            read_held(archive.blobs, one.sha256),
            msgspec.json.decode(one.words, type=PhotoRequest),
            actor=await _sender(archive, one, actor),
            now=now,
        )
    except QuarantinedError:
        raise
    except BirdwatchError as error:
        async with archive.db.write(actor, now) as tx:
            await end_retry(tx, one.id, error.text)
        raise
    await _let_go(archive, one, actor, now)
    return receipt.photo.id


async def discard(archive: Archive, quarantined_id: str, *, actor: Actor, now: datetime) -> None:
    """Throw the file away; of a photo that was taken in only the note. Raises NotFoundError."""
    await _let_go(archive, await _own(archive, quarantined_id, actor), actor, now)


async def _let_go(archive: Archive, one: Quarantined, actor: Actor, now: datetime) -> None:
    async with archive.db.write(actor, now) as tx:
        is_last = await drop_quarantined(tx, one)
    if is_last and one.photo_id is None:
        await release(archive.blobs, one.sha256)


async def _own(archive: Archive, quarantined_id: str, actor: Actor) -> Quarantined:
    """The file, if this actor may deal with it."""
    one = await find_quarantined(archive.db, quarantined_id)
    is_sender = one is not None and may(actor, "edit", Thing(one.owner_id))
    if one is None or not (
        is_sender and (actor.role == "admin" or one.owner_id == actor.person_id)
    ):
        raise NotFoundError(
            "quarantine.unknown",
            zh="没有这个隔离的文件，或者它已经处理过了。",
            en="There is no such file in quarantine, or it has been dealt with.",
        )
    return one


async def _sender(archive: Archive, one: Quarantined, actor: Actor) -> Actor:
    """Who sent it: the photo will be theirs, with their standing, whoever tries again."""
    if one.owner_id is None:
        return SYSTEM
    if one.owner_id == actor.person_id:
        return actor
    person = await find_person(archive.db, one.owner_id)
    if person is None:
        raise _lost()
    return Actor(person.id, person.role, None, person.shown_name, person.trust)


def _lost() -> NotFoundError:
    return NotFoundError(
        "quarantine.lost",
        zh="隔离的文件已不在磁盘上，无法重试。请重新上传同一张照片。",
        en="The bytes of this file are not on the disk any more. Upload the same photo again.",
    )
