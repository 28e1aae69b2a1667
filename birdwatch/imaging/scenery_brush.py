"""The brushes of the drawn pictures: gradients, smooth noise, masks and added light."""

from __future__ import annotations

from itertools import pairwise
from random import Random

from PIL import Image, ImageChops

from birdwatch.imaging.scenery_lights import Colour


def mix(a: Colour, b: Colour, t: float) -> Colour:
    """The colour a share `t` of the way from `a` to `b`."""
    return (
        round(a[0] + (b[0] - a[0]) * t),
        round(a[1] + (b[1] - a[1]) * t),
        round(a[2] + (b[2] - a[2]) * t),
    )


def graded(stops: tuple[tuple[float, Colour], ...], width: int, height: int) -> Image.Image:
    """A vertical gradient through colours, without bands: made small, and enlarged smoothly."""
    strip = Image.new("RGB", (1, 64))
    for y in range(64):
        t = y / 63
        for (low, a), (high, b) in pairwise(stops):
            if low <= t <= high:
                strip.putpixel((0, y), mix(a, b, (t - low) / (high - low)))
                break
    strip = strip.resize((1, height), Image.Resampling.BICUBIC)
    return strip.resize((width, height))


def noise(rng: Random, width: int, height: int) -> Image.Image:
    """Grey values without any order, mode L."""
    return Image.frombytes("L", (width, height), rng.randbytes(width * height))


def clouds(rng: Random, width: int, height: int, cell: int, stretch: float) -> Image.Image:
    """Smooth noise of several sizes, drawn out sideways as cloud and sand are."""
    total = Image.new("L", (width, height), 128)
    share = 0.55
    while cell >= 3:
        small = (max(2, int(width / cell / stretch)) + 2, max(2, height // cell) + 2)
        layer = noise(rng, *small).resize((width, height), Image.Resampling.BICUBIC)
        total = Image.blend(total, layer, share)
        share *= 0.62
        cell //= 2
    return total


def curve(low: int, high: int, top: int = 255) -> list[int]:
    """A table for point(): nothing below `low`, `top` above `high`, a soft step between."""
    table = []
    for value in range(256):
        t = min(1.0, max(0.0, (value - low) / (high - low)))
        table.append(int(top * t * t * (3 - 2 * t)))
    return table


def glow(
    size: tuple[int, int], middle: tuple[float, float], reach: tuple[float, float]
) -> Image.Image:
    """A soft round light as a mask: full in the middle, nothing at the radius."""
    disc = ImageChops.invert(Image.radial_gradient("L")).point(curve(75, 255))
    (x, y), (rx, ry) = middle, reach
    mask = Image.new("L", size)
    box = disc.resize((max(2, int(rx * 2)), max(2, int(ry * 2))), Image.Resampling.BICUBIC)
    mask.paste(box, (int(x - rx), int(y - ry)))
    return mask


def add_light(picture: Image.Image, mask: Image.Image, colour: Colour, share: float) -> Image.Image:
    """The picture with light of a colour added where the mask is."""
    lamp = Image.new("RGB", picture.size)
    lamp.paste(mix((0, 0, 0), colour, share), (0, 0), mask)
    return ImageChops.screen(picture, lamp)
