"""Positions as Chinese maps tell them, and as they are: GCJ-02 and BD-09 to WGS-84 and back.

Maps sold in China are shifted by some hundred metres, by a formula that only depends on the place:
two polynomials and a few sines around (35° N, 105° E), scaled by the Krasovsky ellipsoid (GCJ-02).
Baidu shifts that once more (BD-09). A point read off such a map lies in the next count sector, so
it is converted on the way in. The formula has no closed inverse; since the shift hardly changes
over its own length, a few steps of fixed-point iteration are exact to less than a millimetre.
"""

from __future__ import annotations

from collections.abc import Callable
from math import atan2, cos, hypot, pi, radians, sin, sqrt
from typing import Final, Literal

from birdwatch.domain.place import Point

Datum = Literal["wgs84", "gcj02", "bd09"]
DATUMS: Final[tuple[Datum, ...]] = ("wgs84", "gcj02", "bd09")
NAMES: Final[dict[str, Datum]] = {
    "wgs84": "wgs84", "epsg4326": "wgs84", "4326": "wgs84", "cgcs2000": "wgs84",
    "epsg4490": "wgs84", "gcj02": "gcj02", "gcj": "gcj02", "bd09": "bd09", "bd09ll": "bd09",
}  # fmt: skip

# The shift applies inside this box and nowhere else; its border is part of it.
SHIFTED_LAT: Final = (0.8293, 55.8271)
SHIFTED_LON: Final = (72.004, 137.8347)
MIDDLE_LAT, MIDDLE_LON = 35.0, 105.0
SEMI_MAJOR_M: Final = 6_378_245.0  # Krasovsky 1940
ECCENTRICITY_SQUARED: Final = 0.006_693_421_622_965_943_23
BAIDU_LAT, BAIDU_LON = 0.006, 0.0065
BAIDU_WAVE: Final = pi * 3000.0 / 180.0
ENOUGH_DEGREES: Final = 1e-12
MOST_STEPS: Final = 16  # five are enough where the formula is smooth


def read_datum(name: str) -> Datum | None:
    """The datum of this name, such as GCJ-02, `bd09` or EPSG:4326; None where none has it.

    CGCS2000 differs from WGS-84 by centimetres, which no camera notices.
    """
    return NAMES.get("".join(c for c in name.casefold() if c.isascii() and c.isalnum()))


def to_wgs84(point: Point, datum: Datum) -> Point:
    """A point given in this datum, in WGS-84."""
    match datum:
        case "gcj02":
            return _undone(point, wgs84_to_gcj02)
        case "bd09":
            return _undone(_undone(point, _gcj02_to_bd09), wgs84_to_gcj02)
        case _:
            return point


def wgs84_to_gcj02(point: Point) -> Point:
    """The point as AMap, Tencent and Google's map of China show it; outside of China unchanged."""
    if not _is_shifted(point):
        return point
    x, y = point.lon - MIDDLE_LON, point.lat - MIDDLE_LAT
    phi = radians(point.lat)
    squeeze = 1 - ECCENTRICITY_SQUARED * sin(phi) ** 2
    meridian_m = SEMI_MAJOR_M * (1 - ECCENTRICITY_SQUARED) / (squeeze * sqrt(squeeze))
    parallel_m = SEMI_MAJOR_M / sqrt(squeeze) * cos(phi)
    return Point(
        point.lat + _north_m(x, y) / (meridian_m * pi / 180),
        point.lon + _east_m(x, y) / (parallel_m * pi / 180),
    )


def wgs84_to_bd09(point: Point) -> Point:
    """The point as Baidu's map shows it."""
    return _gcj02_to_bd09(wgs84_to_gcj02(point))


def _gcj02_to_bd09(point: Point) -> Point:
    x, y = point.lon, point.lat
    length = hypot(x, y) + 0.000_02 * sin(y * BAIDU_WAVE)
    angle = atan2(y, x) + 0.000_003 * cos(x * BAIDU_WAVE)
    return Point(length * sin(angle) + BAIDU_LAT, length * cos(angle) + BAIDU_LON)


def _undone(told: Point, shift: Callable[[Point], Point]) -> Point:
    """The point that this shift makes `told` of: guess, see where it lands, and step back by that.

    Right at the border of the box no point may exist; the nearest guess stands, off by less than
    the shift itself.
    """
    guess = told
    for _ in range(MOST_STEPS):
        landed = shift(guess)
        north, east = told.lat - landed.lat, told.lon - landed.lon
        guess = Point(guess.lat + north, guess.lon + east)
        if abs(north) < ENOUGH_DEGREES and abs(east) < ENOUGH_DEGREES:
            break
    return guess


def _is_shifted(point: Point) -> bool:
    return (
        SHIFTED_LAT[0] <= point.lat <= SHIFTED_LAT[1]
        and SHIFTED_LON[0] <= point.lon <= SHIFTED_LON[1]
    )


def _north_m(x: float, y: float) -> float:
    shift = -100 + 2 * x + 3 * y + 0.2 * y * y + 0.1 * x * y + 0.2 * sqrt(abs(x))
    shift += (20 * sin(6 * pi * x) + 20 * sin(2 * pi * x)) * 2 / 3
    shift += (20 * sin(pi * y) + 40 * sin(pi * y / 3)) * 2 / 3
    return shift + (160 * sin(pi * y / 12) + 320 * sin(pi * y / 30)) * 2 / 3


def _east_m(x: float, y: float) -> float:
    shift = 300 + x + 2 * y + 0.1 * x * x + 0.1 * x * y + 0.1 * sqrt(abs(x))
    shift += (20 * sin(6 * pi * x) + 20 * sin(2 * pi * x)) * 2 / 3
    shift += (20 * sin(pi * x) + 40 * sin(pi * x / 3)) * 2 / 3
    return shift + (150 * sin(pi * x / 12) + 300 * sin(pi * x / 30)) * 2 / 3
