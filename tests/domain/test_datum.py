"""Shifted maps: what the formula gives, and that its undoing is exact."""

from __future__ import annotations

from math import cos, hypot, radians

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from birdwatch.domain.datum import (
    DATUMS,
    Datum,
    read_datum,
    to_wgs84,
    wgs84_to_bd09,
    wgs84_to_gcj02,
)
from birdwatch.domain.place import Point

FORWARD = {"wgs84": lambda point: point, "gcj02": wgs84_to_gcj02, "bd09": wgs84_to_bd09}
JETTY = Point(40.640, 122.150)
# A hundredth of a degree inside the border, where a point and its image are on the same side.
IN_CHINA = st.builds(
    Point,
    st.floats(0.86, 55.80, allow_subnormal=False),
    st.floats(72.04, 137.80, allow_subnormal=False),
)
ANYWHERE = st.builds(Point, st.floats(-90, 90), st.floats(-180, 180))


def metres(one: Point, other: Point) -> float:
    """The distance of two points near to each other."""
    north = (one.lat - other.lat) * 111_320
    return hypot(north, (one.lon - other.lon) * 111_320 * cos(radians(one.lat)))


def test_datum_shifts_the_estuary_as_measured() -> None:
    told = wgs84_to_gcj02(JETTY)
    assert (round(told.lat, 6), round(told.lon, 6)) == (40.641676, 122.155361)
    assert round(metres(JETTY, told)) == 490
    assert 1320 < metres(JETTY, wgs84_to_bd09(JETTY)) < 1340


@pytest.mark.parametrize(
    ("point", "gcj02", "bd09"),
    [  # as the published converters eviltransform and coordtransform give them
        (Point(31.1774276, 121.5272106), Point(31.17530398364597, 121.531541859215), None),
        (Point(22.543847, 113.912316), Point(22.540796131694766, 113.9171764808363), None),
        (Point(39.915, 116.404), Point(39.91640428150164, 116.41024449916938), None),
        (None, Point(39.915, 116.404), Point(39.92133699351021, 116.41036949371029)),
        (None, Point(39.90865673957631, 116.39762729119315), Point(39.915, 116.404)),
    ],
)
def test_datum_agrees_with_known_pairs(
    point: Point | None, gcj02: Point, bd09: Point | None
) -> None:
    if point is not None:
        assert metres(wgs84_to_gcj02(point), gcj02) < 0.01
        assert metres(to_wgs84(gcj02, "gcj02"), point) < 0.01
    if bd09 is not None:
        assert metres(wgs84_to_bd09(to_wgs84(gcj02, "gcj02")), bd09) < 1
        assert metres(to_wgs84(bd09, "bd09"), to_wgs84(gcj02, "gcj02")) < 1


@given(IN_CHINA, st.sampled_from(DATUMS))
@example(JETTY, "gcj02")
@example(JETTY, "bd09")
@example(Point(35.0, 105.0), "gcj02")
def test_datum_comes_back_to_a_millimetre(point: Point, datum: Datum) -> None:
    assert metres(to_wgs84(FORWARD[datum](point), datum), point) < 0.001


@given(ANYWHERE, st.sampled_from(DATUMS))
@example(Point(0.8293, 72.004), "gcj02")
@example(Point(55.8271, 137.8347), "bd09")
@example(Point(90.0, 180.0), "bd09")
def test_datum_never_moves_a_point_further_than_its_shift(point: Point, datum: Datum) -> None:
    moved = to_wgs84(point, datum)
    # The sines and polynomials stay under 0.02° in the box; Baidu adds 0.01° everywhere.
    assert abs(moved.lat - point.lat) < 0.03
    assert abs(moved.lon - point.lon) < 0.03


@given(ANYWHERE)
def test_datum_leaves_places_outside_china_where_they_are(point: Point) -> None:
    if not (0.8 <= point.lat <= 55.9 and 71.9 <= point.lon <= 137.9):
        assert to_wgs84(point, "gcj02") == point


@pytest.mark.parametrize(
    ("name", "datum"),
    [
        ("GCJ-02", "gcj02"),
        ("gcj02", "gcj02"),
        ("BD09", "bd09"),
        ("bd-09", "bd09"),
        ("WGS 84", "wgs84"),
        ("EPSG:4326", "wgs84"),
        ("CGCS2000", "wgs84"),
        ("", None),
        ("Beijing 54", None),
    ],
)
def test_datum_is_known_by_its_names(name: str, datum: Datum | None) -> None:
    assert read_datum(name) == datum
