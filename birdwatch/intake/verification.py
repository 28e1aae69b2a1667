"""Whether the archive is whole: every original as it was received, every total as it should be."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import anyio.to_thread

from birdwatch.domain.photo import Photo
from birdwatch.domain.text import Text
from birdwatch.intake.archive import Archive
from birdwatch.storage.counts import wrong_daily_counts
from birdwatch.storage.photos import every_photo

PAGE = 200


@dataclass(frozen=True, slots=True)
class Report:
    """How many photos were read, and what is wrong."""

    photos: int
    findings: tuple[Text, ...]


async def verify_archive(archive: Archive, progress: Callable[[int], None]) -> Report:
    """Read everything again. `progress` hears the number of photos done."""
    findings: list[Text] = []
    photos, after = 0, ""
    while page := await every_photo(archive.db, after=after, limit=PAGE):
        for photo in page:
            findings += await _check_photo(archive, photo)
            photos += 1
            progress(photos)
        after = page[-1].id
    for wrong in await wrong_daily_counts(archive.db):
        findings.append(
            Text(f"每日合计与重算不符：{wrong}", f"A daily total is not right: {wrong}")
        )
    return Report(photos, tuple(findings))


async def _check_photo(archive: Archive, photo: Photo) -> list[Text]:
    path = archive.blobs.original_path(photo.sha256)
    digest = await anyio.to_thread.run_sync(_digest, path)
    if digest is None:
        return [
            Text(
                f"照片 {photo.id} 的原始文件不见了。再次上传同一个文件即可补回。",
                f"The original of photo {photo.id} is missing. Upload the same file to restore it.",
            )
        ]
    if digest != photo.sha256:
        return [
            Text(
                f"照片 {photo.id} 的原始文件已损坏，请从备份恢复。",
                f"The original of photo {photo.id} is damaged. Restore it from a backup.",
            )
        ]
    return await _check_renditions(archive, photo)


async def _check_renditions(archive: Archive, photo: Photo) -> list[Text]:
    missing = [
        rendition.key
        for rendition in photo.renditions
        if not await anyio.Path(
            archive.blobs.rendition_path(photo.id, rendition.key, rendition.format)
        ).is_file()
    ]
    if not missing:
        return []
    keys = ", ".join(missing)
    return [
        Text(
            f"照片 {photo.id} 缺少显示图：{keys}。",
            f"Photo {photo.id} lacks the renditions {keys}.",
        )
    ]


def _digest(path: Path) -> str | None:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except FileNotFoundError:
        return None
