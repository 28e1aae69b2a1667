from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from birdwatch.domain.place import Point, Site
from birdwatch.domain.sensitivity import (
    LEVELS,
    Level,
    SensitivityRule,
    cell_lies_in,
    coarsest,
    default_level,
    level_of,
    snap,
)
from birdwatch.domain.species import Species
from birdwatch.domain.text import Text

DUNLIN = Species("dunlin", "species", "Calidris alpina", Text("黑腹滨鹬", "Dunlin"), iucn="NT")
KNOT = replace(DUNLIN, code="grekno", iucn="EN", protection_cn="II")
SPOONBILL = replace(DUNLIN, code="spbsan1", iucn="CR", protection_cn="I")


@pytest.mark.parametrize(
    ("species", "level"), [(DUNLIN, "0.01"), (KNOT, "0.01"), (SPOONBILL, "0.1")]
)
def test_default_level_follows_class_and_category(species: Species, level: Level) -> None:
    assert default_level(species) == level


def test_rule_without_condition_stands_in_place_of_the_default() -> None:
    assert level_of(SPOONBILL, [SensitivityRule("spbsan1", "open")]) == "open"
    assert level_of(KNOT, [SensitivityRule("spbsan1", "withhold")]) == "0.01"


def test_rule_with_a_season_applies_in_it_and_where_the_season_is_unknown() -> None:
    rules = [SensitivityRule("dunlin", "withhold", half_year="autumn")]
    assert level_of(DUNLIN, rules, half_year="spring") == "0.01"
    assert level_of(DUNLIN, rules, half_year="autumn") == "withhold"
    assert level_of(DUNLIN, rules) == "withhold"


def test_nests_of_listed_birds_are_withheld_and_roosts_by_rule() -> None:
    assert level_of(KNOT, (), behaviours=("nest",)) == "withhold"
    assert level_of(DUNLIN, (), behaviours=("nest",)) == "0.01"
    rules = [SensitivityRule("dunlin", "0.1", behaviour="roost")]
    assert level_of(DUNLIN, rules, behaviours=("roost",)) == "0.1"
    assert level_of(DUNLIN, rules, behaviours=("feeding",)) == "0.01"


def test_condition_never_makes_finer() -> None:
    rules = [SensitivityRule("spbsan1", "open", half_year="spring")]
    assert level_of(SPOONBILL, rules, half_year="spring") == "0.1"


def test_bird_without_a_name_is_told_to_a_kilometre() -> None:
    assert level_of(None, ()) == "0.01"


@given(st.lists(st.sampled_from(LEVELS), min_size=1))
def test_coarsest_tells_least(levels: list[Level]) -> None:
    assert LEVELS.index(coarsest(levels)) == min(LEVELS.index(level) for level in levels)


coordinates = st.tuples(st.floats(40, 41), st.floats(121, 123))


@given(coordinates, st.sampled_from(["0.1", "0.01", "0.001"]))
def test_snap_is_near_fixed_and_tells_only_the_cell(at: tuple[float, float], level: Level) -> None:
    step = float(level)
    public = snap(Point(*at), level)
    assert public is not None
    assert abs(public.lat - at[0]) <= step / 2 + 1e-9
    assert abs(public.lon - at[1]) <= step / 2 + 1e-9
    assert snap(public, level) == public
    assert round(public.lat / step) * step == pytest.approx(public.lat)


def test_snap_withholds_and_opens() -> None:
    assert snap(Point(40.123456, 122.123456), "withhold") is None
    assert snap(Point(40.123456, 122.123456), "open") == Point(40.123456, 122.123456)


def test_cell_lies_in_a_site_only_whole() -> None:
    ring = [[122.0, 40.0], [122.1, 40.0], [122.1, 40.1], [122.0, 40.1], [122.0, 40.0]]
    site = Site("s", Text("滩", "Flat"), {"type": "Polygon", "coordinates": [ring]})
    assert cell_lies_in(site, Point(40.05, 122.05), "0.01")
    assert not cell_lies_in(site, Point(40.0, 122.05), "0.01")
    assert not cell_lies_in(None, Point(40.05, 122.05), "0.01")
