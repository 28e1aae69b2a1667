"""Files against rows: originals and renditions that are missing, damaged, or named by no row."""

from __future__ import annotations

import os
from collections.abc import Iterator
from itertools import groupby, islice
from pathlib import Path

import anyio
import anyio.to_thread

from birdwatch.domain.ids import SHA256
from birdwatch.domain.policy import SYSTEM
from birdwatch.domain.text import Text
from birdwatch.intake.findings import Finding, Inspection
from birdwatch.intake.repair import put_back_original, render_again, set_aside_damaged
from birdwatch.storage.blobs.inspection import (
    Expected,
    Fault,
    age_s,
    digest_of,
    files_below,
    inspect,
    set_aside,
)
from birdwatch.storage.inspection import (
    ORIGINAL,
    KeptPhoto,
    has_job,
    held_of,
    kept_photo,
    kept_photos,
)

PAGE = 200
PATHS_AT_ONCE = 500
STALE_PART_S = 6 * 3600
WHAT: dict[Fault, Text] = {
    "missing": Text("不见了", "is missing"),
    "truncated": Text("大小不对，可能被截断", "has the wrong size and may be cut off"),
    "altered": Text("已损坏", "is damaged"),
}


async def check_photos(inspection: Inspection) -> None:
    """Every original and rendition that a row speaks of, several photos at a time."""
    threads = anyio.CapacityLimiter(max(2, os.cpu_count() or 1))
    after = ""
    while page := await kept_photos(inspection.archive.db, after=after, limit=PAGE):
        async with anyio.create_task_group() as tasks:
            for photo in page:
                tasks.start_soon(_check_photo, inspection, photo, threads)
        after = page[-1].id


async def _check_photo(
    inspection: Inspection, photo: KeptPhoto, threads: anyio.CapacityLimiter
) -> None:
    async with threads:
        faults = await _faults(inspection, photo)
        if faults:
            await _tell_files(inspection, photo.id)
        elif photo.state == "received" or (photo.state == "ready" and not photo.renditions):
            await _tell_unfinished(inspection, photo.id)
    inspection.photos += 1
    inspection.progress(inspection.photos)


async def _faults(inspection: Inspection, photo: KeptPhoto) -> list[tuple[Expected, Fault]]:
    files, deep = photo.files(inspection.archive.blobs), inspection.is_deep
    return await anyio.to_thread.run_sync(lambda: inspect(files, deep=deep))


async def _tell_files(inspection: Inspection, photo_id: str) -> None:
    """Look once more, by the rows of now, and tell or mend what is wrong."""
    photo = await kept_photo(inspection.archive.db, photo_id)
    if photo is None:
        return
    faults = await _faults(inspection, photo)
    is_original_whole = True
    for file, fault in faults:
        if file.name == ORIGINAL:
            is_original_whole = await _tell_original(inspection, photo, fault)
    wrong = [(file, fault) for file, fault in faults if file.name != ORIGINAL]
    if not wrong:
        return
    is_mended = (
        inspection.is_mending
        and is_original_whole
        and await render_again(inspection.archive, photo.id, now=inspection.now)
    )
    for file, fault in wrong:
        what = WHAT[fault]
        inspection.tell(
            "rendition_missing" if fault == "missing" else "rendition_damaged",
            f"{photo.id}/{file.name}",
            Text(
                f"照片 {photo.id} 的显示图 {file.name} {what.zh}。用 --repair 重新生成。",
                f"The rendition {file.name} of photo {photo.id} {what.en}. --repair makes it again.",
            ),
            is_mended=is_mended,
        )


async def _tell_original(inspection: Inspection, photo: KeptPhoto, fault: Fault) -> bool:
    """Whether the original is whole after this."""
    archive, is_mended = inspection.archive, False
    if inspection.is_mending:
        await set_aside_damaged(archive, photo.sha256, now=inspection.now)
        is_mended = await put_back_original(
            archive, photo.sha256, photo.size_bytes, source=inspection.source
        )
    what = WHAT[fault]
    inspection.tell(
        "original_missing" if fault == "missing" else "original_damaged",
        photo.id,
        Text(
            f"照片 {photo.id} 的原始文件{what.zh}。请从备份恢复，或再次上传同一个文件。",
            f"The original of photo {photo.id} {what.en}. Restore it from a backup, or upload the"
            " same file again.",
        ),
        is_mended=is_mended,
    )
    return is_mended


async def _tell_unfinished(inspection: Inspection, photo_id: str) -> None:
    """A photo without pictures, and nothing that would make them."""
    archive = inspection.archive
    if await has_job(archive.db, photo_id):
        return
    photo = await kept_photo(archive.db, photo_id)
    if photo is None or photo.state == "failed" or (photo.state == "ready" and photo.renditions):
        return
    is_mended = inspection.is_mending and await render_again(archive, photo_id, now=inspection.now)
    inspection.tell(
        "unfinished",
        photo_id,
        Text(
            f"照片 {photo_id} 没有显示图，也没有生成它们的任务。用 --repair 生成。",
            f"Photo {photo_id} has no renditions, and no job is there to make them. --repair makes"
            " them.",
        ),
        is_mended=is_mended,
    )


