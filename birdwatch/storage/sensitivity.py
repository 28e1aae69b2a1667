"""Sensitivity rules as every writer of records reads them.

They are written by `storage/sensitivity_rules.py`, which re-derives the records they touch: it
knows photos and surveys, and these know this module.
"""

from __future__ import annotations

from collections.abc import Iterable

from birdwatch.domain.season import parse_season
from birdwatch.domain.sensitivity import (
    Behaviour,
    Level,
    Rules,
    SensitivityRule,
    coarsest,
    level_of,
)
from birdwatch.domain.species import SpeciesIndex
from birdwatch.storage.columns import text_of
from birdwatch.storage.species import load_species
from birdwatch.storage.transactions import Source, keep

NOUN = "sensitivity"


async def load_rules(db: Source) -> Rules:
    """Every rule an administrator set; kept in memory until one changes."""
    return await keep(db, NOUN, _load)


async def _load(db: Source) -> Rules:
    rows = await db.rows("SELECT * FROM sensitivity ORDER BY species, half_year, behaviour")
    return tuple(
        SensitivityRule(
            species=row["species"],
            level=row["level"],
            half_year=row["half_year"],
            behaviour=row["behaviour"],
            reason=text_of(row, "reason"),
        )
        for row in rows
    )


class Levels:
    """Levels of records by the rules of now; each question is answered once."""

    def __init__(self, species: SpeciesIndex, rules: Rules) -> None:
        self._species = species
        self._rules = rules
        self._known: dict[tuple[str | None, str | None, tuple[Behaviour, ...]], Level] = {}

    def of(
        self, code: str | None, season: str | None, behaviours: tuple[Behaviour, ...] = ()
    ) -> Level:
        """The level of one name (None: unnamed) in a season (None: no season, or not known)."""
        key = (code, season, behaviours)
        found = self._known.get(key)
        if found is None:
            half_year = parse_season(season)[1] if season else None
            species = self._species.get(code) if code else None
            found = level_of(species, self._rules, half_year=half_year, behaviours=behaviours)
            self._known[key] = found
        return found

    def of_all(
        self, codes: Iterable[str], season: str | None, behaviours: tuple[Behaviour, ...] = ()
    ) -> Level:
        """The coarsest level of these names; without any name that of the unnamed."""
        return coarsest(
            [self.of(code, season, behaviours) for code in codes],
            default=self.of(None, season, behaviours),
        )


async def load_levels(db: Source) -> Levels:
    """The levels by the species table and the rules of now."""
    return Levels(await load_species(db), await load_rules(db))
