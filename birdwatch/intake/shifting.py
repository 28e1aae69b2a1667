"""Many photos moved alike by hand: so many hours, or a clock that was set to another zone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from birdwatch.domain.clock import Shift, read_shift, read_zone, shifted
from birdwatch.domain.errors import FieldError, InvalidInputError
from birdwatch.domain.ids import is_id
from birdwatch.domain.photo import Photo
from birdwatch.domain.policy import Actor
from birdwatch.domain.text import Text
from birdwatch.intake.adjusting import (
    NO_CHANGE,
    NO_TIME,
    Applied,
    Left,
    Line,
    Plan,
    carry_out,
    check_possible,
    check_size,
    editable,
    require_owner,
    retimed,
)
from birdwatch.intake.archive import Archive
from birdwatch.storage.clocks import ARCHIVE
from birdwatch.storage.db import Source
from birdwatch.storage.photos import find_photos
from birdwatch.storage.windows import load_windows


@dataclass(frozen=True, slots=True)
class ShiftRequest:
    """Which photos, and by how much, as written: ±h:m:s, the clock's zone, the place's zone."""

    photos: tuple[str, ...]
    shift: str = ""
    clock_zone: str = ""
    zone: str = ""


async def preview_shift(
    archive: Archive, request: ShiftRequest, *, actor: Actor, now: datetime
) -> Plan:
    """What a shift would do; nothing is written.

    Raises NotFoundError, or InvalidInputError with a field error per wrong value.
    """
    return await _plan(archive.db, request, actor, now)


async def apply_shift(
    archive: Archive,
    request: ShiftRequest,
    *,
    actor: Actor,
    now: datetime,
    seen: str | None = None,
) -> Applied:
    """Do it. `seen`: the digest of the preview. Raises ConflictError where photos changed since."""
    async with archive.db.write(actor, now) as tx:
        await tx.lock()
        plan = await _plan(tx, request, actor, now)
        detail: dict[str, object] = {
            "shift": request.shift,
            "clock_zone": request.clock_zone,
            "zone": request.zone,
        }
        return await carry_out(tx, plan, "shift", detail, seen=seen)


async def _plan(db: Source, request: ShiftRequest, actor: Actor, now: datetime) -> Plan:
    shift = _read(request)
    photos = await own_photos(db, request.photos, actor)
    windows = await load_windows(db)
    lines: list[Line] = []
    left: list[Left] = []
    for photo in photos:
        time = shifted(shift, photo.facts.time)
        if photo.facts.time.wall is None:
            left.append(Left(photo, NO_TIME))
        elif time is None:
            raise _wrong("shift", "这样会超出日历。请检查时间差。", "That leaves the calendar.")
        elif (time.instant, time.wall) == (photo.facts.time.instant, photo.facts.time.wall):
            left.append(Left(photo, NO_CHANGE))
        else:
            lines.append(Line(photo, retimed(photo, time, windows)))
    check_possible(lines, now)
    return Plan(photos[0].owner_id or ARCHIVE, tuple(lines), tuple(left))


async def own_photos(db: Source, photo_ids: Sequence[str], actor: Actor) -> list[Photo]:
    """These photos, of one owner, for who may edit them. Raises for none, too many, or others'."""
    wanted = list(dict.fromkeys(photo_ids))
    if not wanted:
        raise _wrong("photos", "请至少选择一张照片。", "Choose at least one photo.")
    check_size(len(wanted))
    found = await find_photos(db, wanted) if all(is_id(one) for one in wanted) else []
    mine = editable(actor, found)
    owners = {photo.owner_id or ARCHIVE for photo in mine}
    for owner_id in owners:
        require_owner(actor, owner_id)
    if len(mine) < len(wanted):
        require_owner(actor, None)
    if len(owners) > 1:
        raise _wrong(
            "photos",
            "这些照片属于不同的人。请为每个人分别调整。",
            "These photos belong to several people. Adjust those of each by themselves.",
        )
    return mine


def _read(request: ShiftRequest) -> Shift:
    shift = Shift(
        read_shift(request.shift),
        read_zone(request.clock_zone, "clock_zone"),
        read_zone(request.zone),
    )
    if shift == Shift():
        raise _wrong(
            "shift",
            "请填写时间差或时区。",
            "Say by how much to move the times, or which zone they are of.",
        )
    return shift


def _wrong(field: str, zh: str, en: str) -> InvalidInputError:
    return InvalidInputError(
        f"shift.{field}", zh=zh, en=en, errors=(FieldError(field, Text(zh, en)),)
    )
