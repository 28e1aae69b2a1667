"""Bursts as they are kept, against those that clocks and fingerprints give."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import timedelta

from birdwatch.domain.burst import Frame, kin, runs
from birdwatch.domain.text import Text
from birdwatch.storage.bursts import MAX_FRAMES, put_kin
from birdwatch.storage.columns import from_instant
from birdwatch.storage.flaws import MEND, Aside, Flaw, Mend
from birdwatch.storage.transactions import Source, Write

# A longer run is parted by as much of it as was read around its last photo.
LONGEST = timedelta(minutes=30)
WAITING = "SELECT DISTINCT subject_id FROM job WHERE kind = 'burst' OR kind LIKE 'render%'"
CAMERAS = """
    SELECT DISTINCT owner_id, camera_key FROM photo WHERE owner_id IS NOT NULL
        AND camera_key IS NOT NULL AND clock_at IS NOT NULL AND fingerprint IS NOT NULL
    ORDER BY owner_id, camera_key"""
FRAMES = """
    SELECT p.id, p.clock_at, p.fingerprint, b.burst_id FROM photo p
    LEFT JOIN burst b ON b.photo_id = p.id
    WHERE p.owner_id = $1 AND p.camera_key = $2 AND p.clock_at IS NOT NULL
        AND p.fingerprint IS NOT NULL ORDER BY p.clock_at, p.id"""
STRAYS = """
    SELECT b.photo_id, b.burst_id FROM burst b LEFT JOIN photo p ON p.id = b.photo_id
        AND p.owner_id IS NOT NULL AND p.camera_key IS NOT NULL AND p.clock_at IS NOT NULL
        AND p.fingerprint IS NOT NULL
    WHERE p.id IS NULL ORDER BY b.photo_id"""


async def wrong_bursts(db: Source, *, besides: Collection[str]) -> list[Flaw]:
    """Runs whose frames are in other bursts than they should be, and frames that are none.

    `besides`: photos whose clock or fingerprint is wrong itself, which is told of them.
    """
    stored = await db.rows("SELECT photo_id, burst_id FROM burst")
    doubtful = {row["burst_id"] for row in stored if row["photo_id"] in besides} | set(besides)
    waiting = {row["subject_id"] for row in await db.rows(WAITING)}
    flaws = [
        _flaw(row["photo_id"], _dropping(row["photo_id"]))
        for row in await db.rows(STRAYS)
        if row["photo_id"] not in besides and row["burst_id"] not in doubtful
    ]
    for camera in await db.rows(CAMERAS):
        rows = await db.rows(FRAMES, camera["owner_id"], camera["camera_key"])
        kept = {row["id"]: row["burst_id"] for row in rows}
        frames = [
            Frame(row["id"], from_instant(row["clock_at"]), row["fingerprint"])
            for row in rows
            if row["id"] not in besides
        ]
        for run in runs(frames):
            ids = {frame.photo_id for frame in run}
            is_long = len(run) >= MAX_FRAMES or run[-1].at - run[0].at > LONGEST
            is_doubtful = any(kept[one] in doubtful for one in ids if kept[one])
            if is_long or is_doubtful or ids & waiting:
                continue
            right = {frame.photo_id: one[0].photo_id for one in kin(run) for frame in one}
            if {one: kept[one] for one in ids if kept[one]} != right:
                flaws.append(_flaw(run[0].photo_id, _parting(run)))
    return flaws


def _flaw(photo_id: str, mend: Mend) -> Flaw:
    text = Text(
        f"照片 {photo_id} 前后的连拍分组与相机时钟和图像不符。{MEND.zh}",
        f"The frames around photo {photo_id} are in other bursts than clock and pictures give."
        f" {MEND.en}",
    )
    return Flaw("burst", photo_id, text, mend)


def _dropping(photo_id: str) -> Mend:
    async def mend(tx: Write, _: Aside) -> None:
        await tx.run("DELETE FROM burst WHERE photo_id = $1", photo_id)

    return mend


def _parting(run: Sequence[Frame]) -> Mend:
    async def mend(tx: Write, _: Aside) -> None:
        await put_kin(tx, run, kin(run))

    return mend
