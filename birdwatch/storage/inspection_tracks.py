"""Tracks that cannot be read, and positions off a track whose gap is not what the track gives.

The gap of a position is not in the chain. Which track gave it, and at which offset, is: the ledger
names the adjustment. While the track is there its gap is computed again; once it is deleted, all
versions of one position must tell the same.
"""

from __future__ import annotations

import zlib
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from itertools import pairwise

import anyio.to_thread

from birdwatch.domain.errors import InvalidInputError
from birdwatch.domain.text import Text
from birdwatch.domain.track import MAX_GAP, Segment, Track, match
from birdwatch.storage import ledger
from birdwatch.storage.columns import Row, from_instant, to_instant
from birdwatch.storage.flaws import (
    MEND,
    Aside,
    Flaw,
    Mend,
    UnreadableError,
    assigning,
    parsed,
    setting_aside,
)
from birdwatch.storage.sql import marks
from birdwatch.storage.tracks import unpack
from birdwatch.storage.transactions import Source, Write

Offset = Callable[[str], timedelta]  # reads the offset that an adjustment was asked for with
Place = tuple[str, float, float]  # photo, latitude, longitude
UNREADABLE = (ValueError, zlib.error, IndexError, OverflowError, MemoryError)
ENTRIES = (
    "SELECT version, noun_id, detail FROM ledger WHERE noun = 'photo' AND noun_id IN ({ids})"
    " AND detail LIKE '%\"adjustment\":%'"
)


async def wrong_tracks(db: Source, ids: Sequence[str]) -> list[Flaw]:
    """Those of these tracks that cannot be read, or say of themselves what is not so."""
    people = {row["id"] for row in await db.rows("SELECT id FROM person")}
    flaws = []
    for track_id in ids:
        rows = await db.rows("SELECT * FROM track WHERE id = $1", track_id)
        if not rows:
            continue
        row = rows[0]
        track = await _read(row["body"])
        if track is None or row["owner_id"] not in people:
            text = Text(
                f"轨迹 {track_id} 读不懂或不属于任何人。用 --repair 移到 set-aside，再请人重新上传 GPX。",
                f"The track {track_id} cannot be read, or is nobody's. --repair moves it to"
                " set-aside; its owner can send the GPX file again.",
            )
            flaws.append(Flaw("track", track_id, text, setting_aside("track", row)))
            continue
        right = {
            "points": track.points,
            "first_at": to_instant(track.first),
            "last_at": to_instant(track.last),
        }
        wrong = {name: value for name, value in right.items() if row[name] != value}
        if wrong:
            text = Text(
                f"轨迹 {track_id} 的点数或起止时间与轨迹本身不符。{MEND.zh}",
                f"The points or the span of track {track_id} are not what it holds. {MEND.en}",
            )
            flaws.append(Flaw("track", track_id, text, assigning("track", "id", track_id, **wrong)))
    return flaws


async def _read(body: str) -> Track | None:
    try:
        track = await anyio.to_thread.run_sync(unpack, body)
    except UNREADABLE:
        return None
    return track if track.points and all(map(_is_sound, track.segments)) else None


def _is_sound(segment: Segment) -> bool:
    times, lats, lons = segment.times, segment.lats, segment.lons
    return (
        all(one < other for one, other in pairwise(times))
        and all(-90 <= lat <= 90 for lat in lats)
        and all(-180 <= lon <= 180 for lon in lons)
    )


