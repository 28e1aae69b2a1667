"""A camera's clock put right: what is shown, what follows, what comes in later, what is undone."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone

import pytest

from birdwatch.domain.errors import BirdwatchError, ConflictError, InvalidInputError, NotFoundError
from birdwatch.domain.photo import Photo
from birdwatch.domain.policy import SYSTEM, Actor
from birdwatch.intake.adjusting import undo_adjustment
from birdwatch.intake.archive import Archive
from birdwatch.intake.calibration import CalibrationRequest, apply_calibration, preview_calibration
from birdwatch.intake.photo_intake import PhotoRequest, correct_photo
from birdwatch.storage.clocks import ARCHIVE, cameras_of, find_adjustment
from birdwatch.storage.counts import daily_counts, wrong_daily_counts
from birdwatch.storage.ledger import verify_chain
from birdwatch.storage.photos import correct_photo as write_facts
from birdwatch.storage.photos import find_photo, photo_history
from birdwatch.storage.surveys import find_survey
from tests.intake.archives import NOW, SIDAOGOU, person, send
from tests.pictures import Entry, Tags, ascii_entry, gps_entries, make_jpeg

pytestmark = pytest.mark.anyio
CHINA = timezone(timedelta(hours=8))
SERIAL = "2001234"


def frame(
    wall: str, *, serial: str = SERIAL, model: str = "NIKON Z 9", gps_time: str = ""
) -> bytes:
    """A picture whose camera wrote this time, as 2026:04:25 05:40:00."""
    gps = gps_entries(*SIDAOGOU, date="2026:04:13", time=gps_time) if gps_time else ()
    more = Tags(
        ifd0=(ascii_entry(0x010F, "NIKON CORPORATION"), ascii_entry(0x0110, model)),
        exif=(ascii_entry(0xA431, serial),) if serial else (),
        gps=gps,
    )
    return make_jpeg(60, 40, taken=wall, offset=None, gps=SIDAOGOU, more=more)


async def shots(archive: Archive, actor: Actor, *walls: str, **how: str) -> list[Photo]:
    return [(await send(archive, frame(wall, **how), actor=actor)).photo for wall in walls]


async def wall_of(archive: Archive, photo: Photo) -> str:
    found = await find_photo(archive.db, photo.id)
    assert found is not None
    assert found.facts.time.wall is not None
    return f"{found.facts.time.wall:%m-%d %H:%M:%S}"


def marked(*marks: tuple[Photo, str], **span: str) -> CalibrationRequest:
    return CalibrationRequest(tuple((photo.id, true) for photo, true in marks), **span)


async def test_one_mark_puts_every_frame_of_the_camera_right(archive: Archive) -> None:
    actor = await person(archive, "lin")
    one, two = await shots(archive, actor, "2026:04:14 05:40:00", "2026:04:14 23:30:07")
    request = marked((one, "2026-04-14T06:42:13"))
    shown = await preview_calibration(archive, request, actor=actor, now=NOW)
    assert [line.photo.id for line in shown.plan.lines] == [one.id, two.id]
    assert await wall_of(archive, one) == "04-14 05:40:00"  # nothing is written yet
    applied = await apply_calibration(
        archive, request, actor=actor, now=NOW, seen=shown.plan.digest
    )
    assert applied.photos == 2
    assert await wall_of(archive, one) == "04-14 06:42:13"
    assert await wall_of(archive, two) == "04-15 00:32:20"  # and lies on another day
    after = await find_photo(archive.db, two.id)
    assert after is not None
    assert [line.facts for line in shown.plan.lines][1] == after.facts
    assert (after.facts.time.source, after.facts.time.confidence) == ("clock_calibration", "high")
    assert after.original == two.facts


async def test_two_marks_let_the_clock_drift_between(archive: Archive) -> None:
    actor = await person(archive, "lin")
    first, middle, last = await shots(
        archive, actor, "2026:04:10 06:00:00", "2026:04:15 06:00:00", "2026:04:20 06:00:00"
    )
    request = marked((first, "2026-04-10T06:01:00"), (last, "2026-04-20T06:01:20+08:00"))
    await apply_calibration(archive, request, actor=actor, now=NOW)
    assert await wall_of(archive, middle) == "04-15 06:01:10"


async def test_calibration_keeps_to_its_camera_its_span_and_its_owner(archive: Archive) -> None:
    lin, wu = await person(archive, "lin"), await person(archive, "wu")
    inside, outside = await shots(archive, lin, "2026:04:14 05:40:00", "2026:04:14 07:40:00")
    (other,) = await shots(archive, lin, "2026:04:14 05:41:00", serial="777")
    (theirs,) = await shots(archive, wu, "2026:04:14 05:42:00")
    request = marked((inside, "2026-04-14T06:40:00"), last="2026-04-14T07:00:00")
    applied = await apply_calibration(archive, request, actor=lin, now=NOW)
    assert applied.photos == 1
    for photo in (outside, other, theirs):
        assert await find_photo(archive.db, photo.id) == photo


async def test_time_set_by_hand_stays(archive: Archive) -> None:
    actor = await person(archive, "lin")
    one, two = await shots(archive, actor, "2026:04:14 05:40:00", "2026:04:14 05:50:00")
    await correct_photo(archive, two.id, {"taken_at": "2026-04-14T09:00:00"}, actor=actor, now=NOW)
    request = marked((one, "2026-04-14T06:40:00"))
    shown = await preview_calibration(archive, request, actor=actor, now=NOW)
    assert [left.photo.id for left in shown.plan.left] == [two.id]
    await apply_calibration(archive, request, actor=actor, now=NOW)
    assert await wall_of(archive, two) == "04-14 09:00:00"


async def test_clock_that_runs_in_the_future_is_put_right(archive: Archive) -> None:
    actor = await person(archive, "lin")
    (photo,) = await shots(archive, actor, "2031:01:01 00:00:07")
    assert photo.facts.time.source == "unknown"
    request = marked((photo, "2026-04-14T06:40:00"))
    await apply_calibration(archive, request, actor=actor, now=NOW)
    assert await wall_of(archive, photo) == "04-14 06:40:00"
    after = await find_photo(archive.db, photo.id)
    assert after is not None
    assert (after.facts.season, after.facts.phase) == ("2026-spring", "peak")


async def test_photos_that_come_in_later_are_set_too(archive: Archive) -> None:
    actor = await person(archive, "lin")
    (photo,) = await shots(archive, actor, "2026:04:14 05:40:00")
    request = marked((photo, "2026-04-14T06:40:00"))
    applied = await apply_calibration(archive, request, actor=actor, now=NOW)
    (later,) = await shots(archive, actor, "2026:04:15 05:00:00")
    assert await wall_of(archive, later) == "04-15 06:00:00"
    assert f"{later.original.time.wall}" == "2026-04-15 05:00:00"
    adjustment = await find_adjustment(archive.db, applied.adjustment_id)
    assert adjustment is not None
    assert adjustment.photos == 2
    back = await undo_adjustment(archive, applied.adjustment_id, actor=actor, now=NOW)
    assert (back.photos, back.kept) == (2, ())
    assert await wall_of(archive, later) == "04-15 05:00:00"
    (latest,) = await shots(archive, actor, "2026:04:16 05:00:00")
    assert await wall_of(archive, latest) == "04-16 05:00:00"


async def test_later_photo_that_would_lie_in_the_future_keeps_its_time(archive: Archive) -> None:
    actor = await person(archive, "lin")
    (photo,) = await shots(archive, actor, "2026:04:14 05:40:00")
    await apply_calibration(archive, marked((photo, "2026-05-02T11:00:00")), actor=actor, now=NOW)
    (later,) = await shots(archive, actor, "2026:05:01 05:00:00")
    assert await wall_of(archive, later) == "05-01 05:00:00"
    assert later.facts.time.source != "clock_calibration"


async def test_count_follows_its_photo_and_comes_back(archive: Archive) -> None:
    actor = await person(archive, "lin")
    words = PhotoRequest(species="grekno", best=40)
    before = await send(archive, frame("2026:04:14 23:30:00"), words, actor=actor)
    request = marked((before.photo, "2026-04-15T00:30:00"))
    applied = await apply_calibration(archive, request, actor=actor, now=NOW)
    later = await send(archive, frame("2026:04:14 23:31:00"), words, actor=actor)
    days = await daily_counts(archive.db)
    assert [(one.day.isoformat(), one.count) for one in days] == [("2026-04-15", 40)]
    await undo_adjustment(archive, applied.adjustment_id, actor=actor, now=NOW)
    days = await daily_counts(archive.db)
    assert [(one.day.isoformat(), one.count) for one in days] == [("2026-04-14", 40)]
    for receipt in (before, later):
        assert receipt.survey is not None
        survey = await find_survey(archive.db, receipt.survey.id)
        assert survey is not None
        assert survey.start.date().isoformat() == "2026-04-14"


async def test_undo_brings_every_photo_back_and_keeps_what_was_changed_since(
    archive: Archive,
) -> None:
    actor = await person(archive, "lin")
    one, two = await shots(archive, actor, "2026:04:14 05:40:00", "2026:04:14 05:50:00")
    applied = await apply_calibration(
        archive, marked((one, "2026-04-14T06:40:00")), actor=actor, now=NOW
    )
    await correct_photo(archive, two.id, {"species": "grekno"}, actor=actor, now=NOW)
    back = await undo_adjustment(archive, applied.adjustment_id, actor=actor, now=NOW)
    assert (back.photos, back.kept) == (2, ())
    after = [await find_photo(archive.db, photo.id) for photo in (one, two)]
    assert after[0] is not None
    assert after[1] is not None
    assert after[0].facts == one.facts
    assert (after[1].facts.time, after[1].facts.species) == (two.facts.time, "grekno")
    history = await photo_history(archive.db, one.id)
    assert [version.action for version in history] == ["create", "correct", "undo"]
    with pytest.raises(ConflictError) as caught:
        await undo_adjustment(archive, applied.adjustment_id, actor=actor, now=NOW)
    assert caught.value.code == "adjustment.undone"


async def test_undone_calibration_can_be_made_anew(archive: Archive) -> None:
    actor = await person(archive, "lin")
    (photo,) = await shots(archive, actor, "2026:04:14 05:40:00")
    for true in ("2026-04-14T06:40:00", "2026-04-14T06:41:00"):
        applied = await apply_calibration(archive, marked((photo, true)), actor=actor, now=NOW)
        assert await wall_of(archive, photo) == true[5:].replace("T", " ")
        await undo_adjustment(archive, applied.adjustment_id, actor=actor, now=NOW)
    assert await wall_of(archive, photo) == "04-14 05:40:00"


async def test_old_fix_is_found_good_once_the_clock_is_right(archive: Archive) -> None:
    actor = await person(archive, "lin")
    # The fix is of 05:40 in China; the clock is twenty minutes slow.
    (photo,) = await shots(archive, actor, "2026:04:14 05:20:00", gps_time="21:40:00")
    assert photo.facts.place is not None
    assert photo.facts.place.source == "gps_stale"
    request = marked((photo, "2026-04-14T05:40:00"))
    await apply_calibration(archive, request, actor=actor, now=NOW)
    after = await find_photo(archive.db, photo.id)
    assert after is not None
    assert after.facts.place is not None
    assert (after.facts.place.source, after.facts.place.confidence) == ("gps", "high")


async def test_mark_that_puts_photos_in_the_future_is_refused(archive: Archive) -> None:
    actor = await person(archive, "lin")
    one, two = await shots(archive, actor, "2026:04:14 05:40:00", "2026:04:20 05:40:00")
    for true, code in (
        ("2027-04-14T05:40:00", "clock.marks"),  # the mark itself
        ("2026-05-01T05:40:00", "clock.impossible"),  # the other frame, six days later
    ):
        with pytest.raises(InvalidInputError) as caught:
            await apply_calibration(archive, marked((one, true)), actor=actor, now=NOW)
        assert caught.value.code == code
    assert await find_photo(archive.db, two.id) == two
    request = marked((one, "2026-05-01T05:40:00"), last="2026-04-15T00:00:00")
    assert (await apply_calibration(archive, request, actor=actor, now=NOW)).photos == 1


async def test_photos_that_changed_since_the_preview_are_not_set_unseen(archive: Archive) -> None:
    actor = await person(archive, "lin")
    (photo,) = await shots(archive, actor, "2026:04:14 05:40:00")
    request = marked((photo, "2026-04-14T06:40:00"))
    shown = await preview_calibration(archive, request, actor=actor, now=NOW)
    await shots(archive, actor, "2026:04:14 05:41:00")
    with pytest.raises(ConflictError) as caught:
        await apply_calibration(archive, request, actor=actor, now=NOW, seen=shown.plan.digest)
    assert caught.value.code == "adjustment.changed"


async def test_spans_of_one_camera_may_not_overlap(archive: Archive) -> None:
    actor = await person(archive, "lin")
    one, two = await shots(archive, actor, "2026:04:14 05:40:00", "2026:04:15 05:40:00")
    request = marked((one, "2026-04-14T06:40:00"), last="2026-04-14T23:59:59")
    await apply_calibration(archive, request, actor=actor, now=NOW)
    with pytest.raises(ConflictError) as caught:
        await apply_calibration(archive, marked((two, "2026-04-15T05:41:00")), actor=actor, now=NOW)
    assert caught.value.code == "clock.overlap"
    request = marked((two, "2026-04-15T05:41:00"), first="2026-04-15T00:00:00")
    assert (await apply_calibration(archive, request, actor=actor, now=NOW)).photos == 1


@pytest.mark.parametrize(
    ("marks", "span", "field"),
    [
        ([], {}, "marks"),
        (["2026-04-14"], {}, "marks"),
        (["soon"], {}, "marks"),
        (["2026-04-14T06:40:00"], {"zone": "Mars"}, "zone"),
        (["2026-04-14T06:40:00"], {"first": "never"}, "first"),
        (["2026-04-14T06:40:00"], {"last": "2026-04-13T00:00:00"}, "first"),
    ],
)
async def test_request_that_makes_no_sense_is_refused_by_field(
    archive: Archive, marks: list[str], span: dict[str, str], field: str
) -> None:
    actor = await person(archive, "lin")
    (photo,) = await shots(archive, actor, "2026:04:14 05:40:00")
    with pytest.raises(InvalidInputError) as caught:
        await preview_calibration(
            archive, marked(*((photo, true) for true in marks), **span), actor=actor, now=NOW
        )
    assert [error.field for error in caught.value.errors] == [field]


async def test_frames_of_two_cameras_or_of_none_are_refused(archive: Archive) -> None:
    actor = await person(archive, "lin")
    (one,) = await shots(archive, actor, "2026:04:14 05:40:00")
    (two,) = await shots(archive, actor, "2026:04:14 05:41:00", serial="777")
    nameless = (await send(archive, make_jpeg(60, 40, taken=None), actor=actor)).photo
    for marks in (
        [(one, "2026-04-14T06:40:00"), (two, "2026-04-14T06:41:00")],
        [(nameless, "2026-04-14T06:40:00")],
    ):
        with pytest.raises(InvalidInputError) as caught:
            await preview_calibration(archive, marked(*marks), actor=actor, now=NOW)
        assert caught.value.code == "clock.marks"


async def test_somebody_elses_frame_is_not_there(archive: Archive) -> None:
    lin, wu = await person(archive, "lin"), await person(archive, "wu")
    (photo,) = await shots(archive, lin, "2026:04:14 05:40:00")
    request = marked((photo, "2026-04-14T06:40:00"))
    with pytest.raises(NotFoundError):
        await preview_calibration(archive, request, actor=wu, now=NOW)
    applied = await apply_calibration(archive, request, actor=lin, now=NOW)
    with pytest.raises(NotFoundError):
        await undo_adjustment(archive, applied.adjustment_id, actor=wu, now=NOW)


async def test_calibration_older_than_a_month_stays(archive: Archive) -> None:
    actor = await person(archive, "lin")
    (photo,) = await shots(archive, actor, "2026:04:14 05:40:00")
    applied = await apply_calibration(
        archive, marked((photo, "2026-04-14T06:40:00")), actor=actor, now=NOW
    )
    with pytest.raises(BirdwatchError) as caught:
        await undo_adjustment(
            archive, applied.adjustment_id, actor=actor, now=NOW + timedelta(days=31)
        )
    assert caught.value.code == "adjustment.stays"
    assert await wall_of(archive, photo) == "04-14 06:40:00"


async def test_cameras_are_told_with_the_span_of_their_clocks(archive: Archive) -> None:
    actor = await person(archive, "lin")
    await shots(archive, actor, "2026:04:14 05:40:00", "2026:04:20 05:40:00")
    await shots(archive, actor, "2026:04:14 05:41:00", serial="")
    cameras = await cameras_of(archive.db, actor.person_id or "")
    assert [(one.camera.model, one.camera.serial, one.photos) for one in cameras] == [
        ("NIKON Z 9", SERIAL, 2),
        ("NIKON Z 9", "", 1),
    ]
    assert cameras[0].first == datetime(2026, 4, 14, 5, 40, tzinfo=CHINA).astimezone(UTC)


async def test_clock_of_photos_that_nobody_sent_is_an_administrators(archive: Archive) -> None:
    chief = await person(archive, "chief", "admin")
    one, two = await shots(archive, SYSTEM, "2026:04:14 05:40:00", "2026:04:14 05:50:00")
    (others,) = await shots(archive, chief, "2026:04:14 05:45:00")
    request = marked((one, "2026-04-14T06:40:00"))
    for actor in (await person(archive, "rev", "reviewer"), await person(archive, "lin")):
        with pytest.raises(NotFoundError):
            await apply_calibration(archive, request, actor=actor, now=NOW)
    applied = await apply_calibration(archive, request, actor=chief, now=NOW)
    assert applied.photos == 2
    (later,) = await shots(archive, SYSTEM, "2026:04:14 07:00:00")
    walls = [await wall_of(archive, photo) for photo in (one, two, later, others)]
    assert walls == ["04-14 06:40:00", "04-14 06:50:00", "04-14 08:00:00", "04-14 05:45:00"]
    assert [camera.photos for camera in await cameras_of(archive.db, ARCHIVE)] == [3]
    reviewer = Actor("r", "reviewer")
    with pytest.raises(NotFoundError):
        await undo_adjustment(archive, applied.adjustment_id, actor=reviewer, now=NOW)
    back = await undo_adjustment(archive, applied.adjustment_id, actor=chief, now=NOW)
    assert (back.photos, back.kept) == (3, ())
    assert await wall_of(archive, later) == "04-14 07:00:00"


async def test_batches_write_and_undo_what_one_by_one_would(
    archive: Archive, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("birdwatch.intake.photo_following.AT_ONCE", 2)
    monkeypatch.setattr("birdwatch.intake.undoing_many.AT_ONCE", 2)
    actor = await person(archive, "lin")
    counted = [
        (await send(archive, frame(f"2026:04:14 05:4{n}:00"), with_number(n), actor=actor)).photo
        for n in range(3)
    ]
    bare = await shots(archive, actor, "2026:04:14 05:50:00", "2026:04:14 05:51:00")
    await share_count(archive, counted[0], bare[0], actor)
    before = await told_of(archive, [*counted, *bare])
    made = await apply_calibration(
        archive, marked((counted[0], "2026-04-15T06:40:00")), actor=actor, now=NOW
    )
    assert await told_of(archive, [*counted, *bare]) == [
        ("04-15 06:40:00", "04-15 06:50"),  # its other photo came last
        ("04-15 06:41:00", "04-15 06:41"),
        ("04-15 06:42:00", "04-15 06:42"),
        ("04-15 06:50:00", "04-15 06:50"),
        ("04-15 06:51:00", ""),
    ]
    assert await wrong_daily_counts(archive.db) == []
    back = await undo_adjustment(archive, made.adjustment_id, actor=actor, now=NOW)
    assert (back.photos, back.kept) == (5, ())
    assert await told_of(archive, [*counted, *bare]) == before
    assert (await wrong_daily_counts(archive.db), (await verify_chain(archive.db)).broken) == (
        [],
        None,
    )


def with_number(number: int) -> PhotoRequest:
    return PhotoRequest(file_name=f"{number}.jpg", species="大滨鹬", best=str(100 + number))


async def share_count(archive: Archive, one: Photo, other: Photo, actor: Actor) -> None:
    """Let a photo rest on the count of another."""
    async with archive.db.write(actor, NOW) as tx:
        facts = replace(
            other.facts,
            species=one.facts.species,
            survey_id=one.facts.survey_id,
            sighting_id=one.facts.sighting_id,
        )
        await write_facts(tx, other.id, facts)


async def told_of(archive: Archive, photos: list[Photo]) -> list[tuple[str, str]]:
    """The time of each photo, and that of its count."""
    told = []
    for photo in photos:
        found = await find_photo(archive.db, photo.id)
        assert found is not None
        survey = await find_survey(archive.db, found.facts.survey_id or "")
        start = f"{survey.start:%m-%d %H:%M}" if survey else ""
        told.append((await wall_of(archive, photo), start))
    return told


async def test_calibration_of_a_model_covers_its_frames_with_a_serial(archive: Archive) -> None:
    """Makers' notes were not read once: frames from then go by make and model alone."""
    actor = await person(archive, "lin")
    (old,) = await shots(archive, actor, "2026:04:14 05:40:00", serial="")
    await apply_calibration(archive, marked((old, "2026-04-14T06:40:00")), actor=actor, now=NOW)
    note = b"Nikon\0\x02\x11\0\0II*\0\x08\0\0\0\1\0\x1d\0\2\0\4\0\0\x00SN1\0\0\0\0\0"
    more = Tags(
        ifd0=(ascii_entry(0x010F, "NIKON CORPORATION"), ascii_entry(0x0110, "NIKON Z 9")),
        exif=(Entry(0x927C, 7, note),),
    )
    data = make_jpeg(60, 40, taken="2026:04:14 05:50:00", offset=None, gps=SIDAOGOU, more=more)
    new = (await send(archive, data, actor=actor)).photo
    assert (new.camera.serial, await wall_of(archive, new)) == ("SN1", "04-14 06:50:00")
    other = (await send(archive, frame("2026:04:14 05:55:00", serial="SN2"), actor=actor)).photo
    assert await wall_of(archive, other) == "04-14 05:55:00"
