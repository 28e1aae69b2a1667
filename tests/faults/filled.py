"""An archive in which everything that a verification looks at is there at least once."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

from birdwatch.domain.policy import SYSTEM, Actor
from birdwatch.domain.text import Text
from birdwatch.domain.tide import Station, Water
from birdwatch.intake.archive import Archive
from birdwatch.intake.calibration import CalibrationRequest, apply_calibration
from birdwatch.intake.photo_intake import PhotoRequest
from birdwatch.intake.tracking import apply_track, receive_track
from birdwatch.intake.upload_beginning import Announced, begin_upload
from birdwatch.intake.uploads import Sent, append
from birdwatch.storage.blobs.quarantine import hold
from birdwatch.storage.jobs import enqueue
from birdwatch.storage.quarantine import add_quarantined
from birdwatch.storage.schedule import take_turn
from birdwatch.storage.surveys import delete_survey, insert_survey, replace_survey
from birdwatch.storage.tides import put_station
from birdwatch.worker.loop import drain
from tests.domain.test_track import gpx
from tests.intake.archives import NOW, SIDAOGOU, chunks_of, person, send
from tests.pictures import Tags, ascii_entry, make_jpeg
from tests.storage.makers import sighting, survey

PHOTOS, SURVEYS = 16, 18
BIRDS = ("grekno", "calalp", "calruf", "batgod")
TABLE = "Bayuquan, tides.csv"


async def fill(archive: Archive) -> Actor:
    """Photos and counts, tides, clocks, tracks, uploads, work and quarantine; whose they are."""
    await _fill_photos(archive)
    await _fill_surveys(archive)
    lin = await person(archive, "lin")
    await fill_again(archive, lin, 0)
    await _fill_work(archive)
    return lin


async def fill_again(archive: Archive, lin: Actor, number: int) -> None:
    """What repairs set aside, and only a person or a file can bring back: more of it."""
    await _fill_tides(archive)
    await _fill_clocks(archive, lin, number)
    await _fill_uploads(archive, lin, number)
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


async def _fill_clocks(archive: Archive, lin: Actor, number: int) -> None:
    """Two cameras with a calibration each, bursts, and photos placed by tracks."""
    for serial in (f"{number}1", f"{number}2"):
        frames = [
            await send(archive, _frame(f"2026:04:1{day} 05:40:0{second}", serial), actor=lin)
            for day in (2, 3, 4)
            for second in (0, 1, 8)
        ]
        marks = ((frames[0].photo.id, "2026-04-12T06:42:13"),)
        await apply_calibration(archive, CalibrationRequest(marks), actor=lin, now=NOW)
        await send(archive, _frame("2026:04:14 05:41:00", serial), actor=lin, now=NOW)
    for second, words in enumerate(("", "+0:00:20")):
        data = gpx([(at, 40.66 + at / 1e5, 122.14) for at in range(0, 600, 40)])
        track = await receive_track(archive, chunks_of(data), "walk.gpx", actor=lin, now=NOW)
        for minute in (41, 43, 44):
            taken = f"2026:04:14 05:{minute}:1{second}"
            seed = 500 + 100 * number + 2 * minute + second
            more = _camera(f"track {number} {second}")
            placed = make_jpeg(60, 40, taken=taken, seed=seed, more=more)
            await send(archive, placed, actor=lin)
        await apply_track(archive, track, words, overwrites=False, actor=lin, now=NOW)


def _frame(taken: str, serial: str) -> bytes:
    """Of one subject, so that those of one moment are one burst."""
    more = Tags(ifd0=(ascii_entry(0x0110, "NIKON Z 9"),), exif=(ascii_entry(0xA431, serial),))
    return make_jpeg(60, 40, taken=taken, offset=None, gps=SIDAOGOU, more=more)


def _camera(serial: str) -> Tags:
    """One of its own: small pictures of chance are now and then alike, and would be a burst."""
    return Tags(exif=(ascii_entry(0xA431, serial),))


async def _fill_uploads(archive: Archive, lin: Actor, number: int) -> None:
    """Some that are begun, and some that became photos."""
    for one in range(6):
        taken, more = f"2026:04:20 07:0{one}:00", _camera(f"upload {number}")
        data = make_jpeg(60, 40, seed=number, taken=taken, more=more)
        sha256 = hashlib.sha256(data).hexdigest()
        announced = Announced(len(data), (("sha256", sha256),))
        upload = await begin_upload(archive, announced, actor=lin, now=NOW)
        size = len(data) if one % 2 else 100
        await append(archive, upload, chunks_of(data[:size]), Sent(0, size), actor=lin, now=NOW)


async def _fill_work(archive: Archive) -> None:
    """Periodic work, jobs given up, and files in quarantine."""
    photos = await archive.db.rows("SELECT id, sha256, size_bytes FROM photo ORDER BY id LIMIT 4")
    await take_turn(archive.db, "incoming", "worker", NOW, every_s=60, lease_s=60)
    reason = Text("解码中断", "the decoder died")
    async with archive.db.write(SYSTEM, NOW) as tx:
        for row in photos[:2]:
            await add_quarantined(
                tx, sha256=row["sha256"], size=row["size_bytes"], owner_id=None,
                photo_id=row["id"], reason=reason, deaths=3,
            )  # fmt: skip
        for row in photos:
            await enqueue(tx, "later", row["id"])  # of a kind that only a newer program knows
    for number in range(3):
        incoming = await archive.blobs.receive(chunks_of(b"bomb %d" % number), 100)
        await hold(archive.blobs, incoming)
        await archive.blobs.discard(incoming)
        async with archive.db.write(SYSTEM, NOW) as tx:
            await add_quarantined(
                tx, sha256=incoming.sha256, size=incoming.size, owner_id=None,
                words='{"file_name": "x.jpg"}', reason=reason, deaths=3,
            )  # fmt: skip
