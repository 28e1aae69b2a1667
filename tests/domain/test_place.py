from __future__ import annotations

from collections.abc import Iterator, Sequence
from fractions import Fraction
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from birdwatch.domain.errors import InvalidInputError
from birdwatch.domain.place import (
    Point,
    Site,
    find_site,
    holds,
    is_outside,
    site_at,
    sites_from_geojson,
)
from birdwatch.domain.text import Text
from tests.seeds import SITES

RING = [[0, 0], [10, 0], [10, 10], [0, 10], [0, 0]]
HOLE = [[3, 3], [7, 3], [7, 7], [3, 7], [3, 3]]
WITH_HOLE: dict[str, object] = {"type": "Polygon", "coordinates": [RING, HOLE]}
TWO: dict[str, object] = {
    "type": "MultiPolygon",
    "coordinates": [[RING, HOLE], [[[20, 0], [24, 0], [22, 5], [20, 0]]]],
}
CONCAVE: dict[str, object] = {
    "type": "Polygon",
    "coordinates": [[[0, 0], [8, 0], [8, 8], [4, 2], [0, 8], [0, 0]]],
}


Edge = tuple[Fraction, Fraction, Fraction, Fraction]


def _edges(geometry: dict[str, object]) -> Iterator[list[Edge]]:
    """The edges of each polygon, exactly."""
    coordinates = geometry["coordinates"]
    assert isinstance(coordinates, list)
    for rings in coordinates if geometry["type"] == "MultiPolygon" else [coordinates]:
        yield [
            (Fraction(a[0]), Fraction(a[1]), Fraction(b[0]), Fraction(b[1]))
            for ring in rings
            for a, b in pairwise(ring)
        ]


def _covers(geometry: dict[str, object] | None, lon: float, lat: float) -> bool:
    """The same question asked another way: exact numbers, and a ray to the north."""
    x, y = Fraction(lon), Fraction(lat)
    for edges in _edges(geometry) if geometry else ():
        crossings = 0
        for x1, y1, x2, y2 in edges:
            along = (x - x1) * (x - x2) + (y - y1) * (y - y2)
            if (x - x1) * (y2 - y1) == (y - y1) * (x2 - x1) and along <= 0:
                return True
            if (x1 <= x) != (x2 <= x):
                crossings += y1 + (x - x1) * (y2 - y1) / (x2 - x1) > y
        if crossings % 2:
            return True
    return False


@given(
    st.sampled_from([WITH_HOLE, TWO, CONCAVE]),
    st.integers(-4, 100).map(lambda n: n / 4),
    st.integers(-4, 48).map(lambda n: n / 4),
)
def test_holds_agrees_with_an_exact_answer_borders_included(
    geometry: dict[str, object], x: float, y: float
) -> None:
    assert holds(geometry, Point(lat=y, lon=x)) == _covers(geometry, x, y)


@given(st.floats(40.1, 41.1), st.floats(121.4, 122.5))
def test_site_at_agrees_with_an_exact_answer_over_the_estuary(lat: float, lon: float) -> None:
    held = [site.id for site in SITES.values() if _covers(site.geometry, lon, lat)]
    assert is_outside(Point(lat, lon), SITES) == (not held)
    assert site_at(Point(lat, lon), SITES) == next((i for i in held if i != "liao-estuary"), None)


@pytest.mark.parametrize(
    ("point", "is_held"),
    [
        (Point(5, 1), True),
        (Point(0, 0), True),  # a corner
        (Point(5, 10), True),  # a border
        (Point(5, 5), False),  # in the hole
        (Point(3, 5), True),  # the border of the hole
        (Point(5, 11), False),
        (Point(0, 11), False),  # on the line of an edge, past its end
        (Point(float("nan"), 5), False),
    ],
)
def test_holds_counts_borders_in_and_holes_out(point: Point, is_held: bool) -> None:
    assert holds(WITH_HOLE, point) is is_held


def test_holds_nothing_without_a_shape() -> None:
    assert holds(None, Point(5, 5)) is False


def test_site_at_takes_the_first_by_id_on_a_shared_border() -> None:
    left = Site("b", Text("b"), {"type": "Polygon", "coordinates": [RING]})
    right_ring = [[10, 0], [20, 0], [20, 10], [10, 10], [10, 0]]
    right = Site("a", Text("a"), {"type": "Polygon", "coordinates": [right_ring]})
    assert site_at(Point(5, 10), [left, right]) == "a"
    assert site_at(Point(5, 10), [right, left]) == "a"


