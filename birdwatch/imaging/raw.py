"""Raw files of cameras: the JPEG that the camera put in serves as their picture.

CR2, NEF, ARW and DNG are TIFF, CR3 is an ISO media file, RAF a format of its own. All hold one JPEG
or more beside the sensor's data, which nothing here decodes. The largest one is taken. Facts from
the makers' formats as they are seen in files; tests compare with exiftool.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from io import BytesIO
from typing import BinaryIO, Final

from birdwatch.domain.errors import InvalidInputError
from birdwatch.imaging.boxes import Box, find_boxes, read_boxes
from birdwatch.imaging.opening import truncated
from birdwatch.imaging.tiff import (
    Directory,
    Field,
    Order,
    read_at,
    read_directories,
    write_structure,
)

RAW_FORMATS: Final = frozenset({"cr2", "cr3", "nef", "arw", "dng", "raf"})
MAX_JPEG_BYTES: Final = 64 * 1024 * 1024
MAX_SEGMENTS: Final = 64
MAX_CANDIDATES: Final = 16
SLACK: Final = 100  # a hundredth may be missing: of odd counts, not of a broken copy
NEW_SUBFILE_TYPE, COMPRESSION, MAKE, ORIENTATION = 0x00FE, 0x0103, 0x010F, 0x0112
STRIP_OFFSETS, STRIP_BYTES, JPEG_OFFSET, JPEG_BYTES = 0x0111, 0x0117, 0x0201, 0x0202
TILE_OFFSETS, TILE_BYTES, CANON_SLICES = 0x0144, 0x0145, 0xC640
SUB_IFDS, DNG_VERSION, XMP = 0x014A, 0xC612, 0x02BC
JPEG_COMPRESSIONS: Final = (6, 7)
CANON: Final = "85c0b687820f11e08111f4ce462b6a48"
PREVIEW: Final = "eaf42b5e1c984b88b9fbb7dc406e4d16"
PREVIEW_HEAD_BYTES: Final = 16
RAF_JPEG_AT: Final = 84
# Frames of pictures that any decoder reads: lossless ones (C3) hold the sensor's data.
PICTURE_FRAMES: Final = (0xC0, 0xC1, 0xC2)
LONE_MARKERS: Final = (0x01, *range(0xD0, 0xD9))


@dataclass(frozen=True, slots=True)
class RawPicture:
    """The picture in a raw file, and what the container says of it.

    `orientation` None and `exif` None: the JPEG says it itself. An empty `exif`: the file is TIFF
    and its own tags count.
    """

    jpeg: BinaryIO
    orientation: int | None = None
    exif: bytes | None = None
    xmp: bytes = b""


@dataclass(slots=True)
class _Found:
    """JPEGs as (offset, length), and facts beside them. `end`: how long the file has to be."""

    places: list[tuple[int, int]] = field(default_factory=list)
    orientation: int | None = None
    exif: bytes | None = None
    xmp: bytes = b""
    end: int = 0


def raw_format_of_tiff(file: BinaryIO) -> str | None:
    """dng, nef or arw where a TIFF is one of these, else None."""
    for order, first in read_directories(file):
        if DNG_VERSION in first:
            return "dng"
        if _number(first, NEW_SUBFILE_TYPE, order) != 1 or SUB_IFDS not in first:
            return None
        make = first[MAKE].value.upper() if MAKE in first else b""
        return "nef" if make.startswith(b"NIKON") else "arw" if make.startswith(b"SONY") else None
    return None


def open_raw(file: BinaryIO, raw_format: str) -> RawPicture:
    """The picture in a raw file.

    Raises InvalidInputError where there is none, or where the sensor's data break off: a broken copy
    must not pass for the original, however whole its small picture is.
    """
    found = {"cr3": _look_in_cr3, "raf": _look_in_raf}.get(raw_format, _look_in_tiff)(file)
    size = file.seek(0, os.SEEK_END)
    if found.end - size > found.end // SLACK:
        raise truncated()
    best, best_pixels, cut_pixels = None, 0, 0
    for offset, length in dict.fromkeys(found.places[:MAX_CANDIDATES]):
        if not 0 < offset < size or not 4 <= length <= MAX_JPEG_BYTES:
            continue
        pixels = _pixels_of_jpeg(file, offset, min(length, size - offset))
        if offset + length > size:
            cut_pixels = max(cut_pixels, pixels)
        elif pixels > best_pixels:
            best, best_pixels = (offset, length), pixels
    if cut_pixels > best_pixels:
        raise truncated()
    if best is None:
        raise _without_picture()
    return RawPicture(BytesIO(read_at(file, *best)), found.orientation, found.exif, found.xmp)


def _look_in_tiff(file: BinaryIO) -> _Found:
    found = _Found(exif=b"")
    for number, (order, fields) in enumerate(read_directories(file)):
        if number == 0:
            found.orientation = _number(fields, ORIENTATION, order) or 1
            found.xmp = fields[XMP].value if XMP in fields else b""
        found.places += _jpegs_of(fields, order)
        found.end = max(found.end, _end_of_sensor_data(fields, order))
    return found


def _end_of_sensor_data(fields: Directory, order: Order) -> int:
    """Where the strips or tiles of the full picture end; 0 in a directory of smaller ones.

    Canon writes no kind of picture into CR2, whose sensor's data is the one in slices.
    """
    is_full = NEW_SUBFILE_TYPE in fields and _number(fields, NEW_SUBFILE_TYPE, order) == 0
    if not is_full and CANON_SLICES not in fields:
        return 0
    for at, size in ((STRIP_OFFSETS, STRIP_BYTES), (TILE_OFFSETS, TILE_BYTES)):
        if at in fields and size in fields:
            places = zip(fields[at].numbers(order), fields[size].numbers(order), strict=False)
            return max((offset + length for offset, length in places), default=0)
    return 0


def _jpegs_of(fields: Directory, order: Order) -> Iterator[tuple[int, int]]:
    pairs = [(JPEG_OFFSET, JPEG_BYTES)]
    if _number(fields, COMPRESSION, order) in JPEG_COMPRESSIONS:
        pairs.append((STRIP_OFFSETS, STRIP_BYTES))
    for at, size in pairs:
        offset, length = _number(fields, at, order), _number(fields, size, order)
        if offset and length:
            yield offset, length


def _look_in_raf(file: BinaryIO) -> _Found:
    head = read_at(file, RAF_JPEG_AT, 24)
    if len(head) < 24:
        return _Found()
    # Three pieces, each by offset and length: the JPEG, facts on the sensor, the sensor's data.
    pieces = list(struct.iter_unpack(">II", head))
    return _Found(pieces[:1], end=max(offset + length for offset, length in pieces))


def _look_in_cr3(file: BinaryIO) -> _Found:
    whole = Box("", 0, file.seek(0, os.SEEK_END))
    found = _Found()
    for box in find_boxes(file, whole, "moov", CANON):
        found.orientation, found.exif = _canon_facts(file, box)
    for box in find_boxes(file, whole, PREVIEW):
        # A word of flags, and how many previews follow, stand before them.
        for preview in read_boxes(file, box.start + 8, box.end):
            start = preview.start + PREVIEW_HEAD_BYTES
            if preview.kind == "PRVW" and start < preview.end:
                found.places.append((start, preview.end - start))
    for table in find_boxes(file, whole, "moov", "trak", "mdia", "minf", "stbl"):
        samples = list(_first_sample(file, table))
        found.places += samples
        found.end = max([found.end, *(offset + length for offset, length in samples)])
    return found


def _canon_facts(file: BinaryIO, box: Box) -> tuple[int, bytes | None]:
    """Orientation, and one EXIF structure of the three that Canon keeps apart."""
    none: dict[int, Field] = {}
    parts: dict[str, tuple[Order, Directory]] = {}
    for part in read_boxes(file, box.start, box.end):
        if part.kind in ("CMT1", "CMT2", "CMT4"):
            block = BytesIO(read_at(file, part.start, part.end - part.start))
            first = next(read_directories(block), None)
            if first is not None:
                parts.setdefault(part.kind, first)
    if "CMT1" not in parts:
        return 1, None
    order, main = parts["CMT1"]
    exif, gps = (
        parts[kind][1] if kind in parts and parts[kind][0] == order else none
        for kind in ("CMT2", "CMT4")
    )
    return _number(main, ORIENTATION, order) or 1, write_structure(order, main, exif, gps)


def _first_sample(file: BinaryIO, table: Box) -> Iterator[tuple[int, int]]:
    """Where a track's first sample lies: the full JPEG is one, and so is the sensor's data."""
    offset = length = 0
    for box in read_boxes(file, table.start, table.end):
        data = read_at(file, box.start, min(box.end - box.start, 16))
        if box.kind == "co64" and len(data) == 16:
            offset = struct.unpack(">Q", data[8:])[0]
        elif box.kind == "stco" and len(data) >= 12:
            offset = struct.unpack(">I", data[8:12])[0]
        elif box.kind == "stsz" and len(data) >= 12:
            length = struct.unpack(">I", data[4:8])[0]
            if length == 0 and len(data) == 16:
                length = struct.unpack(">I", data[12:])[0]
    if offset and length:
        yield offset, length


def _pixels_of_jpeg(file: BinaryIO, offset: int, length: int) -> int:
    """The pixels of the JPEG that lies here; 0 where there is none that can be shown."""
    at, end = offset, offset + length
    if read_at(file, at, 2) != b"\xff\xd8":
        return 0
    at += 2
    for _ in range(MAX_SEGMENTS):
        head = read_at(file, at, 9)
        if len(head) < 9 or head[0] != 0xFF or at + 9 > end:
            return 0
        marker = head[1]
        if marker == 0xFF or marker in LONE_MARKERS:
            at += 1 if marker == 0xFF else 2
            continue
        if marker in PICTURE_FRAMES:
            height, width = struct.unpack(">HH", head[5:9])
            return int(height) * int(width)
        if 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):
            return 0
        at += 2 + struct.unpack(">H", head[2:4])[0]
    return 0


def _number(fields: Directory, tag: int, order: Order) -> int:
    """The first number of a field; 0 where there is none."""
    numbers = fields[tag].numbers(order) if tag in fields else ()
    return numbers[0] if numbers else 0


def _without_picture() -> InvalidInputError:
    return InvalidInputError(
        "photo.raw_without_picture",
        zh="这个相机 RAW 文件里没有可显示的 JPEG。请用相机或软件导出 JPEG 后再上传。",
        en="This camera raw file holds no JPEG that could be shown. Export a JPEG and send that.",
    )
