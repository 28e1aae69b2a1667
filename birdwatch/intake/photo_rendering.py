"""Make the pictures that pages show: a worker's steps, which take an id and can run twice.

The first ones are made of every new photo before anything else is made of any.
"""

from __future__ import annotations

import tempfile
from datetime import datetime
from pathlib import Path

import anyio
import anyio.to_thread

from birdwatch.domain.errors import InvalidInputError
from birdwatch.domain.photo import EXTENSIONS, RENDITION_SIZES, Photo
from birdwatch.domain.policy import SYSTEM
from birdwatch.domain.text import Text
from birdwatch.imaging.renditions import FIRST_SIZES, LATER_SIZES, RenderResult
from birdwatch.intake.archive import Archive
from birdwatch.intake.bursts import BURST_JOB
from birdwatch.intake.checking import check_brightness
from birdwatch.intake.quarantine import render_or_note
from birdwatch.storage.bursts import keep_fingerprint
from birdwatch.storage.jobs import SECOND, enqueue
from birdwatch.storage.photos import find_photo, record_failure, record_renditions
from birdwatch.storage.renditions import add_renditions

RENDER_FIRST = "render_first"
RENDER_REST = "render_rest"


async def render_first(archive: Archive, photo_id: str, *, now: datetime) -> None:
    """The pictures that a photo is shown with, and its placeholder; the rest is put down as a job.

    Nothing to do when it is gone or has them. Raises BirdwatchError when the original cannot be
    decoded or the disk is full.
    """
    photo = await find_photo(archive.db, photo_id)
    if photo is None or photo.state == "ready":
        return
    original = await _original_of(archive, photo)
    result = await _render(archive, photo, original, FIRST_SIZES, now)
    async with archive.db.write(SYSTEM, now) as tx:
        await record_renditions(tx, photo_id, result.renditions, result.thumbhash)
        await enqueue(tx, RENDER_REST, photo_id, rank=SECOND)
        if result.fingerprint and photo.owner_id is not None:
            await keep_fingerprint(tx, photo_id, result.fingerprint)
            await enqueue(tx, BURST_JOB, photo_id, rank=SECOND)
    await check_brightness(archive, photo_id, now=now)


async def render_rest(archive: Archive, photo_id: str, *, now: datetime) -> None:
    """The sizes that may wait, made from the largest of the first ones where that is there."""
    photo = await find_photo(archive.db, photo_id)
    if photo is None or photo.state != "ready":
        return
    result = await _render(archive, photo, await _source_of(archive, photo), LATER_SIZES, now)
    if result.renditions:
        async with archive.db.write(SYSTEM, now) as tx:
            await add_renditions(tx, photo_id, result.renditions)


async def render_photo(archive: Archive, photo_id: str, *, now: datetime) -> None:
    """Every picture of a photo anew from its original, whatever is there already."""
    photo = await find_photo(archive.db, photo_id)
    if photo is None:
        return
    original = await _original_of(archive, photo)
    result = await _render(archive, photo, original, RENDITION_SIZES, now)
    async with archive.db.write(SYSTEM, now) as tx:
        await record_renditions(tx, photo_id, result.renditions, result.thumbhash)
        is_compared = result.fingerprint and photo.owner_id is not None
        if is_compared and await keep_fingerprint(tx, photo_id, result.fingerprint):
            await enqueue(tx, BURST_JOB, photo_id, rank=SECOND)


async def give_up_rendering(
    archive: Archive, photo_id: str, reason: Text, *, now: datetime
) -> None:
    """Write down why there are no pictures, for the owner to read; the photo itself stays."""
    async with archive.db.write(SYSTEM, now) as tx:
        await record_failure(tx, photo_id, reason)


async def _original_of(archive: Archive, photo: Photo) -> Path:
    """Where the original lies. Raises InvalidInputError where it is lost."""
    if not await anyio.to_thread.run_sync(archive.blobs.has_original, photo.sha256):
        raise InvalidInputError(
            "photo.original_missing",
            zh="原始文件不在磁盘上，无法生成显示图。请重新上传同一个文件。",
            en="The original file is not on the disk, so no pictures can be made of it."
            " Upload the same file again.",
        )
    return archive.blobs.original_path(photo.sha256)


async def _source_of(archive: Archive, photo: Photo) -> Path:
    """The largest picture there is; the original where its file is lost."""
    if photo.renditions:
        largest = max(photo.renditions, key=lambda one: int(one.key))
        path = archive.blobs.rendition_path(photo.id, largest.key, largest.format)
        if await anyio.Path(path).is_file():
            return path
    return await _original_of(archive, photo)


async def _render(
    archive: Archive, photo: Photo, source: Path, sizes: tuple[int, ...], now: datetime
) -> RenderResult:
    """Make these sizes and put them where they are served from."""
    with tempfile.TemporaryDirectory(prefix="birdwatch-") as folder:
        result = await render_or_note(archive, photo, source, Path(folder), sizes, now=now)
        for rendition in result.renditions:
            name = f"{rendition.key}.{EXTENSIONS[rendition.format]}"
            data = await anyio.Path(folder, name).read_bytes()
            await archive.blobs.put_rendition(photo.id, rendition.key, rendition.format, data)
    return result
