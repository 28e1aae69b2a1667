"""Cameras with their clocks, and the adjustments made to the times and places of many photos.

An adjustment is what one person did in one act. It is no published fact itself: the versions that
it wrote are, and each is told here, so that all of them can be taken back together.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from birdwatch.domain.clock import Calibration, Mark, camera_key, clock_reading
from birdwatch.domain.ids import new_id
from birdwatch.domain.photo import Camera
from birdwatch.domain.policy import Thing
from birdwatch.storage.columns import (
    Row,
    clean,
    from_instant,
    from_json,
    instant_or_none,
    time_or_none,
    to_instant,
    to_json,
)
from birdwatch.storage.photo_rows import camera_of
from birdwatch.storage.sql import insert
from birdwatch.storage.transactions import Source, Write

AdjustmentKind = Literal["calibration", "shift", "track"]
COLUMNS = (
    "id", "kind", "owner_id", "camera_key", "first_at", "last_at", "detail", "made_at", "made_by",
    "made_by_name", "undone_at",
)  # fmt: skip
OPEN = "FROM photo p JOIN photo_fact f ON f.id = p.id AND f.until IS NULL"
FILL_AT_ONCE = 500
ARCHIVE = ""  # the owner of photos that nobody sent: the operator brought them in


@dataclass(frozen=True, slots=True)
class Frame:
    """A photo as its camera's clock tells it."""

    photo_id: str
    owner_id: str | None
    camera: str | None  # its key
    reads: datetime | None


@dataclass(frozen=True, slots=True)
class OwnCamera:
    """A camera among one person's photos, and the span of its clock."""

    key: str
    camera: Camera
    photos: int
    first: datetime | None
    last: datetime | None


@dataclass(frozen=True, slots=True)
class Adjustment:
    """One act over many photos. `detail`: what was asked for; `photos`: how many it wrote."""

    id: str
    kind: AdjustmentKind
    owner_id: str
    camera: str | None
    first: datetime | None
    last: datetime | None
    detail: dict[str, object]
    made_at: datetime
    made_by: str | None
    made_by_name: str
    undone_at: datetime | None = None
    photos: int = 0

    @property
    def thing(self) -> Thing:
        """What the policy has to know."""
        return Thing(self.owner_id or None)

    @property
    def calibration(self) -> Calibration | None:
        """The marks and the span of a calibration."""
        return _calibration(self) if self.kind == "calibration" else None


async def find_frame(db: Source, photo_id: str) -> Frame | None:
    """One photo that is there now, as its camera's clock tells it."""
    rows = await db.rows(
        f"SELECT p.id, p.owner_id, p.camera_key, p.clock_at {OPEN} WHERE p.id = $1", photo_id
    )
    return _frame(rows[0]) if rows else None


async def frames_of(
    db: Source,
    owner_id: str,
    key: str,
    *,
    first: datetime | None,
    last: datetime | None,
    limit: int,
) -> list[Frame]:
    """The frames of a camera whose clock read from `first` to `last`, in its order."""
    owned, values = _owned(owner_id)
    values.append(key)
    conditions = [owned, f"p.camera_key = ${len(values)}", "p.clock_at IS NOT NULL"]
    for end, sign in ((first, ">="), (last, "<=")):
        if end is not None:
            values.append(to_instant(end))
            conditions.append(f"p.clock_at {sign} ${len(values)}")
    values.append(limit)
    rows = await db.rows(
        f"SELECT p.id, p.owner_id, p.camera_key, p.clock_at {OPEN} WHERE {' AND '.join(conditions)}"
        f" ORDER BY p.clock_at, p.id LIMIT ${len(values)}",
        *values,
    )
    return [_frame(row) for row in rows]


def _owned(owner_id: str) -> tuple[str, list[object]]:
    """The condition for photos of this owner, by an index, and its values."""
    return ("p.owner_id IS NULL", []) if owner_id == ARCHIVE else ("p.owner_id = $1", [owner_id])


async def cameras_of(db: Source, owner_id: str) -> list[OwnCamera]:
    """The cameras of a person's photos, or of the archive's own, the most used first."""
    owned, values = _owned(owner_id)
    rows = await db.rows(
        "SELECT p.camera_key AS key, COUNT(*) AS photos, MIN(p.clock_at) AS first,"
        f" MAX(p.clock_at) AS last, MAX(p.id) AS example {OPEN}"
        f" WHERE {owned} AND p.camera_key IS NOT NULL"
        " GROUP BY p.camera_key ORDER BY photos DESC, key",
        *values,
    )
    found: list[OwnCamera] = []
    for row in rows:
        camera = await db.rows(
            "SELECT camera, camera_serial FROM photo WHERE id = $1", row["example"]
        )
        found.append(
            OwnCamera(
                row["key"],
                camera_of(camera[0]["camera"], camera[0]["camera_serial"] or ""),
                int(row["photos"]),
                time_or_none(row["first"]),
                time_or_none(row["last"]),
            )
        )
    return found


async def add_adjustment(
    tx: Write,
    kind: AdjustmentKind,
    owner_id: str,
    detail: dict[str, object],
    *,
    camera: str | None = None,
    calibration: Calibration | None = None,
) -> str:
    """Write down what is being done; its id. `calibration`: from now on it sets later photos too."""
    adjustment_id = new_id(tx.now)
    if calibration is not None:
        detail = {**detail, **_calibration_detail(calibration)}
    await tx.run(
        insert("adjustment", COLUMNS),
        adjustment_id,
        kind,
        owner_id,
        camera,
        instant_or_none(calibration.first) if calibration else None,
        instant_or_none(calibration.last) if calibration else None,
        to_json(detail),
        to_instant(tx.now),
        tx.actor.person_id,
        clean(tx.actor.name),
        None,
    )
    return adjustment_id


