"""A JPEG cut short after its header, for those who only ask whether it can be decoded.

Reading the codes of a 24-megapixel JPEG takes most of the time of looking at it, and nobody sees the
pixels. In a picture of one scan no code stops the decoder: it warns, paints grey, and goes on. What
stops it is a header it cannot use, or data that break off before the mark of their end. So the header
is given to the decoder with little of the data and few rows to fill, and in the rest the mark is
looked for.
"""

from __future__ import annotations

import struct
from typing import BinaryIO, Final

from birdwatch.imaging.pieces import (
    END_OF_PICTURE,
    FRAMES,
    MARK,
    READ_BYTES,
    START_OF_SCAN,
    segments,
)

MAX_HEADER_BYTES: Final = 4 * 1024 * 1024
DATA_BYTES: Final = 16 * 1024  # enough to begin with
ROWS: Final = 512  # of which there is data for some, or none; a draft at an eighth needs as many
MAX_ROWS: Final = 65_500  # more of them a decoder refuses
SEQUENTIAL: Final = (0xC0, 0xC1)  # Huffman codes, one scan of all components
ROWS_OFFSET: Final = 5  # in a frame header
ENDING: Final = bytes((0xFF, END_OF_PICTURE))


def shortened(file: BinaryIO) -> bytes | None:
    """A JPEG with the same header, fewer rows and the first data: decoded if the whole one is.

    None where that cannot be told without decoding all of it, as of several scans, and where the
    data do not end as they should.
    """
    places = _only_scan(file)
    if places is None or not _ends_well(file, places[1]):
        return None
    frame_at, data_at = places
    file.seek(0)
    copy = bytearray(file.read(data_at + DATA_BYTES))
    rows = struct.unpack_from(">H", copy, frame_at + ROWS_OFFSET)[0]
    if ROWS < rows <= MAX_ROWS:
        struct.pack_into(">H", copy, frame_at + ROWS_OFFSET, ROWS)
    return bytes(copy + ENDING)


def _only_scan(file: BinaryIO) -> tuple[int, int] | None:
    """Where its frame header and its data begin; None where there are several scans, or none."""
    frame_at, components = 0, 0
    for at, head in segments(file):
        if len(head) < 10 or at > MAX_HEADER_BYTES:
            return None
        marker = head[1]
        if marker == START_OF_SCAN:
            data_at = at + 2 + struct.unpack(">H", head[2:4])[0]
            return (frame_at, data_at) if components and head[4] == components else None
        if marker in FRAMES:
            if marker not in SEQUENTIAL or components:
                return None
            frame_at, components = at, head[9]
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
