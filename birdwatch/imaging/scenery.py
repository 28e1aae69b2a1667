"""Pictures the project draws itself: flocks over mudflat and sea, for the demonstration season.

Everything is made with Pillow: a sky of graded light and lit cloud, a ground laid out in true
perspective (ripples, pools that mirror the sky, bars of mud), and birds drawn at twice the size and
reduced. The same scene gives the same picture.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from random import Random

from PIL import Image, ImageChops, ImageDraw, ImageFilter

from birdwatch.domain.photo import Camera
from birdwatch.domain.place import Point
from birdwatch.imaging.scenery_birds import Bird, Pose, flock, flying_poses, roost, standing_poses
from birdwatch.imaging.scenery_brush import add_light, clouds, curve, glow, graded, mix, noise
from birdwatch.imaging.scenery_ground import paint_ground, paint_shore
from birdwatch.imaging.scenery_lights import LIGHTS, Light, Scene

__all__ = ["LIGHTS", "Scene", "Shot", "paint", "write_picture"]


@dataclass(frozen=True, slots=True)
class Shot:
    """What the camera writes beside the picture. `taken` carries the local offset."""

    taken: datetime
    point: Point
    camera: Camera = field(default_factory=Camera)
    direction_deg: float = 180.0


def paint(scene: Scene) -> Image.Image:
    """The picture of a scene, RGB."""
    rng = Random(scene.seed)  # noqa: S311  a picture, not a secret
    light = _varied(rng, LIGHTS[scene.light])
    sky_height = int(scene.height * scene.horizon)
    sky = _paint_sky(rng, scene, light, sky_height)
    picture = Image.new("RGB", (scene.width, scene.height))
    picture.paste(sky, (0, 0))
    picture.paste(paint_ground(rng, scene, light, sky), (0, sky_height))
    paint_shore(rng, picture, light, sky_height)
    if scene.sun is not None and light.halo:
        picture = _paint_bloom(picture, scene, light)
    picture = _paint_birds(rng, picture, scene, light)
    return _finish(rng, picture)


def _varied(rng: Random, light: Light) -> Light:
    """The same hour on another day: a little warmer or colder, clearer or more veiled."""
    warmth, lift = rng.uniform(-0.07, 0.07), rng.uniform(-0.06, 0.09)
    red, green, blue = 1 + lift + warmth, 1 + lift, 1 + lift - warmth
    shift = rng.uniform(-0.07, 0.07)
    sky = []
    for place, (r, g, b) in light.sky:
        moved = place if place in (0, 1) else min(0.97, max(0.03, place + shift))
        sky.append(
            (moved, (min(255, int(r * red)), min(255, int(g * green)), min(255, int(b * blue))))
        )
    return replace(light, sky=tuple(sky), cloud=light.cloud * rng.uniform(0.6, 1.25))


def write_picture(scene: Scene, shot: Shot, path: Path) -> None:
    """Paint a scene and write it as a JPEG with what its camera knew."""
    paint(scene).save(path, "JPEG", quality=88, exif=_exif(shot), comment=b"")


def _paint_sky(rng: Random, scene: Scene, light: Light, height: int) -> Image.Image:
    width, small = scene.width, (scene.width // 3, height // 3)
    sky = graded(light.sky, *small)
    if scene.sun is not None:
        x, y = scene.sun[0] * small[0], scene.sun[1] * scene.height / 3
        wide, halo = width / 3, light.halo or 0.5
        sky = add_light(sky, glow(small, (x, y), (wide * 0.75, wide * 0.4)), light.sun, 0.34 * halo)
        sky = add_light(sky, glow(small, (x, y), (wide * 0.26, wide * 0.22)), light.sun, 0.5 * halo)
    if light.cloud:
        sky = _paint_clouds(rng, sky, light)
    if scene.sun is not None and light.disc:
        sky = add_light(sky, glow(small, (x, y), (wide * 0.1, wide * 0.1)), light.sun, 0.75)
    sky = sky.resize((width, height), Image.Resampling.BICUBIC)
    if scene.sun is not None and light.disc:
        sky = _paint_disc(sky, scene, light)
    return sky


def _paint_clouds(rng: Random, sky: Image.Image, light: Light) -> Image.Image:
    """Cloud banks, lit from below near the horizon and grey above."""
    width, height = sky.size
    body = clouds(
        rng,
        width,
        height,
        int(rng.choice((90, 120)) * (2 if light.cloud >= 0.9 else 1)),
        rng.uniform(2, 4.5),
    )
    cover = int(150 - 34 * light.cloud)
    mask = body.point(curve(cover, cover + 62, int(225 * min(1.0, 0.45 + light.cloud / 2))))
    thin = graded(((0, (255,) * 3), (0.72, (190,) * 3), (1, (40,) * 3)), width, height)
    mask = ImageChops.multiply(mask, thin.convert("L"))
    lit = graded(((0, light.cloud_shade), (1, light.cloud_lit)), width, height)
    edge = ImageChops.subtract(body, ImageChops.offset(body, 0, -9), 1, 128)
    lit = Image.composite(
        Image.new("RGB", lit.size, light.cloud_lit), lit, edge.point(curve(128, 156, 190))
    )
    return Image.composite(lit, sky, mask.filter(ImageFilter.GaussianBlur(1.2)))


def _paint_disc(sky: Image.Image, scene: Scene, light: Light) -> Image.Image:
    """The sun or moon itself, with the clean edge that a long lens gives."""
    sun = scene.sun or (0.5, 0.0)
    radius = light.disc * scene.width / 2 * 1.25
    x, y = sun[0] * scene.width, sun[1] * scene.height
    if y - radius > sky.height:
        return sky
    size = int(radius * 8)
    mask = Image.new("L", (size, size))
    ImageDraw.Draw(mask).ellipse((size / 4, size / 4, size * 0.75, size * 0.75), fill=255)
    mask = mask.reduce(2).filter(ImageFilter.GaussianBlur(radius * 0.03 + 0.8))
    bright = mix(light.sun, (255, 255, 248), 0.8)
    sky.paste(bright, (int(x - size / 4), int(y - size / 4)), mask)
    return sky


def _paint_bloom(picture: Image.Image, scene: Scene, light: Light) -> Image.Image:
    """Light that spills over the horizon and into the lens."""
    sun = scene.sun or (0.5, 0.0)
    small = (scene.width // 8, scene.height // 8)
    x, y = sun[0] * small[0], sun[1] * small[1]
    mask = glow(small, (x, y), (small[0] * 0.34, small[0] * 0.2)).resize(picture.size)
    return add_light(picture, mask, light.sun, 0.3 * light.halo)


def _paint_birds(rng: Random, picture: Image.Image, scene: Scene, light: Light) -> Image.Image:
    size = (scene.width * 2, scene.height * 2)
    dark, lit = Image.new("L", size), Image.new("L", size)
    heading = rng.choice((-1, 1))
    air = flying_poses(rng, 72, heading)
    for bird in flock(rng, scene.flight, scene.birds, scene.horizon, scene.scale):
        is_lit = rng.random() < light.lit_share * (1.9 if bird.turn > 0.62 else 0.25)
        _draw_bird(lit if is_lit else dark, rng.choice(air), bird, scene)
    if scene.standing:
        feet = standing_poses(rng, 48)
        for bird in roost(rng, scene.standing, scene.horizon, scene.standing_scale):
            _draw_standing(dark, rng.choice(feet), bird, scene)
    picture.paste(light.bird, (0, 0), dark.reduce(2))
    picture.paste(light.bird_lit, (0, 0), lit.reduce(2))
    return picture


def _draw_bird(mask: Image.Image, pose: Pose, bird: Bird, scene: Scene) -> None:
    draw = ImageDraw.Draw(mask)
    x, y = bird.x * scene.width * 2, bird.y * scene.height * 2
    reach = bird.size * 2
    for outline in pose:
        draw.polygon([(x + a * reach, y + b * reach) for a, b in outline], fill=bird.alpha)


def _draw_standing(mask: Image.Image, pose: Pose, bird: Bird, scene: Scene) -> None:
    """A bird on the wet flat, and its image beneath it."""
    draw = ImageDraw.Draw(mask)
    x, y = bird.x * scene.width * 2, bird.y * scene.height * 2
    for outline in pose:
        image = [(x + a * bird.size * 2, y - b * bird.size * 1.7) for a, b in outline]
        draw.polygon(image, fill=bird.alpha // 3)
    for outline in pose:
        upright = [(x + a * bird.size * 2, y + b * bird.size * 2) for a, b in outline]
        draw.polygon(upright, fill=bird.alpha)


def _finish(rng: Random, picture: Image.Image) -> Image.Image:
    """The lens and the sensor: darker corners, a little grain."""
    corner = Image.radial_gradient("L").point(curve(120, 330, 120)).resize(picture.size)
    dark = Image.eval(picture, lambda v: int(v * 0.72))
    picture = Image.composite(dark, picture, corner)
    grain = noise(rng, picture.width // 2, picture.height // 2)
    grain = grain.point([int(128 + (v - 128) * 0.032) for v in range(256)]).resize(picture.size)
    return ImageChops.add(picture, Image.merge("RGB", (grain,) * 3), 1, -128)


def _exif(shot: Shot) -> Image.Exif:
    exif, camera = Image.Exif(), shot.camera
    offset = shot.taken.strftime("%z")
    offset = f"{offset[:3]}:{offset[3:]}"
    wall = shot.taken.strftime("%Y:%m:%d %H:%M:%S")
    exif[0x010F], exif[0x0110] = camera.make, camera.model
    exif[0x0112], exif[0x0132] = 1, wall
    exif[0x8769] = {
        0x829A: _exposure(camera.exposure_s),
        0x829D: float(camera.f_number),
        0x8827: int(camera.iso),
        0x9003: wall,
        0x9004: wall,
        0x9010: offset,
        0x9011: offset,
        0x9012: offset,
        0x920A: float(camera.focal_mm),
        0xA434: camera.lens,
    }
    utc = shot.taken.astimezone(UTC)
    exif[0x8825] = {
        1: "N" if shot.point.lat >= 0 else "S",
        2: _sexagesimal(abs(shot.point.lat)),
        3: "E" if shot.point.lon >= 0 else "W",
        4: _sexagesimal(abs(shot.point.lon)),
        7: (float(utc.hour), float(utc.minute), float(utc.second)),
        16: "T",
        17: shot.direction_deg,
        18: "WGS-84",
        29: utc.strftime("%Y:%m:%d"),
    }
    return exif


def _exposure(text: str) -> float:
    over, _, under = text.partition("/")
    return float(over) / float(under or 1)


def _sexagesimal(degrees: float) -> tuple[float, float, float]:
    minutes = degrees % 1 * 60
    return float(int(degrees)), float(int(minutes)), round(minutes % 1 * 60, 4)
