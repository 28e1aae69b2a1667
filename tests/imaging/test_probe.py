"""What a probe finds in good pictures, and that no EXIF can stop it."""

from __future__ import annotations

import struct
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from birdwatch.domain.photo import Camera, SettledTime
from birdwatch.domain.place import Point, SettledPlace
from birdwatch.domain.place_ladder import settle_gps
from birdwatch.domain.time_ladder import UNKNOWN_TIME, settle_time
from birdwatch.imaging.exif import read_block
from birdwatch.imaging.probe import Probe, probe
from tests.pictures import (
    ASCII,
    Entry,
    Format,
    Tags,
    ascii_entry,
    double_entry,
    long_entry,
    make_image,
    make_jpeg,
    make_tags,
    rational_entry,
    tiff_block,
)

NOW = datetime(2026, 6, 1, tzinfo=UTC)
FORMATS: list[Format] = ["jpeg", "mpo", "png", "webp", "tiff", "heif", "avif"]
WALL = datetime(2026, 4, 25, 18, 21, 7)  # noqa: DTZ001
SETTLED = SettledTime(
    datetime(2026, 4, 25, 10, 21, 7, tzinfo=UTC), WALL, 480, "exif_offset", "high"
)
PLACE = SettledPlace(Point(40.64, 122.13), "gps", "high")


def probe_bytes(folder: Path, data: bytes, name: str = "") -> Probe:
    path = folder / "picture"
    path.write_bytes(data)
    return probe(path, file_name=name)


def settled_time(found: Probe) -> SettledTime:
    return settle_time(found.time_evidence, now=NOW)


def settled_place(found: Probe) -> SettledPlace | None:
    return settle_gps(found.gps_evidence, taken=settled_time(found))


@pytest.mark.parametrize("made", FORMATS)
def test_probe_reads_time_place_and_camera_of_every_format(tmp_path: Path, made: Format) -> None:
    found = probe_bytes(tmp_path, make_image(made, 300, 200, gps=(40.64, 122.13)))
    assert (found.format, found.width, found.height) == (
        "jpeg" if made == "mpo" else made,
        300,
        200,
    )
    assert found.camera == Camera(
        "Canon", "EOS R5", "EF600mm f/4L IS III USM", "1/1000", "6.3", "400", "600"
    )
    assert (settled_time(found), settled_place(found)) == (SETTLED, PLACE)


@pytest.mark.parametrize("made", FORMATS)
def test_probe_gives_the_upright_size(tmp_path: Path, made: Format) -> None:
    found = probe_bytes(tmp_path, make_image(made, 300, 200, orientation=6))
    assert (found.width, found.height) == (200, 300)


@pytest.mark.parametrize("made", FORMATS)
def test_probe_of_a_picture_without_exif_knows_nothing(tmp_path: Path, made: Format) -> None:
    if made == "tiff":
        data = make_image(made, 300, 200, taken=None, offset=None)
    else:
        data = make_image(made, 300, 200, exif=b"")
    found = probe_bytes(tmp_path, data)
    assert (settled_time(found), settled_place(found)) == (UNKNOWN_TIME, None)


@pytest.mark.parametrize("made", ["jpeg", "webp", "heif", "avif"])
def test_probe_reads_the_date_of_xmp(tmp_path: Path, made: Format) -> None:
    packet = (
        b'<x xmlns:p="http://ns.adobe.com/photoshop/1.0/"'
        b' p:DateCreated="2026-04-25T18:21:07+08:00"/>'
    )
    found = probe_bytes(tmp_path, make_image(made, 300, 200, exif=b"", xmp=packet))
    assert (settled_time(found).source, settled_time(found).instant) == ("xmp", SETTLED.instant)


def test_probe_falls_back_on_the_file_name(tmp_path: Path) -> None:
    data = make_jpeg(300, 200, exif=b"")
    found = probe_bytes(tmp_path, data, "../a\0b\u202eIMG_20260425_182107.jpg")
    assert settled_time(found).source == "file_name"


def test_probe_keeps_raw_rationals_as_written(tmp_path: Path) -> None:
    gps = (
        ascii_entry(1, "N"),
        rational_entry(2, (0, 0), (0, 0), (0, 0)),
        ascii_entry(3, "E"),
        rational_entry(4, (122, 1), (7, 1), (48, 1)),
    )
    found = probe_bytes(tmp_path, make_jpeg(300, 200, more=Tags(gps=gps)))
    assert found.tags["GPS GPSLatitude"] == "0/0 0/0 0/0"
    assert (settled_time(found), settled_place(found)) == (SETTLED, None)


def position(*latitude: tuple[int, int]) -> Tags:
    longitude = rational_entry(4, (122, 1), (7, 1), (48, 1))
    return Tags(
        gps=(ascii_entry(1, "N"), rational_entry(2, *latitude), ascii_entry(3, "E"), longitude)
    )


def test_probe_of_a_latitude_of_nan_gives_no_place(tmp_path: Path) -> None:
    nan = Tags(gps=(*position((40, 1)).gps, double_entry(2, float("nan"))))
    nan = Tags(gps=tuple({entry.tag: entry for entry in nan.gps}.values()))
    found = probe_bytes(tmp_path, make_jpeg(300, 200, more=nan))
    assert (settled_time(found), settled_place(found)) == (SETTLED, None)


