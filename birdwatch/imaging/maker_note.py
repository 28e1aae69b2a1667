"""The serial number of a camera in its maker's own note, where EXIF has none.

exifread reads these notes without bounds: 78 forged bytes cost it minutes. Here one directory is
read, a second one of Olympus, and of them one value of at most 64 bytes. Layouts and tags are facts
from the makers' files; tests compare with exiftool.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import BinaryIO, Final

from birdwatch.imaging.tiff import (
    EXIF_IFD,
    Order,
    Place,
    byte_order,
    read_at,
    read_field,
    read_places,
)

MAKE, MAKER_NOTE = 0x010F, 0x927C
MAX_SERIAL_BYTES: Final = 64
CANON_SERIAL: Final = 0x000C  # a number; the others are texts
OLYMPUS_EQUIPMENT: Final = 0x2010
SERIALS: Final = {
    "nikon": (0x001D, 0x00A0),
    "olympus": (0x0101, 0x0404, 0x101A),
    "fujifilm": (0x0010,),
    "panasonic": (0x0025,),
    "sony": (0x2031,),
}
# How the note begins, how long that is, and where its byte order or whose it is.
OLYMPUS: Final = ((b"OLYMPUS\0", 12, 8), (b"OM SYSTEM\0\0\0", 16, 12))
PLAIN: Final = (
    (b"OLYMP\0", 8, "olympus"),
    (b"Panasonic\0\0\0", 12, "panasonic"),
    (b"SONY DSC \0\0\0", 12, "sony"),
    (b"SONY CAM \0\0\0", 12, "sony"),
)
NOTHING: Final = frozenset({"", "0", "n/a", "none", "unknown"})


@dataclass(frozen=True, slots=True)
class _Note:
    """Whose note it is, where its directory lies, and from where that counts its offsets."""

    maker: str
    offset: int
    order: Order
    base: int


def read_maker_serial(file: BinaryIO) -> str:
    """The serial number in the maker note of this TIFF structure; empty where none is found."""
    note = _find_note(file)
    if note is None:
        return ""
    places = _places(file, note, note.offset)
    if note.maker == "canon":
        number = _number(file, places.get(CANON_SERIAL), note.order)
        return f"{number:010}" if number else ""
    if note.maker == "olympus" and OLYMPUS_EQUIPMENT in places:
        places = {**places, **_equipment(file, note, places[OLYMPUS_EQUIPMENT])}
    for tag in SERIALS[note.maker]:
        text = _text(file, places.get(tag))
        if text:
            return _in_pairs(text) if note.maker == "sony" else text
    return ""


def _in_pairs(text: str) -> str:
    """Sony writes the eight digits of its number in pairs, the last pair first."""
    if len(text) != 8 or not text.isdecimal():
        return text
    return text[6:] + text[4:6] + text[2:4] + text[:2]


def _find_note(file: BinaryIO) -> _Note | None:
    head = read_at(file, 0, 8)
    order = byte_order(head)
    if order is None or len(head) < 8:
        return None
    main, _ = read_places(file, struct.unpack(f"{order}I", head[4:])[0], order)
    exif, _ = read_places(file, _number(file, main.get(EXIF_IFD), order), order)
    place = exif.get(MAKER_NOTE)
    return _note_at(file, place.at, order, _text(file, main.get(MAKE))) if place else None


def _note_at(file: BinaryIO, at: int, order: Order, make: str) -> _Note | None:
    """By the first bytes of the note; only Canon's has none of its own."""
    head = read_at(file, at, 20)
    if head.startswith(b"Nikon\0\x02"):
        inner = byte_order(head[10:14])
        if inner is None or len(head) < 18:
            return None
        first = struct.unpack(f"{inner}I", head[14:18])[0]
        return _Note("nikon", at + 10 + first, inner, at + 10)
    if head.startswith(b"FUJIFILM") and len(head) >= 12:
        return _Note("fujifilm", at + struct.unpack("<I", head[8:12])[0], "<", at)
    for mark, length, order_at in OLYMPUS:
        if head.startswith(mark) and head[order_at : order_at + 2] in (b"II", b"MM"):
            own: Order = "<" if head[order_at : order_at + 2] == b"II" else ">"
            return _Note("olympus", at + length, own, at)
    for mark, length, maker in PLAIN:
        if head.startswith(mark):
            return _Note(maker, at + length, order, 0)
    return _Note("canon", at, order, 0) if make.lower().startswith("canon") else None


def _places(file: BinaryIO, note: _Note, offset: int) -> dict[int, Place]:
    return read_places(file, offset, note.order, base=note.base)[0]


def _equipment(file: BinaryIO, note: _Note, place: Place) -> dict[int, Place]:
    """A directory of its own: pointed to by newer cameras, laid into the value by older ones."""
    number = _number(file, place, note.order)
    return _places(file, note, note.base + number if number else place.at)


def _number(file: BinaryIO, place: Place | None, order: Order) -> int:
    """One whole number of four bytes; 0 where it is something else."""
    if place is None or place.type not in (4, 13) or place.count != 1:
        return 0
    field = read_field(file, place)
    numbers = field.numbers(order) if field else ()
    return numbers[0] if numbers else 0


def _text(file: BinaryIO, place: Place | None) -> str:
    """A short text of plain characters; empty where it says nothing."""
    if place is None or place.type not in (2, 7) or place.size > MAX_SERIAL_BYTES:
        return ""
    field = read_field(file, place)
    told = field.value.partition(b"\0")[0] if field else b""
    text = " ".join(told.decode("latin-1").split()).removeprefix("NO= ")  # as older Nikons write
    is_plain = text.isascii() and text.isprintable()
    return text if is_plain and text.lower() not in NOTHING and text.strip("0 -") else ""
