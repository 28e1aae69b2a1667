"""When the shutter opened: a ladder of evidence, from the surest to a guess from the file name.

Cameras write wall time, seldom its zone, and often nonsense. The first rung that holds wins, and
its name is kept as the source. No evidence can raise: what cannot be read is as if it were absent.
The date of the file's last change (DateTime) is no evidence of the picture at all.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone

from birdwatch.domain.errors import InvalidInputError
from birdwatch.domain.photo import SettledTime, TimeSource
from birdwatch.domain.place import Confidence, Point

SITE_ZONE_MIN = 480  # Asia/Shanghai: one zone, no summer time in the years of digital cameras
EARLIEST_YEAR = 1990  # before digital cameras: 1904, 1970 and 1980 are clocks never set
LATEST_AHEAD = timedelta(days=1)
MAX_OFFSET_MIN = 14 * 60
MIN_OFFSET_MIN = -12 * 60
MAX_CLOCK_ERROR_S = 600  # past this the GPS fix is old, and says nothing about the clock
# Offsets that some place on earth uses. A stale fix gives others, and is thereby found out.
REAL_OFFSETS_MIN = frozenset(range(MIN_OFFSET_MIN, MAX_OFFSET_MIN + 1, 60)) | frozenset(
    {-570, -210, -150, 210, 270, 330, 345, 390, 525, 570, 630, 765, 825}
)
# North China between the Ordos and the Yalu: wherever a photo of ours has a position, its zone.
REGION_LAT = (37.0, 43.5)
REGION_LON = (107.0, 124.0)

UNKNOWN_TIME = SettledTime(None, None, None, "unknown", "none")


@dataclass(frozen=True, slots=True)
class TimeEvidence:
    """What a picture says of its time, as written; an empty string is absent.

    `point` is the position of the picture, if it has one that can be believed.
    """

    date_time_original: str = ""
    offset_time_original: str = ""
    subsec_original: str = ""
    offset_time: str = ""
    date_time_digitized: str = ""
    offset_time_digitized: str = ""
    subsec_digitized: str = ""
    date_time: str = ""
    gps_date: str = ""
    gps_time: str = ""  # three numbers, each decimal or a fraction: 10/1 21/1 7/1
    xmp_date_created: str = ""
    xmp_date_time_original: str = ""
    file_name: str = ""
    point: Point | None = None


@dataclass(frozen=True, slots=True)
class _Reading:
    """A wall time, and the offset written with it, None if none was."""

    wall: datetime
    offset_min: int | None = None


def settle_time(
    facts: TimeEvidence, *, now: datetime, zone_offset_min: int = SITE_ZONE_MIN
) -> SettledTime:
    """The time of a picture with its source and confidence; never raises, may be unknown."""
    for rung in _RUNGS:
        settled = rung(facts, zone_offset_min)
        if settled is not None and is_plausible(settled, now):
            return settled
    return UNKNOWN_TIME


def correct_time(wall: datetime, offset_min: int) -> SettledTime:
    """The time a person gives. Raises InvalidInputError for an offset or year beyond reason."""
    naive = wall.replace(tzinfo=None)
    instant = _instant(naive, offset_min)
    if instant is None or not MIN_OFFSET_MIN <= offset_min <= MAX_OFFSET_MIN or naive.year < 1826:
        raise InvalidInputError(
            "taken_at.invalid",
            zh="拍摄时间无效。请按 2026-04-25T18:21:07+08:00 的格式填写日期、时间和时区。",
            en="The time is not valid. Write it with its offset, as in 2026-04-25T18:21:07+08:00.",
        )
    return SettledTime(instant, naive, offset_min, "user_correction", "high")


def is_plausible(settled: SettledTime, now: datetime) -> bool:
    """Whether a picture can be of that time: not before cameras, not a clock just reset."""
    if settled.wall is None or settled.instant is None:
        return False
    is_factory_default = (settled.wall.month, settled.wall.day) == (1, 1) and (
        settled.wall.hour == settled.wall.minute == 0
    )
    is_in_future = settled.instant > now + LATEST_AHEAD
    return settled.wall.year >= EARLIEST_YEAR and not is_factory_default and not is_in_future


# --- the rungs, in order ---------------------------------------------------------------------


def _exif_offset(facts: TimeEvidence, _: int) -> SettledTime | None:
    original = _original(facts)
    if original is None:
        return None
    offset_min = parse_offset(facts.offset_time_original)
    if offset_min is None:
        offset_min = original.offset_min
    return _settled(original, offset_min, "exif_offset", "high", facts)


def _exif_gps_difference(facts: TimeEvidence, _: int) -> SettledTime | None:
    original = _original(facts)
    if original is None:
        return None
    offset_min = _offset_from_gps(original.wall, facts)
    return _settled(original, offset_min, "exif_gps_difference", "high", facts)


def _exif_gps_place(facts: TimeEvidence, _: int) -> SettledTime | None:
    original = _original(facts)
    if original is None or facts.point is None or not _is_in_region(facts.point):
        return None
    return _settled(original, SITE_ZONE_MIN, "exif_gps_place", "high", facts)


def _exif_offset_modified(facts: TimeEvidence, _: int) -> SettledTime | None:
    original = _original(facts)
    if original is None:
        return None
    # OffsetTime belongs to the file's last change; some editors write no other.
    offset_min = parse_offset(facts.offset_time)
    return _settled(original, offset_min, "exif_offset_modified", "low", facts)


def _exif_site_zone(facts: TimeEvidence, zone_offset_min: int) -> SettledTime | None:
    original = _original(facts)
    if original is None:
        return None
    return _settled(original, zone_offset_min, "exif_site_zone", _trust_in_zone(facts), facts)


def _xmp_created(facts: TimeEvidence, zone_offset_min: int) -> SettledTime | None:
    return _from_xmp(facts.xmp_date_created, zone_offset_min)


def _xmp_original(facts: TimeEvidence, zone_offset_min: int) -> SettledTime | None:
    return _from_xmp(facts.xmp_date_time_original, zone_offset_min)


def _from_xmp(text: str, zone_offset_min: int) -> SettledTime | None:
    reading = parse_iso(text)
    if reading is None:
        return None
    if reading.offset_min is not None:
        return _settled(reading, reading.offset_min, "xmp", "medium")
    return _settled(reading, zone_offset_min, "xmp", "low")


def _exif_digitized(facts: TimeEvidence, zone_offset_min: int) -> SettledTime | None:
    reading = _read(facts.date_time_digitized, facts.subsec_digitized)
    if reading is None:
        return None
    offset_min = parse_offset(facts.offset_time_digitized)
    if offset_min is None:
        offset_min = reading.offset_min
    if offset_min is None:
        offset_min = _offset_from_gps(reading.wall, facts)
    if offset_min is not None:
        return _settled(reading, offset_min, "exif_digitized", "medium", facts)
    return _settled(reading, zone_offset_min, "exif_digitized", "low", facts)


def _gps_clock(facts: TimeEvidence, zone_offset_min: int) -> SettledTime | None:
    utc = gps_instant(facts.gps_date, facts.gps_time)
    if utc is None:
        return None
    return _at_site(utc, zone_offset_min, "gps_clock", _trust_in_zone(facts))


def _file_name(facts: TimeEvidence, zone_offset_min: int) -> SettledTime | None:
    name = facts.file_name
    if match := re.search(r"mmexport([0-9]{13})(?![0-9])", name):
        utc = datetime.fromtimestamp(int(match[1]) / 1000, UTC)
        return _at_site(utc, zone_offset_min, "file_name", "low")
    match = re.search(r"(?<![0-9])((?:19|20)[0-9]{6})[_-]([0-9]{6})(?:[0-9]{3})?(?![0-9])", name)
    if match is None:
        return None
    wall = _datetime(*(int(part) for part in re.findall(r"^.{4}|..", match[1] + match[2])))
    if wall is None:
        return None
    if name.upper().startswith("PXL_"):  # this maker names its files in UTC
        return _at_site(wall.replace(tzinfo=UTC), zone_offset_min, "file_name", "low")
    return _settled(_Reading(wall), zone_offset_min, "file_name", "low")


_RUNGS: tuple[Callable[[TimeEvidence, int], SettledTime | None], ...] = (
    _exif_offset,
    _exif_gps_difference,
    _exif_gps_place,
    _exif_offset_modified,
    _exif_site_zone,
    _xmp_created,
    _xmp_original,
    _exif_digitized,
    _gps_clock,
    _file_name,
)


# --- what the rungs stand on -----------------------------------------------------------------


def _original(facts: TimeEvidence) -> _Reading | None:
    return _read(facts.date_time_original, facts.subsec_original)


def _settled(
    reading: _Reading,
    offset_min: int | None,
    source: TimeSource,
    confidence: Confidence,
    facts: TimeEvidence | None = None,
) -> SettledTime | None:
    instant = None if offset_min is None else _instant(reading.wall, offset_min)
    if instant is None:
        return None
    error_s = _clock_error_s(instant, facts) if facts else None
    return SettledTime(instant, reading.wall, offset_min, source, confidence, error_s)


def _at_site(
    utc: datetime, zone_offset_min: int, source: TimeSource, confidence: Confidence
) -> SettledTime | None:
    try:
        wall = utc.astimezone(timezone(timedelta(minutes=zone_offset_min))).replace(tzinfo=None)
    except (OverflowError, ValueError):
        return None
    return SettledTime(utc, wall, zone_offset_min, source, confidence)


def _instant(wall: datetime, offset_min: int) -> datetime | None:
    try:
        return (wall - timedelta(minutes=offset_min)).replace(tzinfo=UTC)
    except OverflowError:
        return None


def _offset_from_gps(wall: datetime, facts: TimeEvidence) -> int | None:
    """The zone that lies between the camera's wall clock and the GPS clock, if it is a real one."""
    utc = gps_instant(facts.gps_date, facts.gps_time)
    if utc is None:
        return None
    difference_min = (wall.replace(tzinfo=UTC) - utc) / timedelta(minutes=1)
    if abs(difference_min) > MAX_OFFSET_MIN + 8:
        return None
    nearest = round(difference_min / 15) * 15
    return nearest if nearest in REAL_OFFSETS_MIN else None


