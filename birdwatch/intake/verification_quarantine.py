"""Files in quarantine against their rows: someone may still want to try them again."""

from __future__ import annotations

import anyio.to_thread

from birdwatch.domain.ids import SHA256
from birdwatch.domain.text import Text
from birdwatch.intake.findings import Finding, Inspection
from birdwatch.intake.verification_flaws import settle
from birdwatch.storage.blobs.inspection import Expected, files_below, inspect
from birdwatch.storage.blobs.quarantine import FOLDER, quarantine_path
from birdwatch.storage.inspection import held_apart
from birdwatch.storage.inspection_uploads import wrong_quarantined


async def check_quarantine(inspection: Inspection) -> None:
    """A row without its file is a fault; a file without a row is on its way in, or left over."""
    await settle(inspection, wrong_quarantined)
    archive = inspection.archive
    home, blobs = archive.settings.home, archive.blobs
    files = await anyio.to_thread.run_sync(lambda: list(files_below(home / FOLDER)))
    rows = await held_apart(archive.db)
    expected = [
        Expected(sha256, quarantine_path(blobs, sha256), size, sha256)
        for sha256, size in rows.items()
        if SHA256.fullmatch(sha256)
    ]
    deep = inspection.is_deep
    for file, _ in await anyio.to_thread.run_sync(lambda: inspect(expected, deep=deep)):
        if file.name not in await held_apart(archive.db):  # discarded, or taken in, meanwhile
            continue
        place = file.path.relative_to(home).as_posix()
        inspection.tell(
            "quarantine",
            place,
            Text(
                f"{place} 缺失或已损坏，不能再次尝试。请发送者重新上传。",
                f"{place} is missing or damaged and cannot be tried again. Its sender should send"
                " it once more.",
            ),
        )
    for path in files:
        if path.name not in rows and path.name not in await held_apart(archive.db):
            place = path.relative_to(home).as_posix()
            text = Text(
                f"{place}：没有记录提到这个文件，可能是一次中断的上传。",
                f"{place}: no row speaks of this file; an upload may have broken off.",
            )
            inspection.leftovers.append(Finding("quarantine", place, text))
