"""Raw files: the camera's own JPEG serves, and what the container says is believed within bounds."""

from __future__ import annotations

import hashlib
import shutil
import struct
import subprocess
import time
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from birdwatch.domain.errors import BirdwatchError, InvalidInputError, TooLargeError
from birdwatch.imaging.probe import probe
from birdwatch.imaging.raw import open_raw
from birdwatch.imaging.renditions import render
from birdwatch.imaging.sandbox import Sandbox
from birdwatch.imaging.source import open_source
from tests.pictures import make_image, make_jpeg
from tests.raws import MAKERS, RAWS, SENSOR, lossless_jpeg, make_raw, plain_jpeg

SMALL = plain_jpeg(160, 120, seed=1)
LARGE = {kind: plain_jpeg(1200, 800, seed=2) for kind in RAWS}
LARGE["raf"] = make_jpeg(1200, 800, seed=2, gps=(40.6648, 122.1412), make="FUJIFILM", model="X-T4")
FILES = {kind: make_raw(kind, LARGE[kind], SMALL) for kind in RAWS}
EXIFTOOL = shutil.which("exiftool")


def put(folder: Path, data: bytes) -> Path:
    path = folder / "raw"
    path.write_bytes(data)
    return path


@pytest.mark.parametrize("kind", RAWS)
def test_raw_is_known_by_its_content_and_its_largest_jpeg_serves(tmp_path: Path, kind: str) -> None:
    path = put(tmp_path, FILES[kind])
    with path.open("rb") as file:
        source = open_source(file)
        assert (source.format, source.picture.read()) == (kind, LARGE[kind])
    found = probe(path)
    assert (found.format, found.width, found.height) == (kind, 1200, 800)
    result = render(path, tmp_path)
    assert [(one.key, one.width) for one in result.renditions] == [
        ("320", 320), ("800", 800), ("1600", 1200), ("2048", 1200),
    ]  # fmt: skip


@pytest.mark.parametrize("kind", RAWS)
def test_raw_tells_time_place_and_camera(tmp_path: Path, kind: str) -> None:
    found = probe(put(tmp_path, FILES[kind]))
    assert (found.camera.make, found.camera.model) == MAKERS[kind]
    assert found.time_evidence.date_time_original == "2026:04:25 18:21:07"
    assert found.time_evidence.offset_time_original == "+08:00"
    assert found.gps_evidence.latitude_ref == "N"
    assert found.time_evidence.point is not None
    assert found.time_evidence.point.lat == pytest.approx(40.6648, abs=1e-5)
    if kind != "raf":
        assert found.tags["EXIF BodySerialNumber"] == "SERIAL42"


@pytest.mark.parametrize("kind", [kind for kind in RAWS if kind != "raf"])
def test_raw_is_turned_as_its_container_says(tmp_path: Path, kind: str) -> None:
    path = put(tmp_path, make_raw(kind, LARGE[kind], SMALL, orientation=6))
    found = probe(path)
    assert (found.width, found.height) == (800, 1200)
    smallest = render(path, tmp_path).renditions[0]
    assert (smallest.width, smallest.height) == (213, 320)


def test_fuji_raw_is_turned_as_its_jpeg_says(tmp_path: Path) -> None:
    large = make_jpeg(1200, 800, orientation=8)
    assert probe(put(tmp_path, make_raw("raf", large, SMALL))).width == 800


@pytest.mark.skipif(EXIFTOOL is None, reason="exiftool is not installed")
@pytest.mark.parametrize("kind", RAWS)
def test_exiftool_takes_the_same_picture_out(tmp_path: Path, kind: str) -> None:
    path = put(tmp_path, FILES[kind]).rename(tmp_path / f"photo.{kind}")
    taken = []
    for name in ("PreviewImage", "JpgFromRaw", "OtherImage", "ThumbnailImage"):
        done = subprocess.run(
            [EXIFTOOL or "", "-b", f"-{name}", str(path)], capture_output=True, check=False
        )
        taken.append(done.stdout)
    with path.open("rb") as file:
        ours = open_raw(file, kind).jpeg.read()
    assert hashlib.sha256(ours).hexdigest() == hashlib.sha256(max(taken, key=len)).hexdigest()


@pytest.mark.skipif(EXIFTOOL is None, reason="exiftool is not installed")
@pytest.mark.parametrize("kind", RAWS)
def test_exiftool_reads_the_same_time_and_place(tmp_path: Path, kind: str) -> None:
    path = put(tmp_path, FILES[kind]).rename(tmp_path / f"photo.{kind}")
    wanted = ["-DateTimeOriginal", "-OffsetTimeOriginal", "-GPSLatitude", "-Model", "-FileType"]
    done = subprocess.run(
        [EXIFTOOL or "", "-s3", "-n", "-f", *wanted, str(path)], capture_output=True, check=True
    )
    taken, offset, latitude, model, file_type = done.stdout.decode().split("\n")[:5]
    found = probe(path)
    assert (taken, offset) == (
        found.time_evidence.date_time_original,
        found.time_evidence.offset_time_original,
    )
    assert float(latitude) == pytest.approx(40.6648, abs=1e-4)
    assert (model, file_type) == (found.camera.model, kind.upper())


