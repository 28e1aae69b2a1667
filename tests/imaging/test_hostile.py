"""Files that are no pictures, or mean harm: each is refused in words, quickly, and nothing breaks."""

from __future__ import annotations

import struct
import time
import zlib
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from birdwatch.domain.errors import (
    BirdwatchError,
    InvalidInputError,
    TooLargeError,
    UnsupportedMediaError,
)
from birdwatch.imaging.probe import probe
from tests.pictures import Format, Tags, ascii_entry, long_entry, make_image, make_jpeg, short_entry


def refusal(folder: Path, data: bytes, name: str = "picture.jpg") -> BirdwatchError:
    path = folder / name
    path.write_bytes(data)
    with pytest.raises(BirdwatchError) as caught:
        probe(path, max_pixels=100_000_000)
    assert caught.value.text.zh
    assert caught.value.text.en
    return caught.value


def png_of(width: int, height: int) -> bytes:
    """A valid black PNG of any size in few bytes."""

    def chunk(name: bytes, data: bytes) -> bytes:
        body = name + data
        return struct.pack(">I", len(data)) + body + struct.pack(">I", zlib.crc32(body))

    packer = zlib.compressobj(9)
    row = b"\0" * (1 + (width + 7) // 8)
    rows = b"".join(packer.compress(row) for _ in range(height)) + packer.flush()
    header = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        (chunk(b"IHDR", header), chunk(b"IDAT", rows), chunk(b"IEND", b""))
    )


@pytest.mark.parametrize(
    ("data", "what"),
    [
        (b"just some words", "something that is not a picture we know"),
        (b"<html><script>alert(1)</script></html>", "an HTML page"),
        (b'<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"/>', "an SVG drawing"),
        (b"%PDF-1.7\n%\xe2\xe3", "a PDF document"),
        (make_image("gif", 64, 48, exif=b""), "a GIF picture"),
    ],
    ids=["text", "html", "svg", "pdf", "gif"],
)
def test_no_picture_is_refused_whatever_it_is_called(
    tmp_path: Path, data: bytes, what: str
) -> None:
    error = refusal(tmp_path, data, "IMG_0001.jpg")
    assert isinstance(error, UnsupportedMediaError)
    assert (error.code, f"but {what}." in error.text.en) == ("photo.unsupported", True)


def test_empty_file_is_refused(tmp_path: Path) -> None:
    error = refusal(tmp_path, b"")
    assert (type(error), error.code) == (InvalidInputError, "photo.empty")


@pytest.mark.parametrize("share", [0.02, 0.3, 0.9])
@pytest.mark.parametrize("made", ["jpeg", "mpo", "png", "webp", "tiff", "heif", "avif"])
def test_truncated_picture_is_refused(tmp_path: Path, made: Format, share: float) -> None:
    data = make_image(made, 900, 600)
    if made == "mpo":  # its first picture is whole until its own end
        share *= 0.7
    error = refusal(tmp_path, data[: int(len(data) * share)])
    assert isinstance(error, InvalidInputError)
    assert error.code in ("photo.truncated", "photo.undecodable")


def test_truncated_jpeg_is_called_so(tmp_path: Path) -> None:
    data = make_jpeg(900, 600)
    error = refusal(tmp_path, data[: len(data) * 9 // 10])
    assert (type(error), error.code) == (InvalidInputError, "photo.truncated")


def test_huge_png_in_few_bytes_is_refused_by_its_header(tmp_path: Path) -> None:
    data = png_of(30_000, 30_000)
    assert len(data) < 500_000
    start = time.process_time()
    error = refusal(tmp_path, data)
    assert time.process_time() - start < 0.5
    assert (type(error), error.code) == (TooLargeError, "photo.too_many_pixels")


@pytest.mark.parametrize("edge", [9_700, 10_001, 14_000])
def test_pixels_are_counted_exactly(tmp_path: Path, edge: int) -> None:
    path = tmp_path / "picture"
    path.write_bytes(png_of(edge, edge))
    if edge <= 10_000:
        assert probe(path, max_pixels=100_000_000).width == edge
        return
    assert refusal(tmp_path, path.read_bytes()).code == "photo.too_many_pixels"


def test_wrong_extension_is_of_no_account(tmp_path: Path) -> None:
    path = tmp_path / "picture.png"
    path.write_bytes(make_jpeg(300, 200))
    assert probe(path).format == "jpeg"


def test_raw_file_in_tiffs_clothes_is_refused(tmp_path: Path) -> None:
    preview = Tags(ifd0=(long_entry(254, 1), long_entry(330, 8)))
    error = refusal(tmp_path, make_image("tiff", 160, 120, more=preview))
    assert (error.code, "a camera raw file" in error.text.en) == ("photo.unsupported", True)


def test_tiff_that_claims_more_than_it_has_is_refused(tmp_path: Path) -> None:
    lies = Tags(ifd0=(long_entry(0x0100, 9000), long_entry(0x0101, 9000)))
    error = refusal(tmp_path, make_image("tiff", 160, 120, more=lies))
    assert isinstance(error, InvalidInputError)


@pytest.mark.parametrize(
    "more",
    [
        Tags(ifd0=(short_entry(0x0112, 77),)),
        Tags(ifd0=(ascii_entry(0x0112, "up"),)),
        Tags(exif=(short_entry(0x9003, 1, 2, 3),)),
        Tags(gps=(ascii_entry(2, "forty"), ascii_entry(4, "north"), short_entry(1, 3))),
    ],
)
def test_odd_metadata_never_refuses_a_picture(tmp_path: Path, more: Tags) -> None:
    path = tmp_path / "picture"
    path.write_bytes(make_jpeg(300, 200, more=more))
    found = probe(path)
    assert (found.width, found.height) == (300, 200)


def test_exif_that_is_none_never_refuses_a_picture(tmp_path: Path) -> None:
    path = tmp_path / "picture"
    path.write_bytes(make_jpeg(300, 200, exif=b"this is no TIFF structure"))
    found = probe(path)
    assert (found.width, found.tags) == (300, {})


SMALL = {made: make_image(made, 64, 48) for made in ("jpeg", "png", "webp", "tiff", "avif")}


@settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=150
)
@given(
    st.sampled_from(sorted(SMALL)),
    st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.integers(0, 255)), max_size=20),
)
def test_damaged_picture_is_taken_or_refused_in_words(
    tmp_path: Path, made: str, changes: list[tuple[float, int]]
) -> None:
    damaged = bytearray(SMALL[made])
    for where, value in changes:
        damaged[int(where * len(damaged))] = value
    path = tmp_path / "picture"
    path.write_bytes(damaged)
    try:
        found = probe(path, max_pixels=1_000_000)
    except BirdwatchError:
        return
    assert found.width * found.height <= 1_000_000
