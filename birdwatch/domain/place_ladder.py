"""Where the picture was taken: what GPS tags can be believed, and how far.

Cameras write zeros, empty references and old fixes. What cannot be a position is as if it were
absent; what may be one is kept with a low confidence. No tag can raise.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from datetime import timedelta

from birdwatch.domain.photo import SettledTime
from birdwatch.domain.place import Confidence, Point, PositionSource, SettledPlace
from birdwatch.domain.time_ladder import gps_instant, parse_number

# Around the estuary: only here may a missing N or E be filled in.
ESTUARY_LAT = (40.3, 41.1)
ESTUARY_LON = (121.3, 122.6)
STALE_AFTER = timedelta(minutes=10)
VAGUE_FROM_M = 500.0  # a fix this uncertain may lie in the next count sector
WGS_84_NAMES = frozenset({"WGS84", "WGS1984", "WORLDGEODETICSYSTEM1984", "CGCS2000", "GCS2000"})


@dataclass(frozen=True, slots=True)
class GpsEvidence:
    """The GPS tags as written: numbers as decimals or fractions, separated by blanks."""

    latitude: str = ""
    latitude_ref: str = ""
    longitude: str = ""
    longitude_ref: str = ""
    date: str = ""
    time: str = ""
    error_m: str = ""
    map_datum: str = ""
    direction: str = ""


def settle_gps(evidence: GpsEvidence, *, taken: SettledTime | None) -> SettledPlace | None:
    """The position of a picture with its source and confidence, None where there is none."""
    found = _locate(evidence)
    if found is None:
        return None
    point, has_doubt = found
    accuracy_m = _positive(evidence.error_m)
    source: PositionSource = "gps"
    confidence: Confidence = "high"
    if accuracy_m is not None and accuracy_m >= VAGUE_FROM_M:
        confidence = "medium"
    if has_doubt:
        source, confidence = "gps_no_ref", "low"
    if _is_stale(evidence, taken):
        source, confidence = "gps_stale", "low"
    if _is_other_datum(evidence.map_datum):
        confidence = "low"
    return SettledPlace(point, source, confidence, accuracy_m, _direction(evidence.direction))


def raw_point(evidence: GpsEvidence) -> Point | None:
    """The position alone, before anything is known of the time."""
    found = _locate(evidence)
    return found[0] if found else None


def _locate(evidence: GpsEvidence) -> tuple[Point, bool] | None:
    """The point, and whether a reference was missing or at odds with the value."""
    lat, lon = _degrees(evidence.latitude), _degrees(evidence.longitude)
    if lat is None or lon is None or abs(lat) > 90 or abs(lon) > 180:
        return None
    if lat == int(lat) and lon == int(lon):  # (0, 0), and what software writes in place of a fix
        return None
    lat_sign = _sign(evidence.latitude_ref, "N", "S")
    lon_sign = _sign(evidence.longitude_ref, "E", "W")
    point = Point(_signed(lat, lat_sign), _signed(lon, lon_sign))
    if lat_sign is None or lon_sign is None:
        return (point, True) if _is_in_estuary(point) else None
    return point, point.lat * lat_sign < 0 or point.lon * lon_sign < 0


def _degrees(text: str) -> float | None:
    """Degrees of one, two or three numbers; None where any cannot be read."""
    parts = [parse_number(part) for part in re.split(r"[\s,;]+", text.replace("\0", " ").strip())]
    if not 1 <= len(parts) <= 3:
        return None
    whole, minutes, seconds = [*parts, 0.0, 0.0][:3]
    if whole is None or minutes is None or seconds is None:
        return None
    if not 0 <= minutes <= 60 or not 0 <= seconds <= 60:
        return None
    return math.copysign(abs(whole) + minutes / 60 + seconds / 3600, whole)


def _sign(ref: str, positive: str, negative: str) -> int | None:
    first = ref.replace("\0", " ").strip()[:1].upper()
    return {positive: 1, negative: -1}.get(first)


def _signed(value: float, sign: int | None) -> float:
    """South and west are negative whatever the sign of the value."""
    return -abs(value) if sign == -1 else value


def _is_in_estuary(point: Point) -> bool:
    return (
        ESTUARY_LAT[0] <= point.lat <= ESTUARY_LAT[1]
        and ESTUARY_LON[0] <= point.lon <= ESTUARY_LON[1]
    )


def _is_stale(evidence: GpsEvidence, taken: SettledTime | None) -> bool:
    """Whether the fix is older (or newer) than the picture; only a camera's clock can tell.

    One that was put right tells it better: a wrong clock makes every good fix look old.
    """
    if taken is None or taken.instant is None or not _is_of_a_clock(taken):
        return False
    fixed_at = gps_instant(evidence.date, evidence.time)
    return fixed_at is not None and abs(fixed_at - taken.instant) > STALE_AFTER


def _is_of_a_clock(taken: SettledTime) -> bool:
    return taken.source.startswith("exif_") or taken.source in ("clock_calibration", "bulk_shift")


def _is_other_datum(datum: str) -> bool:
    name = re.sub(r"[^A-Z0-9]", "", datum.upper())
    return bool(name) and not any(name.startswith(known) for known in WGS_84_NAMES)


def _positive(text: str) -> float | None:
    value = parse_number(text.strip())
    return value if value is not None and 0 < value < 1_000_000 else None


def _direction(text: str) -> float | None:
    value = parse_number(text.strip())
    return value % 360 if value is not None and 0 <= value <= 360 else None
