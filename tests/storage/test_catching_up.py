"""An archive of an earlier time opens with what today's needs: settled levels, counts, clocks."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from birdwatch.domain.photo import Camera
from birdwatch.storage import clocks, counts
from birdwatch.storage.clocks import cameras_of, find_frame
from birdwatch.storage.db import Database, open_database
from birdwatch.storage.photos import find_photo, insert_photo
from birdwatch.storage.surveys import find_survey, insert_survey
from tests.storage.makers import photo, sighting, survey, writing

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


TAGS = {
    "EXIF DateTimeOriginal": "2026:04:14 05:40:00",
    "EXIF SubSecTimeOriginal": "25",
    "EXIF BodySerialNumber": " 2001234 ",
}


async def as_before_clocks(db: Database) -> list[str]:
    """Photos whose rows say nothing of their cameras' clocks, as a migration leaves them."""
    tags = [TAGS, {**TAGS, "EXIF OffsetTimeOriginal": "+00:00"}, {}]
    news = [replace(photo(number), tags=one) for number, one in enumerate(tags, 1)]
    news.append(replace(photo(4), tags={}, camera=Camera()))
    async with writing(db) as tx:
        made = [(await insert_photo(tx, one)).id for one in news]
        await tx.run("UPDATE photo SET camera_serial = NULL, camera_key = NULL, clock_at = NULL")
        await tx.run("DELETE FROM archive WHERE name = 'clocks'")
    return made


async def test_clocks_of_older_photos_are_read_off_their_tags_once(
    db: Database, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids = await as_before_clocks(db)
    assert await cameras_of(db, "li") == []
    version = await db.dataset_version()
    monkeypatch.setattr(clocks, "FILL_AT_ONCE", 2)  # so that there is more than one turn
    opened = await open_database(database_url)
    try:
        frames = [await find_frame(opened, one) for one in ids]
        assert [(one.camera, one.reads) for one in frames if one] == [
            ("canon|eos r5|2001234", datetime(2026, 4, 13, 21, 40, 0, 250_000, tzinfo=UTC)),
            ("canon|eos r5|2001234", datetime(2026, 4, 14, 5, 40, 0, 250_000, tzinfo=UTC)),
            ("canon|eos r5|", None),
            (None, None),
        ]
        found = await find_photo(opened, ids[0])
        assert found is not None
        assert found.camera == Camera("Canon", "EOS R5", exposure_s="1/2000", serial="2001234")
        assert [one.photos for one in await cameras_of(opened, "li")] == [2, 1]
        assert await opened.dataset_version() == version  # nothing that is told has changed
        async with writing(opened) as tx:
            await tx.run("UPDATE photo SET camera_key = 'by hand' WHERE id = $1", ids[3])
    finally:
        await opened.close()
    again = await open_database(database_url)
    try:
        kept = await find_frame(again, ids[3])
        assert kept is not None
        assert kept.camera == "by hand"
    finally:
        await again.close()
