"""A track, the sites it passes and the photos along it, as plain shapes.

They are drawn here, not by a map service: nobody else learns where somebody walked, and the map
works without JavaScript.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from birdwatch.domain.place import Point, Site
from birdwatch.domain.track import Match, Track, thinned

WIDTH = 720.0
HEIGHTS = (240.0, 720.0)
MARGIN = 18.0
MAX_VERTICES = 1500  # of all segments together
LEAST_DEGREES = 0.0015  # about 150 m: a walk on the spot is not blown up to a journey


@dataclass(frozen=True, slots=True)
class Shape:
    """A site: the `d` of its path."""

    site: Site
    path: str


@dataclass(frozen=True, slots=True)
class Dot:
    """A photo on the track, in the units of the drawing."""

    photo_id: str
    x: float
    y: float


@dataclass(frozen=True, slots=True)
class TrackMap:
    """The whole drawing. `metres`: how long its scale bar of `bar` units is in nature."""

    width: float
    height: float
    lines: tuple[str, ...]
    shapes: tuple[Shape, ...]
    dots: tuple[Dot, ...]
    metres: int
    bar: float


def draw_track(track: Track, matches: Mapping[str, Match], sites: Mapping[str, Site]) -> TrackMap:
    """The track fitted into the drawing, north up; sites are cut by its border."""
    each = max(2, MAX_VERTICES // len(track.segments))
    lines = [thinned(segment, each) for segment in track.segments[:MAX_VERTICES]]
    points = [point for line in lines for point in line]
    middle_lat = (min(p.lat for p in points) + max(p.lat for p in points)) / 2
    middle_lon = (min(p.lon for p in points) + max(p.lon for p in points)) / 2
    squeeze = max(math.cos(math.radians(middle_lat)), 0.01)
    across = max(max(p.lon for p in points) - min(p.lon for p in points), LEAST_DEGREES) * squeeze
    along = max(max(p.lat for p in points) - min(p.lat for p in points), LEAST_DEGREES)
    scale = min((WIDTH - 2 * MARGIN) / across, (HEIGHTS[1] - 2 * MARGIN) / along)
    height = min(max(along * scale + 2 * MARGIN, HEIGHTS[0]), HEIGHTS[1])

    def place(point: Point) -> tuple[float, float]:
        return (
            round(WIDTH / 2 + (point.lon - middle_lon) * squeeze * scale, 1),
            round(height / 2 - (point.lat - middle_lat) * scale, 1),
        )

    metres, bar = _scale_bar(scale)
    ordered = sorted(sites.values(), key=lambda site: not site.is_outline)
    shapes = (
        Shape(site, "".join(_path(map(place, ring), closed=True) for ring in _rings(site)))
        for site in ordered
    )
    return TrackMap(
        WIDTH,
        round(height, 1),
        tuple(_path(map(place, line)) for line in lines),
        tuple(shape for shape in shapes if shape.path),
        tuple(Dot(photo_id, *place(one.point)) for photo_id, one in matches.items()),
        metres,
        bar,
    )


def _scale_bar(scale: float) -> tuple[int, float]:
    """A round length in metres that takes up to a quarter of the width, and its units."""
    most_m = WIDTH / 4 / scale * 111_195
    power = 10 ** math.floor(math.log10(most_m))
    metres = max(step * power for step in (1, 2, 5) if step * power <= most_m)
    return max(1, round(metres)), round(metres / 111_195 * scale, 1)


def _path(points: Iterable[tuple[float, float]], *, closed: bool = False) -> str:
    """The `d` of a path; a single point becomes a dot of the line's own width."""
    told: list[str] = []
    for x, y in points:
        step = f"{x:g} {y:g}"
        if not told or step != told[-1]:
            told.append(step)
    if len(told) == 1 and not closed:
        told *= 2
    return "M" + "L".join(told) + ("Z" if closed else "") if told else ""


def _rings(site: Site) -> Iterator[list[Point]]:
    """The outer ring of every polygon of a site."""
    geometry = site.geometry or {}
    coordinates = geometry.get("coordinates")
    if isinstance(coordinates, list | tuple):
        polygons = [coordinates] if geometry.get("type") == "Polygon" else coordinates
        for polygon in polygons:
            yield [Point(float(lat), float(lon)) for lon, lat, *_ in polygon[0]]
