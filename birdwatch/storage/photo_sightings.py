"""From pictures to the sightings they are evidence for: one question for a whole page of them."""

from __future__ import annotations

from collections.abc import Sequence

from birdwatch.domain.survey import Sighting
from birdwatch.storage.sql import marks
from birdwatch.storage.survey_rows import OF_SIGHTING, sighting_of
from birdwatch.storage.transactions import Source


async def sightings_of_photos(db: Source, photo_ids: Sequence[str]) -> dict[str, Sighting]:
    """The sighting of each photo that has one; the larger where it is evidence for several."""
    if not photo_ids:
        return {}
    rows = await db.rows(
        f"SELECT {OF_SIGHTING}, l.photo_id FROM sighting_photo l"
        " JOIN sighting s ON s.id = l.sighting_id AND s.until IS NULL"
        " JOIN survey v ON v.id = s.survey_id AND v.until IS NULL"
        f" WHERE l.photo_id IN ({marks(len(photo_ids))}) ORDER BY COALESCE(s.best, -1), s.id",
        *photo_ids,
    )
    return {row["photo_id"]: sighting_of(row) for row in rows}
