"""What follows from a photo's facts by the rules of now: its season, its level, its public values.

Asked of one photo and of two thousand in one act: what is the same for all is read once, and what
belongs to each is asked for all of them in two questions.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace

from birdwatch.domain.photo import PhotoFacts, PublicValues
from birdwatch.domain.publication import public_values
from birdwatch.domain.sensitivity import Behaviour, is_listed
from birdwatch.storage.photo_rows import placed
from birdwatch.storage.sensitivity import load_levels
from birdwatch.storage.sites import load_sites
from birdwatch.storage.species import load_species
from birdwatch.storage.sql import Where, marks
from birdwatch.storage.transactions import Source
from birdwatch.storage.windows import load_calendar

Settled = tuple[PhotoFacts, PublicValues]


async def settle_facts(db: Source, photo_id: str, facts: PhotoFacts) -> Settled:
    """The facts with season and level by the rules of now, and what everyone may know of them.

    The level is the coarsest that any name asks for: the accepted one and every proposed one.
    """
    return (await settle_all(db, {photo_id: facts}))[photo_id]


async def settle_all(db: Source, facts_of: Mapping[str, PhotoFacts]) -> dict[str, Settled]:
    """As settle_facts, for some hundred photos at once, by their ids."""
    if not facts_of:
        return {}
    calendar, levels = await load_calendar(db), await load_levels(db)
    species, sites = await load_species(db), await load_sites(db)
    proposed = await _proposed(db, list(facts_of))
    behaviours = await _behaviours(db, facts_of)
    found: dict[str, Settled] = {}
    for photo_id, given in facts_of.items():
        facts = placed(given, calendar)
        names = proposed[photo_id] | ({facts.species} if facts.species is not None else set())
        seen = tuple(sorted(behaviours[photo_id]))
        facts = replace(facts, level=levels.of_all(names, facts.season, seen))
        birds = [bird for name in names if (bird := species.get(name)) is not None]
        public = public_values(
            facts,
            facts.level,
            sites.get(facts.site) if facts.site else None,
            is_listed=any(is_listed(bird) for bird in birds),
        )
        found[photo_id] = (facts, public)
    return found


async def _proposed(db: Source, photo_ids: Sequence[str]) -> Mapping[str, set[str]]:
    rows = await db.rows(
        "SELECT DISTINCT photo_id, species FROM identification"
        f" WHERE photo_id IN ({marks(len(photo_ids))}) AND until IS NULL",
        *photo_ids,
    )
    found: dict[str, set[str]] = defaultdict(set)
    for row in rows:
        found[row["photo_id"]].add(row["species"])
    return found


async def _behaviours(
    db: Source, facts_of: Mapping[str, PhotoFacts]
) -> Mapping[str, set[Behaviour]]:
    """What the birds of each photo did, by the sightings it names and those that name it."""
    where = Where()
    linked = ", ".join(where.value(photo_id) for photo_id in facts_of)
    question = (
        "SELECT l.photo_id, s.id, s.behaviour FROM sighting_photo l CROSS JOIN sighting s"
        f" WHERE l.photo_id IN ({linked}) AND s.id = l.sighting_id AND s.until IS NULL"
        " AND s.behaviour > ''"
    )
    of_sighting: dict[str, list[str]] = defaultdict(list)
    for photo_id, facts in facts_of.items():
        if facts.sighting_id:
            of_sighting[facts.sighting_id].append(photo_id)
    if of_sighting:
        named = ", ".join(where.value(sighting_id) for sighting_id in of_sighting)
        question += (
            " UNION ALL SELECT NULL, s.id, s.behaviour FROM sighting s"
            f" WHERE s.id IN ({named}) AND s.until IS NULL AND s.behaviour > ''"
        )
    found: dict[str, set[Behaviour]] = defaultdict(set)
    for row in await db.rows(question, *where.values):
        for photo_id in [row["photo_id"]] if row["photo_id"] else of_sighting[row["id"]]:
            found[photo_id].add(row["behaviour"])
    return found
