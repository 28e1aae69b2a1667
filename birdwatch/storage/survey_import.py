"""The bulk path of table imports: many surveys at once, one ledger row, the recount at the end."""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime

from birdwatch.domain.ids import ALPHABET, RANDOM_CHARS, new_id
from birdwatch.domain.survey import NewSurvey
from birdwatch.storage.sensitivity import load_levels
from birdwatch.storage.sql import marks
from birdwatch.storage.survey_rows import (
    INSERT_SIGHTING,
    INSERT_SURVEY,
    LINK_PHOTO,
    behaviours_of,
    day_of,
    sighting_values,
    survey_values,
)
from birdwatch.storage.transactions import Source, Write
from birdwatch.storage.windows import load_calendar

KEYS_AT_ONCE = 500
RANDOM_BITS = 5 * RANDOM_CHARS


async def insert_surveys(tx: Write, batch: Sequence[NewSurvey], *, import_version: int) -> int:
    """Write these surveys as part of an import; how many sightings.

    Counts are not recomputed: `counts.recompute_for_import` does that once, at the end.
    """
    calendar = await load_calendar(tx)
    levels = await load_levels(tx)
    total = sum(len(new.sightings) for new in batch)
    ids = ids_in_order(tx.now, len(batch) + total)
    surveys, sightings, links = [], [], []
    for new in batch:
        survey_id = next(ids)
        day = day_of(new)
        place = calendar.place(day)
        day_text = day.isoformat()
        surveys.append(survey_values(survey_id, import_version, new, tx.actor.person_id, place))
        for line, sighting in enumerate(new.sightings):
            sighting_id = next(ids)
            level = levels.of(sighting.species, place.season, behaviours_of(sighting))
            sightings.append(
                sighting_values(
                    sighting_id, import_version, survey_id, line, day_text, sighting, level
                )
            )
            links += [(photo, sighting_id, survey_id) for photo in dict.fromkeys(sighting.photos)]
    await tx.run_many(INSERT_SURVEY, surveys)
    await tx.run_many(INSERT_SIGHTING, sightings)
    await tx.run_many(LINK_PHOTO, links)
    return total


async def known_source_keys(db: Source, keys: Iterable[str]) -> set[str]:
    """Those of these keys that an import has already brought."""
    wanted = list(dict.fromkeys(keys))
    known: set[str] = set()
    for start in range(0, len(wanted), KEYS_AT_ONCE):
        some = wanted[start : start + KEYS_AT_ONCE]
        rows = await db.rows(
            f"SELECT source_key FROM survey WHERE until IS NULL AND source_key IN ({marks(len(some))})",
            *some,
        )
        known.update(row["source_key"] for row in rows)
    return known


def ids_in_order(now: datetime, count: int) -> Iterator[str]:
    """This many identifiers of one moment, rising by one from a random start.

    A million of them drawn at random within one millisecond would meet each other.
    """
    prefix = new_id(now)[:-RANDOM_CHARS]
    start = secrets.randbelow(2**RANDOM_BITS - count)
    for number in range(start, start + count):
        yield (
            prefix
            + _PAIRS[number >> 25 & 1023]
            + _PAIRS[number >> 15 & 1023]
            + _PAIRS[number >> 5 & 1023]
            + ALPHABET[number & 31]
        )


_PAIRS = tuple(high + low for high in ALPHABET for low in ALPHABET)
