from __future__ import annotations

import base64

import pytest
from PIL import Image
from thumbhash import rgba_to_thumb_hash  # type: ignore[import-untyped]

from birdwatch.web.pictures import average_colour


def test_average_colour_is_sand_where_there_is_no_thumbhash() -> None:
    assert [average_colour(one) for one in (None, "", "AA", "not base64!")] == ["#c9c2b6"] * 4


@pytest.mark.parametrize("colour", [(200, 60, 40), (30, 90, 160), (250, 248, 244), (10, 12, 14)])
def test_average_colour_reads_the_head_of_a_thumbhash(colour: tuple[int, int, int]) -> None:
    picture = Image.new("RGBA", (32, 24), (*colour, 255))
    thumbhash = base64.b64encode(bytes(rgba_to_thumb_hash(32, 24, picture.tobytes()))).decode()
    made = average_colour(thumbhash)
    read = tuple(int(made[place : place + 2], 16) for place in (1, 3, 5))
    assert all(abs(a - b) <= 10 for a, b in zip(read, colour, strict=True)), (read, colour)