async def wrong_gaps(db: Source, ids: Sequence[str], offset_of: Offset) -> list[Flaw]:
    """Those of these photos with a gap where none belongs, or another than their track gives."""
    rows = await db.rows(
        "SELECT id, since, place_source, lat, lon, taken_at, gap_s FROM photo_fact"
        f" WHERE id IN ({marks(len(ids))}) AND (place_source = 'gpx' OR gap_s IS NOT NULL)"
        " ORDER BY id, since",
        *ids,
    )
    if not rows:
        return []
    known = await _gaps_by_track(db, rows, offset_of)
    by_place: dict[Place, set[float]] = defaultdict(set)
    for row in rows:
        if row["place_source"] == "gpx" and _is_possible(row["gap_s"]):
            by_place[_place(row)].add(row["gap_s"])
    wrong: dict[str, list[tuple[int, float | None]]] = defaultdict(list)
    unsure: set[str] = set()
    for row in rows:
        told = by_place[_place(row)]
        right = None
        if row["place_source"] == "gpx":
            right = known.get(_place(row), next(iter(told)) if len(told) == 1 else None)
            if right is None:
                unsure.add(row["id"])
        if right != row["gap_s"]:
            wrong[row["id"]].append((row["since"], right))
    return [
        _of_gap(photo_id, None if photo_id in unsure else _righting(photo_id, wrong[photo_id]))
        for photo_id in sorted(wrong.keys() | unsure)
    ]


async def _gaps_by_track(
    db: Source, rows: Sequence[Row], offset_of: Offset
) -> Mapping[Place, float]:
    """What the tracks that are still there give, where a version was written by one."""
    written = {(row["id"], row["since"]): row for row in rows}
    ids = sorted({row["id"] for row in rows})
    asked: dict[tuple[str, str], list[Row]] = defaultdict(list)  # by track and offset
    for entry in await db.rows(ENTRIES.format(ids=marks(len(ids))), *ids):
        row = written.get((entry["noun_id"], entry["version"]))
        by = parsed(entry["detail"], dict).get("adjustment")
        if row is None or row["place_source"] != "gpx" or row["taken_at"] is None:
            continue
        found = await db.rows("SELECT detail FROM adjustment WHERE id = $1 AND kind = 'track'", by)
        track_id, offset = _asked(found[0]["detail"]) if found else ("", "")
        asked[track_id, offset].append(row)
    known: dict[Place, float] = {}
    for (track_id, offset), placed in asked.items():
        bodies = await db.rows("SELECT body FROM track WHERE id = $1", track_id)
        track = await _read(bodies[0]["body"]) if bodies else None
        by_offset = _offset(offset_of, offset)
        if track is None or by_offset is None:
            continue
        for row in placed:
            one = match(track, from_instant(row["taken_at"]) + by_offset)
            if one is not None and (one.point.lat, one.point.lon) == (row["lat"], row["lon"]):
                known[_place(row)] = one.gap / timedelta(seconds=1)
    return known


def _asked(detail: str) -> tuple[str, str]:
    try:
        told = parsed(detail, dict)
    except UnreadableError:
        return "", ""
    return str(told.get("track", "")), str(told.get("offset", ""))


def _offset(offset_of: Offset, text: str) -> timedelta | None:
    try:
        return offset_of(text)
    except InvalidInputError:
        return None


def _is_possible(gap_s: float | None) -> bool:
    return gap_s is not None and 0 <= gap_s <= MAX_GAP / timedelta(seconds=1)


def _place(row: Row) -> Place:
    return row["id"], row["lat"] or 0.0, row["lon"] or 0.0


def _of_gap(photo_id: str, mend: Mend | None) -> Flaw:
    todo = MEND if mend else Text("请用轨迹重新定位。", "Place it by its track again.")
    text = Text(
        f"照片 {photo_id} 的轨迹间隔与轨迹不符。{todo.zh}",
        f"For photo {photo_id} the silence of its track around it is not what the track gives."
        f" {todo.en}",
    )
    return Flaw("gap", photo_id, text, mend)


def _righting(photo_id: str, versions: Sequence[tuple[int, float | None]]) -> Mend:
    async def mend(tx: Write, _: Aside) -> None:
        await ledger.append(tx, "edit", "photo", photo_id, detail={"derived_again": ["gap_s"]})
        for since, right in versions:
            await tx.run(
                "UPDATE photo_fact SET gap_s = $1 WHERE id = $2 AND since = $3",
                right,
                photo_id,
                since,
            )

    return mend
