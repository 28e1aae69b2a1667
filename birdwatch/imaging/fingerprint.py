"""A number that alike pictures share: frames of one burst differ in few of its bits.

The difference hash of 64 bits: the picture in 9 x 8 grey cells, one bit for each cell that is
darker than its right neighbour. It looks at shapes, so light and compression change little of it.
"""

from __future__ import annotations

from typing import Final

from PIL import Image

COLUMNS: Final = 8
ROWS: Final = 8
HEX_DIGITS: Final = COLUMNS * ROWS // 4


def fingerprint(picture: Image.Image) -> str:
    """The fingerprint of an upright picture, as 16 hex digits; count different bits to compare."""
    cells = picture.convert("L").resize((COLUMNS + 1, ROWS), Image.Resampling.BOX).tobytes()
    bits = 0
    for row in range(ROWS):
        for column in range(COLUMNS):
            at = row * (COLUMNS + 1) + column
            bits = bits << 1 | (cells[at] < cells[at + 1])
    return f"{bits:0{HEX_DIGITS}x}"
