"""How much may be told of where a sensitive bird was: levels, by species, season and behaviour.

The level of a record is the coarsest one that any of its names asks for: the accepted name and
every proposed one. Defaults follow the national protection class (国家重点保护野生动物名录, 2021)
and the IUCN Red List category of the species table; an administrator's rule for a species stands
in their place, and rules with a condition come on top.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from birdwatch.domain.place import Point, Site, holds
from birdwatch.domain.season import HalfYear
from birdwatch.domain.species import Species
from birdwatch.domain.text import Text

Level = Literal["withhold", "0.1", "0.01", "0.001", "open"]
Behaviour = Literal["", "feeding", "roost", "nest", "flying"]
LEVELS: tuple[Level, ...] = ("withhold", "0.1", "0.01", "0.001", "open")  # the coarsest first
BEHAVIOURS: tuple[Behaviour, ...] = ("", "feeding", "roost", "nest", "flying")
CELLS_PER_DEGREE: Final[dict[Level, int]] = {"0.1": 10, "0.01": 100, "0.001": 1000}
UNNAMED: Level = "0.01"  # a bird without a name may turn out to be any
ORDINARY: Level = "0.01"  # about a kilometre: what photographers' own positions deserve anyway
DEFAULT_LEVELS: Final[tuple[tuple[Level, frozenset[str], frozenset[str]], ...]] = (
    ("0.1", frozenset({"I"}), frozenset({"CR"})),
    ("0.01", frozenset({"II"}), frozenset({"EN", "VU"})),
)
NESTS: Level = "withhold"  # of any species with a class or a category above


@dataclass(frozen=True, slots=True)
class SensitivityRule:
    """An administrator's level for a species. Empty conditions: always, in place of the default."""

    species: str
    level: Level
    half_year: HalfYear | Literal[""] = ""
    behaviour: Behaviour = ""
    reason: Text = Text()

    @property
    def is_conditional(self) -> bool:
        return bool(self.half_year or self.behaviour)


Rules = Sequence[SensitivityRule]


def coarsest(levels: Iterable[Level], default: Level = "open") -> Level:
    """The level that tells least."""
    return min(levels, key=LEVELS.index, default=default)


def default_level(species: Species) -> Level:
    """The level by protection class and Red List category."""
    for level, classes, categories in DEFAULT_LEVELS:
        if species.protection_cn in classes or species.iucn in categories:
            return level
    return ORDINARY


def level_of(
    species: Species | None,
    rules: Rules,
    *,
    half_year: HalfYear | None = None,
    behaviours: Iterable[Behaviour] = (),
) -> Level:
    """The level of one name. `half_year` None: not known, so that every season's rule applies."""
    if species is None:
        return UNNAMED
    seen = set(behaviours)
    own = [rule for rule in rules if rule.species == species.code]
    always = [rule.level for rule in own if not rule.is_conditional]
    level = always[0] if always else default_level(species)
    asked = [
        rule.level
        for rule in own
        if rule.is_conditional
        and (not rule.half_year or half_year is None or rule.half_year == half_year)
        and (not rule.behaviour or rule.behaviour in seen)
    ]
    if "nest" in seen and is_listed(species):
        asked.append(NESTS)
    return coarsest([level, *asked])


def is_listed(species: Species) -> bool:
    """Whether a protection class or a Red List category asks for care."""
    return any(
        species.protection_cn in classes or species.iucn in categories
        for _, classes, categories in DEFAULT_LEVELS
    )


def is_protected(level: Level) -> bool:
    """Whether a record of this level is told without its site, day, time and neighbours, if at all."""
    return level in ("withhold", "0.1")


def snap(point: Point, level: Level) -> Point | None:
    """The point as everyone may know it: the nearest corner of a fixed grid; None: not at all.

    Fixed, so that many records of one place cannot be averaged to find it.
    """
    if level == "withhold":
        return None
    cells = CELLS_PER_DEGREE.get(level)
    if cells is None:
        return point
    return Point(round(point.lat * cells) / cells, round(point.lon * cells) / cells)


def cell_lies_in(site: Site | None, point: Point, level: Level) -> bool:
    """Whether the whole grid cell of a snapped point is in the site, so that its name adds nothing."""
    cells = CELLS_PER_DEGREE.get(level)
    if site is None or site.geometry is None or cells is None:
        return False
    half = 0.5 / cells
    edges = (-half, 0.0, half)
    return all(
        holds(site.geometry, Point(point.lat + north, point.lon + east))
        for north in edges
        for east in edges
    )
