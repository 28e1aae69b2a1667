"""An archive from before publication had a rule opens with settled levels and whole counts."""

from __future__ import annotations

import pytest

from birdwatch.storage import counts
from birdwatch.storage.db import Database, open_database
from birdwatch.storage.surveys import find_survey, insert_survey
from tests.storage.makers import sighting, survey, writing

pytestmark = pytest.mark.anyio


async def as_before_publication(db: Database) -> str:
    """A survey whose derived values are the plain defaults of a migration."""
    async with writing(db) as tx:
        made = await insert_survey(tx, survey(sighting("grekno", 5), sighting("saugul2", 40)))
        await tx.run("UPDATE sighting SET level = '0.01', is_public = TRUE")
        await tx.run("DELETE FROM daily_count")
        await tx.run("DELETE FROM survey_day")
        await tx.run("DELETE FROM archive WHERE name = 'publication'")
    return made.id


async def test_old_archive_is_settled_and_counted_once_when_opened(
    db: Database, database_url: str
) -> None:
    survey_id = await as_before_publication(db)
    opened = await open_database(database_url)
    try:
        found = await find_survey(opened, survey_id)
        assert found is not None
        assert [(one.species, one.level) for one in found.sightings] == [
            ("grekno", "0.01"),
            ("saugul2", "0.1"),
        ]
        assert [c.species for c in await counts.daily_counts(opened)] == ["grekno"]
        assert [c.species for c in await counts.daily_counts(opened, exact=True)] == [
            "grekno",
            "saugul2",
        ]
        assert await counts.wrong_daily_counts(opened) == []
        version = await opened.dataset_version()
    finally:
        await opened.close()
    again = await open_database(database_url)
    try:
        assert await again.dataset_version() == version
    finally:
        await again.close()
