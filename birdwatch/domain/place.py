"""Where: points in WGS-84, the sites of the estuary, and how a photo's position is known."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from birdwatch.domain.text import Text

Confidence = Literal["high", "medium", "low", "none"]
PositionSource = Literal["gps", "gps_no_ref", "gps_stale", "user_correction"]


@dataclass(frozen=True, slots=True)
class Point:
    """Degrees, WGS-84."""

    lat: float
    lon: float


@dataclass(frozen=True, slots=True)
class SettledPlace:
    """A position with how it is known. `accuracy_m` and `direction_deg` as the camera gave them."""

    point: Point
    source: PositionSource
    confidence: Confidence
    accuracy_m: float | None = None
    direction_deg: float | None = None


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
