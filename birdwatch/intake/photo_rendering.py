"""Make the pictures that pages show: a worker's step, which takes an id and can run twice."""

from __future__ import annotations

import tempfile
from datetime import datetime
from pathlib import Path

import anyio
import anyio.to_thread

from birdwatch.domain.errors import InvalidInputError
from birdwatch.domain.photo import EXTENSIONS, Photo
from birdwatch.domain.policy import SYSTEM
from birdwatch.domain.text import Text
from birdwatch.imaging.renditions import RenderResult
from birdwatch.intake.archive import Archive
from birdwatch.intake.checking import check_brightness
from birdwatch.storage.photos import find_photo, record_failure, record_renditions

RENDER_JOB = "render"


async def render_photo(archive: Archive, photo_id: str, *, now: datetime) -> None:
    """Renditions and placeholder of one photo; nothing to do when it is gone or has them.

    Raises BirdwatchError when the original cannot be decoded or the disk is full.
    """
    photo = await find_photo(archive.db, photo_id)
    if photo is None or photo.state == "ready":
        return
    if not await anyio.to_thread.run_sync(archive.blobs.has_original, photo.sha256):
        raise InvalidInputError(
            "photo.original_missing",
            zh="原始文件不在磁盘上，无法生成显示图。请重新上传同一个文件。",
            en="The original file is not on the disk, so no pictures can be made of it."
            " Upload the same file again.",
        )
    with tempfile.TemporaryDirectory(prefix="birdwatch-") as folder:
        original = archive.blobs.original_path(photo.sha256)
        result = await archive.sandbox.render(original, Path(folder))
        await _put_all(archive, photo, result, Path(folder))
    async with archive.db.write(SYSTEM, now) as tx:
        await record_renditions(tx, photo_id, result.renditions, result.thumbhash)
    await check_brightness(archive, photo_id, now=now)


async def give_up_rendering(
    archive: Archive, photo_id: str, reason: Text, *, now: datetime
) -> None:
    """Write down why there are no pictures, for the owner to read; the photo itself stays."""
    async with archive.db.write(SYSTEM, now) as tx:
        await record_failure(tx, photo_id, reason)


async def _put_all(archive: Archive, photo: Photo, result: RenderResult, folder: Path) -> None:
    for rendition in result.renditions:
        name = f"{rendition.key}.{EXTENSIONS[rendition.format]}"
        data = await anyio.Path(folder / name).read_bytes()
        await archive.blobs.put_rendition(photo.id, rendition.key, rendition.format, data)