def _clock_error_s(instant: datetime, facts: TimeEvidence) -> int | None:
    utc = gps_instant(facts.gps_date, facts.gps_time)
    if utc is None:
        return None
    error_s = round((instant - utc).total_seconds())
    return error_s if abs(error_s) <= MAX_CLOCK_ERROR_S else None


def _trust_in_zone(facts: TimeEvidence) -> Confidence:
    """How far the site's zone can be assumed: little for a picture from elsewhere."""
    return "medium" if facts.point is None or _is_in_region(facts.point) else "low"


def _is_in_region(point: Point) -> bool:
    return (
        REGION_LAT[0] <= point.lat <= REGION_LAT[1] and REGION_LON[0] <= point.lon <= REGION_LON[1]
    )


def gps_instant(date_text: str, time_text: str) -> datetime | None:
    """The UTC of GPSDateStamp and GPSTimeStamp, None where either cannot be read."""
    date_match = re.fullmatch(r"([0-9]{4})[:./-]([0-9]{1,2})[:./-]([0-9]{1,2})", _clean(date_text))
    parts = [parse_number(part) for part in re.split(r"[\s,:]+", _clean(time_text))]
    if date_match is None or len(parts) != 3 or not 0 <= (parts[2] or 0) < 61:
        return None
    hour, minute, second = parts
    if hour is None or minute is None or second is None or hour % 1 or minute % 1:
        return None
    day = _datetime(*(int(part) for part in date_match.groups()), int(hour), int(minute))
    if day is None:
        return None
    try:
        return (day + timedelta(seconds=second)).replace(tzinfo=UTC)
    except OverflowError:
        return None


