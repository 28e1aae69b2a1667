"""Raw files of cameras made on the spot: the structure of each maker's format around JPEGs of ours.

The sensor's data is noise; nothing decodes it. exiftool reads what is made here, so that what the
archive takes out can be compared with what exiftool takes out.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable
from dataclasses import dataclass

from tests.pictures import (
    Entry,
    Tags,
    ascii_entry,
    long_entry,
    make_image,
    make_tags,
    short_entry,
    tiff_block,
)

CANON = bytes.fromhex("85c0b687820f11e08111f4ce462b6a48")
PREVIEW = bytes.fromhex("eaf42b5e1c984b88b9fbb7dc406e4d16")
SENSOR = b"\xff\x01\xff\x02" + bytes(range(256)) * 8
RAWS = ("cr2", "cr3", "nef", "arw", "dng", "raf")
MAKERS = {
    "cr2": ("Canon", "Canon EOS 7D"),
    "cr3": ("Canon", "Canon EOS R5"),
    "nef": ("NIKON CORPORATION", "NIKON D500"),
    "arw": ("SONY", "ILCE-7M4"),
    "dng": ("Leica Camera AG", "LEICA Q2"),
    "raf": ("FUJIFILM", "X-T4"),
}


@dataclass(frozen=True)
class Sheet:
    """A directory to be written: `blobs` are pairs of tags for the offset and length of bytes."""

    entries: tuple[Entry, ...]
    blobs: tuple[tuple[int, int, bytes], ...] = ()
    inner: tuple[tuple[int, tuple[Sheet, ...]], ...] = ()  # a pointer tag, and what it points to


def plain_jpeg(width: int, height: int, seed: int = 0) -> bytes:
    """A JPEG without EXIF, as cameras put into their raw files."""
    return make_image("jpeg", width, height, exif=b"", seed=seed)


def lossless_jpeg(width: int, height: int) -> bytes:
    """The head of a lossless JPEG, as which several makers store the sensor's data."""
    frame = struct.pack(">BHHBBBB", 14, height, width, 1, 1, 0x11, 0)
    return b"\xff\xd8\xff\xc3" + struct.pack(">H", len(frame) + 2) + frame + SENSOR


def make_raw(
    kind: str,
    large: bytes,
    small: bytes,
    *,
    orientation: int = 1,
    gps: tuple[float, float] | None = (40.6648, 122.1412),
    taken: str = "2026:04:25 18:21:07",
) -> bytes:
    """A raw file of this kind with a large and a small JPEG in it."""
    make, model = MAKERS[kind]
    tags = make_tags(
        taken=taken, offset="+08:00", gps=gps, make=make, model=model,
        orientation=orientation, more=Tags(exif=(ascii_entry(0xA431, "SERIAL42"),)),
    )  # fmt: skip
    if kind == "raf":
        return _raf(large)
    if kind == "cr3":
        return _cr3(large, small, tags)
    shared = (
        (0x8769, (Sheet(tags.exif),)),
        *(((0x8825, (Sheet(tags.gps),)),) if tags.gps else ()),
    )
    return {"cr2": _cr2, "nef": _nef, "arw": _arw, "dng": _dng}[kind](large, small, tags, shared)


Shared = tuple[tuple[int, tuple[Sheet, ...]], ...]


def _cr2(large: bytes, small: bytes, tags: Tags, shared: Shared) -> bytes:
    first = Sheet((*tags.ifd0, short_entry(0x103, 6)), ((0x111, 0x117, large),), shared)
    thumb = Sheet((), ((0x201, 0x202, small),))
    slices = short_entry(0xC640, 1, 4500, 4500)
    sensor = Sheet((short_entry(0x103, 6), slices), ((0x111, 0x117, lossless_jpeg(9000, 9000)),))
    return _tiff((first, thumb, sensor), mark=b"CR\x02\0\0\0\0\0")


def _nef(large: bytes, small: bytes, tags: Tags, shared: Shared) -> bytes:
    preview = Sheet((long_entry(254, 1), short_entry(0x103, 6)), ((0x201, 0x202, large),))
    sensor = Sheet((long_entry(254, 0), short_entry(0x103, 34713)), ((0x111, 0x117, SENSOR),))
    first = Sheet(
        (*tags.ifd0, long_entry(254, 1), short_entry(0x103, 1)),
        ((0x111, 0x117, SENSOR[:64]),),
        (*shared, (0x14A, (preview, sensor))),
    )
    return _tiff((first, Sheet((short_entry(0x103, 6),), ((0x201, 0x202, small),))))


def _arw(large: bytes, small: bytes, tags: Tags, shared: Shared) -> bytes:
    sensor = Sheet((long_entry(254, 0), short_entry(0x103, 32767)), ((0x111, 0x117, SENSOR),))
    first = Sheet(
        (*tags.ifd0, long_entry(254, 1), short_entry(0x103, 6)),
        ((0x201, 0x202, large),),
        (*shared, (0x14A, (sensor,))),
    )
    return _tiff((first, Sheet((short_entry(0x103, 6),), ((0x201, 0x202, small),))))


