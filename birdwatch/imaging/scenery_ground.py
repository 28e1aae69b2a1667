"""What lies below the horizon: ripples, pools that mirror the sky, bars of mud, a far shore."""

from __future__ import annotations

import math
from random import Random

from PIL import Image, ImageChops, ImageDraw, ImageFilter

from birdwatch.imaging.scenery_brush import add_light, clouds, curve, graded, mix, noise
from birdwatch.imaging.scenery_lights import Light, Scene

FOCAL = 0.9  # of the lens, in picture widths


def _in_perspective(
    texture: Image.Image, width: int, height: int, texel: float, *, blank: int
) -> Image.Image:
    """Lay a texture on the ground before a long lens.

    `texel` is the width of its pixels at the lower edge; distance presses them flat towards the
    horizon, as it does with real ripples. Beyond its far edge is `blank`.
    """
    eps = 1.5  # of a pixel below the horizon, where the plane is infinitely far
    reach = (height + eps) / texel
    across, middle = texture.width / 2, width / 2
    depth = FOCAL * width * reach
    data = (
        reach / eps,
        across / eps,
        (-reach * middle + across * eps) / eps,
        0.0,
        0.0,
        depth / eps,
        0.0,
        1 / eps,
    )
    how, size = Image.Resampling.BICUBIC, (width, height)
    return texture.transform(size, Image.Transform.PERSPECTIVE, data, how, fillcolor=blank)


def _fade(width: int, height: int, first: float, full: float) -> Image.Image:
    """A mask that is nothing down to `first` of the height and everything from `full`."""
    stops = ((0.0, (0,) * 3), (first, (0,) * 3), (full, (255,) * 3), (1.0, (255,) * 3))
    return graded(stops, width, height).convert("L")


def _ripples(rng: Random, width: int, height: int) -> Image.Image:
    """Light and dark of moving water around 128, finer towards the horizon."""
    total = Image.new("L", (width, height), 128)
    for texel, first, full in (
        (120, 0.0, 0.05),
        (50, 0.02, 0.12),
        (24, 0.06, 0.3),
        (11, 0.12, 0.6),
    ):
        texture = noise(rng, 1024, 1024).filter(ImageFilter.GaussianBlur(0.8))
        texture = texture.point([max(0, min(255, int(128 + (v - 128) * 1.7))) for v in range(256)])
        layer = _in_perspective(texture, width, height, texel, blank=128)
        half = Image.blend(total, layer, 0.5)
        total = Image.composite(half, total, _fade(width, height, first + 0.001, full))
    return total


def paint_ground(rng: Random, scene: Scene, light: Light, sky: Image.Image) -> Image.Image:
    """The ground of a scene under its sky, of the width of the picture."""
    width, height = scene.width // 2, (scene.height - sky.height + 1) // 2
    mirrored = sky.transpose(Image.Transpose.FLIP_TOP_BOTTOM)
    share = min(mirrored.height, int((scene.height - sky.height) * 1.25))
    mirrored = mirrored.crop((0, 0, scene.width, share)).resize((width, height))
    ripples = _ripples(rng, width, height)
    water = _paint_water(rng, scene, light, mirrored, ripples)
    if scene.ground != "sea":
        water = _paint_mud(rng, scene, light, water, ripples)
    else:
        water = _paint_bars(rng, light, water, ripples)
    size = (scene.width, scene.height - sky.height)
    return water.resize(size, Image.Resampling.BICUBIC)


def _paint_water(
    rng: Random, scene: Scene, light: Light, mirrored: Image.Image, ripples: Image.Image
) -> Image.Image:
    width, height = mirrored.size
    calm = {"sea": 0.55, "flat": 0.14, "shallows": 0.24}[scene.ground]
    mirrored = _shaken(rng, mirrored, 26 * calm)
    deep = Image.new("RGB", mirrored.size, light.water)
    depth = graded(((0, (255,) * 3), (1, (int(255 * (light.mirror - 0.22)),) * 3)), width, height)
    water = Image.composite(mirrored, deep, depth.convert("L"))
    water = ImageChops.overlay(water, _softened(ripples, calm).convert("RGB"))
    if scene.sun is not None and light.glitter:
        water = _paint_glitter(rng, scene, light, water, calm)
    return water


def _softened(ripples: Image.Image, share: float) -> Image.Image:
    return ripples.point([int(128 + (v - 128) * share * 1.5) & 255 for v in range(256)])


def _shaken(rng: Random, picture: Image.Image, reach: float) -> Image.Image:
    """The mirror image with each line a little out of place, more so nearer the viewer."""
    shaken = picture.copy()
    step = 0.0
    for y in range(picture.height):
        step = step * 0.6 + rng.gauss(0, reach) * (0.15 + y / picture.height)
        line = picture.crop((0, y, picture.width, y + 1))
        shaken.paste(line, (int(step), y))
    return shaken.filter(ImageFilter.GaussianBlur(1.0))


