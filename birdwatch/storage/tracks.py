"""Tracks as their owners sent them: private, packed, gone when deleted.

A track tells where a person walked for a day; nobody but its owner, and who may edit their photos,
ever reads one.
"""

from __future__ import annotations

import base64
import sys
import zlib
from array import array
from dataclasses import dataclass
from datetime import datetime
from itertools import accumulate, pairwise

import anyio.to_thread

from birdwatch.domain.ids import new_id
from birdwatch.domain.policy import Thing
from birdwatch.domain.track import Segment, Track
from birdwatch.storage.columns import Row, clean, from_instant, to_instant
from birdwatch.storage.sql import insert
from birdwatch.storage.transactions import Source, Write

COLUMNS = ("id", "owner_id", "name", "points", "first_at", "last_at", "body", "made_at")
LISTED = "id, owner_id, name, points, first_at, last_at, made_at"
FRESH = 100  # tracks told in one list


@dataclass(frozen=True, slots=True)
class OwnTrack:
    """A track, told without its points."""

    id: str
    owner_id: str
    name: str
    points: int
    first: datetime
    last: datetime
    made_at: datetime

    @property
    def thing(self) -> Thing:
        """What the policy has to know."""
        return Thing(self.owner_id)


async def add_track(tx: Write, owner_id: str, name: str, track: Track, body: str) -> str:
    """Keep a track, with its points as packed before; its id."""
    track_id = new_id(tx.now)
    await tx.run(
        insert("track", COLUMNS),
        track_id,
        owner_id,
        clean(name),
        track.points,
        to_instant(track.first),
        to_instant(track.last),
        body,
        to_instant(tx.now),
    )
    return track_id


async def find_track(db: Source, track_id: str) -> tuple[OwnTrack, Track] | None:
    """The track with its points, or None."""
    rows = await db.rows("SELECT * FROM track WHERE id = $1", track_id)
    if not rows:
        return None
    return _track(rows[0]), await anyio.to_thread.run_sync(unpack, rows[0]["body"])


async def tracks_of(db: Source, owner_id: str) -> list[OwnTrack]:
    """A person's tracks, newest first."""
    rows = await db.rows(
        f"SELECT {LISTED} FROM track WHERE owner_id = $1 ORDER BY id DESC LIMIT $2", owner_id, FRESH
    )
    return [_track(row) for row in rows]


async def delete_track(tx: Write, track_id: str) -> None:
    """The track is gone; the positions that were found by it stay with their photos."""
    await tx.run("DELETE FROM track WHERE id = $1", track_id)


async def taken_between(
    db: Source, owner_id: str, first: datetime, last: datetime, *, limit: int
) -> list[str]:
    """The photos of a person that were taken in this time, in order."""
    rows = await db.rows(
        "SELECT id FROM photo_fact WHERE until IS NULL AND owner_id = $1 AND taken_at IS NOT NULL"
        " AND sort_key >= $2 AND sort_key <= $3 ORDER BY sort_key, id LIMIT $4",
        owner_id,
        to_instant(first),
        to_instant(last),
        limit,
    )
    return [row["id"] for row in rows]


def pack(track: Track) -> str:
    """The track as text: for each segment its length, then the steps of times and degrees."""
    numbers = array("q", [track.skipped, track.backwards, len(track.segments)])
    for segment in track.segments:
        numbers.append(len(segment.times))
        for values in (segment.times, _whole(segment.lats), _whole(segment.lons)):
            numbers.extend(now - before for before, now in pairwise([0, *values]))
    if sys.byteorder == "big":
        numbers.byteswap()
    return base64.b85encode(zlib.compress(numbers.tobytes())).decode()


def unpack(body: str) -> Track:
    """What `pack` packed."""
    numbers = array("q", zlib.decompress(base64.b85decode(body)))
    if sys.byteorder == "big":
        numbers.byteswap()
    skipped, backwards, count = numbers[:3]
    at, segments = 3, []
    for _ in range(count):
        length = numbers[at]
        parts = [
            array("q", accumulate(numbers[at + 1 + n * length : at + 1 + (n + 1) * length]))
            for n in range(3)
        ]
        segments.append(Segment(parts[0], _degrees(parts[1]), _degrees(parts[2])))
        at += 1 + 3 * length
    return Track(tuple(segments), skipped, backwards)


def _whole(degrees: array[float]) -> array[int]:
    """To a centimetre, as they were read."""
    return array("q", (round(one * 1e7) for one in degrees))


def _degrees(whole: array[int]) -> array[float]:
    return array("d", (round(one / 1e7, 7) for one in whole))


def _track(row: Row) -> OwnTrack:
    return OwnTrack(
        id=row["id"],
        owner_id=row["owner_id"],
        name=row["name"],
        points=row["points"],
        first=from_instant(row["first_at"]),
        last=from_instant(row["last_at"]),
        made_at=from_instant(row["made_at"]),
    )
