"""Where: points in WGS-84, the sites of the estuary, and how a photo's position is known."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import isfinite
from typing import Literal, TypeAlias

from birdwatch.domain.errors import FieldError, InvalidInputError
from birdwatch.domain.text import Text

Confidence = Literal["high", "medium", "low", "none"]
PositionSource = Literal["gps", "gps_no_ref", "gps_stale", "gpx", "user_correction"]


@dataclass(frozen=True, slots=True)
class Point:
    """Degrees, WGS-84."""

    lat: float
    lon: float


@dataclass(frozen=True, slots=True)
class Box:
    """A bounding box in degrees, borders included; it does not cross the date line."""

    west: float
    south: float
    east: float
    north: float


def read_box(text: str) -> Box:
    """`west,south,east,north`, as GeoJSON (RFC 7946, 5) orders them. Raises InvalidInputError."""
    try:
        west, south, east, north = (float(part) for part in text.split(","))
    except ValueError:
        raise _bad_box(text) from None
    if not (-180 <= west <= east <= 180 and -90 <= south <= north <= 90):
        raise _bad_box(text)
    return Box(west, south, east, north)


def _bad_box(text: str) -> InvalidInputError:
    message = Text(
        f"“{text[:60]}”不是范围。请写成 西,南,东,北（度），例如 121.9,40.6,122.2,40.8。",
        f"“{text[:60]}” is not a box. Write west,south,east,north in degrees, such as"
        " 121.9,40.6,122.2,40.8.",
    )
    return InvalidInputError(
        "bbox.invalid", zh=message.zh, en=message.en, errors=(FieldError("bbox", message),)
    )


@dataclass(frozen=True, slots=True)
class SettledPlace:
    """A position with how it is known. `accuracy_m` and `direction_deg` as the camera gave them.

    `gap_s`, of a position off a track: how long the track was silent around the picture.
    """

    point: Point
    source: PositionSource
    confidence: Confidence
    accuracy_m: float | None = None
    direction_deg: float | None = None
    gap_s: float | None = None


@dataclass(frozen=True, slots=True)
class Site:
    """A named count sector. `geometry` is a GeoJSON Polygon or MultiPolygon, None if unknown.

    `is_outline` marks the estuary itself, which holds the others and is never counted at.
    """

    id: str
    name: Text
    geometry: dict[str, object] | None
    is_outline: bool = False
    is_approximate: bool = True
    source: str = ""


Sites: TypeAlias = Mapping[str, Site] | Iterable[Site]
Position: TypeAlias = Sequence[float]  # longitude first, as GeoJSON has it
Ring: TypeAlias = Sequence[Position]
_ID = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,38}[a-z0-9])?", re.ASCII)


def site_at(point: Point, sites: Sites) -> str | None:
    """The site that holds the point; on a border shared by two, the one first by id."""
    held = (s.id for s in _listed(sites) if not s.is_outline and holds(s.geometry, point))
    return min(held, default=None)


def is_outside(point: Point, sites: Sites) -> bool:
    """Whether the point lies in no site and outside the estuary's outline.

    False where no site has a shape: then nobody can say.
    """
    shapes = [site.geometry for site in _listed(sites) if site.geometry]
    return bool(shapes) and not any(holds(shape, point) for shape in shapes)


def holds(geometry: Mapping[str, object] | None, point: Point) -> bool:
    """Whether a GeoJSON Polygon or MultiPolygon covers the point.

    Borders belong to the polygon, those of its holes too. Planar in degrees, which is exact
    enough for sectors of some kilometres away from the date line.
    """
    return any(_polygon_holds(rings, point.lon, point.lat) for rings in _polygons(geometry))


def middle_of(geometry: Mapping[str, object] | None) -> Point | None:
    """The middle of a shape's bounding box: near enough where only the sun is asked for."""
    corners = [p for rings in _polygons(geometry) for ring in rings[:1] for p in ring]
    if not corners:
        return None
    lons, lats = [p[0] for p in corners], [p[1] for p in corners]
    return Point((min(lats) + max(lats)) / 2, (min(lons) + max(lons)) / 2)


def sites_from_geojson(document: object) -> list[Site]:
    """The sites of a FeatureCollection, in its order.

    Properties: `id` (or the feature's own id), `name_zh` and `name_en` (or `name`),
    `is_outline`, `is_approximate`, `source`. Raises InvalidInputError naming every bad feature.
    """
    features = document.get("features") if isinstance(document, Mapping) else None
    if not isinstance(features, list) or not features:
        message = Text(
            "文件不是 GeoJSON FeatureCollection，或其中没有要素。",
            "The file is not a GeoJSON FeatureCollection with features in it.",
        )
        raise _invalid([FieldError("features", message)])
    errors: list[FieldError] = []
    sites: dict[str, Site] = {}
    for index, feature in enumerate(features):
        site = _site(feature, f"features[{index}]", errors)
        if site is None:
            continue
        if site.id in sites:
            message = Text(f"地点 {site.id} 出现两次。", f"The site {site.id} appears twice.")
            errors.append(FieldError(f"features[{index}].id", message))
        sites[site.id] = site
    if errors:
        raise _invalid(errors)
    return list(sites.values())