def test_is_outside_says_nothing_without_any_shape() -> None:
    assert is_outside(Point(0, 30), [Site("a", Text("a"), None)]) is False
    assert is_outside(Point(0, 30), SITES) is True


def _grid() -> Sequence[Point]:
    return [Point(40.15 + n / 90, 121.6 + m / 90) for n in range(76) for m in range(69)]


def test_sites_of_the_package_lie_apart_and_inside_the_outline() -> None:
    outline = SITES["liao-estuary"]
    assert [site.id for site in SITES.values() if site.is_outline] == [outline.id]
    counted = [site for site in SITES.values() if not site.is_outline]
    seen = set()
    for point in _grid():
        here = [site.id for site in counted if holds(site.geometry, point)]
        assert len(here) <= 1
        assert not here or holds(outline.geometry, point)
        seen.update(here)
    assert seen == {site.id for site in counted}
    assert len(seen) >= 6


def test_sites_of_the_package_say_that_they_are_approximate() -> None:
    assert {site.is_approximate for site in SITES.values()} == {True}
    assert {site.source for site in SITES.values()} == {"drawn for this project, approximate"}
    assert all(site.name.zh and site.name.en for site in SITES.values())


@pytest.mark.parametrize("name", ["sidaogou", "四道沟", " Sidaogou ", "SIDAOGOU"])
def test_find_site_knows_id_and_both_names(name: str) -> None:
    assert find_site(name, SITES) == SITES["sidaogou"]


def test_find_site_finds_nothing_by_an_empty_name() -> None:
    assert find_site("  ", SITES) is None


def _feature(**changes: object) -> dict[str, object]:
    feature: dict[str, object] = {
        "type": "Feature",
        "properties": {"id": "mida-creek", "name": "Mida Creek"},
        "geometry": {"type": "Polygon", "coordinates": [RING]},
    }
    return feature | changes


def _collection(*features: object) -> dict[str, object]:
    return {"type": "FeatureCollection", "features": list(features)}


def test_sites_from_geojson_reads_names_and_shape() -> None:
    assert sites_from_geojson(_collection(_feature(), _feature(
        id="other", properties={"name_zh": "别处", "is_outline": True, "is_approximate": False,
                                "source": "survey"}, geometry=None))) == [
        Site("mida-creek", Text("Mida Creek", "Mida Creek"),
             {"type": "Polygon", "coordinates": [RING]}),
        Site("other", Text("别处", ""), None, is_outline=True, is_approximate=False,
             source="survey"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("document", "field"),
    [
        ([], "features"),
        ({"type": "FeatureCollection", "features": []}, "features"),
        (_collection("x"), "features[0]"),
        (_collection(_feature(properties={"name": "x"})), "features[0].id"),
        (_collection(_feature(properties={"id": "../x", "name": "x"})), "features[0].id"),
        (_collection(_feature(properties={"id": "x"})), "features[0].name_zh"),
        (_collection(_feature(), _feature()), "features[1].id"),
        (_collection(_feature(geometry={"type": "Point", "coordinates": [1, 2]})), "features[0].geometry"),
        (_collection(_feature(geometry={"type": "Polygon", "coordinates": []})), "features[0].geometry"),
        (_collection(_feature(geometry={"type": "Polygon", "coordinates": [[[0, 0], [1, 1], [0, 0]]]})), "features[0].geometry"),
        (_collection(_feature(geometry={"type": "Polygon", "coordinates": [RING[:-1]]})), "features[0].geometry"),
        (_collection(_feature(geometry={"type": "Polygon", "coordinates": [[*RING[:3], [500, 1], RING[0]]]})), "features[0].geometry"),
        (_collection(_feature(geometry={"type": "Polygon", "coordinates": [[*RING[:3], ["1", True], RING[0]]]})), "features[0].geometry"),
    ],
)  # fmt: skip
def test_sites_from_geojson_names_the_bad_feature(document: object, field: str) -> None:
    with pytest.raises(InvalidInputError) as refused:
        sites_from_geojson(document)
    assert [error.field for error in refused.value.errors] == [field]
