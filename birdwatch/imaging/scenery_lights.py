"""The hours of the estuary as colours, and what a picture of it is made of."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from birdwatch.imaging.scenery_birds import Flight

Colour = tuple[int, int, int]
Ground = Literal["sea", "flat", "shallows"]


@dataclass(frozen=True, slots=True)
class Scene:
    """One picture. Fractions are of the width or the height; `scale` is a bird's reach in pixels.

    `sun` is (x, y) with y as a fraction of the height, below the horizon: only its glow is seen.
    """

    seed: int
    light: str
    width: int = 2400
    height: int = 1600
    horizon: float = 0.68
    sun: tuple[float, float] | None = None
    ground: Ground = "sea"
    flight: Flight = "wave"
    birds: int = 1500
    scale: float = 13.0
    standing: int = 0
    standing_scale: float = 20.0


@dataclass(frozen=True, slots=True)
class Light:
    """The light of an hour: colours from the zenith to the horizon, and of what lies below."""

    sky: tuple[tuple[float, Colour], ...]
    mud: Colour
    water: Colour  # what the water adds to the sky it mirrors
    bird: Colour
    bird_lit: Colour
    sun: Colour
    disc: float = 0.0  # of the width; 0: no disc to be seen
    halo: float = 0.0
    cloud: float = 0.0
    cloud_lit: Colour = (255, 255, 255)
    cloud_shade: Colour = (120, 120, 130)
    mirror: float = 0.8
    glitter: int = 0
    haze: int = 60
    lit_share: float = 0.12


LIGHTS: dict[str, Light] = {
    "dawn": Light(
        sky=(
            (0, (62, 92, 136)),
            (0.35, (126, 148, 178)),
            (0.62, (206, 180, 176)),
            (0.82, (246, 196, 156)),
            (1, (255, 222, 182)),
        ),
        mud=(72, 62, 62),
        water=(44, 56, 80),
        bird=(40, 38, 48),
        bird_lit=(255, 232, 214),
        sun=(255, 218, 168),
        disc=0.017,
        halo=0.75,
        cloud=0.5,
        cloud_lit=(255, 202, 168),
        cloud_shade=(128, 128, 154),
        glitter=900,
        lit_share=0.2,
    ),
    "gold": Light(
        sky=(
            (0, (84, 66, 62)),
            (0.3, (146, 92, 56)),
            (0.6, (222, 140, 58)),
            (0.85, (252, 186, 84)),
            (1, (255, 214, 128)),
        ),
        mud=(52, 38, 28),
        water=(56, 34, 18),
        bird=(30, 20, 16),
        bird_lit=(255, 214, 140),
        sun=(255, 226, 150),
        disc=0.026,
        halo=1.0,
        cloud=0.35,
        cloud_lit=(255, 196, 110),
        cloud_shade=(104, 68, 52),
        glitter=1500,
        lit_share=0.05,
    ),
    "noon": Light(
        sky=(
            (0, (64, 122, 178)),
            (0.45, (122, 170, 206)),
            (0.8, (190, 212, 220)),
            (1, (222, 228, 222)),
        ),
        mud=(118, 104, 88),
        water=(28, 58, 78),
        bird=(66, 58, 54),
        bird_lit=(250, 248, 242),
        sun=(255, 252, 240),
        cloud=0.7,
        cloud_lit=(252, 252, 250),
        cloud_shade=(158, 176, 194),
        mirror=0.72,
        lit_share=0.42,
    ),
    "storm": Light(
        sky=(
            (0, (44, 52, 62)),
            (0.4, (78, 88, 96)),
            (0.75, (132, 138, 136)),
            (0.93, (202, 194, 172)),
            (1, (222, 210, 180)),
        ),
        mud=(62, 58, 54),
        water=(30, 38, 44),
        bird=(26, 28, 32),
        bird_lit=(244, 242, 232),
        sun=(236, 222, 188),
        cloud=1.0,
        cloud_lit=(174, 174, 166),
        cloud_shade=(40, 48, 58),
        mirror=0.7,
        haze=80,
        lit_share=0.5,
    ),
    "dusk": Light(
        sky=(
            (0, (36, 38, 78)),
            (0.3, (92, 62, 104)),
            (0.58, (186, 88, 94)),
            (0.82, (240, 138, 84)),
            (1, (254, 190, 112)),
        ),
        mud=(42, 34, 42),
        water=(30, 24, 50),
        bird=(24, 20, 30),
        bird_lit=(255, 190, 150),
        sun=(255, 198, 120),
        disc=0.03,
        halo=0.85,
        cloud=0.55,
        cloud_lit=(255, 140, 104),
        cloud_shade=(76, 54, 92),
        glitter=1300,
        lit_share=0.04,
    ),
    "moon": Light(
        sky=(
            (0, (8, 14, 34)),
            (0.45, (22, 36, 66)),
            (0.8, (52, 72, 104)),
            (1, (96, 112, 136)),
        ),
        mud=(16, 20, 30),
        water=(8, 14, 30),
        bird=(8, 10, 18),
        bird_lit=(188, 204, 224),
        sun=(232, 236, 232),
        disc=0.02,
        halo=0.42,
        cloud=0.45,
        cloud_lit=(122, 140, 166),
        cloud_shade=(18, 26, 48),
        glitter=1100,
        haze=40,
        lit_share=0.06,
    ),
    "mist": Light(
        sky=(
            (0, (158, 172, 182)),
            (0.5, (196, 204, 206)),
            (0.85, (226, 226, 220)),
            (1, (238, 234, 224)),
        ),
        mud=(134, 130, 124),
        water=(112, 124, 132),
        bird=(74, 78, 84),
        bird_lit=(250, 250, 248),
        sun=(255, 248, 228),
        disc=0.02,
        halo=0.4,
        mirror=0.86,
        haze=150,
        lit_share=0.12,
    ),
    "silver": Light(
        sky=(
            (0, (96, 108, 122)),
            (0.4, (150, 160, 170)),
            (0.8, (214, 214, 208)),
            (1, (244, 238, 222)),
        ),
        mud=(54, 54, 56),
        water=(36, 46, 58),
        bird=(32, 34, 40),
        bird_lit=(252, 250, 244),
        sun=(255, 250, 232),
        halo=0.7,
        cloud=0.8,
        cloud_lit=(246, 242, 232),
        cloud_shade=(104, 114, 126),
        glitter=1800,
        lit_share=0.16,
    ),
}
