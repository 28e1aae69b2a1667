"""How much a decoder would have to walk through, counted before it does.

A JPEG may go over all its pixels a thousand times, each time in a few bytes, and a PNG of little
may consist of a million chunks. No camera and no program writes such files; a decoder takes minutes.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator
from typing import BinaryIO, Final

from birdwatch.domain.errors import InvalidInputError

MAX_SCANNED_PIXELS: Final = 2_500_000_000  # 25 scans of 100 megapixels; ten are usual
MAX_PIECES: Final = 50_000  # of data; 100 MB in pieces of 8 KiB are 13,000
MAX_SIDE_PIECES: Final = 5_000  # beside the data
READ_BYTES: Final = 1 << 20
START_OF_SCAN, END_OF_PICTURE = 0xDA, 0xD9
PROGRESSIVE: Final = (0xC2, 0xC6, 0xCA, 0xCE)
FRAMES: Final = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
LONE_MARKERS: Final = frozenset({0x01, *range(0xD0, 0xD9)})
# What ends the data of a scan: a mark that is neither a stuffed byte nor a restart.
MARK: Final = re.compile(rb"\xff[^\x00\xd0-\xd7\xff]", re.DOTALL)


def check_pieces(file: BinaryIO, picture_format: str) -> None:
    """Raise InvalidInputError for a JPEG or PNG that is made to be walked through for minutes."""
    if picture_format == "jpeg":
        _check_jpeg(file)
    elif picture_format == "png":
        _check_png(file)
    file.seek(0)


def _check_jpeg(file: BinaryIO) -> None:
    """Count the segments before the data, and where they say so the scans."""
    pixels, components, is_progressive = 0, 0, False
    for at, head in segments(file):
        marker = head[1]
        if marker == START_OF_SCAN:
            if is_progressive or head[4] < components:
                _check_scans(file, at + 2, pixels)
            return
        if marker in FRAMES and len(head) == 10:
            height, width, components = struct.unpack(">HHB", head[5:10])
            pixels, is_progressive = height * width, marker in PROGRESSIVE


def segments(file: BinaryIO) -> Iterator[tuple[int, bytes]]:
    """Where each segment of a JPEG begins, and its first ten bytes or as many as there are.

    The first scan is the last that has a meaning: what follows it is data. It ends where there is
    no segment, of which a decoder will say what is wrong. Raises InvalidInputError for too many.
    """
    at = 2
    for _ in range(MAX_SIDE_PIECES):
        file.seek(at)
        head = file.read(10)
        if len(head) < 5 or head[0] != 0xFF:
            return
        if head[1] == 0xFF or head[1] in LONE_MARKERS:
            at += 1 if head[1] == 0xFF else 2
            continue
        yield at, head
        at += 2 + struct.unpack(">H", head[2:4])[0]
    raise _too_many()


def _check_scans(file: BinaryIO, start: int, pixels: int) -> None:
    """Count the scans of a picture that has several, up to its end."""
    most = max(1, MAX_SCANNED_PIXELS // max(1, pixels))
    scans, kept = 1, b""
    file.seek(start)
    while data := file.read(READ_BYTES):
        block = kept + data
        for mark in MARK.finditer(block):
            kind = block[mark.start() + 1]
            if kind == END_OF_PICTURE:
                return
            scans += kind == START_OF_SCAN
            if scans > most:
                raise _too_many()
        kept = block[-1:] if block.endswith(b"\xff") else b""


def _check_png(file: BinaryIO) -> None:
    at, side = 8, 0
    for _ in range(MAX_PIECES):
        file.seek(at)
        head = file.read(8)
        if len(head) < 8 or head[4:] == b"IEND":
            return
        side += head[4:] != b"IDAT"
        if side > MAX_SIDE_PIECES:
            raise _too_many()
        at += 12 + struct.unpack(">I", head[:4])[0]
    raise _too_many()


def _too_many() -> InvalidInputError:
    return InvalidInputError(
        "photo.too_many_pieces",
        zh="照片由异常多的数据段组成，解码需要太长时间，没有接收。请从相机重新导出后再上传。",
        en="The picture is made of so many pieces that reading it would take minutes; it was not"
        " taken. Export it from the camera again and resend it.",
    )
