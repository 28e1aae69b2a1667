from __future__ import annotations

import pytest

from birdwatch.domain.photo import Camera


@pytest.mark.parametrize(
    ("make", "model", "name"),
    [
        ("NIKON CORPORATION", "Z 9", "NIKON CORPORATION Z 9"),
        ("Canon", "Canon EOS R5", "Canon EOS R5"),
        ("SONY", "", "SONY"),
        ("", "X-T5", "X-T5"),
        ("", "", ""),
    ],
)
def test_camera_is_named_without_saying_its_make_twice(make: str, model: str, name: str) -> None:
    assert Camera(make=make, model=model).name == name
