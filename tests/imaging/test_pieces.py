"""Pictures made of very many pieces are refused before a decoder walks through them; others pass."""

from __future__ import annotations

import struct
from io import BytesIO
from pathlib import Path

import pytest
from PIL import Image

from birdwatch.domain.errors import InvalidInputError
from birdwatch.imaging.pieces import MAX_SIDE_PIECES, check_pieces
from birdwatch.imaging.probe import probe
from tests.bombs import black_png, chunk
from tests.pictures import draw_picture, make_image, make_jpeg
from tests.raws import plain_jpeg


def scanned(picture: Image.Image, scans: int) -> bytes:
    """A progressive JPEG with its last scan repeated."""
    out = BytesIO()
    picture.save(out, "JPEG", progressive=True)
    data = out.getvalue()
    last = data.rindex(b"\xff\xda")
    return data[:-2] + data[last:-2] * scans + data[-2:]


def test_picture_that_is_gone_over_too_often_is_refused(tmp_path: Path) -> None:
    huge = bytearray(scanned(draw_picture(200, 200), 40))
    at = huge.index(b"\xff\xc2")
    huge[at + 5 : at + 9] = struct.pack(">HH", 9_900, 9_900)
    path = tmp_path / "picture"
    path.write_bytes(huge)
    with pytest.raises(InvalidInputError) as caught:
        probe(path)
    assert caught.value.code == "photo.too_many_pieces"


def test_small_picture_may_have_many_scans(tmp_path: Path) -> None:
    path = tmp_path / "picture"
    path.write_bytes(scanned(draw_picture(200, 200), 40))
    assert probe(path).width == 200


def test_scans_are_counted_across_the_edges_of_reading(monkeypatch: pytest.MonkeyPatch) -> None:
    data = scanned(draw_picture(200, 200), 40)
    monkeypatch.setattr("birdwatch.imaging.pieces.MAX_SCANNED_PIXELS", 200 * 200 * 49)
    for size in (1, 2, 3, 7, 1000):
        monkeypatch.setattr("birdwatch.imaging.pieces.READ_BYTES", size)
        with pytest.raises(InvalidInputError):
            check_pieces(BytesIO(data), "jpeg")
    monkeypatch.setattr("birdwatch.imaging.pieces.MAX_SCANNED_PIXELS", 200 * 200 * 51)
    for size in (1, 2, 1000):
        monkeypatch.setattr("birdwatch.imaging.pieces.READ_BYTES", size)
        check_pieces(BytesIO(data), "jpeg")


@pytest.mark.parametrize(
    "data",
    [
        make_jpeg(300, 200),
        make_image("mpo", 300, 200),
        make_image("jpeg", 300, 200, progressive=True),
        plain_jpeg(64, 48) + b"\xff\xda" * 10_000,  # after the end nothing counts
        plain_jpeg(64, 48)[:40],
        b"\xff\xd8",
        b"\xff\xd8\xff\xd9",
    ],
)
def test_usual_and_broken_jpegs_pass(data: bytes) -> None:
    file = BytesIO(data)
    check_pieces(file, "jpeg")
    assert file.tell() == 0


def test_jpeg_of_very_many_segments_is_refused() -> None:
    data = plain_jpeg(64, 48)
    many = data[:2] + b"\xff\xe5\0\2" * (MAX_SIDE_PIECES + 1) + data[2:]
    with pytest.raises(InvalidInputError):
        check_pieces(BytesIO(many), "jpeg")


def test_png_of_very_many_chunks_is_refused() -> None:
    check_pieces(BytesIO(black_png(64, 48, *[chunk(b"teSt", b"")] * 100)), "png")
    with pytest.raises(InvalidInputError):
        check_pieces(BytesIO(black_png(64, 48, *[chunk(b"teSt", b"")] * 6000)), "png")
    with pytest.raises(InvalidInputError):
        check_pieces(BytesIO(black_png(64, 48, *[chunk(b"IDAT", b"")] * 60_000)), "png")
