"""Boxes of an ISO media file (CR3 is one), read within bounds."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO, Final

from birdwatch.imaging.tiff import read_at

MAX_BOXES: Final = 256  # beside each other
LARGE: Final = 1  # instead of a size: the size follows in eight bytes


@dataclass(frozen=True, slots=True)
class Box:
    """`start` and `end` are those of what is in it; `kind` of a uuid box is the uuid in hex."""

    kind: str
    start: int
    end: int


def read_boxes(file: BinaryIO, start: int, end: int) -> Iterator[Box]:
    """The boxes from here to there, as far as they make sense."""
    for _ in range(MAX_BOXES):
        head = read_at(file, start, 32)
        if len(head) < 8 or start + 8 > end:
            return
        size, at = struct.unpack(">I", head[:4])[0], 8
        if size == LARGE and len(head) >= 16:
            size, at = struct.unpack(">Q", head[8:16])[0], 16
        elif size == 0:
            size = end - start
        if size < at or start + size > end:
            return
        kind = head[4:8].decode("latin-1")
        if kind == "uuid":
            kind, at = head[at : at + 16].hex(), at + 16
        yield Box(kind, start + at, start + size)
        start += size


def find_boxes(file: BinaryIO, inside: Box, *path: str) -> Iterator[Box]:
    """Every box that is reached by this path of kinds."""
    for box in read_boxes(file, inside.start, inside.end):
        if box.kind == path[0]:
            if len(path) == 1:
                yield box
            else:
                yield from find_boxes(file, box, *path[1:])
