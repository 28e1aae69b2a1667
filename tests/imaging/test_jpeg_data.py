"""A JPEG looked at by its header and its end has the verdict of one that is decoded whole."""

from __future__ import annotations

import os
import random
from io import BytesIO
from typing import Any

import pytest
from PIL import Image

from birdwatch.domain.errors import BirdwatchError
from birdwatch.imaging.jpeg_data import DATA_BYTES, shortened
from birdwatch.imaging.probe import probe_file
from tests.pictures import draw_picture, make_image, make_jpeg

BROKEN = int(os.environ.get("BIRDWATCH_TEST_BROKEN_JPEGS", "400"))
DRAWN = draw_picture(160, 120)
END = b"\xff\xd9"


def saved(picture: Image.Image, **how: Any) -> bytes:
    out = BytesIO()
    picture.save(out, "JPEG", **how)
    return out.getvalue()


BASES = (
    saved(DRAWN),
    saved(DRAWN, quality=95, subsampling=0),
    saved(DRAWN.convert("L")),
    saved(DRAWN.convert("CMYK")),
    saved(DRAWN, restart_marker_blocks=3),
    saved(DRAWN, progressive=True),
    make_image("mpo", 200, 150),
    make_jpeg(200, 150, gps=(40.64, 122.13)),
    saved(draw_picture(48, 900), restart_marker_rows=4),
)


def broken(dice: random.Random) -> bytes:
    """One of many ways to spoil a file: cut, closed early, flipped, marks put in, joined."""
    base = dice.choice(BASES)
    at = dice.randrange(len(base))
    other = dice.choice(BASES)
    flipped = bytearray(base)
    for _ in range(dice.randint(1, 4)):
        flipped[dice.randrange(dice.choice((700, len(base))))] = dice.randrange(256)
    return dice.choice(
        (
            base[:at],
            base[:at] + END,
            base[:at] + dice.randbytes(dice.randrange(400)) + END,
            base[:at] + bytes((0xFF, dice.randrange(256))) + base[at:],
            base[:at] + base[at + dice.randrange(1, 300) :],
            base[:at] + other[dice.randrange(len(other)) :],
            base[:-2] + dice.choice((b"", b"\xff", b"\0\0", b"\xff\xda\0\x0c", b"\xff\xe1\0\1")),
            bytes(flipped),
        )
    )


def verdict(data: bytes) -> object:
    try:
        return probe_file(BytesIO(data))
    except BirdwatchError as error:
        return error.code


def test_verdict_is_that_of_decoding_it_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    dice = random.Random(2026)
    files = [broken(dice) for _ in range(BROKEN)]
    judged = [verdict(data) for data in files]
    monkeypatch.setattr("birdwatch.imaging.probe.shortened", lambda file: None)
    assert judged == [verdict(data) for data in files]


@pytest.mark.parametrize(("height", "rows"), [(400, 400), (512, 512), (900, 512)])
def test_usual_photo_is_decoded_by_its_beginning(height: int, rows: int) -> None:
    noise = random.Random(1).randbytes(3 * 600 * height)
    photo = saved(Image.frombytes("RGB", (600, height), noise), quality=95)
    frame_at = photo.index(b"\xff\xc0")
    wanted = bytearray(photo)
    wanted[frame_at + 5 : frame_at + 7] = rows.to_bytes(2, "big")
    short = shortened(BytesIO(photo))
    assert short is not None
    data_at = len(short) - DATA_BYTES - len(END)
    assert short == bytes(wanted[: data_at + DATA_BYTES]) + END
    assert photo[data_at - 3 : data_at] == b"\0\x3f\0"  # the last bytes of the header of its scan


@pytest.mark.parametrize("rows", [0, 1, 65_500, 65_501, 65_535])
def test_verdict_on_any_height_is_that_of_decoding_it_whole(
    rows: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    photo = bytearray(saved(Image.new("RGB", (16, 16))))
    at = photo.index(b"\xff\xc0") + 5
    photo[at : at + 2] = rows.to_bytes(2, "big")
    judged = verdict(bytes(photo))
    monkeypatch.setattr("birdwatch.imaging.probe.shortened", lambda file: None)
    assert judged == verdict(bytes(photo))


def test_photo_of_several_scans_is_decoded_whole() -> None:
    assert shortened(BytesIO(saved(DRAWN, progressive=True))) is None


def test_photo_without_its_end_is_decoded_whole() -> None:
    photo = saved(DRAWN)
    assert [shortened(BytesIO(data)) for data in (photo[:-2], photo[:-1], photo[:900], b"")] == [
        None
    ] * 4


def test_end_is_found_across_the_edges_of_reading(monkeypatch: pytest.MonkeyPatch) -> None:
    photo = saved(DRAWN, restart_marker_blocks=3)
    whole = shortened(BytesIO(photo))
    for size in (1, 2, 3, 7, 1000):
        monkeypatch.setattr("birdwatch.imaging.jpeg_data.READ_BYTES", size)
        assert shortened(BytesIO(photo)) == whole
        assert shortened(BytesIO(photo[:-1])) is None