def test_probe_of_a_latitude_of_200_gives_no_place(tmp_path: Path) -> None:
    found = probe_bytes(tmp_path, make_jpeg(300, 200, more=position((200, 1), (1, 1), (1, 1))))
    assert (settled_time(found), settled_place(found)) == (SETTLED, None)


def test_probe_of_null_island_gives_no_place(tmp_path: Path) -> None:
    found = probe_bytes(tmp_path, make_jpeg(300, 200, gps=(0, 0)))
    assert (settled_time(found), settled_place(found)) == (SETTLED, None)


def test_probe_of_a_place_in_africa_keeps_it(tmp_path: Path) -> None:
    found = probe_bytes(tmp_path, make_jpeg(300, 200, gps=(-1.25, 36.8125)))
    assert settled_place(found) == SettledPlace(Point(-1.25, 36.8125), "gps", "high")


@pytest.mark.parametrize(
    "taken",
    [
        b"171546:04:12 05:21:11",
        b"0000:00:00 00:00:00",
        b"\0" * 19,
        b" " * 19,
        b"2026:04:25 18:21:07".ljust(19, b"\0")[:4] + b"\0" * 15,
        b"\xff\xfe\xfd",
    ],
)
def test_probe_of_a_date_that_cannot_be_leaves_the_time_unknown(
    tmp_path: Path, taken: bytes
) -> None:
    found = probe_bytes(tmp_path, make_jpeg(300, 200, taken=taken))
    assert settled_time(found) == UNKNOWN_TIME


def test_probe_reads_a_date_padded_with_nul(tmp_path: Path) -> None:
    found = probe_bytes(tmp_path, make_jpeg(300, 200, taken=b"2026:04:25 18:21:07\0\0\0\0"))
    assert settled_time(found) == SETTLED


def test_probe_of_a_maker_note_of_30_million_is_quick(tmp_path: Path) -> None:
    note = Entry(0x927C, 7, b"\0" * 16, count=30_000_000)
    data = make_jpeg(300, 200, more=Tags(exif=(note,)))
    start = time.process_time()
    found = probe_bytes(tmp_path, data)
    assert time.process_time() - start < 2
    assert settled_time(found) == SETTLED


@pytest.mark.parametrize("made", ["jpeg", "tiff"])
def test_probe_of_a_looping_directory_ends(tmp_path: Path, made: Format) -> None:
    data = make_image(made, 300, 200)
    block = data if made == "tiff" else tiff_block(make_tags())
    at = struct.unpack("<I", block[4:8])[0]
    next_at = at + 2 + 12 * struct.unpack("<H", block[at : at + 2])[0]
    looping = block[:next_at] + struct.pack("<I", at) + block[next_at + 4 :]
    start = time.process_time()
    found = probe_bytes(tmp_path, looping if made == "tiff" else make_jpeg(300, 200, exif=looping))
    assert time.process_time() - start < 2
    assert settled_time(found) == SETTLED


def test_probe_of_a_directory_inside_itself_ends(tmp_path: Path) -> None:
    block = tiff_block(Tags(ifd0=(long_entry(0x8769, 8), long_entry(0x8825, 8))))
    found = probe_bytes(tmp_path, make_jpeg(300, 200, exif=block))
    assert settled_time(found) == UNKNOWN_TIME


def test_probe_of_counts_beyond_the_file_is_quick(tmp_path: Path) -> None:
    lies = Tags(
        exif=(Entry(0x9003, ASCII, b"2026:04:25", count=2**32 - 1),),
        gps=(Entry(2, 5, b"\0" * 8, count=2**32 - 1),),
    )
    start = time.process_time()
    found = probe_bytes(tmp_path, make_jpeg(300, 200, more=lies))
    assert time.process_time() - start < 2
    assert (found.width, settled_place(found)) == (300, None)


def test_probe_of_thousands_of_tags_keeps_a_few(tmp_path: Path) -> None:
    block = tiff_block(Tags(ifd0=tuple(long_entry(0x8000 + n, n) for n in range(5000))))
    found = probe_bytes(tmp_path, make_jpeg(300, 200, exif=block))
    assert len(found.tags) <= 160


BLOCK = tiff_block(make_tags(gps=(40.64, 122.13)))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.lists(st.tuples(st.integers(0, len(BLOCK) - 1), st.integers(0, 255)), max_size=12))
def test_tags_of_a_damaged_block_do_not_raise(
    tmp_path: Path, changes: list[tuple[int, int]]
) -> None:
    damaged = bytearray(BLOCK)
    for at, value in changes:
        damaged[at] = value
    tags = read_block(bytes(damaged))
    assert all(len(value) <= 200 for value in tags.values())


@settings(deadline=2000)
@given(st.binary(max_size=300))
def test_tags_of_any_bytes_do_not_raise(data: bytes) -> None:
    tags = read_block(b"Exif\0\0II*\0\x08\0\0\0" + data)
    assert all(len(value) <= 200 for value in tags.values())


def test_tags_of_many_forged_directories_are_given_up(tmp_path: Path) -> None:
    forged = b"II*\0\x08\0\0\0" + b"\xff\xff" * 30_000
    start = time.process_time()
    assert read_block(forged) == {}
    assert time.process_time() - start < 2
