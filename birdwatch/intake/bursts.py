"""Put a new photo beside its kin: a worker's step, which takes an id and can run twice.

Not into its burst: that depends on which of the frames a reader sees.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from birdwatch.domain.burst import WITHIN, Frame, kin, runs
from birdwatch.domain.policy import SYSTEM
from birdwatch.intake.archive import Archive
from birdwatch.storage.bursts import MAX_FRAMES, frames_around, put_kin
from birdwatch.storage.transactions import Source

BURST_JOB = "burst"
FIRST_SPAN = timedelta(seconds=30)
WIDEST_SPAN = timedelta(hours=1)


async def join_burst(archive: Archive, photo_id: str, *, now: datetime) -> None:
    """Find the kin of this photo among all frames that its camera took without a pause.

    Frames come in in any order, so the whole run is parted anew each time.
    """
    async with archive.db.write(SYSTEM, now) as tx:
        run = await _run_of(tx, photo_id)
        if run:
            await put_kin(tx, run, kin(run))


async def _run_of(db: Source, photo_id: str) -> list[Frame]:
    """The frames around a photo, as far as its camera was never silent for longer."""
    span = FIRST_SPAN
    while True:
        frames = await frames_around(db, photo_id, span)
        run = next((one for one in runs(frames) if photo_id in {f.photo_id for f in one}), [])
        is_whole = bool(run) and _lies_within(run, photo_id, span)
        if not run or is_whole or span >= WIDEST_SPAN or len(frames) >= MAX_FRAMES:
            return run
        span *= 4


def _lies_within(run: list[Frame], photo_id: str, span: timedelta) -> bool:
    """Whether the run ends so far before the end of what was read that no frame can follow it."""
    at = next(frame.at for frame in run if frame.photo_id == photo_id)
    return run[0].at - WITHIN >= at - span and run[-1].at + WITHIN <= at + span
