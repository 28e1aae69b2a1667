"""Looks at rows, each of which tells its flaws: asked, asked again while writers wait, and mended."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from functools import partial
from typing import Protocol

import anyio.to_thread

from birdwatch.domain.policy import SYSTEM
from birdwatch.intake.findings import Inspection
from birdwatch.storage.blobs.inspection import set_aside_row
from birdwatch.storage.columns import Row
from birdwatch.storage.derived import next_ids
from birdwatch.storage.flaws import Flaw, Look
from birdwatch.storage.inspection_feed import wrong_feed
from birdwatch.storage.inspection_tides import wrong_stations, wrong_tide_sources, wrong_waters
from birdwatch.storage.transactions import Source

AT_ONCE = 200


class PageLook(Protocol):
    """A look at some rows of a table."""

    async def __call__(self, db: Source, ids: Sequence[str]) -> list[Flaw]: ...


async def check_tides(inspection: Inspection) -> None:
    """Tide stations with their waters, and the tables that surveys name."""
    await settle(inspection, wrong_stations)
    await settle(inspection, wrong_waters)
    if inspection.is_deep:
        await settle_pages(inspection, "survey", wrong_tide_sources)


async def check_feed(inspection: Inspection) -> None:
    """What mirrors are told, once the records themselves have been looked at."""
    if not inspection.is_deep:
        return
    found = [one for one in inspection.found if not one.is_mended]
    records = {one.subject for one in found if one.kind == "record"}
    broken = {int(one.subject.partition("/")[0]) for one in found if one.kind == "chain"}
    await settle(inspection, partial(wrong_feed, besides=records, broken=broken))


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
