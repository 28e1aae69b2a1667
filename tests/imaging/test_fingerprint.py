"""The fingerprint: alike for what looks alike, far for what does not, the same for every format."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path

import pytest
from PIL import Image, ImageEnhance

from birdwatch.imaging.fingerprint import fingerprint
from birdwatch.imaging.renditions import FIRST_SIZES, LATER_SIZES, render
from tests.pictures import draw_picture, make_image


def apart(one: str, other: str) -> int:
    return (int(one, 16) ^ int(other, 16)).bit_count()


def noise(seed: int) -> Image.Image:
    return draw_picture(240, 160, seed).getchannel(0)


def test_fingerprint_is_sixteen_hex_digits_of_rising_and_falling_light() -> None:
    rising = Image.linear_gradient("L").rotate(90)
    falling = Image.linear_gradient("L").rotate(-90)
    assert fingerprint(rising) == "f" * 16
    assert fingerprint(falling) == "0" * 16
    assert fingerprint(Image.new("RGB", (1, 1))) == "0" * 16


def test_fingerprint_bears_light_size_and_compression() -> None:
    picture = draw_picture(900, 600, 3)
    wanted = fingerprint(picture)
    squeezed = BytesIO()
    picture.save(squeezed, "JPEG", quality=30)
    for other in (
        ImageEnhance.Brightness(picture).enhance(0.8),
        picture.resize((300, 200)),
        Image.open(squeezed),
        picture.crop((4, 3, 896, 597)),
    ):
        assert apart(wanted, fingerprint(other)) <= 8


def test_fingerprints_of_different_pictures_are_far_apart() -> None:
    prints = [fingerprint(noise(seed)) for seed in range(12)]
    pairs = [(one, other) for n, one in enumerate(prints) for other in prints[:n]]
    assert min(apart(*pair) for pair in pairs) > 10


def test_fingerprint_sees_the_picture_upright(tmp_path: Path) -> None:
    picture = draw_picture(600, 400, 5)
    for name, data in (
        ("plain", make_image("jpeg", picture=picture)),
        ("turned", make_image("jpeg", picture=picture.rotate(90, expand=True), orientation=6)),
    ):
        (tmp_path / name).write_bytes(data)
    prints = [render(tmp_path / name, tmp_path).fingerprint for name in ("plain", "turned")]
    assert apart(*prints) <= 4


@pytest.mark.parametrize("edge", [250, 700, 1500, 3000])
def test_renditions_in_two_passes_are_those_of_one(tmp_path: Path, edge: int) -> None:
    source, first, later, whole = (tmp_path / name for name in ("source", "1", "2", "all"))
    source.write_bytes(make_image("jpeg", edge, edge * 2 // 3))
    for folder in (first, later, whole):
        folder.mkdir()
    at_once = render(source, whole)
    begun = render(source, first, sizes=FIRST_SIZES)
    ended = render(first / "2048.jpg", later, sizes=LATER_SIZES)
    assert (ended.thumbhash, ended.fingerprint) == ("", "")  # the first ones brought them
    both = sorted((*begun.renditions, *ended.renditions), key=lambda made: int(made.key))
    shape = [(made.key, made.width, made.height, made.format) for made in both]
    wanted = [(made.key, made.width, made.height, made.format) for made in at_once.renditions]
    assert shape == wanted
    assert apart(begun.fingerprint, at_once.fingerprint) <= 2
