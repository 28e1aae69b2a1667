"""Setting the rules of sensitivity: whatever a rule touches is derived anew in the same write."""

from __future__ import annotations

from birdwatch.domain.errors import InvalidInputError
from birdwatch.domain.season import HalfYear
from birdwatch.domain.sensitivity import Behaviour, Rules, SensitivityRule, is_protected
from birdwatch.storage import ledger
from birdwatch.storage.columns import clean
from birdwatch.storage.counts import recompute_for_species
from birdwatch.storage.photos import refresh_levels
from birdwatch.storage.sensitivity import NOUN, load_levels, load_rules
from birdwatch.storage.species import load_species
from birdwatch.storage.sql import insert
from birdwatch.storage.transactions import Source, Write

__all__ = ["load_rules", "put_rule", "refresh_sightings", "remove_rule", "settle_sightings"]
COLUMNS = ("species", "half_year", "behaviour", "level", "reason_zh", "reason_en")
DELETE = "DELETE FROM sensitivity WHERE species = $1 AND half_year = $2 AND behaviour = $3"


async def put_rule(tx: Write, rule: SensitivityRule) -> None:
    """Set a rule in place of the one of the same species, half-year and behaviour.

    Raises InvalidInputError for a species that is not in the taxonomy.
    """
    if (await load_species(tx)).get(rule.species) is None:
        raise InvalidInputError(
            "sensitivity.species",
            zh="名录里没有这个物种代码。",
            en="The taxonomy has no species of this code.",
        )
    before = await _find(tx, rule.species, rule.half_year, rule.behaviour)
    await _note(tx, rule, before, rule)
    await tx.run(DELETE, rule.species, rule.half_year, rule.behaviour)
    await tx.run(
        insert("sensitivity", COLUMNS), rule.species, rule.half_year, rule.behaviour, rule.level,
        clean(rule.reason.zh), clean(rule.reason.en),
    )  # fmt: skip
    await _refresh(tx, rule.species)


async def remove_rule(
    tx: Write, species: str, half_year: HalfYear | str = "", behaviour: Behaviour = ""
) -> bool:
    """Take a rule away, so that the default holds again; whether there was one."""
    before = await _find(tx, species, half_year, behaviour)
    if before is None:
        return False
    await _note(tx, before, before, None)
    await tx.run(DELETE, species, half_year, behaviour)
    await _refresh(tx, species)
    return True


async def refresh_sightings(tx: Write, species_code: str) -> None:
    """Derive the levels of every sighting of this species anew, and the counts they are in."""
    if await settle_sightings(tx, species_code):
        await recompute_for_species(tx, species_code)


async def settle_sightings(tx: Write, species_code: str) -> bool:
    """Derive the levels of every sighting of this species anew; whether any moved."""
    levels = await load_levels(tx)
    rows = await tx.rows(
        "SELECT s.id, s.behaviour, s.level, s.status, v.season FROM sighting s"
        " JOIN survey v ON v.id = s.survey_id AND v.until IS NULL"
        " WHERE s.species = $1 AND s.until IS NULL",
        species_code,
    )
    moved = []
    for row in rows:
        behaviours = (row["behaviour"],) if row["behaviour"] else ()
        level = levels.of(species_code, row["season"], behaviours)
        if level != row["level"]:
            is_public = row["status"] == "published" and not is_protected(level)
            moved.append((level, is_public, row["id"]))
    await tx.run_many(
        "UPDATE sighting SET level = $1, is_public = $2 WHERE id = $3 AND until IS NULL", moved
    )
    return bool(moved)


async def _refresh(tx: Write, species: str) -> None:
    await refresh_sightings(tx, species)
    await refresh_levels(tx, species)


async def _find(db: Source, species: str, half_year: str, behaviour: str) -> SensitivityRule | None:
    rules: Rules = await load_rules(db)
    key = (species, half_year, behaviour)
    return next((r for r in rules if (r.species, r.half_year, r.behaviour) == key), None)


async def _note(
    tx: Write, about: SensitivityRule, before: SensitivityRule | None, after: SensitivityRule | None
) -> None:
    await ledger.append(
        tx, "edit", NOUN, about.species,
        detail={
            "half_year": about.half_year,
            "behaviour": about.behaviour,
            "before": _told(before),
            "after": _told(after),
        },
    )  # fmt: skip


def _told(rule: SensitivityRule | None) -> dict[str, object] | None:
    if rule is None:
        return None
    return {"level": rule.level, "reason": {"zh": rule.reason.zh, "en": rule.reason.en}}