async def note_versions(tx: Write, adjustment_id: str, versions: Sequence[tuple[str, int]]) -> None:
    """The versions that an adjustment wrote, by photo."""
    await tx.run_many(
        "INSERT INTO adjustment_photo (adjustment_id, photo_id, version) VALUES ($1, $2, $3)",
        [(adjustment_id, photo_id, version) for photo_id, version in versions],
    )


async def versions_of(db: Source, adjustment_id: str) -> list[tuple[str, int]]:
    """The photos that an adjustment changed, and the version it wrote of each."""
    rows = await db.rows(
        "SELECT photo_id, version FROM adjustment_photo WHERE adjustment_id = $1 ORDER BY version",
        adjustment_id,
    )
    return [(row["photo_id"], row["version"]) for row in rows]


async def forget_versions(tx: Write, adjustment_id: str, photo_ids: Sequence[str]) -> None:
    """These photos are as they were: the adjustment has nothing to do with them any more."""
    await tx.run_many(
        "DELETE FROM adjustment_photo WHERE adjustment_id = $1 AND photo_id = $2",
        [(adjustment_id, photo_id) for photo_id in photo_ids],
    )


async def end_adjustment(tx: Write, adjustment_id: str) -> None:
    """It is taken back: a calibration sets no photo any more."""
    await tx.run(
        "UPDATE adjustment SET undone_at = $1 WHERE id = $2", to_instant(tx.now), adjustment_id
    )


async def find_adjustment(db: Source, adjustment_id: str) -> Adjustment | None:
    """The adjustment of this id, or None."""
    rows = await db.rows(f"{_SELECT} WHERE a.id = $1", adjustment_id)
    return _adjustment(rows[0]) if rows else None


async def adjustments_of(db: Source, owner_id: str, *, limit: int = 100) -> list[Adjustment]:
    """What was adjusted among a person's photos, newest first."""
    rows = await db.rows(
        f"{_SELECT} WHERE a.owner_id = $1 ORDER BY a.id DESC LIMIT $2", owner_id, limit
    )
    return [_adjustment(row) for row in rows]


async def calibrations_of(db: Source, owner_id: str, camera: str) -> list[tuple[str, Calibration]]:
    """The calibrations of a camera that stand, with their ids. Their spans do not overlap."""
    rows = await db.rows(
        f"{_SELECT} WHERE a.owner_id = $1 AND a.camera_key = $2 AND a.undone_at IS NULL",
        owner_id,
        camera,
    )
    found = [(row["id"], _adjustment(row).calibration) for row in rows]
    return [(one, calibration) for one, calibration in found if calibration is not None]


async def fill_clocks(tx: Write) -> int:
    """What older photos say of camera and clock, read off their tags; how many there were."""
    filled, after = 0, ""
    while True:
        rows = await tx.rows(
            "SELECT id, camera, tags FROM photo WHERE camera_key IS NULL AND clock_at IS NULL"
            " AND id > $1 ORDER BY id LIMIT $2",
            after,
            FILL_AT_ONCE,
        )
        if not rows:
            return filled
        for row in rows:
            tags = from_json(row["tags"])
            serial = str(tags.get("EXIF BodySerialNumber", "")).strip()
            camera = camera_of(row["camera"], serial)
            await tx.run(
                "UPDATE photo SET camera_serial = $1, camera_key = $2, clock_at = $3 WHERE id = $4",
                serial or None,
                camera_key(camera),
                instant_or_none(clock_reading(tags)),
                row["id"],
            )
        filled += len(rows)
        after = rows[-1]["id"]


_SELECT = (
    "SELECT a.*, (SELECT COUNT(*) FROM adjustment_photo n WHERE n.adjustment_id = a.id) AS photos"
    " FROM adjustment a"
)


def _frame(row: Row) -> Frame:
    return Frame(row["id"], row["owner_id"], row["camera_key"], time_or_none(row["clock_at"]))


def _adjustment(row: Row) -> Adjustment:
    return Adjustment(
        id=row["id"],
        kind=row["kind"],
        owner_id=row["owner_id"],
        camera=row["camera_key"],
        first=time_or_none(row["first_at"]),
        last=time_or_none(row["last_at"]),
        detail=from_json(row["detail"]),
        made_at=from_instant(row["made_at"]),
        made_by=row["made_by"],
        made_by_name=row["made_by_name"],
        undone_at=time_or_none(row["undone_at"]),
        photos=int(row["photos"]),
    )


def _calibration_detail(made: Calibration) -> dict[str, object]:
    return {
        "marks": [[to_instant(mark.reads), to_instant(mark.true)] for mark in made.marks],
        "offset_min": made.offset_min,
    }


def _calibration(adjustment: Adjustment) -> Calibration:
    marks = adjustment.detail["marks"]
    offset_min = adjustment.detail["offset_min"]
    if not isinstance(marks, list) or not isinstance(offset_min, int):
        message = "a calibration without marks was stored"
        raise TypeError(message)
    return Calibration(
        tuple(Mark(from_instant(reads), from_instant(true)) for reads, true in marks),
        adjustment.first,
        adjustment.last,
        offset_min,
    )