def _dng(large: bytes, small: bytes, tags: Tags, shared: Shared) -> bytes:
    version = Entry(0xC612, 1, b"\x01\x04\0\0")
    sensor = Sheet(
        (long_entry(254, 0), short_entry(0x103, 7)), ((0x111, 0x117, lossless_jpeg(8000, 6000)),)
    )
    preview = Sheet((long_entry(254, 1), short_entry(0x103, 7)), ((0x111, 0x117, large),))
    first = Sheet(
        (*tags.ifd0, version, long_entry(254, 1), short_entry(0x103, 7)),
        ((0x111, 0x117, small),),
        (*shared, (0x14A, (sensor, preview))),
    )
    return _tiff((first,))


def _raf(large: bytes) -> bytes:
    head = b"FUJIFILMCCD-RAW 0201FF383401" + b"X-T4".ljust(32, b"\0") + b"0100" + bytes(20)
    assert len(head) == 84
    return head + struct.pack(">II", 160, len(large)) + bytes(68) + large + SENSOR


def _cr3(large: bytes, small: bytes, tags: Tags) -> bytes:
    parts = (
        box(b"CNCV", b"CanonCR3_001/01.09.00/00.00.00"),
        box(b"CMT1", tiff_block(Tags(tags.ifd0))),
        box(b"CMT2", tiff_block(Tags(tags.exif))),
        box(b"CMT4", tiff_block(Tags(tags.gps))),
    )
    previews = box(b"PRVW", struct.pack(">IHHHHI", 0, 1, 160, 120, 1, len(small)) + small)
    uuid_preview = box(b"uuid", PREVIEW + struct.pack(">II", 0, 1) + previews)

    def whole(large_at: int) -> bytes:
        tracks = (
            _track(large_at, len(large), b"JPEG"),
            _track(large_at + len(large), len(SENSOR), b"CMP1"),
        )
        moov = box(b"moov", box(b"uuid", CANON + b"".join(parts)) + b"".join(tracks))
        return box(b"ftyp", b"crx \0\0\0\x01crx isom") + moov + uuid_preview

    head = whole(0)
    return whole(len(head) + 16) + box(b"mdat", large + SENSOR, is_long=True)


def _track(offset: int, length: int, what: bytes) -> bytes:
    """A track of one sample; `what` it holds is told by a box of that name."""
    entry = box(b"CRAW", bytes(82) + box(what, bytes(4)))
    table = (
        box(b"stsd", struct.pack(">II", 0, 1) + entry),
        box(b"stts", struct.pack(">IIII", 0, 1, 1, 1)),
        box(b"stsc", struct.pack(">IIIII", 0, 1, 1, 1, 1)),
        box(b"stsz", struct.pack(">III", 0, length, 1)),
        box(b"co64", struct.pack(">IIQ", 0, 1, offset)),
    )
    handler = box(b"hdlr", struct.pack(">II4s", 0, 0, b"vide") + bytes(13))
    return box(b"trak", box(b"mdia", handler + box(b"minf", box(b"stbl", b"".join(table)))))


def box(kind: bytes, data: bytes, *, is_long: bool = False) -> bytes:
    """A box of an ISO media file."""
    if is_long:
        return struct.pack(">I4sQ", 1, kind, len(data) + 16) + data
    return struct.pack(">I4s", len(data) + 8, kind) + data


def _tiff(sheets: Iterable[Sheet], *, mark: bytes = b"") -> bytes:
    """A little-endian TIFF file of these directories, one after the other."""
    out = bytearray(b"II*\0" + struct.pack("<I", 8 + len(mark)) + mark)
    link = 4
    for sheet in sheets:
        at, following = _append(out, sheet)
        struct.pack_into("<I", out, link, at)
        link = following
    return bytes(out)


def _append(out: bytearray, sheet: Sheet) -> tuple[int, int]:
    """Add a directory and all it points to; where it begins, and where its link to the next is."""
    entries = {entry.tag: entry for entry in sheet.entries}
    count = len(
        {*entries, *(t for a, b, _ in sheet.blobs for t in (a, b)), *(t for t, _ in sheet.inner)}
    )
    at = len(out)
    out += bytes(2 + 12 * count + 4)
    for place, length, data in sheet.blobs:
        entries[place], entries[length] = long_entry(place, len(out)), long_entry(length, len(data))
        out += data + b"\0" * (len(data) % 2)
    for tag, inner in sheet.inner:
        entries[tag] = long_entry(tag, *(_append(out, one)[0] for one in inner))
    table = struct.pack("<H", count)
    for tag in sorted(entries):
        entry = entries[tag]
        value = entry.value.ljust(4, b"\0")
        if len(entry.value) > 4:
            value = struct.pack("<I", len(out))
            out += entry.value + b"\0" * (len(entry.value) % 2)
        table += struct.pack("<HHI", tag, entry.type, entry.stated_count) + value
    out[at : at + len(table)] = table
    return at, at + len(table)
