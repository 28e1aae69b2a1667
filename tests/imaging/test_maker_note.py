"""Serial numbers in makers' notes: each layout as its maker writes it, and forged ones within bounds."""

from __future__ import annotations

import shutil
import struct
import subprocess
from io import BytesIO
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from birdwatch.domain.clock import MAKER_SERIAL, camera_key
from birdwatch.imaging.maker_note import read_maker_serial
from birdwatch.imaging.probe import probe
from tests.pictures import Entry, Tags, ascii_entry, long_entry, make_jpeg, tiff_block

EXIFTOOL = shutil.which("exiftool")
MAKER_NOTE = 0x927C
CLOCK = ascii_entry(0x9003, "2026:04:25 18:21:07")
TEXT = "SERIAL-3001006"


def directory(*entries: Entry, start: int) -> bytes:
    """A little-endian directory whose offsets count from `start` bytes before it."""
    table, values = struct.pack("<H", len(entries)), b""
    values_at = start + 2 + 12 * len(entries) + 4
    for one in sorted(entries, key=lambda entry: entry.tag):
        count = len(one.value) if one.type in (1, 2, 7) else len(one.value) // 4
        table += struct.pack("<HHI", one.tag, one.type, count)
        if len(one.value) <= 4:
            table += one.value.ljust(4, b"\0")
        else:
            table += struct.pack("<I", values_at + len(values))
            values += one.value
    return table + bytes(4) + values


def nikon(tag: int = 0x1D) -> bytes:
    inner = b"II*\0" + struct.pack("<I", 8) + directory(ascii_entry(tag, TEXT), start=8)
    return b"Nikon\0\x02\x11\0\0" + inner


def fujifilm() -> bytes:
    return b"FUJIFILM" + struct.pack("<I", 12) + directory(ascii_entry(0x10, TEXT), start=12)


def olympus(head: bytes = b"OLYMPUS\0II\x03\0") -> bytes:
    start = len(head)
    equipment_at = start + 2 + 12 + 4
    pointer = Entry(0x2010, 13, struct.pack("<I", equipment_at))
    equipment = directory(ascii_entry(0x101, TEXT.ljust(32)), start=equipment_at)
    return head + directory(pointer, start=start) + equipment


def panasonic(at: int = 0) -> bytes:
    head = b"Panasonic\0\0\0"
    return head + directory(Entry(0x25, 7, TEXT.encode()), start=at + len(head))


def sony(at: int = 0) -> bytes:
    head = b"SONY DSC \0\0\0"
    return head + directory(ascii_entry(0x2031, "78563412"), start=at + len(head))


def canon() -> bytes:
    return directory(long_entry(0x0C, 560018150), start=0)


NOTES = {
    "NIKON CORPORATION": nikon(),
    "FUJIFILM": fujifilm(),
    "OLYMPUS CORPORATION": olympus(),
    "OM Digital Solutions": olympus(b"OM SYSTEM\0\0\0II\x04\0"),
    "Panasonic": panasonic(),
    "SONY": sony(),
    "Canon": canon(),
}


def block_with(make: str, note: bytes, *more: Entry) -> bytes:
    return tiff_block(Tags((ascii_entry(0x10F, make),), (CLOCK, *more, Entry(MAKER_NOTE, 7, note))))


def real_block(make: str) -> bytes:
    """With the note of this maker; two of them count from the start of the whole structure."""
    note = NOTES[make]
    for maker, build in (("Panasonic", panasonic), ("SONY", sony)):
        if make == maker:
            note = build(block_with(make, note).index(note))
    return block_with(make, note)


@pytest.mark.parametrize("make", NOTES)
def test_serial_is_read_from_the_note_of_each_maker(make: str) -> None:
    wanted = {"Canon": "0560018150", "SONY": "12345678"}
    assert read_maker_serial(BytesIO(real_block(make))) == wanted.get(make, TEXT)


@pytest.mark.skipif(EXIFTOOL is None, reason="exiftool is not installed")
@pytest.mark.parametrize("make", NOTES)
def test_exiftool_reads_the_same_serial(tmp_path: Path, make: str) -> None:
    path = tmp_path / "photo.jpg"
    path.write_bytes(make_jpeg(60, 40, exif=real_block(make)))
    asked = [EXIFTOOL or "", "-s3", "-SerialNumber", "-InternalSerialNumber", str(path)]
    told = subprocess.run(asked, capture_output=True, check=True).stdout.decode().strip()
    assert told == probe(path).camera.serial


def test_older_nikon_has_its_serial_elsewhere() -> None:
    assert read_maker_serial(BytesIO(block_with("NIKON", nikon(0xA0)))) == TEXT


def test_serial_of_exif_goes_before_the_makers(tmp_path: Path) -> None:
    path = tmp_path / "photo.jpg"
    path.write_bytes(
        make_jpeg(60, 40, exif=block_with("NIKON", nikon(), ascii_entry(0xA431, "B1")))
    )
    found = probe(path)
    assert (found.camera.serial, MAKER_SERIAL in found.tags) == ("B1", False)


def test_two_bodies_of_one_model_are_two_cameras(tmp_path: Path) -> None:
    keys = set()
    for number in (111_111_111, 222_222_222):
        path = tmp_path / "photo.jpg"
        note = directory(long_entry(0x0C, number), start=0)
        path.write_bytes(make_jpeg(60, 40, exif=block_with("Canon", note)))
        keys.add(camera_key(probe(path).camera))
    assert keys == {"canon||0111111111", "canon||0222222222"}


@pytest.mark.parametrize(
    "value", [b"\0" * 14, b"0000000000000\0", b"\xff\xfe" * 7, b"N/A\0".ljust(70)]
)
def test_what_names_no_camera_is_no_serial(value: bytes) -> None:
    note = b"FUJIFILM" + struct.pack("<I", 12) + directory(Entry(0x10, 2, value), start=12)
    assert not read_maker_serial(BytesIO(block_with("FUJIFILM", note)))


@given(st.sampled_from(sorted(NOTES)), st.integers(0, 400), st.binary(max_size=40))
def test_damaged_notes_are_no_fault(make: str, at: int, junk: bytes) -> None:
    block = bytearray(real_block(make))
    block[at : at + len(junk)] = junk
    assert len(read_maker_serial(BytesIO(bytes(block)))) <= 64


def test_forged_counts_and_offsets_read_nothing() -> None:
    huge = struct.pack("<HHHII", 1, 0x1D, 2, 0xFFFF_FFF0, 0xFFFF_FFF0)
    note = b"Nikon\0\x02\x11\0\0II*\0" + struct.pack("<I", 8) + huge
    assert not read_maker_serial(BytesIO(block_with("NIKON", note)))
