"""Photos, surveys and sightings as a test needs them: everything plausible but what it names."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta, timezone

from birdwatch.domain.credit import Credit
from birdwatch.domain.photo import Camera, Photo, PhotoFacts, SettledTime
from birdwatch.domain.policy import SYSTEM, Actor, Reader
from birdwatch.domain.survey import Method, NewSighting, NewSurvey, Tide
from birdwatch.domain.text import Text
from birdwatch.domain.undo import undone
from birdwatch.storage.db import Database, Write
from birdwatch.storage.photos import NewPhoto, find_photo
from birdwatch.storage.undo import find_history, write_undo

NOW = datetime(2026, 4, 20, 2, 30, tzinfo=UTC)
CHINA = timezone(timedelta(hours=8))
LI = Actor(person_id="li", role="contributor", name="Li")


@asynccontextmanager
async def writing(db: Database, now: datetime = NOW) -> AsyncIterator[Write]:
    """A write transaction by Li."""
    async with db.write(LI, now) as tx:
        yield tx


def sighting(
    species: str = "grekno", best: int | None = 5, *, photos: tuple[str, ...] = ()
) -> NewSighting:
    method: Method = "present" if best is None else "counted"
    return NewSighting(species, best, best, best, method, photos=photos)


def survey(
    *sightings: NewSighting,
    site: str = "liaobin",
    day: date = date(2026, 4, 14),
    hour: int = 6,
    tide: Tide = "high",
    key: str | None = None,
    complete: bool = True,
) -> NewSurvey:
    start = datetime(day.year, day.month, day.day, hour, tzinfo=CHINA)
    return NewSurvey(
        site=site,
        start=start,
        end=start + timedelta(minutes=90),
        has_time=True,
        observers=("徐鑫", "Guo Ying"),
        protocol="area",
        complete=complete,
        tide=tide,
        note="风大",
        source="api",
        source_key=key,
        sightings=sightings,
    )


def facts(wall: datetime | None = datetime(2026, 4, 14, 6, 30)) -> PhotoFacts:  # noqa: DTZ001
    """Facts of a photo taken at this local time in China, or at no known time."""
    if wall is None:
        return PhotoFacts(SettledTime(None, None, None, "unknown", "none"), None)
    instant = wall.replace(tzinfo=CHINA).astimezone(UTC)
    return PhotoFacts(
        time=SettledTime(instant, wall, 480, "exif_offset", "high", clock_error_s=-3),
        place=None,
        caption=Text("鸟浪", "A wave of birds"),
        credit=Credit((("text", "徐鑫"), ("photo", "国颖"))),
        license="CC-BY-4.0",
    )


def photo(
    number: int = 1, given: PhotoFacts | None = None, *, owner: str | None = "li"
) -> NewPhoto:
    return NewPhoto(
        id=f"photo{number:011}",
        sha256=hashlib.sha256(str(number).encode()).hexdigest(),
        format="jpeg",
        width=6000,
        height=4000,
        size_bytes=9_000_000,
        received_at=NOW,
        owner_id=owner,
        original_name=f"DSC{number}.JPG",
        camera=Camera("Canon", "EOS R5", exposure_s="1/2000"),
        facts=given or facts(),
        tags={"EXIF Model": "EOS R5"},
    )


def dated(number: int, wall: datetime | None, **changes: object) -> NewPhoto:
    """A photo of this time, with these facts changed."""
    return photo(number, replace(facts(wall), **changes))  # type: ignore[arg-type]


EVERYTHING = Reader(SYSTEM, datetime(2026, 5, 20, tzinfo=UTC))


async def undo_last(tx: Write, photo_id: str) -> Photo:
    """Take back the last change of this photo that stands."""
    history = await find_history(tx, "photo", photo_id)
    assert history is not None
    without = undone(history.steps)
    last = [step for step in history.steps if step.version not in without][-1]
    await write_undo(tx, history, last.version)
    found = await find_photo(tx, photo_id)
    assert found is not None
    return found
