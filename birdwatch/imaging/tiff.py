"""Directories of a TIFF structure, read within bounds: raw files are TIFF, or hold pieces of it.

Every count and offset is a stranger's claim. Nothing is followed twice, nothing is read that the
file does not have, and a structure without end is given up.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import BinaryIO, Final, Literal

MAX_DIRECTORIES: Final = 32
MAX_FIELDS: Final = 512
MAX_VALUE_BYTES: Final = 65_536
SUB_IFDS: Final = 0x014A
EXIF_IFD: Final = 0x8769
GPS_IFD: Final = 0x8825
_TYPE_BYTES: Final = {
    1: 1,
    2: 1,
    3: 2,
    4: 4,
    5: 8,
    6: 1,
    7: 1,
    8: 2,
    9: 4,
    10: 8,
    11: 4,
    12: 8,
    13: 4,
}
_UNSIGNED: Final = {1: "B", 3: "H", 4: "I", 7: "B", 13: "I"}
Order = Literal["<", ">"]


@dataclass(frozen=True, slots=True)
class Field:
    """One entry: its value as the bytes that stand in the file."""

    type: int
    count: int
    value: bytes

    def numbers(self, order: Order) -> tuple[int, ...]:
        """Its unsigned whole numbers; none where it holds something else."""
        code = _UNSIGNED.get(self.type)
        if code is None:
            return ()
        size = struct.calcsize(code)
        return struct.unpack(f"{order}{len(self.value) // size}{code}", self.value)


@dataclass(frozen=True, slots=True)
class Place:
    """Where the value of an entry lies, and how many bytes it has."""

    type: int
    count: int
    at: int
    size: int


Directory = Mapping[int, Field]


def byte_order(head: bytes) -> Order | None:
    """How the numbers of this structure are written; None: it is no TIFF."""
    if head.startswith(b"II*\0"):
        return "<"
    return ">" if head.startswith(b"MM\0*") else None


def read_directories(file: BinaryIO) -> Iterator[tuple[Order, Directory]]:
    """The directories of a TIFF file: each followed by those inside it, then the next of the chain."""
    head = read_at(file, 0, 8)
    order = byte_order(head)
    if order is None or len(head) < 8:
        return
    waiting, seen = [struct.unpack(f"{order}I", head[4:])[0]], set[int]()
    while waiting and len(seen) < MAX_DIRECTORIES:
        offset = waiting.pop(0)
        if offset == 0 or offset in seen:
            continue
        seen.add(offset)
        fields, following = _read_directory(file, offset, order)
        inner = fields.get(SUB_IFDS)
        waiting = [*(inner.numbers(order)[:MAX_DIRECTORIES] if inner else ()), *waiting, following]
        yield order, fields


def write_structure(order: Order, main: Directory, exif: Directory, gps: Directory) -> bytes:
    """A TIFF structure of three directories, as EXIF has them."""
    parts = [_main_with(order, main, 0, 0), _directory_bytes(order, exif, 0)]
    exif_at = 8 + len(parts[0])
    gps_at = exif_at + len(parts[1])
    head = (b"II*\0" if order == "<" else b"MM\0*") + struct.pack(f"{order}I", 8)
    return b"".join(
        (
            head,
            _main_with(order, main, exif_at, gps_at),
            _directory_bytes(order, exif, exif_at),
            _directory_bytes(order, gps, gps_at),
        )
    )


def read_at(file: BinaryIO, offset: int, size: int) -> bytes:
    """As many of these bytes as the file has."""
    if offset < 0 or size <= 0:
        return b""
    file.seek(offset)
    return file.read(size)


def read_places(
    file: BinaryIO, offset: int, order: Order, *, base: int = 0
) -> tuple[dict[int, Place], int]:
    """Where the values of one directory lie, and the next of its chain (0: none).

    `base`: from where a structure inside a structure counts its offsets.
    """
    start = read_at(file, offset, 2)
    if len(start) < 2:
        return {}, 0
    count = struct.unpack(f"{order}H", start)[0]
    if count > MAX_FIELDS:
        return {}, 0
    table = read_at(file, offset + 2, 12 * count + 4)
    places: dict[int, Place] = {}
    for at in range(0, min(12 * count, len(table) - 11), 12):
        tag, kind, number, value = struct.unpack(f"{order}HHII", table[at : at + 12])
        size = _TYPE_BYTES.get(kind, 0) * number
        if size:
            place = base + value if size > 4 else offset + 2 + at + 8
            places.setdefault(tag, Place(kind, number, place, size))
    end = table[12 * count : 12 * count + 4]
    return places, struct.unpack(f"{order}I", end)[0] if len(end) == 4 else 0


def read_field(file: BinaryIO, place: Place) -> Field | None:
    """The value that lies there; None where it is too long, or the file has not all of it."""
    if place.size > MAX_VALUE_BYTES:
        return None
    value = read_at(file, place.at, place.size)
    return Field(place.type, place.count, value) if len(value) == place.size else None


def _read_directory(file: BinaryIO, offset: int, order: Order) -> tuple[dict[int, Field], int]:
    places, following = read_places(file, offset, order)
    found = ((tag, read_field(file, place)) for tag, place in places.items())
    return {tag: field for tag, field in found if field is not None}, following


def _main_with(order: Order, main: Directory, exif_at: int, gps_at: int) -> bytes:
    pointers = {
        tag: Field(4, 1, struct.pack(f"{order}I", at))
        for tag, at in ((EXIF_IFD, exif_at), (GPS_IFD, gps_at))
    }
    return _directory_bytes(order, {**main, **pointers}, 8)


def _directory_bytes(order: Order, fields: Directory, start: int) -> bytes:
    """A directory that stands at `start`, its longer values behind it."""
    table, values = struct.pack(f"{order}H", len(fields)), b""
    values_at = start + 2 + 12 * len(fields) + 4
    for tag, field in sorted(fields.items()):
        table += struct.pack(f"{order}HHI", tag, field.type, field.count)
        if len(field.value) <= 4:
            table += field.value.ljust(4, b"\0")
        else:
            table += struct.pack(f"{order}I", values_at + len(values))
            values += field.value + b"\0" * (len(field.value) % 2)
    return table + b"\0\0\0\0" + values
