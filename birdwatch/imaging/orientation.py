"""Which way is up: the EXIF orientation, and the turn that makes a picture upright."""

from __future__ import annotations

from typing import Final

from PIL import Image

from birdwatch.imaging.opening import PARSER_FAILURES

ORIENTATION_TAG: Final = 0x0112
_TURNS: Final = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


def read_orientation(picture: Image.Image, picture_format: str) -> int:
    """1 to 8; 1 where the picture is upright or does not say.

    HEIF containers turn their pixels themselves, so the EXIF beside them is not to be believed.
    """
    if picture_format == "heif":
        return 1
    try:
        value = picture.getexif().get(ORIENTATION_TAG, 1)
    except PARSER_FAILURES:
        return 1
    return value if isinstance(value, int) and value in _TURNS else 1


def is_sideways(orientation: int) -> bool:
    """Whether width and height change places."""
    return orientation >= 5


def upright(picture: Image.Image, orientation: int) -> Image.Image:
    """The picture turned and mirrored as its orientation says."""
    turn = _TURNS.get(orientation)
    return picture if turn is None else picture.transpose(turn)
