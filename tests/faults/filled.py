"""An archive in which everything that a verification looks at is there at least once."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

from birdwatch.domain.policy import SYSTEM
from birdwatch.domain.tide import Station, Water
from birdwatch.intake.archive import Archive
from birdwatch.intake.photo_intake import PhotoRequest
from birdwatch.storage.surveys import delete_survey, insert_survey, replace_survey
from birdwatch.storage.tides import put_station
from birdwatch.worker.loop import drain
from tests.intake.archives import NOW, SIDAOGOU, send
from tests.pictures import make_jpeg
from tests.storage.makers import sighting, survey

PHOTOS, SURVEYS = 16, 18
BIRDS = ("grekno", "calalp", "calruf", "batgod")
TABLE = "Bayuquan, tides.csv"


async def fill(archive: Archive) -> None:
    """Photos and counts, tides."""
    await _fill_photos(archive)
    await _fill_surveys(archive)
    await _fill_tides(archive)
    await drain(archive)


async def _fill_photos(archive: Archive) -> None:
    """With their numbers."""
    for number in range(PHOTOS):
        data = make_jpeg(
            400, 300, seed=number, gps=SIDAOGOU, taken=f"2026:04:{number + 5:02} 09:00:00"
        )
        counted = PhotoRequest(file_name=f"{number}.jpg", species="grekno", best=number + 1)
        await send(archive, data, counted if number % 2 else None)


async def _fill_surveys(archive: Archive) -> None:
    """As they were first, edited, embargoed, and deleted; some know their tide by a table."""
    for number in range(SURVEYS):
        day = date(2026, 4, 1) + timedelta(days=number // 2)
        birds = [sighting(bird, number * 7 + 1) for bird in BIRDS[: number % 4 + 1]]
        first = survey(*birds, day=day, hour=5 + number % 2)
        if number % 3 == 1:
            first = replace(first, tide="high", tide_source=TABLE)
        async with archive.db.write(SYSTEM, NOW) as tx:
            made = await insert_survey(tx, first)
        if number % 3 == 0:
            async with archive.db.write(SYSTEM, NOW) as tx:
                await replace_survey(
                    tx, made.id, survey(*birds[1:], sighting("numarq", 3), day=day)
                )
        if number % 4 == 0:
            later = replace(survey(*birds, day=day), embargo_until=NOW + timedelta(days=300))
            async with archive.db.write(SYSTEM, NOW) as tx:
                await replace_survey(tx, made.id, later)
        if number % 9 == 8:
            async with archive.db.write(SYSTEM, NOW) as tx:
                await delete_survey(tx, made.id)


async def _fill_tides(archive: Archive) -> None:
    """Two tables, of whose stations a repair may set one aside."""
    begin = datetime(2026, 4, 1, tzinfo=UTC)
    for name in ("bayuquan", "gaizhou", "yingkou"):
        waters = [
            Water(begin + number * timedelta(hours=6), kind, 0.6 + 3 * (kind == "high"))
            for number in range(60)
            for kind in (("high", "low")[number % 2],)
        ]
        async with archive.db.write(SYSTEM, NOW) as tx:
            await put_station(tx, Station(name, name.title(), "tides.csv", "CD"), waters)
