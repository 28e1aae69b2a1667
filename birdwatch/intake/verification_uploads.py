"""Uploads against their part files: bytes that are lost, and files that no upload knows."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import anyio.to_thread

from birdwatch.domain.ids import is_id
from birdwatch.domain.text import Text
from birdwatch.intake.archive import Archive
from birdwatch.intake.findings import Finding, Inspection
from birdwatch.intake.uploads import STRAY_S
from birdwatch.intake.verification_flaws import settle
from birdwatch.storage.blobs.inspection import age_s, files_below, set_aside
from birdwatch.storage.blobs.parts import SUFFIX, UNCHECKED, part_path, part_size
from birdwatch.storage.flaws import Aside, Flaw
from birdwatch.storage.inspection_uploads import open_uploads, refusing, wrong_uploads
from birdwatch.storage.transactions import Source, Write
from birdwatch.storage.uploads import known_uploads

RECEIVED = ".part"


async def check_uploads(inspection: Inspection) -> None:
    """Rows by themselves, rows against files, and the files that are left."""
    await settle(inspection, wrong_uploads)
    told = {one.subject for one in inspection.found if one.kind == "upload"}
    if inspection.is_mending:
        await _move_parts(inspection, told)
    await settle(inspection, partial(_wrong_files, inspection, told))
    await _tell_strays(inspection, told)


async def _move_parts(inspection: Inspection, upload_ids: set[str]) -> None:
    """What had come of uploads whose rows are set aside follows them."""
    archive = inspection.archive
    for upload_id in sorted(filter(is_id, upload_ids)):
        path = part_path(archive.blobs, upload_id)
        if path.exists() and not await known_uploads(archive.db, [upload_id]):
            await _move_aside(inspection, path)


async def _wrong_files(inspection: Inspection, told: set[str], db: Source) -> list[Flaw]:
    """Open uploads whose bytes are not there, or are more than were announced."""
    archive = inspection.archive
    begun = [one for one in await open_uploads(db) if one[0] not in told and is_id(one[0])]
    wrong = await anyio.to_thread.run_sync(
        lambda: [one for one, length in begun if not _fits(archive, one, length)]
    )
    flaws = []
    for upload_id in sorted(await known_uploads(db, wrong)):  # one may have been ended meanwhile
        text = Text(
            f"上传 {upload_id} 已收到的内容缺失，或多于说明的长度。用 --repair 告诉发送者重新上传。",
            f"What had come of the upload {upload_id} is missing, or more than was announced."
            " --repair tells its sender to send the file anew.",
        )
        flaws.append(Flaw("upload", upload_id, text, partial(_refuse, inspection, upload_id)))
    return flaws


def _fits(archive: Archive, upload_id: str, length: int | None) -> bool:
    size = part_size(archive.blobs, upload_id)
    return size is not None and (length is None or size <= length)


async def _refuse(inspection: Inspection, upload_id: str, tx: Write, aside: Aside) -> None:
    """Its sender hears of it; what there is of it goes aside."""
    path = part_path(inspection.archive.blobs, upload_id)
    if path.exists():
        await _move_aside(inspection, path)
    await refusing(upload_id)(tx, aside)


async def _tell_strays(inspection: Inspection, told: set[str]) -> None:
    """What lies in incoming/: of an upload that was ended, or of nothing that we know.

    `told`: uploads whose rows are wrong, which says it all.
    """
    archive = inspection.archive
    folder = archive.settings.home / "incoming"
    for path in await anyio.to_thread.run_sync(lambda: list(files_below(folder))):
        is_ours = path.parent == folder and path.suffix in (SUFFIX, UNCHECKED, RECEIVED)
        if is_ours and path.suffix == RECEIVED:
            continue  # received right now, or swept within hours; see intake/leftovers.py
        if is_ours and is_id(path.stem):
            if path.stem not in told and not await known_uploads(archive.db, [path.stem]):
                await _tell_stray(inspection, path)
            continue
        is_mended = inspection.is_mending and await _move_aside(inspection, path)
        place = path.relative_to(archive.settings.home).as_posix()
        text = Text(
            f"{place} 不是档案的文件。用 --repair 移到 set-aside。",
            f"{place} is no file of the archive. --repair moves it to set-aside.",
        )
        inspection.tell("upload", place, text, is_mended=is_mended)


async def _tell_stray(inspection: Inspection, path: Path) -> None:
    """A part file without its upload: being begun right now, or left over; no fault."""
    age = age_s(path, inspection.now)
    if age is None or await known_uploads(inspection.archive.db, [path.stem]):
        return
    is_old = age >= min(inspection.settled_after_s, STRAY_S)
    is_moved = inspection.is_mending and is_old and await _move_aside(inspection, path)
    place = path.relative_to(inspection.archive.settings.home).as_posix()
    text = Text(
        f"{place}：没有未完成的上传使用这个文件，可能是一次中断的上传。",
        f"{place}: no open upload uses this file; an upload may have broken off.",
    )
    inspection.leftovers.append(Finding("upload", place, text, is_moved))


async def _move_aside(inspection: Inspection, path: Path) -> bool:
    archive = inspection.archive
    await anyio.to_thread.run_sync(archive.blobs.check_home)
    await anyio.to_thread.run_sync(set_aside, archive.settings.home, path, inspection.now)
    return True