async def check_stray_files(inspection: Inspection) -> None:
    """Files below originals/ and renditions/ that no row speaks of."""
    home = inspection.archive.settings.home
    for folder, check in (("originals", _check_originals), ("renditions", _check_renditions)):
        walk = files_below(home / folder)
        while paths := await anyio.to_thread.run_sync(_some, walk):
            await check(inspection, paths)


def _some(walk: Iterator[Path]) -> list[Path]:
    return list(islice(walk, PATHS_AT_ONCE))


async def _check_originals(inspection: Inspection, paths: list[Path]) -> None:
    blobs = inspection.archive.blobs
    named = {
        path.name
        for path in paths
        if SHA256.fullmatch(path.name) and blobs.original_path(path.name) == path
    }
    held = await held_of(inspection.archive.db, sorted(named))
    for path in paths:
        if path.name not in named:
            await _tell_extra(inspection, path)
        elif path.name not in held:
            if await anyio.to_thread.run_sync(digest_of, path) == path.name:
                await _tell_leftover(inspection, path)
            elif not await held_of(inspection.archive.db, [path.name]):
                await _tell_extra(inspection, path)


async def _tell_extra(inspection: Inspection, path: Path) -> None:
    """Something that is no original of this archive."""
    is_mended = inspection.is_mending and await _move_aside(inspection, path)
    place = _place(inspection, path)
    inspection.tell(
        "original_extra",
        place,
        Text(
            f"{place} 不是档案的文件。用 --repair 移到 set-aside。",
            f"{place} is no file of the archive. --repair moves it to set-aside.",
        ),
        is_mended=is_mended,
    )


async def _tell_leftover(inspection: Inspection, path: Path) -> None:
    """A whole original without a row: its upload broke off, or is being recorded right now."""
    is_moved = False
    async with inspection.archive.db.write(SYSTEM, inspection.now) as tx:
        await tx.lock()
        age = age_s(path, inspection.now)
        if age is None or await held_of(tx, [path.name]):
            return
        if inspection.is_mending and age >= inspection.settled_after_s:
            is_moved = await _move_aside(inspection, path)
    place = _place(inspection, path)
    text = Text(
        f"{place}：没有照片使用这个文件，可能是一次中断的上传。",
        f"{place}: no photo uses this file; an upload may have broken off.",
    )
    inspection.leftovers.append(Finding("original_extra", place, text, is_moved))


async def _check_renditions(inspection: Inspection, paths: list[Path]) -> None:
    """Those that their photo does not name, once nothing is being made of it any more."""
    db, blobs = inspection.archive.db, inspection.archive.blobs
    for folder, together in groupby(paths, key=lambda path: path.parent):
        photo = await kept_photo(db, folder.name)
        named = {photo.path_of(one, blobs) for one in photo.renditions} if photo else set()
        strays = [path for path in together if path not in named]
        if not strays or (photo is not None and await has_job(db, photo.id)):
            continue
        for path in strays:
            age = age_s(path, inspection.now)
            is_being_written = path.name.endswith(".part") and (age or 0) < STALE_PART_S
            if age is not None and not is_being_written:
                await _tell_extra_rendition(inspection, path, photo)


async def _tell_extra_rendition(
    inspection: Inspection, path: Path, photo: KeptPhoto | None
) -> None:
    """The list in the row may have lost it, so the pictures are made again before it goes aside."""
    archive = inspection.archive
    now_kept = await kept_photo(archive.db, path.parent.name)
    if now_kept and path in {now_kept.path_of(one, archive.blobs) for one in now_kept.renditions}:
        return
    is_mended = False
    if inspection.is_mending:
        if photo is not None:
            await render_again(archive, photo.id, now=inspection.now)
            now_kept = await kept_photo(archive.db, photo.id)
        named = (
            {now_kept.path_of(one, archive.blobs) for one in now_kept.renditions}
            if now_kept
            else set()
        )
        is_mended = path in named or await _move_aside(inspection, path)
    place = _place(inspection, path)
    inspection.tell(
        "rendition_extra",
        place,
        Text(
            f"{place}：没有照片登记这个显示图。用 --repair 重新生成或移到 set-aside。",
            f"{place}: no photo names this rendition. --repair makes the photo's renditions again"
            " and moves what is left over to set-aside.",
        ),
        is_mended=is_mended,
    )


async def _move_aside(inspection: Inspection, path: Path) -> bool:
    archive = inspection.archive
    await anyio.to_thread.run_sync(archive.blobs.check_home)
    await anyio.to_thread.run_sync(set_aside, archive.settings.home, path, inspection.now)
    return True


def _place(inspection: Inspection, path: Path) -> str:
    return path.relative_to(inspection.archive.settings.home).as_posix()
