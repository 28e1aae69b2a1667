"""A JPEG cut short after its header, for those who only ask whether it can be decoded.

Reading the codes of a 24-megapixel JPEG takes most of the time of looking at it, and nobody sees the
pixels. In a picture of one scan no code stops the decoder: it warns, paints grey, and goes on. What
stops it is a header it cannot use, or data that break off before the mark of their end. So the header
is given to the decoder with little of the data, and in the rest the mark is looked for.
"""

from __future__ import annotations

import struct
from typing import BinaryIO, Final

from birdwatch.imaging.pieces import (
    END_OF_PICTURE,
    FRAMES,
    LONE_MARKERS,
    MARK,
    MAX_SIDE_PIECES,
    READ_BYTES,
    START_OF_SCAN,
)

MAX_HEADER_BYTES: Final = 4 * 1024 * 1024
DATA_BYTES: Final = 16 * 1024  # enough to begin with
SEQUENTIAL: Final = (0xC0, 0xC1)  # Huffman codes, one scan of all components
ENDING: Final = bytes((0xFF, END_OF_PICTURE))


def shortened(file: BinaryIO) -> bytes | None:
    """A JPEG with the same header and the beginning of the data: decoded if the whole one is.

    None where that cannot be told without decoding all of it, as of several scans, and where the
    data do not end as they should.
    """
    data_at = _start_of_only_scan(file)
    if data_at is None or not _ends_well(file, data_at):
        return None
    file.seek(0)
    return file.read(data_at + DATA_BYTES) + ENDING


def _start_of_only_scan(file: BinaryIO) -> int | None:
    """Where its data begin; None where there are several scans, or none."""
    at, components = 2, 0
    for _ in range(MAX_SIDE_PIECES):
        file.seek(at)
        head = file.read(10)
        if len(head) < 10 or head[0] != 0xFF or at > MAX_HEADER_BYTES:
            return None
        marker = head[1]
        if marker == 0xFF or marker in LONE_MARKERS:
            at += 1 if marker == 0xFF else 2
            continue
        next_at = at + 2 + struct.unpack(">H", head[2:4])[0]
        if marker == START_OF_SCAN:
            return next_at if components and head[4] == components else None
        if marker in FRAMES:
            if marker not in SEQUENTIAL or components:
                return None
            components = head[9]
        at = next_at
    return None


def _ends_well(file: BinaryIO, start: int) -> bool:
    """Whether the first mark in the data is that of their end."""
    kept = b""
    file.seek(start)
    while data := file.read(READ_BYTES):
        block = kept + data
        if found := MARK.search(block):
            return block[found.start() + 1] == END_OF_PICTURE
        kept = block[-1:]
    return False