@pytest.mark.anyio
async def test_sandbox_takes_raw_files(tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    async with Sandbox() as sandbox:
        for kind in RAWS:
            path = put(tmp_path, FILES[kind])
            assert await sandbox.probe(path) == probe(path)
        assert len((await sandbox.render(path, out)).renditions) == 4


def test_raw_without_a_picture_is_refused_in_words(tmp_path: Path) -> None:
    sensor = lossless_jpeg(4000, 3000)
    with pytest.raises(InvalidInputError) as caught:
        probe(put(tmp_path, make_raw("dng", sensor, b"no jpeg")))
    assert caught.value.code == "photo.raw_without_picture"
    assert "JPEG" in caught.value.text.zh


def test_raw_with_a_bomb_inside_is_refused_by_its_header(tmp_path: Path) -> None:
    jpeg = bytearray(plain_jpeg(64, 48))
    at = jpeg.index(b"\xff\xc0")
    jpeg[at + 5 : at + 9] = struct.pack(">HH", 60_000, 60_000)
    for kind in RAWS:
        with pytest.raises(TooLargeError) as caught:
            probe(put(tmp_path, make_raw(kind, bytes(jpeg), SMALL)))
        assert caught.value.code == "photo.too_many_pixels"


def test_raw_whose_large_picture_is_cut_off_is_refused(tmp_path: Path) -> None:
    for kind in RAWS:
        path = put(tmp_path, make_raw(kind, LARGE[kind][:4000], SMALL))
        with pytest.raises(InvalidInputError):
            probe(path)


def strip(length: int) -> bytes:
    """The entry of a directory that says how long a strip of the picture is."""
    return struct.pack("<HHII", 0x117, 4, 1, length)


OF_SENSOR = {  # where each format says how long the sensor's data are
    "cr2": (strip(len(lossless_jpeg(9000, 9000))), strip(10_000_000)),
    "nef": (strip(len(SENSOR)), strip(10_000_000)),
    "arw": (strip(len(SENSOR)), strip(10_000_000)),
    "dng": (strip(len(lossless_jpeg(8000, 6000))), strip(10_000_000)),
    "cr3": (struct.pack(">III", 0, len(SENSOR), 1), struct.pack(">III", 0, 10_000_000, 1)),
    "raf": (bytes(60), struct.pack(">IIII", 1000, 8, 2000, 10_000_000) + bytes(44)),
}


@pytest.mark.parametrize("kind", RAWS)
def test_raw_without_all_its_sensor_data_is_a_broken_copy(tmp_path: Path, kind: str) -> None:
    whole, cut = OF_SENSOR[kind]
    data = FILES[kind].replace(whole, cut, 1)
    assert data != FILES[kind]
    with pytest.raises(InvalidInputError) as refused:
        probe(put(tmp_path, data))
    assert refused.value.code == "photo.truncated"


def test_picture_of_a_camera_maker_stays_a_tiff(tmp_path: Path) -> None:
    data = make_image("tiff", 160, 120, make="NIKON CORPORATION", model="NIKON D500")
    assert probe(put(tmp_path, data)).format == "tiff"


def test_circle_of_directories_comes_to_an_end(tmp_path: Path) -> None:
    data = bytearray(FILES["nef"])
    first = struct.unpack_from("<I", data, 4)[0]
    count = struct.unpack_from("<H", data, first)[0]
    struct.pack_into("<I", data, first + 2 + 12 * count, first)
    start = time.process_time()
    assert probe(put(tmp_path, bytes(data))).format == "nef"
    assert time.process_time() - start < 5


def test_forged_counts_are_not_followed(tmp_path: Path) -> None:
    head = b"II*\0\x08\0\0\0"
    many = head + b"\xff\xff" + b"\xfe\0\x04\0\xff\xff\xff\xff\x08\0\0\0" * 65_535
    with pytest.raises(BirdwatchError):
        probe(put(tmp_path, many))
    boxes = struct.pack(">I4s", 8, b"free") * 100_000
    cr3 = struct.pack(">I4s", 16, b"ftyp") + b"crx \0\0\0\x01" + boxes
    with pytest.raises(InvalidInputError):
        probe(put(tmp_path, cr3))


def test_time_of_a_raw_file_is_that_of_the_shutter(tmp_path: Path) -> None:
    data = make_raw("cr3", LARGE["cr3"], SMALL, taken="2025:09:01 05:06:07", gps=None)
    found = probe(put(tmp_path, data))
    assert found.time_evidence.date_time_original == "2025:09:01 05:06:07"
    assert found.gps_evidence.latitude == ""


SMALL_FILES = {
    kind: make_raw(kind, make_jpeg(64, 48, gps=(40.6, 122.1)), plain_jpeg(32, 24)) for kind in RAWS
}


@settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=200
)
@given(
    st.sampled_from(RAWS),
    st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.integers(0, 255)), max_size=20),
    st.floats(0.05, 1),
)
def test_damaged_raw_is_taken_or_refused_in_words(
    tmp_path: Path, kind: str, changes: list[tuple[float, int]], share: float
) -> None:
    damaged = bytearray(SMALL_FILES[kind])
    for where, value in changes:  # most of them where the directories are
        damaged[int(where**3 * len(damaged))] = value
    path = put(tmp_path, bytes(damaged[: int(len(damaged) * share) + 1]))
    try:
        found = probe(path, max_pixels=1_000_000)
    except BirdwatchError:
        return
    assert found.width * found.height <= 1_000_000