def _paint_glitter(
    rng: Random, scene: Scene, light: Light, water: Image.Image, calm: float
) -> Image.Image:
    """The path of light under the sun: many short bright strokes, wider towards the viewer."""
    sun = scene.sun or (0.5, 0.0)
    width, height = water.size
    mask = Image.new("L", (width * 2, height * 2))
    draw = ImageDraw.Draw(mask)
    for _ in range(int(light.glitter * (0.5 + calm))):
        y = rng.random() ** 1.5
        spread = 0.012 + (0.02 + 0.12 * calm) * y
        x = sun[0] + rng.gauss(0, spread)
        long, thick = (2 + 34 * y) * rng.uniform(0.4, 1.3), 0.7 + 3.4 * y * rng.uniform(0.5, 1)
        cx, cy = x * width * 2, y * height * 2
        fill = int(rng.uniform(70, 230) * (1 - 0.45 * y))
        draw.ellipse((cx - long, cy - thick, cx + long, cy + thick), fill=fill)
    mask = mask.reduce(2)
    water = add_light(water, mask.filter(ImageFilter.GaussianBlur(9)), light.sun, 0.7)
    return add_light(water, mask, light.sun, 0.9)


def _paint_mud(
    rng: Random, scene: Scene, light: Light, water: Image.Image, ripples: Image.Image
) -> Image.Image:
    """A flat at low tide: mud between pools and channels that hold the sky."""
    width, height = water.size
    wet = 112 if scene.ground == "shallows" else 128
    plan = _in_perspective(clouds(rng, 1200, 1500, 56, 1.0), width, height, 24, blank=0)
    mask = plan.point(curve(wet, wet + 7))
    grain = _in_perspective(clouds(rng, 1024, 1024, 12, 1.0), width, height, 13, blank=128)
    grain = Image.blend(grain, ripples, 0.45)
    sheen = graded(
        ((0, mix(light.mud, light.sky[-1][1], 0.6)), (0.25, mix(light.mud, light.sky[-1][1], 0.22)),
         (1, light.mud)),
        width, height,
    )  # fmt: skip
    mud = ImageChops.overlay(sheen, _softened(grain, 0.5).convert("RGB"))
    ridge = ImageChops.subtract(mask, ImageChops.offset(mask, 0, -2), 1, 128)
    mud = ImageChops.overlay(mud, _softened(ridge, 0.35).convert("RGB"))
    far = _fade(width, height, 0.001, 0.09)
    return Image.composite(mud, water, ImageChops.multiply(mask, far))


def _paint_bars(rng: Random, light: Light, water: Image.Image, ripples: Image.Image) -> Image.Image:
    """Bars of mud that the tide has begun to show, low in the picture."""
    width, height = water.size
    plan = _in_perspective(clouds(rng, 1200, 1500, 64, 1.6), width, height, 24, blank=0)
    bars = plan.point(curve(158, 165))
    edge = mix(light.mud, light.sky[-1][1], 0.16)
    mud = graded(((0, edge), (1, light.mud)), width, height)
    mud = ImageChops.overlay(mud, _softened(ripples, 0.3).convert("RGB"))
    return Image.composite(mud, water, ImageChops.multiply(bars, _fade(width, height, 0.04, 0.12)))


def paint_shore(rng: Random, picture: Image.Image, light: Light, horizon: int) -> None:
    """What stands on the horizon: a low far shore, perhaps turbines or a boat, in the haze."""
    width = picture.width
    far = Image.new("L", (width * 2, 160))
    draw = ImageDraw.Draw(far)
    y, points = 10.0, [(0.0, 160.0)]
    start, end = sorted((rng.uniform(-0.4, 0.6), rng.uniform(0.4, 1.4)))
    for x in range(int(start * width * 2), int(end * width * 2), 24):
        y = max(2.0, min(22.0, y + rng.gauss(0, 1.6)))
        points.append((x, 148 - y))
    draw.polygon([(points[1][0], 150), *points[1:], (points[-1][0], 150)], fill=light.haze + 30)
    if rng.random() < 0.4:
        for _ in range(rng.randint(3, 8)):
            _draw_turbine(rng, draw, rng.uniform(start, end) * width * 2, light.haze + 45)
    if rng.random() < 0.3:
        _draw_boat(draw, rng.uniform(0.1, 0.9) * width * 2, light.haze + 110)
    mask = far.reduce(2)
    shade = mix(light.mud, light.sky[-1][1], 0.25)
    picture.paste(shade, (0, horizon - 74), mask)
    blur = picture.crop((0, horizon - 3, width, horizon + 4)).filter(ImageFilter.GaussianBlur(1.6))
    picture.paste(blur, (0, horizon - 3))


def _draw_turbine(rng: Random, draw: ImageDraw.ImageDraw, x: float, fill: int) -> None:
    top = rng.uniform(58, 84)
    draw.line((x, 148, x, top), fill=fill, width=3)
    turn = rng.uniform(0, 2 * math.pi / 3)
    for blade in range(3):
        angle = turn + blade * 2 * math.pi / 3
        tip = (x + 30 * math.sin(angle), top - 30 * math.cos(angle))
        draw.line((x, top, *tip), fill=fill, width=2)


def _draw_boat(draw: ImageDraw.ImageDraw, x: float, fill: int) -> None:
    draw.polygon(((x - 44, 138), (x + 50, 136), (x + 38, 149), (x - 36, 149)), fill=fill)
    draw.rectangle((x - 20, 122, x + 4, 138), fill=fill)
    draw.line((x + 14, 138, x + 14, 104), fill=fill, width=2)
