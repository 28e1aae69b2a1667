"""What a template needs to place a picture: its sources, its shape, its colour while it loads."""

from __future__ import annotations

import base64
import binascii
import re

from birdwatch.domain.photo import Photo, Rendition, rendition_url

SMALLEST_RATIO, LARGEST_RATIO = 0.5, 3.0
RATIO_STEP = 0.05
HEADER_BYTES = 3
LEVELS = 63


def srcset(photo: Photo) -> str:
    """`url 320w, url 800w, …` of all renditions, smallest first."""
    return ", ".join(
        f"{rendition_url(photo.id, one)} {one.width}w" for one in _by_width(photo.renditions)
    )


def ratio_class(photo: Photo) -> str:
    """`r-150` for 3:2: the shape in steps of a twentieth, as the style sheet has a class for it."""
    ratio = photo.width / photo.height if photo.height else 1.5
    ratio = min(max(ratio, SMALLEST_RATIO), LARGEST_RATIO)
    return f"r-{round(ratio / RATIO_STEP) * 5:03d}"


def average_colour(thumbhash: str | None) -> str:
    """The mean colour a thumbhash opens with, as #rrggbb; sand where there is none."""
    try:
        head = base64.b64decode(thumbhash or "", validate=True)[:HEADER_BYTES]
    except (binascii.Error, ValueError):
        head = b""
    if len(head) < HEADER_BYTES:
        return "#c9c2b6"
    bits = int.from_bytes(head, "little")
    light = (bits & LEVELS) / LEVELS
    p = ((bits >> 6) & LEVELS) / 31.5 - 1
    q = ((bits >> 12) & LEVELS) / 31.5 - 1
    blue = light - 2 / 3 * p
    red = (3 * light - blue + q) / 2
    green = red - q
    return "#" + "".join(
        f"{round(255 * min(max(one, 0.0), 1.0)):02x}" for one in (red, green, blue)
    )


def headline(caption: str, longest: int) -> str:
    """The first sentence of a caption where it is short enough to stand as a title, else ''."""
    first = re.split(r"(?<=[。！？])|(?<=[.!?])\s|\n", caption.strip(), maxsplit=1)[0].strip()
    return first.rstrip("。.") if 0 < len(first) <= longest else ""


def _by_width(renditions: tuple[Rendition, ...]) -> list[Rendition]:
    return sorted(renditions, key=lambda one: (one.width, one.key))
