"""Looks at rows, each of which tells its flaws: asked, asked again while writers wait, and mended."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from functools import partial
from typing import Protocol

import anyio.to_thread

from birdwatch.domain.policy import SYSTEM
from birdwatch.intake.bursts import BURST_JOB
from birdwatch.intake.findings import Finding, Inspection
from birdwatch.intake.photo_rendering import RENDER_FIRST, RENDER_REST
from birdwatch.intake.repair import render_again
from birdwatch.intake.tracking import read_offset
from birdwatch.storage.blobs.inspection import set_aside_row
from birdwatch.storage.columns import Row
from birdwatch.storage.derived import next_ids
from birdwatch.storage.flaws import Flaw, Look
from birdwatch.storage.inspection_bursts import wrong_bursts
from birdwatch.storage.inspection_clocks import (
    without_fingerprint,
    wrong_adjusted,
    wrong_adjustments,
    wrong_cameras,
)
from birdwatch.storage.inspection_feed import wrong_feed
from birdwatch.storage.inspection_jobs import wrong_jobs
from birdwatch.storage.inspection_tides import wrong_stations, wrong_tide_sources, wrong_waters
from birdwatch.storage.inspection_tracks import wrong_gaps, wrong_tracks
from birdwatch.storage.transactions import Source

AT_ONCE = 200


class PageLook(Protocol):
    """A look at some rows of a table."""

    async def __call__(self, db: Source, ids: Sequence[str]) -> list[Flaw]: ...


async def check_tides(inspection: Inspection) -> None:
    """Tide stations with their waters, and the tables that surveys name."""
    broken = _broken(inspection)
    await settle(inspection, partial(wrong_stations, broken=broken))
    await settle(inspection, wrong_waters)
    if inspection.is_deep:
        await settle_pages(inspection, "survey", partial(wrong_tide_sources, broken=broken))


async def check_clocks(inspection: Inspection) -> None:
    """Cameras, adjustments, tracks and what was placed by them, bursts."""
    await settle(inspection, wrong_adjustments)
    await settle(inspection, wrong_adjusted)
    if not inspection.is_deep:
        return
    await settle_pages(inspection, "photo", wrong_cameras)
    await settle_pages(inspection, "track", wrong_tracks)
    await settle_pages(inspection, "photo_fact", partial(wrong_gaps, offset_of=read_offset))
    cameras = {one.subject for one in inspection.found if one.kind == "camera"}
    if inspection.is_mending:
        for photo_id in await without_fingerprint(inspection.archive.db, sorted(cameras)):
            await render_again(inspection.archive, photo_id, now=inspection.now)
    await settle(inspection, partial(wrong_bursts, besides=cameras))


async def check_jobs(inspection: Inspection) -> None:
    """Work that would never be done."""
    kinds = (RENDER_FIRST, RENDER_REST, BURST_JOB)
    await settle(inspection, partial(wrong_jobs, now=inspection.now, of_photos=kinds))


async def check_feed(inspection: Inspection) -> None:
    """What mirrors are told, once the records themselves have been looked at."""
    if not inspection.is_deep:
        return
    records = {one.subject for one in _unmended(inspection) if one.kind == "record"}
    look = partial(wrong_feed, besides=records, broken=_broken(inspection))
    await settle(inspection, look)


def _broken(inspection: Inspection) -> set[int]:
    """The versions at which the chain does not hold: what follows from them is not known."""
    told = (one.subject for one in inspection.found if one.kind == "chain")
    return {int(subject.partition("/")[0]) for subject in told}


def _unmended(inspection: Inspection) -> list[Finding]:
    return [one for one in inspection.found if not one.is_mended]


async def settle(inspection: Inspection, look: Look) -> None:
    """Tell what this look finds, and mend it where that is asked for."""
    if not await look(inspection.archive.db):
        return
    async with inspection.archive.db.write(SYSTEM, inspection.now) as tx:
        await tx.lock()
        flaws = await look(tx)
        for flaw in flaws if inspection.is_mending else ():
            if flaw.mend is not None:
                await flaw.mend(tx, partial(keep_copy, inspection))
    left: Collection[tuple[str, str]] = ()
    if inspection.is_mending:
        left = {(flaw.kind, flaw.subject) for flaw in await look(inspection.archive.db)}
    for flaw in flaws:
        is_mended = (
            inspection.is_mending
            and flaw.mend is not None
            and (flaw.kind, flaw.subject) not in left
        )
        inspection.tell(flaw.kind, flaw.subject, flaw.text, is_mended=is_mended)


async def settle_pages(inspection: Inspection, table: str, look: PageLook) -> None:
    """The same for a look that takes ids, a page of them at a time."""
    db, after = inspection.archive.db, ""
    while ids := await next_ids(db, table, after, AT_ONCE):
        await settle(inspection, partial(look, ids=ids))
        after = ids[-1]


async def keep_copy(inspection: Inspection, table: str, row: Row) -> None:
    """Keep what a row says before it changes."""
    home, now = inspection.archive.settings.home, inspection.now
    await anyio.to_thread.run_sync(inspection.archive.blobs.check_home)
    await anyio.to_thread.run_sync(set_aside_row, home, table, row, now)
