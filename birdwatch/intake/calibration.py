"""A camera's clock put right: its owner says when one frame was really taken, and all follow.

Also for frames that come in later: while a calibration stands, intake settles their time by it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta, timezone

from birdwatch.domain.clock import (
    MAKER_SERIAL,
    Calibration,
    Mark,
    calibrate,
    calibrated,
    camera_key,
    clock_reading,
    is_calibrated,
    is_possible,
    read_zone,
)
from birdwatch.domain.errors import ConflictError, FieldError, InvalidInputError
from birdwatch.domain.ids import is_id
from birdwatch.domain.photo import Camera, SettledTime
from birdwatch.domain.policy import Actor, may
from birdwatch.domain.text import Text
from birdwatch.domain.time_ladder import SITE_ZONE_MIN
from birdwatch.intake.adjusting import (
    BY_HAND,
    MAX_PHOTOS,
    NO_CHANGE,
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
from birdwatch.storage.clocks import (
    ARCHIVE,
    Frame,
    calibrations_of,
    find_frame,
    frames_of,
    note_versions,
)
from birdwatch.storage.db import Source, Write
from birdwatch.storage.photos import find_photo, find_photos
from birdwatch.storage.windows import load_windows


@dataclass(frozen=True, slots=True)
class CalibrationRequest:
    """Marked frames with their true times, and the span of the camera's clock, as written.

    Times without an offset are those of `zone`; `first` and `last` are as the camera shows them.
    """

    marks: tuple[tuple[str, str], ...]
    first: str = ""
    last: str = ""
    zone: str = ""


@dataclass(frozen=True, slots=True)
class CalibrationPlan:
    """The marks as understood, the camera they are of, and what would follow."""

    calibration: Calibration
    camera: str
    plan: Plan


async def preview_calibration(
    archive: Archive, request: CalibrationRequest, *, actor: Actor, now: datetime
) -> CalibrationPlan:
    """What a calibration would do; nothing is written.

    Raises NotFoundError, ConflictError, or InvalidInputError with a field error per wrong value.
    """
    return await _plan(archive.db, request, actor, now)


async def apply_calibration(
    archive: Archive,
    request: CalibrationRequest,
    *,
    actor: Actor,
    now: datetime,
    seen: str | None = None,
) -> Applied:
    """Do it, and keep it for frames to come. `seen`: the digest of the preview."""
    async with archive.db.write(actor, now) as tx:
        await tx.lock()
        found = await _plan(tx, request, actor, now)
        return await carry_out(
            tx,
            found.plan,
            "calibration",
            {"photos": [photo_id for photo_id, _ in request.marks]},
            seen=seen,
            camera=found.camera,
            calibration=found.calibration,
        )


async def calibrated_arrival(
    db: Source, owner_id: str | None, camera: Camera, tags: dict[str, str], now: datetime
) -> tuple[str, SettledTime] | None:
    """The time of a photo that comes in, by a calibration of its camera, and which one that is."""
    reads = clock_reading(tags)
    if reads is None:
        return None
    for key in _keys(camera, tags):
        for adjustment_id, calibration in await calibrations_of(db, owner_id or ARCHIVE, key):
            time = calibrated(calibration, reads)
            if time is not None and is_possible(time, now):
                return adjustment_id, time
    return None


def _keys(camera: Camera, tags: dict[str, str]) -> list[str]:
    """The camera's, then that of its frames from before makers' notes were read."""
    keys = [camera_key(camera)]
    if MAKER_SERIAL in tags:
        keys.append(camera_key(replace(camera, serial="")))
    return [key for key in keys if key is not None]


async def note_arrival(tx: Write, adjustment_id: str, photo_id: str, version: int) -> None:
    """This version of a photo that came in later belongs to the calibration too."""
    await note_versions(tx, adjustment_id, [(photo_id, version)])


async def _plan(
    db: Source, request: CalibrationRequest, actor: Actor, now: datetime
) -> CalibrationPlan:
    zone = read_zone(request.zone)
    offset_min = SITE_ZONE_MIN if zone is None else zone
    frames = [await _frame(db, photo_id, actor) for photo_id, _ in request.marks]
    owner_id, camera = _one_camera(frames)
    marks = [
        Mark(frame.reads, read_moment(text, "marks", offset_min))
        for frame, (_, text) in zip(frames, request.marks, strict=True)
        if frame.reads is not None
    ]
    made = calibrate(
        marks,
        first=read_moment(request.first, "first", SITE_ZONE_MIN) if request.first else None,
        last=_end(read_moment(request.last, "last", SITE_ZONE_MIN)) if request.last else None,
        offset_min=offset_min,
        now=now,
    )
    await _check_free(db, owner_id, camera, made)
    covered = await frames_of(
        db, owner_id, camera, first=made.first, last=made.last, limit=MAX_PHOTOS + 1
    )
    check_size(len(covered))
    return CalibrationPlan(
        made, camera, await _lines(db, owner_id, made, covered, actor=actor, now=now)
    )


async def _lines(
    db: Source,
    owner_id: str,
    made: Calibration,
    covered: Sequence[Frame],
    *,
    actor: Actor,
    now: datetime,
) -> Plan:
    reads = {frame.photo_id: frame.reads for frame in covered}
    windows = await load_windows(db)
    lines: list[Line] = []
    left: list[Left] = []
    for photo in editable(actor, await find_photos(db, list(reads))):
        said = reads[photo.id]
        time = calibrated(made, said) if said is not None else None
        if not is_calibrated(photo.facts.time):
            left.append(Left(photo, BY_HAND))
        elif time is None:
            raise _out_of_calendar()
        elif (time.instant, time.wall) == (photo.facts.time.instant, photo.facts.time.wall):
            left.append(Left(photo, NO_CHANGE))
        else:
            lines.append(Line(photo, retimed(photo, time, windows)))
    check_possible(lines, now)
    return Plan(owner_id, tuple(lines), tuple(left))


def read_moment(text: str, field: str, offset_min: int) -> datetime:
    """RFC 3339, or a local date and time at this offset. Raises InvalidInputError."""
    moment = _moment(text.strip(), offset_min)
    if moment is None:
        message = Text(
            f"读不懂时间“{text[:40]}”。请写成 2026-04-16T05:40:07，可加 +08:00。",
            f"The time “{text[:40]}” cannot be read. Write 2026-04-16T05:40:07, with +08:00 if you"
            " like.",
        )
        raise InvalidInputError(
            f"clock.{field}", zh=message.zh, en=message.en, errors=(FieldError(field, message),)
        )
    return moment


def _moment(text: str, offset_min: int) -> datetime | None:
    if "T" not in text.upper() and " " not in text:  # a day alone is no moment
        return None
    try:
        given = datetime.fromisoformat(text)
        if given.tzinfo is None:
            given = given.replace(tzinfo=timezone(timedelta(minutes=offset_min)))
        return given.astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def _end(moment: datetime) -> datetime:
    """The last second of a span belongs to it whole."""
    return moment if moment.microsecond else moment.replace(microsecond=999_999)


async def _frame(db: Source, photo_id: str, actor: Actor) -> Frame:
    frame = await find_frame(db, photo_id) if is_id(photo_id) else None
    photo = await find_photo(db, photo_id) if frame else None
    is_theirs = photo is not None and may(actor, "edit", photo.thing)  # a draft is not a reviewer's
    require_owner(actor, (frame.owner_id or ARCHIVE) if frame and is_theirs else None)
    if frame is None or frame.reads is None or frame.camera is None:
        raise _wrong(
            "照片文件里没有相机型号或拍摄时间，无法用它校准时钟。请标记另一张，或直接更正时间。",
            "The file does not say which camera took it, or when, so no clock can be set by it."
            " Mark another frame, or correct its time by hand.",
        )
    return frame


def _one_camera(frames: Sequence[Frame]) -> tuple[str, str]:
    """The owner and the camera of all marked frames."""
    found = {(frame.owner_id or ARCHIVE, frame.camera or "") for frame in frames}
    if not found:
        raise _wrong("请至少标记一张照片。", "Mark at least one frame.")
    if len(found) > 1:
        raise _wrong(
            "标记的照片不是同一台相机拍的。请为每台相机分别校准。",
            "The marked frames are not of one camera. Calibrate each camera by itself.",
        )
    return found.pop()


async def _check_free(db: Source, owner_id: str, camera: str, made: Calibration) -> None:
    for _, other in await calibrations_of(db, owner_id, camera):
        if other.overlaps(made):
            raise ConflictError(
                "clock.overlap",
                zh="这台相机的这段时间已经校准过。请先撤销那次校准，或缩小范围。",
                en="A calibration of this camera covers part of this span already. Take that one"
                " back first, or narrow the span.",
            )


def _out_of_calendar() -> InvalidInputError:
    return _wrong(
        "这样会让照片的时间超出日历。请检查真实时间。",
        "By this, photos would leave the calendar. Check the true time.",
    )


def _wrong(zh: str, en: str) -> InvalidInputError:
    return InvalidInputError(
        "clock.marks", zh=zh, en=en, errors=(FieldError("marks", Text(zh, en)),)
    )
