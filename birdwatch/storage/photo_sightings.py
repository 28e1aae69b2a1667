"""From pictures to the sightings they are evidence for: one question for a whole page of them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from birdwatch.domain.policy import FULL, PUBLIC, Lens
from birdwatch.domain.survey import Sighting
from birdwatch.storage.sql import marks
from birdwatch.storage.survey_rows import OF_SIGHTING, sighting_of
from birdwatch.storage.transactions import Source
from birdwatch.storage.visibility import visible, visible_beside, visible_sighting

IDS_AT_ONCE: Final = 500


async def sightings_of_photos(
    db: Source, photo_ids: Sequence[str], lens: Lens = PUBLIC
) -> dict[str, Sighting]:
    """The sighting of each photo that has one to be shown; the larger where it has several."""
    if not photo_ids:
        return {}
    shown = "" if lens == FULL else f" AND {visible(lens, 'v')} AND {visible_sighting(lens, 's')}"
    rows = await db.rows(
        f"SELECT {OF_SIGHTING}, l.photo_id FROM sighting_photo l"
        " JOIN sighting s ON s.id = l.sighting_id AND s.until IS NULL"
        " JOIN survey v ON v.id = s.survey_id AND v.until IS NULL"
        f" WHERE l.photo_id IN ({marks(len(photo_ids))}){shown}"
        " ORDER BY COALESCE(s.best, -1), s.id",
        *photo_ids,
    )
    return {row["photo_id"]: sighting_of(row) for row in rows}


async def told_photo_ids(db: Source, photo_ids: Iterable[str], lens: Lens = PUBLIC) -> set[str]:
    """Those of these photos that may be named beside a survey: seen, and told with theirs."""
    wanted = list(dict.fromkeys(photo_ids))
    if lens == FULL:
        return set(wanted)
    told: set[str] = set()
    for start in range(0, len(wanted), IDS_AT_ONCE):
        some = wanted[start : start + IDS_AT_ONCE]
        rows = await db.rows(
            f"SELECT f.id FROM photo_fact f WHERE f.until IS NULL AND f.id IN ({marks(len(some))})"
            f" AND {visible_beside(lens, 'f')}",
            *some,
        )
        told.update(row["id"] for row in rows)
    return told