def find_site(name: str, sites: Mapping[str, Site]) -> Site | None:
    """The site with this id, or with this name in either language."""
    key = name.strip().casefold()
    if key in sites:
        return sites[key]
    named = (s for s in sites.values() if key in (s.name.zh.casefold(), s.name.en.casefold()))
    return next(named, None) if key else None


def _listed(sites: Sites) -> Iterable[Site]:
    return sites.values() if isinstance(sites, Mapping) else sites


def _polygons(geometry: Mapping[str, object] | None) -> Iterator[Sequence[Ring]]:
    """The polygons of a geometry, each its outer ring and then its holes."""
    coordinates = geometry.get("coordinates") if geometry else None
    if not isinstance(coordinates, (list, tuple)):
        return
    if geometry and geometry.get("type") == "MultiPolygon":
        yield from coordinates
    else:
        yield coordinates


def _polygon_holds(rings: Sequence[Ring], x: float, y: float) -> bool:
    is_inside = False
    for ring in rings:
        for start, end in zip(ring, (*ring[1:], ring[0]), strict=True):
            if _is_on_edge(x, y, start, end):
                return True
            x1, y1, x2, y2 = start[0], start[1], end[0], end[1]
            # A ray to the east crosses the edge; half-open in y, so a corner counts once.
            if (y1 > y) != (y2 > y) and x < x1 + (y - y1) * (x2 - x1) / (y2 - y1):
                is_inside = not is_inside
    return is_inside


def _is_on_edge(x: float, y: float, start: Position, end: Position) -> bool:
    x1, y1, x2, y2 = start[0], start[1], end[0], end[1]
    if not (min(x1, x2) <= x <= max(x1, x2) and min(y1, y2) <= y <= max(y1, y2)):
        return False
    return (x2 - x1) * (y - y1) == (y2 - y1) * (x - x1)


def _site(feature: object, at: str, errors: list[FieldError]) -> Site | None:
    properties = feature.get("properties") if isinstance(feature, Mapping) else None
    if not isinstance(feature, Mapping) or not isinstance(properties, Mapping):
        message = Text("不是带属性的要素。", "This is not a feature with properties.")
        errors.append(FieldError(at, message))
        return None
    known = len(errors)
    site_id = str(properties.get("id") or feature.get("id") or "")
    if not _ID.fullmatch(site_id):
        message = Text(
            f"地点代码“{site_id[:40]}”须为小写字母、数字和 -，最多 40 个。",
            f"The site id “{site_id[:40]}” must be up to 40 lower-case letters, digits and hyphens.",
        )
        errors.append(FieldError(f"{at}.id", message))
    either = str(properties.get("name") or "")
    name = Text(
        str(properties.get("name_zh") or either).strip(),
        str(properties.get("name_en") or either).strip(),
    )
    if not name:
        message = Text(
            "请给出 name_zh 或 name_en。", "Give the site a name: name_zh, name_en or name."
        )
        errors.append(FieldError(f"{at}.name_zh", message))
    geometry = feature.get("geometry")
    if problem := _geometry_problem(geometry):
        errors.append(FieldError(f"{at}.geometry", problem))
    if len(errors) > known:
        return None
    return Site(
        id=site_id,
        name=name,
        geometry={"type": geometry["type"], "coordinates": geometry["coordinates"]}
        if isinstance(geometry, Mapping)
        else None,
        is_outline=properties.get("is_outline") is True,
        is_approximate=properties.get("is_approximate") is not False,
        source=str(properties.get("source") or ""),
    )


def _geometry_problem(geometry: object) -> Text | None:
    """What is wrong with a polygon; a site without one is allowed."""
    if geometry is None:
        return None
    if not isinstance(geometry, Mapping) or geometry.get("type") not in ("Polygon", "MultiPolygon"):
        return Text(
            "形状须为 Polygon 或 MultiPolygon。", "The shape must be a Polygon or MultiPolygon."
        )
    polygons = list(_polygons(geometry))
    if not polygons or not all(isinstance(rings, list) and rings for rings in polygons):
        return Text("形状没有坐标。", "The shape has no coordinates.")
    for ring in (ring for rings in polygons for ring in rings):
        if not isinstance(ring, list) or not all(_is_position(p) for p in ring):
            return Text(
                "坐标须为 [经度, 纬度]，WGS-84 度。",
                "Coordinates must be [longitude, latitude] in degrees, WGS-84.",
            )
        if len(ring) < 4 or list(ring[0][:2]) != list(ring[-1][:2]):
            return Text(
                "每个环至少四个点，且首尾相同。",
                "A ring needs at least four positions, the last equal to the first.",
            )
    return None


def _is_position(value: object) -> bool:
    if not isinstance(value, list) or len(value) < 2:
        return False
    if not all(type(part) in (int, float) and isfinite(part) for part in value[:2]):
        return False
    return bool(abs(value[0]) <= 180 and abs(value[1]) <= 90)


def _invalid(errors: list[FieldError]) -> InvalidInputError:
    first = errors[0]
    return InvalidInputError(
        "sites.invalid",
        zh=f"地点文件没有导入：{first.field}：{first.message.zh}",
        en=f"The sites were not imported: {first.field}: {first.message.en}",
        errors=tuple(errors),
    )
