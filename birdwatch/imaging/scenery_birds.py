"""Birds as outlines, and the shapes of flocks: the geometry behind the demonstration pictures.

A flying bird is a small solid (body, two wings bent at the wrist) turned in space and projected, so
that no two poses in a flock look stamped; a standing one is a side view of a long-billed wader.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from random import Random
from typing import Literal

Outline = tuple[tuple[float, float], ...]
Pose = tuple[Outline, ...]  # polygons around (0, 0); a wingspan is about 2
Flight = Literal["wave", "ribbon", "line", "rising", "cloud", "few"]


@dataclass(frozen=True, slots=True)
class Bird:
    """Where a bird is, in fractions of the picture, its size in pixels, and how far it fades."""

    x: float
    y: float
    size: float
    alpha: int
    turn: float  # 0..1 along the flock: which birds bank together


def flying_poses(rng: Random, count: int, heading: float) -> tuple[Pose, ...]:
    """Poses of birds that go much the same way. `heading` -1 flies left, 1 right."""
    return tuple(_flying_pose(rng, heading) for _ in range(count))


def _flying_pose(rng: Random, heading: float) -> Pose:
    flap = math.sin(rng.uniform(0, 2 * math.pi))
    inner = 0.15 + 0.75 * flap
    outer = inner * 0.45 - 0.35 * (1 - flap) * rng.uniform(0.2, 1)
    yaw = rng.gauss(0.5, 0.28)
    roll = rng.gauss(0, 0.35)
    pitch = rng.gauss(0.12, 0.12)
    body = _project(_BODY, yaw, roll, pitch, heading)
    left = _project(_wing(1, inner, outer), yaw, roll, pitch, heading)
    right = _project(_wing(-1, inner, outer), yaw, roll, pitch, heading)
    return body, left, right


_BODY = (
    (0.98, 0.0, -0.05),
    (0.62, 0.035, 0.02),
    (0.5, 0.085, 0.05),
    (0.25, 0.12, 0.07),
    (-0.1, 0.1, 0.04),
    (-0.48, 0.07, 0.0),
    (-0.5, -0.07, 0.0),
    (-0.1, -0.1, -0.08),
    (0.25, -0.12, -0.1),
    (0.5, -0.085, -0.04),
    (0.62, -0.03, -0.04),
)


def _wing(side: int, inner: float, outer: float) -> tuple[tuple[float, float, float], ...]:
    """A long pointed wing: shoulder, wrist, tip, and the trailing edge back to the body."""
    wrist_y, wrist_z = 0.42 * math.cos(inner), 0.42 * math.sin(inner)
    tip_y = wrist_y + 0.66 * math.cos(outer)
    tip_z = wrist_z + 0.66 * math.sin(outer)
    mid_y, mid_z = (wrist_y + tip_y) / 2, (wrist_z + tip_z) / 2
    return (
        (0.26, 0.06 * side, 0.05),
        (0.36, wrist_y * side, wrist_z),
        (0.14, mid_y * side, mid_z),
        (-0.22, tip_y * side, tip_z),
        (-0.12, mid_y * side, mid_z),
        (-0.02, wrist_y * side, wrist_z),
        (-0.08, 0.06 * side, 0.02),
    )


def _project(
    points: tuple[tuple[float, float, float], ...],
    yaw: float,
    roll: float,
    pitch: float,
    heading: float,
) -> Outline:
    cy, sy, cr, sr = math.cos(yaw), math.sin(yaw), math.cos(roll), math.sin(roll)
    cp, sp = math.cos(pitch), math.sin(pitch)
    flat = []
    for x, y, z in points:
        y, z = y * cr - z * sr, y * sr + z * cr  # noqa: PLW2901  the same point, turned
        x, z = x * cp - z * sp, x * sp + z * cp  # noqa: PLW2901
        x, y = x * cy - y * sy, x * sy + y * cy  # noqa: PLW2901
        flat.append((x * heading, -(z * 0.94 - y * 0.34)))
    return tuple(flat)


def standing_poses(rng: Random, count: int) -> tuple[Pose, ...]:
    """Waders on their feet: upright, feeding or asleep, to either side. The feet are at y = 0."""
    return tuple(_standing_pose(rng) for _ in range(count))


def _standing_pose(rng: Random) -> Pose:
    side = rng.choice((-1, 1))
    lean = rng.gauss(0.12, 0.08)
    body = tuple(
        (side * x, y - 0.95 + lean * x)
        for x, y in _ellipse(0.0, 0.0, 0.62, rng.uniform(0.27, 0.34))
    )
    tail = ((side * -0.5, -1.0 - lean), (side * -0.92, -0.86 - lean), (side * -0.4, -0.78 - lean))
    legs = tuple(
        ((x, -0.75), (x + 0.05, -0.75), (x + 0.03 + step, 0.0), (x - 0.02 + step, 0.0))
        for x, step in ((-0.06, rng.uniform(-0.1, 0.1)), (0.1, rng.uniform(-0.1, 0.1)))
    )
    return (body, tail, *legs, *_head(rng, side))


def _head(rng: Random, side: int) -> tuple[Outline, ...]:
    stance = rng.random()
    if stance < 0.3:  # asleep: the bill under the back feathers
        return (tuple((side * x, y) for x, y in _ellipse(0.38, -1.2, 0.2, 0.17)),)
    if stance < 0.65:  # feeding: the bill towards the mud
        x, y, tip = 0.72, -0.95, (1.02, -0.2)
    else:
        x, y, tip = 0.6, -1.42, (1.3, -1.3)
    head = tuple((side * a, b) for a, b in _ellipse(x, y, 0.17, 0.15))
    neck = tuple((side * a, b) for a, b in ((0.3, -1.15), (x, y - 0.1), (x + 0.1, y), (0.5, -0.8)))
    bill = tuple((side * a, b) for a, b in ((x + 0.1, y - 0.06), tip, (x + 0.08, y + 0.06)))
    return head, neck, bill


def _ellipse(x: float, y: float, rx: float, ry: float, corners: int = 14) -> Outline:
    step = 2 * math.pi / corners
    return tuple((x + rx * math.cos(i * step), y + ry * math.sin(i * step)) for i in range(corners))


def flock(rng: Random, kind: Flight, count: int, horizon: float, scale: float) -> list[Bird]:
    """Birds in the air, farthest first. `horizon` is the fraction of the height that is sky."""
    shape = {
        "wave": _wave,
        "ribbon": _ribbon,
        "line": _lines,
        "rising": _rising,
        "cloud": _cloud,
        "few": _few,
    }[kind]
    birds = []
    for x, y, depth, turn in shape(rng, count, horizon):
        if -0.03 < x < 1.03 and -0.03 < y < horizon + 0.015:
            size = scale * (0.42 + 1.15 * depth**2.2) * rng.uniform(0.88, 1.12)
            birds.append(Bird(x, y, size, int(95 + 150 * depth**0.7), turn))
    return sorted(birds, key=lambda bird: bird.size)


Place = tuple[float, float, float, float]


def _wave(rng: Random, count: int, horizon: float) -> Iterator[Place]:
    """The bird wave: a folded sheet that runs across the picture, dense at its folds."""
    a, b, c = rng.uniform(0, 6), rng.uniform(0, 6), rng.uniform(0, 6)
    middle, swing = horizon * rng.uniform(0.42, 0.56), horizon * rng.uniform(0.12, 0.2)
    for _ in range(count):
        t = rng.betavariate(1.1, 1.1)
        fold = math.sin(5.2 * t + a) * 0.7 + math.sin(11 * t + b) * 0.3
        thick = horizon * (0.025 + 0.1 * abs(math.sin(3.1 * t + c)) ** 1.5)
        x = -0.08 + 1.16 * t + rng.gauss(0, 0.018)
        y = middle + swing * fold + rng.gauss(0, 1) * thick
        depth = min(1.0, max(0.0, 0.45 + 0.35 * math.sin(4 * t + c) + rng.gauss(0, 0.16)))
        yield x, y, depth, 0.5 + 0.5 * math.sin(9 * t + b + y * 8)


def _ribbon(rng: Random, count: int, horizon: float) -> Iterator[Place]:
    """Two or three thin streams, one above the other, that part and meet."""
    streams = [
        (rng.uniform(0, 6), horizon * rng.uniform(0.2, 0.85), rng.uniform(0.2, 0.9))
        for _ in range(rng.choice((2, 3, 3)))
    ]
    for _ in range(count):
        phase, level, depth = rng.choice(streams)
        t = rng.random()
        bend = 0.1 * math.sin(4 * t + phase) + 0.05 * math.sin(9 * t + 2 * phase)
        thick = 0.006 + 0.035 * abs(math.sin(6 * t + phase)) ** 2
        y = level + horizon * bend + rng.gauss(0, 1) * horizon * thick * 1.6
        near = min(1.0, max(0.0, depth + rng.gauss(0, 0.1)))
        yield -0.05 + 1.1 * t, y, near, 0.5 + 0.5 * math.sin(8 * t + phase)


def _lines(rng: Random, count: int, horizon: float) -> Iterator[Place]:
    """Skeins on migration: long uneven chevrons at several distances."""
    left = count
    while left > 0:
        size = min(left, rng.randint(18, 60))
        left -= size
        tip_x, tip_y = rng.uniform(-0.15, 0.62), horizon * rng.uniform(0.1, 0.8)
        depth, slope = rng.uniform(0.15, 0.9), rng.uniform(0.1, 0.3)
        gap = 0.004 + 0.012 * depth
        for i in range(size):
            arm = 1 if i % 5 else -1
            run = i * gap * rng.uniform(0.93, 1.07)
            wander = 0.008 * math.sin(i * 0.5 + tip_x * 9) * horizon
            yield tip_x + run, tip_y + arm * run * slope + wander, depth, rng.random()


def _rising(rng: Random, count: int, horizon: float) -> Iterator[Place]:
    """A roost that goes up: packed over the flat, thinning towards the sky."""
    middle = rng.uniform(0.3, 0.7)
    for _ in range(count):
        lift = rng.betavariate(1.0, 2.6)
        spread = 0.16 + 0.42 * lift
        x = middle + rng.gauss(0, 1) * spread + 0.12 * math.sin(7 * lift)
        depth = min(1.0, max(0.0, rng.gauss(0.42, 0.2)))
        yield x, horizon * (1.005 - 0.92 * lift), depth, 0.5 + 0.5 * math.sin(11 * x + 7 * lift)


def _cloud(rng: Random, count: int, horizon: float) -> Iterator[Place]:
    """A murmuration: a few dense lobes that pass into one another."""
    lobes = []
    x, y = rng.uniform(0.2, 0.4), horizon * rng.uniform(0.35, 0.6)
    for _ in range(5):
        lobes.append((x, y, rng.uniform(0.05, 0.11), horizon * rng.uniform(0.05, 0.12)))
        x, y = x + rng.uniform(0.06, 0.16), y + horizon * rng.uniform(-0.13, 0.1)
    for _ in range(count):
        cx, cy, rx, ry = rng.choice(lobes)
        depth = min(1.0, max(0.0, rng.gauss(0.35, 0.17)))
        angle, radius = rng.uniform(0, 2 * math.pi), rng.random() ** 0.7 * 1.35
        px, py = cx + rx * radius * math.cos(angle), cy + ry * radius * math.sin(angle)
        yield px, py, depth, 0.5 + 0.5 * math.sin(15 * px + 10 * py)


def _few(rng: Random, count: int, horizon: float) -> Iterator[Place]:
    """A small party, close by."""
    x, y = rng.uniform(0.3, 0.62), horizon * rng.uniform(0.3, 0.6)
    for i in range(count):
        run = (i - count / 2) * rng.uniform(0.022, 0.036)
        yield (
            x + run + rng.gauss(0, 0.012),
            y + horizon * (0.3 * run + rng.gauss(0, 0.05)),
            min(1.0, rng.uniform(0.75, 1.0)),
            rng.random(),
        )


def roost(rng: Random, count: int, horizon: float, scale: float) -> list[Bird]:
    """Birds standing on the flat in loose bands, farthest first; nearer ones are larger."""
    bands = [
        (horizon + (1 - horizon) * rng.uniform(0.06, 0.62) ** 1.2, rng.uniform(0.1, 0.9))
        for _ in range(rng.randint(3, 5))
    ]
    birds = []
    for _ in range(count):
        level, middle = rng.choice(bands)
        below = max(0.01, level - horizon + rng.gauss(0, 0.006) * (1 + 12 * (level - horizon)))
        x = middle + rng.gauss(0, 1) * rng.uniform(0.1, 0.42)
        size = scale * (0.22 + 3.4 * below) * rng.uniform(0.9, 1.1)
        if -0.05 < x < 1.05 and horizon + below < 0.985:
            birds.append(Bird(x, horizon + below, size, int(min(250, 130 + 500 * below)), 0))
    return sorted(birds, key=lambda bird: bird.y)
