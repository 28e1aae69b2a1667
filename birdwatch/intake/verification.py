"""Whether the archive is whole, and mending what can be: the list CHECKS is what is looked at.

Every finding is looked at once more at the moment it is told or mended, with writers held off or
the file in hand: the archive is in use meanwhile. Mending derives again what follows from other
things and moves aside what does not belong. It deletes nothing, and never touches an original that
is whole.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path

from birdwatch.intake.archive import Archive
from birdwatch.intake.findings import SETTLED_AFTER_S, Finding, Inspection, Report
from birdwatch.intake.verification_files import check_photos, check_stray_files
from birdwatch.intake.verification_flaws import check_clocks, check_feed, check_jobs, check_tides
from birdwatch.intake.verification_quarantine import check_quarantine
from birdwatch.intake.verification_rows import (
    check_chain,
    check_counts,
    check_database,
    check_records,
)
from birdwatch.intake.verification_uploads import check_uploads

__all__ = ["Finding", "Report", "verify_archive"]
Check = Callable[[Inspection], Awaitable[None]]
CHECKS: tuple[Check, ...] = (
    check_database,
    check_chain,
    check_photos,
    check_stray_files,
    check_quarantine,
    check_records,
    check_counts,
    check_tides,
    check_clocks,
    check_uploads,
    check_jobs,
    check_feed,
)


async def verify_archive(
    archive: Archive,
    progress: Callable[[int], None],
    *,
    deep: bool = True,
    mend: bool = False,
    source: Path | None = None,
    now: datetime | None = None,
    settled_after_s: float = SETTLED_AFTER_S,
) -> Report:
    """Look at everything again. `progress` hears the number of photos done.

    `deep` reads every byte and derives every column; without it sizes are compared. `mend` repairs
    what can be, lost originals from the files of a backup at `source`.
    """
    inspection = Inspection(
        archive=archive,
        now=now or datetime.now(UTC),
        is_deep=deep,
        is_mending=mend,
        progress=progress,
        source=source,
        settled_after_s=settled_after_s,
    )
    for check in CHECKS:
        await check(inspection)
        if inspection.is_over:
            break
    return inspection.report()
