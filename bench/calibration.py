"""A camera's clock put right over many photos: what preview, applying and undoing take.

    python -m bench.calibration [--photos 300 2000] [--counted 50] [--database URL]

The photos are a minute apart, `--counted` of every hundred with a number that has to follow. Rows
go straight into the tables by the functions that make them; the three acts are those of a request.
Told are seconds, CPU seconds of this process, and statements a photo (one for a whole batch).
"""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from birdwatch.domain.credit import Credit
from birdwatch.domain.ids import new_id, opaque_id
from birdwatch.domain.photo import Camera, PhotoFacts, SettledTime
from birdwatch.domain.place import Point, SettledPlace
from birdwatch.domain.policy import SYSTEM, Actor
from birdwatch.domain.survey import NewSighting, NewSurvey
from birdwatch.domain.text import Text
from birdwatch.intake.adjusting import undo_adjustment
from birdwatch.intake.archive import Archive, open_archive
from birdwatch.intake.calibration import CalibrationRequest, apply_calibration, preview_calibration
from birdwatch.settings import Settings
from birdwatch.storage.people import add_person
from birdwatch.storage.photos import NewPhoto, insert_photo
from birdwatch.storage.surveys import insert_survey
from birdwatch.storage.transactions import Database, Write

NOW = datetime(2026, 5, 2, 4, 0, tzinfo=UTC)
FIRST = datetime(2026, 4, 14, 5, 0, tzinfo=UTC)  # by the camera, which is an hour slow
APART = timedelta(minutes=1)
ZONE_MIN = 480
AT_ONCE = 200
SITE, SPECIES = "sidaogou", "grekno"
POINT = Point(40.6648, 122.1412)


@dataclass(slots=True)
class Asked:
    """How many statements went to the database."""

    statements: int = 0


@contextmanager
def counted() -> Iterator[Asked]:
    """Count the statements of this process while inside."""
    asked = Asked()
    ways = [(Database, "rows"), (Write, "rows"), (Write, "run"), (Write, "run_many")]
    before = [getattr(owner, name) for owner, name in ways]

    def counting(way: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
        async def ask(*given: object) -> object:
            asked.statements += 1
            return await way(*given)

        return ask

    for (owner, name), way in zip(ways, before, strict=True):
        setattr(owner, name, counting(way))
    try:
        yield asked
    finally:
        for (owner, name), way in zip(ways, before, strict=True):
            setattr(owner, name, way)


async def fill(archive: Archive, photos: int, per_hundred: int) -> tuple[Actor, str]:
    """So many photos of one camera; their owner, and the first of them."""
    async with archive.db.write(SYSTEM, NOW) as tx:
        login = f"lin{photos}"
        person = await add_person(tx, login, "-", "contributor", Text("林", "Lin"), trust="trusted")
    actor = Actor(person.id, "contributor", None, "Lin", "trusted")
    first = ""
    for start in range(0, photos, AT_ONCE):
        async with archive.db.write(actor, NOW) as tx:
            for number in range(start, min(start + AT_ONCE, photos)):
                photo_id = await add_photo(
                    tx, actor, number, has_number=number * 37 % 100 < per_hundred
                )
                first = first or photo_id
    return actor, first


async def add_photo(tx: Write, actor: Actor, number: int, *, has_number: bool) -> str:
    """One frame, with the count made from it or without."""
    wall = (FIRST + number * APART).replace(tzinfo=None)
    photo_id = opaque_id()
    facts = PhotoFacts(
        time=SettledTime(
            (wall - timedelta(minutes=ZONE_MIN)).replace(tzinfo=UTC), wall, ZONE_MIN,
            "exif_site_zone", "medium",
        ),
        place=SettledPlace(POINT, "gps", "high"),
        site=SITE,
        species=SPECIES if has_number else None,
        credit=Credit((("photo", "Lin"),)),
        license="CC-BY-4.0",
    )  # fmt: skip
    if has_number:
        survey = await insert_survey(tx, _count(facts, photo_id, number))
        facts = replace(facts, survey_id=survey.id, sighting_id=survey.sightings[0].id)
    await insert_photo(tx, _photo(photo_id, actor, number, facts, wall))
    return photo_id


def _count(facts: PhotoFacts, photo_id: str, number: int) -> NewSurvey:
    instant = facts.time.instant or NOW
    best = 100 + number % 50
    one = NewSighting(SPECIES, best, best, best, "from_photo", photos=(photo_id,))
    start = (instant + timedelta(minutes=ZONE_MIN)).replace(tzinfo=None)
    return NewSurvey(
        site=SITE,
        start=datetime.fromisoformat(f"{start.isoformat(timespec='seconds')}+08:00"),
        end=None,
        has_time=True,
        observers=("Lin",),
        protocol="photo",
        complete=False,
        tide="unknown",
        note="",
        source="photo",
        source_key=None,
        sightings=(one,),
    )


def _photo(photo_id: str, actor: Actor, number: int, facts: PhotoFacts, wall: datetime) -> NewPhoto:
    told = f"{wall:%Y:%m:%d %H:%M:%S}"
    return NewPhoto(
        id=photo_id,
        sha256=hashlib.sha256(new_id(NOW).encode()).hexdigest(),
        format="jpeg",
        width=6000,
        height=4000,
        size_bytes=9_000_000,
        received_at=NOW,
        owner_id=actor.person_id,
        original_name=f"DSC{number}.JPG",
        camera=Camera("NIKON CORPORATION", "NIKON Z 9", serial="2001234"),
        facts=facts,
        tags={"EXIF DateTimeOriginal": told, "Image Model": "NIKON Z 9"},
    )


@contextmanager
def timed(what: str, photos: int) -> Iterator[None]:
    """Print what was inside took."""
    wall, processor = time.perf_counter(), time.process_time()
    with counted() as asked:
        yield
    wall, processor = time.perf_counter() - wall, time.process_time() - processor
    each = asked.statements / photos
    print(f"{photos:>6} {what:<8} {wall:7.2f} s {processor:7.2f} s CPU {each:7.2f} a photo")


async def run(photos: list[int], per_hundred: int, database: str | None) -> None:
    """Fill and measure, for each number of photos among one person's."""
    with tempfile.TemporaryDirectory(prefix="birdwatch-bench-") as folder:
        home = Path(folder) / "home"
        async with open_archive(Settings(home=home, database=database or "")) as archive:
            for number in photos:
                await measure(archive, number, per_hundred)


async def measure(archive: Archive, photos: int, per_hundred: int) -> None:
    """Preview, apply and undo one calibration of so many photos."""
    with archive.db.activate():
        actor, first = await fill(archive, photos, per_hundred)
        request = CalibrationRequest(((first, "2026-04-14T06:02:13"),))
        with timed("preview", photos):
            shown = await preview_calibration(archive, request, actor=actor, now=NOW)
        with timed("apply", photos):
            made = await apply_calibration(
                archive, request, actor=actor, now=NOW, seen=shown.plan.digest
            )
        with timed("undo", photos):
            back = await undo_adjustment(archive, made.adjustment_id, actor=actor, now=NOW)
    assert (made.photos, back.photos, back.kept) == (photos, photos, ())


def main() -> None:
    """Measure with each number of photos."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--photos", type=int, nargs="+", default=[300, 2000])
    parser.add_argument("--counted", type=int, default=50, help="of a hundred photos")
    parser.add_argument("--database", help="the URL of an empty database; otherwise SQLite")
    given = parser.parse_args()
    asyncio.run(run(given.photos, given.counted, given.database))


if __name__ == "__main__":
    main()
