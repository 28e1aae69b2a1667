"""A camera's clock against the true time: marks, drift between them, and plain shifts.

A mark says at what true time one frame was taken; its error is that time minus what the camera
wrote. One mark moves every frame of its span by that error. Between two marks the error grows in
a straight line, as quartz clocks drift; before the first and after the last it stays as it is
there, since nothing is known of it. All of this is exact integer arithmetic in microseconds, so
that frames keep their order and the marked frames get exactly the time they were marked with.

What the camera wrote is read off the file itself, not off the settled time: a clock that runs in
2031 has no settled time at all, and is what calibration is for.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta, timezone
from itertools import pairwise
from typing import Final

from birdwatch.domain.errors import FieldError, InvalidInputError
from birdwatch.domain.photo import Camera, SettledTime
from birdwatch.domain.place import Confidence
from birdwatch.domain.text import Text
from birdwatch.domain.time_ladder import (
    EARLIEST_YEAR,
    MAX_OFFSET_MIN,
    MIN_OFFSET_MIN,
    SITE_ZONE_MIN,
    parse_offset,
    read_wall,
)

EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND: Final = timedelta(microseconds=1)
AHEAD: Final = timedelta(minutes=5)  # of a server's clock that is a little late
MAX_MARKS: Final = 20
SURE_WITHIN: Final = timedelta(days=30)  # of a mark: a quartz clock loses seconds in that time
# A clock off by more than a minute and by more than this share of the time between was set anew.
MAX_DRIFT: Final = 1e-3
RESET_FROM: Final = timedelta(minutes=1)
MAX_SHIFT: Final = timedelta(days=366 * 30)
# Raw tags that tell a body from others of its model; the last is read off the maker's own note.
BODY_SERIAL: Final = "EXIF BodySerialNumber"
DNG_SERIAL: Final = "Image Tag 0xC62F"
MAKER_SERIAL: Final = "MakerNote SerialNumber"
# What a person said outranks every clock.
BY_HAND: Final = frozenset({"user_correction", "bulk_shift"})


@dataclass(frozen=True, slots=True)
class Mark:
    """`reads`: what the camera wrote, as an instant; `true`: when it really was."""

    reads: datetime
    true: datetime

    @property
    def error(self) -> timedelta:
        """What has to be added to the clock; positive for a clock that is slow."""
        return self.true - self.reads


@dataclass(frozen=True, slots=True)
class Calibration:
    """The marks of one camera, in the order of its clock, and the span of its clock they cover.

    An end of None is open: it covers frames that are still to come.
    """

    marks: tuple[Mark, ...]
    first: datetime | None = None
    last: datetime | None = None
    offset_min: int = SITE_ZONE_MIN  # the zone in which corrected times are told

    def covers(self, reads: datetime) -> bool:
        """Whether this reading of the clock lies in the span, ends included."""
        return (self.first is None or self.first <= reads) and (
            self.last is None or reads <= self.last
        )

    def overlaps(self, other: Calibration) -> bool:
        """Whether some reading lies in both spans."""
        starts_late = self.first is not None and other.last is not None and other.last < self.first
        ends_early = self.last is not None and other.first is not None and self.last < other.first
        return not starts_late and not ends_early


@dataclass(frozen=True, slots=True)
class Shift:
    """Moves many photos alike: `by` is added to the clock.

    `clock_zone_min`: the clock was set to this zone. `zone_min`: the zone of the place, in which
    the time is told. None leaves each as it is.
    """

    by: timedelta = timedelta()
    clock_zone_min: int | None = None
    zone_min: int | None = None


def camera_key(camera: Camera) -> str | None:
    """By what a camera is told from others; None where its frames do not name it at all.

    Make and model stand in where there is no serial number: among the photos of one person that
    mostly is one camera.
    """
    parts = [_folded(part) for part in (camera.make, camera.model, camera.serial)]
    return "|".join(parts) if any(parts) else None


def read_serial(tags: Mapping[str, str]) -> str:
    """The serial number of a camera, from the raw tags of a file; empty where they have none."""
    own = tags.get(BODY_SERIAL) or tags.get(DNG_SERIAL) or tags.get(MAKER_SERIAL)
    return (own or "").strip()


def _folded(text: str) -> str:
    return " ".join(text.replace("|", " ").casefold().split())


def clock_reading(tags: dict[str, str]) -> datetime | None:
    """What the camera's clock said, from the raw tags of a file; however absurd. None: nothing.

    The offset is believed where the camera wrote one beside the time; else the clock is taken to
    show the site's zone, always the same, so that readings of one camera can be compared.
    """
    for name, subsec, offset in (
        ("EXIF DateTimeOriginal", "EXIF SubSecTimeOriginal", "EXIF OffsetTimeOriginal"),
        ("EXIF DateTimeDigitized", "EXIF SubSecTimeDigitized", "EXIF OffsetTimeDigitized"),
    ):
        found = read_wall(tags.get(name, ""), tags.get(subsec, ""))
        if found is None:
            continue
        wall, within = found
        beside = parse_offset(tags.get(offset, ""))
        stated = within if beside is None else beside
        return _aware(wall, SITE_ZONE_MIN if stated is None else stated)
    return None


def _aware(wall: datetime, offset_min: int) -> datetime | None:
    try:
        return (wall - timedelta(minutes=offset_min)).replace(tzinfo=UTC)
    except OverflowError:
        return None


def calibrate(
    marks: Sequence[Mark],
    *,
    first: datetime | None = None,
    last: datetime | None = None,
    offset_min: int = SITE_ZONE_MIN,
    now: datetime,
) -> Calibration:
    """A calibration whose marks make sense together. Raises InvalidInputError, by field."""
    ordered = tuple(sorted(set(marks), key=lambda mark: (mark.reads, mark.true)))
    if not ordered or len(ordered) > MAX_MARKS:
        raise _wrong(
            "marks",
            f"请标出 1 到 {MAX_MARKS} 张照片的真实时间。",
            f"Mark the true time of 1 to {MAX_MARKS} frames.",
        )
    if not MIN_OFFSET_MIN <= offset_min <= MAX_OFFSET_MIN:
        raise _wrong(
            "zone",
            "时区应在 -12:00 和 +14:00 之间。",
            "The zone must lie between -12:00 and +14:00.",
        )
    for mark in ordered:
        _check_mark(mark, now)
    for earlier, later in pairwise(ordered):
        _check_pair(earlier, later)
    if first is not None and last is not None and last < first:
        raise _wrong("last", "结束早于开始。请对调两端。", "The span ends before it begins.")
    made = Calibration(ordered, first, last, offset_min)
    if not all(made.covers(mark.reads) for mark in ordered):
        raise _wrong(
            "first",
            "标记的照片不在所选范围内（按相机时钟）。请放宽范围。",
            "A marked frame lies outside the span, by the camera's clock. Widen the span.",
        )
    return made


def _check_mark(mark: Mark, now: datetime) -> None:
    if mark.true > now + AHEAD:
        raise _wrong(
            "marks",
            "标记的真实时间在将来。请检查日期和时区。",
            "The true time of a mark is in the future. Check its date and zone.",
        )
    if mark.true.year < EARLIEST_YEAR:
        raise _wrong(
            "marks",
            f"标记的真实时间早于 {EARLIEST_YEAR} 年。请检查日期。",
            f"The true time of a mark is before {EARLIEST_YEAR}. Check the date.",
        )


def _check_pair(earlier: Mark, later: Mark) -> None:
    if earlier.reads == later.reads:
        raise _wrong(
            "marks",
            "两个标记的相机时间相同，真实时间却不同。请去掉其中一个。",
            "Two marks have the same camera time and different true times. Take one of them out.",
        )
    if later.true <= earlier.true:
        raise _wrong(
            "marks",
            "两个标记的先后与相机时钟相反，照片的次序会颠倒。请检查两个真实时间。",
            "By these two marks the later frame was taken first. Check both true times.",
        )
    drift = abs(later.error - earlier.error)
    if drift > RESET_FROM and drift > (later.reads - earlier.reads) * MAX_DRIFT:
        raise _wrong(
            "marks",
            "两个标记相差太大，不像走时误差：相机在两者之间可能调过时间。请分成两次校准，"
            "在调时间处断开。",
            "The two marks differ by more than a clock drifts: it was probably set in between."
            " Make two calibrations, one on each side of that moment.",
        )


def true_time(calibration: Calibration, reads: datetime) -> datetime | None:
    """The instant of a frame whose clock said `reads`; None past the ends of the calendar."""
    at = _micros(reads)
    marks = calibration.marks
    after = next((i for i, mark in enumerate(marks) if reads <= mark.reads), len(marks))
    if after == 0 or after == len(marks):
        error = _delta(marks[min(after, len(marks) - 1)].error)
    else:
        left, right = marks[after - 1], marks[after]
        start, end = _micros(left.reads), _micros(right.reads)
        weighed = _delta(left.error) * (end - at) + _delta(right.error) * (at - start)
        error = _rounded(weighed, end - start)
    try:
        return reads + error * MICROSECOND
    except OverflowError:
        return None


def calibrated(calibration: Calibration, reads: datetime) -> SettledTime | None:
    """The time of a frame of this camera; None where the span does not hold it."""
    instant = true_time(calibration, reads) if calibration.covers(reads) else None
    if instant is None:
        return None
    nearest = min(abs(reads - mark.reads) for mark in calibration.marks)
    is_between = calibration.marks[0].reads <= reads <= calibration.marks[-1].reads
    sure: Confidence = "high" if is_between or nearest <= SURE_WITHIN else "medium"
    zone = calibration.offset_min
    return _told(SettledTime(instant, None, zone, "clock_calibration", sure))


def is_calibrated(time: SettledTime) -> bool:
    """Whether a calibration may set this time: not where a person said something surer."""
    return time.source not in BY_HAND and time.source != "clock_calibration"


def shifted(shift: Shift, time: SettledTime) -> SettledTime | None:
    """The time moved; None where there is none to move, or it leaves the calendar."""
    if time.wall is None:
        return None
    told = SITE_ZONE_MIN if time.offset_min is None else time.offset_min
    clock_zone = told if shift.clock_zone_min is None else shift.clock_zone_min
    zone = told if shift.zone_min is None else shift.zone_min
    try:
        instant = (time.wall - timedelta(minutes=clock_zone) + shift.by).replace(tzinfo=UTC)
    except OverflowError:
        return None
    return _told(SettledTime(instant, None, zone, "bulk_shift", "high"))


def _told(time: SettledTime) -> SettledTime | None:
    """With the wall time at its offset."""
    if time.instant is None:
        return None
    zone = timezone(timedelta(minutes=time.offset_min or 0))
    try:
        return replace(time, wall=time.instant.astimezone(zone).replace(tzinfo=None))
    except (OverflowError, ValueError):
        return None


def is_possible(time: SettledTime, now: datetime) -> bool:
    """Whether a picture can be of that time: not of the future, not before cameras."""
    if time.instant is None or time.wall is None:
        return False
    return time.wall.year >= EARLIEST_YEAR and time.instant <= now + AHEAD


_SHIFT = re.compile(r"([+-]?)(?:([0-9]{1,5}) ?d ?)?([0-9]{1,6}):([0-5]?[0-9])(?::([0-5]?[0-9]))?")


def read_shift(text: str) -> timedelta:
    """±h:m:s or ±h:m, also ±1d 2:03:04. Raises InvalidInputError."""
    cleaned = text.strip().replace("\u2212", "-").replace("：", ":")
    match = _SHIFT.fullmatch(cleaned)
    if cleaned in ("", "0"):
        return timedelta()
    if match is not None:
        sign, days, hours, minutes, seconds = match.groups()
        by = timedelta(int(days or 0), int(seconds or 0), 0, 0, int(minutes), int(hours))
        if by <= MAX_SHIFT:
            return -by if sign == "-" else by
    raise _wrong(
        "shift",
        f"读不懂时间差“{cleaned[:40]}”。请写成 +1:00:00 或 -0:03:20（时:分:秒），也可以加天数：+1d 2:00:00。",
        f"The shift “{cleaned[:40]}” cannot be read. Write +1:00:00 or -0:03:20 (hours:minutes:"
        "seconds), with days as in +1d 2:00:00.",
    )


def write_shift(by: timedelta) -> str:
    """−0:03:20, +26:00:00: always with its sign, rounded to the second."""
    total = round(abs(by) / timedelta(seconds=1))
    sign = "\u2212" if by < timedelta() and total else "+"
    return f"{sign}{total // 3600}:{total // 60 % 60:02}:{total % 60:02}"


def read_zone(text: str, field: str = "zone") -> int | None:
    """Minutes east of UTC; None for an empty text. Raises InvalidInputError."""
    cleaned = text.strip().replace("\u2212", "-")
    if not cleaned:
        return None
    offset_min = parse_offset(cleaned)
    if offset_min is None:
        raise _wrong(
            field,
            f"读不懂时区“{cleaned[:20]}”。请写成 +08:00。",
            f"The zone “{cleaned[:20]}” cannot be read. Write it as +08:00.",
        )
    return offset_min


def _micros(moment: datetime) -> int:
    return (moment - EPOCH) // MICROSECOND


def _delta(by: timedelta) -> int:
    return by // MICROSECOND


def _rounded(top: int, bottom: int) -> int:
    """The quotient to the nearest whole; halves up, so that order is kept."""
    return (2 * top + bottom) // (2 * bottom)


def _wrong(field: str, zh: str, en: str) -> InvalidInputError:
    return InvalidInputError(
        f"clock.{field}", zh=zh, en=en, errors=(FieldError(field, Text(zh, en)),)
    )
