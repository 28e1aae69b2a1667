"""Whether the archive is whole: originals as received, totals as they should be, the ledger unaltered."""

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
from birdwatch.storage.ledger import Break, verify_chain
from birdwatch.storage.photos import every_photo

PAGE = 200
TABLE_WORDS = {
    "ledger": ("账本条目", "the ledger entry"),
    "photo": ("照片登记", "a photo as received"),
    "photo_fact": ("照片信息", "a row of photo facts"),
    "survey": ("调查", "a survey"),
    "sighting": ("记录", "a sighting"),
    "identification": ("鉴定提名", "a proposed name"),
}


@dataclass(frozen=True, slots=True)
class Report:
    """How many photos were read, how far the ledger's chain holds, and what is wrong."""

    photos: int
    findings: tuple[Text, ...]
    version: int = 0
    head: str = ""  # the last hash of the chain; noted elsewhere, it vouches for all before it


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
    chain = await verify_chain(archive.db)
    if chain.broken:
        findings.append(_tell_break(chain.broken))
    return Report(photos, tuple(findings), chain.version, chain.head)


def _tell_break(broken: Break) -> Text:
    """Where the chain breaks, and what to do."""
    version, (zh, en) = broken.version, TABLE_WORDS[broken.where]
    what_zh = "缺失" if broken.is_missing else "被改动"
    what_en = "missing" if broken.is_missing else "altered"
    return Text(
        f"账本链从版本 {version} 起不再成立：该版本的{zh}{what_zh}。请与备份比较，并从备份恢复。",
        f"The chain of the ledger holds no further than version {version - 1}: {en} of version"
        f" {version} was {what_en}. Compare with a backup, and restore from it.",
    )


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
