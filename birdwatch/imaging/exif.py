"""From EXIF bytes to raw tags as text, and from these to the evidence the ladders judge.

exifread walks the directories, never the maker notes (a forged one costs it minutes); of these our
own reader takes the serial number, where EXIF names none. Values are kept as the camera wrote them: rationals as numerator/denominator, so that 0/0 stays visible.
"""

from __future__ import annotations

import logging
from io import BytesIO
from typing import Any, BinaryIO, cast

import exifread

from birdwatch.domain.clock import MAKER_SERIAL, read_serial
from birdwatch.domain.photo import Camera
from birdwatch.domain.place_ladder import GpsEvidence, raw_point
from birdwatch.domain.time_ladder import TimeEvidence, parse_number
from birdwatch.imaging.maker_note import read_maker_serial
from birdwatch.imaging.opening import PARSER_FAILURES
from birdwatch.imaging.xmp import DATE_CREATED, DATE_TIME_ORIGINAL

MAX_TAGS = 160
MAX_READS = 10_000  # real files were seen to need fewer than 1,000
MAX_VALUE_CHARS = 200
MAX_VALUES = 16
_LEFT_OUT = (
    "MakerNote",
    "UserComment",
    "ApplicationNotes",
    "ImageResourceInformation",
    "Thumbnail",
)


def read_tags(file: BinaryIO) -> dict[str, str]:
    """Raw tags of a TIFF file by exifread's names ("EXIF DateTimeOriginal"), as text; never raises."""
    file.seek(0)
    return _with_serial(_walk(_Budgeted(file)), file)


def read_block(block: bytes) -> dict[str, str]:
    """The same of the EXIF structure that a container holds."""
    file = BytesIO(_bare(block))
    return _with_serial(_walk(_Budgeted(file)), file)


def _with_serial(tags: dict[str, str], file: BinaryIO) -> dict[str, str]:
    """With the serial number of the maker's note, where the tags have none."""
    if tags and not read_serial(tags):
        serial = read_maker_serial(file)
        if serial:
            return {**tags, MAKER_SERIAL: serial}
    return tags


def evidence(
    tags: dict[str, str], xmp: dict[str, str], file_name: str
) -> tuple[TimeEvidence, GpsEvidence, Camera]:
    """What the tags say of time, place and camera, still as written."""
    gps = GpsEvidence(
        latitude=tags.get("GPS GPSLatitude", ""),
        latitude_ref=tags.get("GPS GPSLatitudeRef", ""),
        longitude=tags.get("GPS GPSLongitude", ""),
        longitude_ref=tags.get("GPS GPSLongitudeRef", ""),
        date=tags.get("GPS GPSDate", ""),
        time=tags.get("GPS GPSTimeStamp", ""),
        error_m=tags.get("GPS GPSHPositioningError", tags.get("GPS Tag 0x001F", "")),
        map_datum=tags.get("GPS GPSMapDatum", ""),
        direction=tags.get("GPS GPSImgDirection", ""),
    )
    time = TimeEvidence(
        date_time_original=tags.get("EXIF DateTimeOriginal", ""),
        offset_time_original=tags.get("EXIF OffsetTimeOriginal", ""),
        subsec_original=tags.get("EXIF SubSecTimeOriginal", ""),
        offset_time=tags.get("EXIF OffsetTime", ""),
        date_time_digitized=tags.get("EXIF DateTimeDigitized", ""),
        offset_time_digitized=tags.get("EXIF OffsetTimeDigitized", ""),
        subsec_digitized=tags.get("EXIF SubSecTimeDigitized", ""),
        date_time=tags.get("Image DateTime", ""),
        gps_date=gps.date,
        gps_time=gps.time,
        xmp_date_created=xmp.get(DATE_CREATED, ""),
        xmp_date_time_original=xmp.get(DATE_TIME_ORIGINAL, ""),
        file_name=file_name,
        point=raw_point(gps),
    )
    return time, gps, _camera(tags)


def _camera(tags: dict[str, str]) -> Camera:
    return Camera(
        make=tags.get("Image Make", "").strip(),
        model=tags.get("Image Model", "").strip(),
        lens=tags.get("EXIF LensModel", "").strip(),
        exposure_s=_exposure(tags.get("EXIF ExposureTime", "")),
        f_number=_decimal(tags.get("EXIF FNumber", "")),
        iso=_decimal(tags.get("EXIF ISOSpeedRatings", "")),
        focal_mm=_decimal(tags.get("EXIF FocalLength", "")),
        serial=read_serial(tags),
    )


def _exposure(text: str) -> str:
    """Seconds as written on cameras: 1/1000, 0.5, 30."""
    seconds = _number(text)
    if not seconds:
        return ""
    return f"1/{round(1 / seconds)}" if seconds < 0.3 else f"{seconds:g}"


def _decimal(text: str) -> str:
    value = _number(text)
    return f"{value:.10g}" if value else ""


def _number(text: str) -> float | None:
    """The first positive number of a value, rounded to what a camera can mean."""
    value = parse_number(text.partition(" ")[0])
    return round(value, 6) if value is not None and 0 < value < 1e7 else None


def _bare(block: bytes) -> bytes:
    while block.startswith(b"Exif\0\0"):
        block = block[6:]
    return block


class _Budgeted:
    """A file that ends a walk through forged directories, each of which names 65,535 tags."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._left = MAX_READS
        self.seek = file.seek
        self.tell = file.tell

    def read(self, size: int = -1) -> bytes:
        self._left -= 1
        if self._left < 0:
            raise EOFError
        return self._file.read(size)


def _walk(file: _Budgeted) -> dict[str, str]:
    logging.getLogger("exifread").disabled = True  # it quotes what it could not read
    try:
        found = exifread.process_file(
            cast("BinaryIO", file), details=False, extract_thumbnail=False
        )
    except PARSER_FAILURES:
        return {}
    tags: dict[str, str] = {}
    for name, tag in found.items():
        if len(tags) < MAX_TAGS and not any(part in name for part in _LEFT_OUT):
            tags[name] = _as_text(getattr(tag, "values", ""))
    return tags


def _as_text(values: Any) -> str:
    if isinstance(values, bytes):
        values = values.decode("utf-8", "replace")
    if isinstance(values, str):
        return values[:MAX_VALUE_CHARS].encode("utf-8", "replace").decode()
    return " ".join(_number_text(value) for value in list(values)[:MAX_VALUES])[:MAX_VALUE_CHARS]


def _number_text(value: Any) -> str:
    if isinstance(value, tuple):  # exifread leaves floats as struct.unpack gave them
        return " ".join(str(part) for part in value)
    if hasattr(value, "num") and hasattr(value, "den"):
        return f"{value.num}/{value.den}"
    return str(value)
