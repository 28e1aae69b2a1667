from __future__ import annotations

import base64

import pytest
from PIL import Image
from thumbhash import rgba_to_thumb_hash

from birdwatch.web.pictures import average_colour, headline


def test_average_colour_is_sand_where_there_is_no_thumbhash() -> None:
    assert [average_colour(one) for one in (None, "", "AA", "not base64!")] == ["#c9c2b6"] * 4


@pytest.mark.parametrize("colour", [(200, 60, 40), (30, 90, 160), (250, 248, 244), (10, 12, 14)])
def test_average_colour_reads_the_head_of_a_thumbhash(colour: tuple[int, int, int]) -> None:
    picture = Image.new("RGBA", (32, 24), (*colour, 255))
    thumbhash = base64.b64encode(bytes(rgba_to_thumb_hash(32, 24, picture.tobytes()))).decode()
    made = average_colour(thumbhash)
    read = tuple(int(made[place : place + 2], 16) for place in (1, 3, 5))
    assert all(abs(a - b) <= 10 for a, b in zip(read, colour, strict=True)), (read, colour)


@pytest.mark.parametrize(
    ("caption", "longest", "title"),
    [
        ("海上日落时的鸟群", 24, "海上日落时的鸟群"),
        ("潮水退去，黑嘴鸥歇息。远处是红海滩。", 24, "潮水退去，黑嘴鸥歇息"),
        ("4月25日傍晚，大滨鹬在大辽河入海口四道沟滩涂上空集群飞行。", 24, ""),
        ("The flock at sunset. It came at 18.21.", 60, "The flock at sunset"),
        ("About 3.2 thousand knots", 60, "About 3.2 thousand knots"),
        ("Who comes?\nKnots.", 60, "Who comes?"),
        ("", 24, ""),
    ],
)
def test_headline_is_the_first_sentence_where_it_is_short(
    caption: str, longest: int, title: str
) -> None:
    assert headline(caption, longest) == title
