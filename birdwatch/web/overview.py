"""`/admin`: whether the archive is well, at a glance, and the way to each of its pages.

Only what the archive knows is told. Nobody notes when it was verified or backed up, so the page
says that, and how to find out.
"""

from __future__ import annotations

from dataclasses import dataclass

import anyio.to_thread
from starlette.requests import Request
from starlette.responses import Response

from birdwatch.domain.errors import UnavailableError
from birdwatch.http.accounts import require
from birdwatch.intake.archive import Archive
from birdwatch.storage.jobs import count_jobs
from birdwatch.storage.overview import count_people, count_quarantined, list_tide_tables
from birdwatch.storage.review import count_waiting
from birdwatch.storage.schedule import list_turns
from birdwatch.web.jobs import alarm_of
from birdwatch.web.reading import archive_of, now_of
from birdwatch.web.render import actor_of, page


@dataclass(frozen=True, slots=True)
class Room:
    """The free bytes of the disk that the archive lies on, and how many of them are kept free."""

    free: int
    reserve: int


async def show_overview(request: Request) -> Response:
    """Everything that may need somebody, with its page."""
    require(actor_of(request), "administer")
    archive, now = archive_of(request), now_of(request)
    turns = await list_turns(archive.db, now)
    shown = page(
        request,
        "admin.html",
        alarm=await alarm_of(archive),
        room=await _room_of(archive),
        jobs=await count_jobs(archive.db),
        failed_turns=sum(bool(turn.error.en) for turn in turns),
        quarantined=await count_quarantined(archive.db),
        to_review=await count_waiting(archive.db),
        people=await count_people(archive.db),
        tides=await list_tide_tables(archive.db),
        version=await archive.db.dataset_version(),
        now=now,
    )
    shown.headers["Cache-Control"] = "no-store"
    return shown


async def _room_of(archive: Archive) -> Room | None:
    """None where the disk does not answer: the alarm says why."""
    try:
        free = await anyio.to_thread.run_sync(archive.blobs.free_bytes)
    except UnavailableError:
        return None
    return Room(free, archive.blobs.reserve_bytes)