def parse_number(text: str) -> float | None:
    """A decimal or a fraction as a float; None for 0/0, NaN, infinity and other text."""
    top, slash, bottom = text.partition("/")
    try:
        value = float(top) / float(bottom) if slash else float(top)
    except (ValueError, ZeroDivisionError, OverflowError):
        return None
    return value if abs(value) < 1e12 else None


def parse_offset(text: str) -> int | None:
    """Minutes east of UTC of +08:00, +0800, +8 or Z; None where nothing can be read.

    An explicit zero is zero, which is not the same as unknown.
    """
    cleaned = _clean(text)
    if cleaned in ("Z", "z"):
        return 0
    match = re.fullmatch(r"([+-])([0-9]{1,2})(?::?([0-5][0-9]))?", cleaned)
    if match is None:
        return None
    minutes = int(match[2]) * 60 + int(match[3] or 0)
    offset_min = -minutes if match[1] == "-" else minutes
    return offset_min if MIN_OFFSET_MIN <= offset_min <= MAX_OFFSET_MIN else None


_DATE = r"([0-9]{4})[:./-]([0-9]{1,2})[:./-]([0-9]{1,2})"
_TIME = r"([0-9]{1,2}):([0-9]{1,2})(?::([0-9]{1,2})(?:[.,]([0-9]+))?)?"
_ZONE = r"\s*(Z|[+-][0-9]{1,2}:?[0-9]{2})?"
_DATE_TIME = re.compile(rf"{_DATE}[ T]+{_TIME}{_ZONE}")
_ISO = re.compile(rf"{_DATE}(?:T{_TIME}{_ZONE})?")


def _read(text: str, subsec: str) -> _Reading | None:
    match = _DATE_TIME.fullmatch(_clean(text))
    return None if match is None else _reading(match, _clean(subsec))


def read_wall(text: str, subsec: str) -> tuple[datetime, int | None] | None:
    """The wall time of an EXIF date, and the offset if one stands in the same text."""
    reading = _read(text, subsec)
    return None if reading is None else (reading.wall, reading.offset_min)


def parse_iso(text: str) -> _Reading | None:
    """A date of XMP: with or without a time, with or without an offset."""
    match = _ISO.fullmatch(_clean(text))
    return None if match is None else _reading(match, "")


def _reading(match: re.Match[str], subsec: str) -> _Reading | None:
    fraction = match[7] or (subsec if re.fullmatch("[0-9]+", subsec) else "")
    second = min(int(match[6] or 0), 60)
    wall = _datetime(
        *(int(match[group] or 0) for group in range(1, 6)),
        min(second, 59),  # a leap second has no place in the calendar of a computer
        int(fraction[:6].ljust(6, "0")),
    )
    is_second = int(match[6] or 0) <= 60
    return _Reading(wall, parse_offset(match[8] or "")) if wall and is_second else None


def _datetime(*parts: int) -> datetime | None:
    year, month, day, hour, minute, second, microsecond = (*parts, 0, 0, 0, 0)[:7]
    try:
        # A wall time has no zone of its own.
        return datetime(year, month, day, hour, minute, second, microsecond)  # noqa: DTZ001
    except (ValueError, OverflowError):
        return None


def _clean(text: str) -> str:
    return text[:64].replace("\0", " ").strip()
