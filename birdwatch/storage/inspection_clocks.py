"""What is kept of cameras and their clocks, against the tags of the files and the photos' versions.

The chain covers neither: what a camera's clock said is read off the tags again, and a calibration
must give the times that it wrote. One that does not is set aside, so that it sets no photo to come.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, datetime
from itertools import combinations
from typing import Any

from birdwatch.domain.clock import (
    Calibration,
    Mark,
    calibrate,
    camera_key,
    clock_reading,
    read_serial,
    true_time,
)
from birdwatch.domain.errors import InvalidInputError
from birdwatch.domain.text import Text
from birdwatch.storage import ledger
from birdwatch.storage.columns import Row, from_instant, instant_or_none, time_or_none, to_instant
from birdwatch.storage.flaws import MEND, Aside, Flaw, Mend, UnreadableError, assigning, parsed
from birdwatch.storage.photo_rows import camera_of
from birdwatch.storage.sql import insert, marks
from birdwatch.storage.transactions import Source, Write

FINGERPRINT = re.compile(r"[0-9a-f]{16}", re.ASCII)
AT_ONCE = 400
KINDS = ("calibration", "shift", "track")
LATEST = datetime(9999, 1, 1, tzinfo=UTC)
ENTRIES = (
    "SELECT version, noun_id, detail FROM ledger WHERE noun = 'photo'"
    " AND detail LIKE '%\"adjustment\":%' ORDER BY version"
)
SET_ASIDE = "adjustment_set_aside"  # what the ledger says of a repair
WERE_SET_ASIDE = (
    f"SELECT detail FROM ledger WHERE noun = 'archive' AND detail LIKE '%\"{SET_ASIDE}\":%'"
)
STRAY = """
    SELECT n.* FROM adjustment_photo n JOIN adjustment a ON a.id = n.adjustment_id
    WHERE NOT EXISTS (SELECT 1 FROM photo_fact f WHERE f.id = n.photo_id AND f.since = n.version)
    ORDER BY n.adjustment_id, n.photo_id"""
WROTE = """
    SELECT n.adjustment_id, p.tags, f.taken_at FROM adjustment_photo n
    JOIN adjustment a ON a.id = n.adjustment_id AND a.kind = 'calibration'
    JOIN photo p ON p.id = n.photo_id
    JOIN photo_fact f ON f.id = n.photo_id AND f.since = n.version"""


async def wrong_cameras(db: Source, ids: Sequence[str]) -> list[Flaw]:
    """Those of these photos whose camera, clock or fingerprint is not what their file tells."""
    rows = await db.rows(
        "SELECT id, camera, tags, camera_serial, camera_key, clock_at, fingerprint FROM photo"
        f" WHERE id IN ({marks(len(ids))}) ORDER BY id",
        *ids,
    )
    flaws = []
    for row in rows:
        right = _right_camera(row)
        if row["fingerprint"] is not None and not FINGERPRINT.fullmatch(row["fingerprint"]):
            right["fingerprint"] = None
        if right:
            text = Text(
                f"照片 {row['id']} 的相机、时钟或图像指纹与文件不符：{', '.join(right)}。{MEND.zh}",
                f"What is kept of the camera, clock or fingerprint of photo {row['id']} is not what"
                f" its file tells: {', '.join(right)}. {MEND.en}",
            )
            mend = assigning("photo", "id", row["id"], **right)
            flaws.append(Flaw("camera", row["id"], text, mend))
    return flaws


async def without_fingerprint(db: Source, ids: Sequence[str]) -> list[str]:
    """Those of these photos that cannot be compared with others, until their pictures are made."""
    found: list[str] = []
    for start in range(0, len(ids), AT_ONCE):
        some = ids[start : start + AT_ONCE]
        rows = await db.rows(
            "SELECT id FROM photo WHERE fingerprint IS NULL AND owner_id IS NOT NULL"
            f" AND state = 'ready' AND id IN ({marks(len(some))}) ORDER BY id",
            *some,
        )
        found += [row["id"] for row in rows]
    return found


def _right_camera(row: Row) -> dict[str, object]:
    """The columns that differ, and what they should hold."""
    try:
        tags = parsed(row["tags"], dict)
        known = _serials(tags)
        serial = row["camera_serial"] if row["camera_serial"] in known else known[0]
        right = {
            "camera_serial": serial,
            "camera_key": camera_key(camera_of(row["camera"], serial or "")),
            "clock_at": instant_or_none(clock_reading(tags)),
        }
    except (UnreadableError, ValueError, TypeError):
        return {}  # the chain covers both, and tells of it
    return {name: value for name, value in right.items() if row[name] != value}


def _serials(tags: Mapping[str, Any]) -> list[str | None]:
    """As intake reads it, and as it was read off older photos."""
    own = tags.get("EXIF BodySerialNumber") or ""
    return [read_serial(tags) or None, own.strip() or None]


async def wrong_adjustments(db: Source) -> list[Flaw]:
    """Adjustments that cannot be, that do not fit what they wrote, or that are lost."""
    rows = await db.rows("SELECT * FROM adjustment ORDER BY id")
    # The empty name stands for photos that nobody sent.
    people = {"", *(row["id"] for row in await db.rows("SELECT id FROM person"))}
    wrote: dict[str, list[Row]] = defaultdict(list)
    for one in await db.rows(WROTE):
        wrote[one["adjustment_id"]].append(one)
    flaws: dict[str, Flaw] = {}
    standing: dict[tuple[str, str], list[tuple[Row, Calibration]]] = defaultdict(list)
    for row in rows:
        try:
            made = _sound(row, wrote[row["id"]], people)
        except UnreadableError:
            flaws[row["id"]] = _told(row["id"], _setting_aside(row))
        else:
            if made is not None and row["undone_at"] is None:
                standing[row["owner_id"], row["camera_key"]].append((row, made))
    for of_camera in standing.values():
        for (_, earlier), (row, later) in combinations(of_camera, 2):
            if earlier.overlaps(later):
                flaws[row["id"]] = _told(row["id"], _setting_aside(row))
    for lost in await _lost(db, {row["id"] for row in rows}):
        flaws[lost] = _told(lost, None)
    return list(flaws.values())


def _sound(row: Row, wrote: Sequence[Row], people: Collection[str]) -> Calibration | None:
    """The calibration in a row, if it is one. Raises UnreadableError for what cannot be."""
    made = _read(row)
    fits = made is None or all(_fits(made, one) for one in wrote)
    if row["owner_id"] not in people or not fits:
        raise UnreadableError
    return made


def _read(row: Row) -> Calibration | None:
    """The calibration in a row; None: another adjustment. Raises UnreadableError."""
    detail = parsed(row["detail"], dict)
    is_undone_before = row["undone_at"] is not None and row["undone_at"] < row["made_at"]
    if row["kind"] not in KINDS or is_undone_before:
        raise UnreadableError
    if row["kind"] != "calibration":
        if (row["camera_key"], row["first_at"], row["last_at"]) != (None, None, None):
            raise UnreadableError
        return None
    if not row["camera_key"]:
        raise UnreadableError
    try:
        pairs = [Mark(from_instant(reads), from_instant(true)) for reads, true in detail["marks"]]
        return calibrate(
            pairs,
            first=time_or_none(row["first_at"]),
            last=time_or_none(row["last_at"]),
            offset_min=detail["offset_min"],
            now=LATEST,
        )
    except (KeyError, TypeError, ValueError, OverflowError, InvalidInputError):
        raise UnreadableError from None


def _fits(made: Calibration, wrote: Row) -> bool:
    """Whether the calibration gives the time that it wrote."""
    reads = clock_reading(parsed(wrote["tags"], dict))
    if reads is None or not made.covers(reads):
        return False
    instant = true_time(made, reads)
    return instant is not None and to_instant(instant) == wrote["taken_at"]


def _told(adjustment_id: str, mend: Mend | None) -> Flaw:
    what = Text(
        f"时钟或位置的调整 {adjustment_id} 缺失、读不懂，或与它写入的时间不符。",
        f"The adjustment {adjustment_id} of clocks or places is missing, cannot be read, or does"
        " not fit the times that it wrote.",
    )
    todo = Text(
        "请从备份恢复；没有备份时照片保持现状，但不能一并撤销。",
        "Restore it from a backup; without one its photos stay as they are, and cannot be taken"
        " back together.",
    )
    if mend is not None:
        todo = Text(
            "--repair 把它移到 set-aside，以后的照片不再按它定时；请重新校准。",
            "--repair moves it to set-aside, so that it sets no photo to come; calibrate anew.",
        )
    return Flaw("adjustment", adjustment_id, Text(what.zh + todo.zh, f"{what.en} {todo.en}"), mend)


def _setting_aside(row: Row) -> Mend:
    """It is set aside, and sets no photo any more; those that it set stay as they are."""

    async def mend(tx: Write, aside: Aside) -> None:
        await aside("adjustment", row)
        for one in await tx.rows(
            "SELECT * FROM adjustment_photo WHERE adjustment_id = $1", row["id"]
        ):
            await aside("adjustment_photo", one)
        await tx.run("DELETE FROM adjustment_photo WHERE adjustment_id = $1", row["id"])
        await tx.run("DELETE FROM adjustment WHERE id = $1", row["id"])
        await ledger.append(tx, "edit", "archive", "*", detail={SET_ASIDE: row["id"]})

    return mend


async def _lost(db: Source, known: Collection[str]) -> list[str]:
    """Those that versions of photos speak of, and that are not there."""
    named = await db.rows("SELECT DISTINCT adjustment_id AS id FROM adjustment_photo")
    spoken = {row["id"] for row in named} | {one for _, _, one in await _entries(db)}
    aside = {parsed(row["detail"], dict).get(SET_ASIDE) for row in await db.rows(WERE_SET_ASIDE)}
    return sorted(spoken - set(known) - aside)


async def _entries(db: Source) -> list[tuple[int, str, str]]:
    """Version, photo and adjustment of every entry of the ledger that names one."""
    found = []
    for row in await db.rows(ENTRIES):
        adjustment_id = parsed(row["detail"], dict).get("adjustment")
        if isinstance(adjustment_id, str):
            found.append((row["version"], row["noun_id"], adjustment_id))
    return found


async def wrong_adjusted(db: Source) -> list[Flaw]:
    """Photos that an adjustment names and did not write, or wrote and does not name."""
    rows = await db.rows("SELECT id, undone_at FROM adjustment")
    undone = {row["id"]: row["undone_at"] is not None for row in rows}
    wrote = {
        (adjustment_id, photo_id): version
        for version, photo_id, adjustment_id in await _entries(db)
        if adjustment_id in undone
    }
    strays = {(row["adjustment_id"], row["photo_id"]) for row in await db.rows(STRAY)}
    flaws, named = [], set()
    for row in await db.rows("SELECT * FROM adjustment_photo ORDER BY adjustment_id, photo_id"):
        key = (row["adjustment_id"], row["photo_id"])
        named.add(key)
        version = wrote.get(key)
        is_other = version is not None and version != row["version"]
        if is_other or (version is None and key in strays):
            flaws.append(_adjusted(*key, _noting(*key, version, row)))
    for key, version in wrote.items():
        if key not in named and not undone[key[0]]:
            flaws.append(_adjusted(*key, _noting(*key, version, None)))
    return flaws


def _noting(adjustment_id: str, photo_id: str, version: int | None, before: Row | None) -> Mend:
    """The version that it wrote, as the ledger says; None: none."""

    async def mend(tx: Write, aside: Aside) -> None:
        if before is not None:
            await aside("adjustment_photo", before)
        await tx.run(
            "DELETE FROM adjustment_photo WHERE adjustment_id = $1 AND photo_id = $2",
            adjustment_id,
            photo_id,
        )
        if version is not None:
            columns = ("adjustment_id", "photo_id", "version")
            row = (adjustment_id, photo_id, version)
            await tx.run(insert("adjustment_photo", columns), *row)

    return mend


def _adjusted(adjustment_id: str, photo_id: str, mend: Mend) -> Flaw:
    text = Text(
        f"调整 {adjustment_id} 与照片 {photo_id} 的对应关系不对，撤销时会漏掉或认错它。{MEND.zh}",
        f"Whether the adjustment {adjustment_id} wrote a version of photo {photo_id} is told"
        f" wrongly, so that taking it back would miss it. {MEND.en}",
    )
    return Flaw("adjustment", f"{adjustment_id}/{photo_id}", text, mend)
