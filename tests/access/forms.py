"""Every way a position may be written: what a leak would look like."""

from __future__ import annotations

import struct

GEOHASH = "0123456789bcdefghjkmnpqrstuvwxyz"


def forms_of(degrees: float) -> list[bytes]:
    """One coordinate as decimal, in degrees and minutes, and as EXIF rationals of either order.

    Finer than the public grid only: four decimals, a tenth of a minute.
    """
    whole = int(degrees)
    minutes = (degrees - whole) * 60
    seconds = (minutes - int(minutes)) * 60
    texts = [
        f"{degrees:.4f}"[:-1],  # any longer decimal begins with it
        f"{degrees:.3f}",
        f"{whole}°{int(minutes)}′{int(seconds)}",
        f"{whole}°{int(minutes)}'{int(seconds)}",
        f"{whole} {int(minutes)} {int(seconds)}",
        f"{whole}/1, {int(minutes)}/1, {int(seconds)}",
        f"{whole},{minutes:.2f}",  # XMP
    ]
    packed = [struct.pack(f"{order}4I", whole, 1, int(minutes), 1) for order in ("<", ">")]
    floats = [struct.pack(f"{order}{kind}", degrees) for order in "<>" for kind in "df"]
    return [text.encode() for text in texts] + packed + floats


def geohash(lat: float, lon: float, length: int) -> bytes:
    """The geohash of a position."""
    ranges = [[-180.0, 180.0], [-90.0, 90.0]]
    values = (lon, lat)
    bits = 0
    for step in range(length * 5):
        span = ranges[step % 2]
        middle = (span[0] + span[1]) / 2
        is_upper = values[step % 2] >= middle
        span[0 if is_upper else 1] = middle
        bits = bits << 1 | is_upper
    return "".join(GEOHASH[bits >> 5 * place & 31] for place in range(length - 1, -1, -1)).encode()
