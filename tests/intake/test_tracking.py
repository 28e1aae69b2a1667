"""Photos placed by a track: only where it says something, never over what was known better."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator
from datetime import datetime, timedelta

import pytest

from birdwatch.domain.errors import ConflictError, InvalidInputError, NotFoundError
from birdwatch.domain.gpx import MAX_GPX_BYTES, read_gpx
from birdwatch.domain.photo import Photo
from birdwatch.domain.policy import Actor
from birdwatch.intake.adjusting import undo_adjustment
from birdwatch.intake.archive import Archive
from birdwatch.intake.photo_intake import PhotoRequest, correct_photo
from birdwatch.intake.tracking import (
    apply_track,
    list_tracks,
    preview_track,
    receive_track,
    remove_track,
)
from birdwatch.storage.photos import find_photo
from birdwatch.storage.tracks import pack, unpack
from tests.domain.test_track import Fix, gpx
from tests.intake.archives import NOW, SIDAOGOU, chunks_of, person, send
from tests.pictures import make_jpeg

pytestmark = pytest.mark.anyio
# The track begins at 05:40 in China, on 14 April.
WALK: list[Fix] = [(0, *SIDAOGOU), (60, 40.6658, 122.1412), (1200, 40.4723, 122.2214)]


async def track_of(archive: Archive, actor: Actor, *segments: list[Fix]) -> str:
    data = gpx(*segments) if segments else gpx(WALK)
    return await receive_track(archive, chunks_of(data), "走.gpx", actor=actor, now=NOW)


async def shot(
    archive: Archive,
    actor: Actor,
    clock: str,
    *,
    gps: tuple[float, float] | None = None,
    words: PhotoRequest | None = None,
) -> Photo:
    taken = f"2026:04:14 {clock}"
    data = make_jpeg(60, 40, taken=taken, gps=gps, seed=int(clock.replace(":", "")))
    return (await send(archive, data, words, actor=actor)).photo


async def placed(archive: Archive, photo: Photo) -> Photo:
    found = await find_photo(archive.db, photo.id)
    assert found is not None
    return found


async def test_photo_is_placed_by_the_track_with_its_gap(archive: Archive) -> None:
    actor = await person(archive, "lin")
    photo = await shot(archive, actor, "05:40:30")
    track_id = await track_of(archive, actor)
    shown = await preview_track(archive, track_id, "", overwrites=False, actor=actor)
    assert [line.photo.id for line in shown.plan.lines] == [photo.id]
    done = await apply_track(
        archive,
        track_id,
        "",
        overwrites=False,
        actor=actor,
        now=NOW,
        seen=shown.plan.digest,
    )
    facts = (await placed(archive, photo)).facts
    assert facts.place is not None
    assert (round(facts.place.point.lat, 5), round(facts.place.point.lon, 5)) == (40.6653, 122.1412)
    assert (facts.place.source, facts.place.confidence) == ("gpx", "high")
    assert facts.place.gap_s == 60.0
    assert facts.place.accuracy_m == pytest.approx(55.6, abs=0.2)
    assert (facts.site, facts.time) == ("sidaogou", photo.facts.time)
    await undo_adjustment(archive, done.adjustment_id, actor=actor, now=NOW)
    assert (await placed(archive, photo)).facts == photo.facts


async def test_offset_moves_the_photos_along_the_track(archive: Archive) -> None:
    actor = await person(archive, "lin")
    photo = await shot(archive, actor, "05:45:00")
    track_id = await track_of(archive, actor)
    for offset, known in (("0", False), ("-300", True), ("-0:05:00", True), ("+0:15:00", True)):
        shown = await preview_track(archive, track_id, offset, overwrites=False, actor=actor)
        assert (photo.id in shown.matches) == known
    assert shown.matches[photo.id].point.lat == 40.4723


async def test_what_is_known_better_stays(archive: Archive) -> None:
    actor = await person(archive, "lin")
    with_gps = await shot(archive, actor, "05:40:10", gps=(40.70, 122.10))
    by_hand = await shot(archive, actor, "05:40:20")
    position = {"latitude": 40.70, "longitude": 122.10}
    await correct_photo(archive, by_hand.id, {"position": position}, actor=actor, now=NOW)
    stated = await shot(archive, actor, "05:40:40", words=PhotoRequest(site="liaobin"))
    track_id = await track_of(archive, actor)
    shown = await preview_track(archive, track_id, "", overwrites=False, actor=actor)
    assert [line.photo.id for line in shown.plan.lines] == [stated.id]
    assert shown.plan.lines[0].facts.site == "liaobin"
    assert len(shown.plan.left) == 2
    shown = await preview_track(archive, track_id, "", overwrites=True, actor=actor)
    assert [line.photo.id for line in shown.plan.lines] == [with_gps.id, stated.id]
    assert shown.plan.lines[0].facts.site == "sidaogou"


async def test_placing_twice_changes_nothing_more(archive: Archive) -> None:
    actor = await person(archive, "lin")
    await shot(archive, actor, "05:40:30")
    track_id = await track_of(archive, actor)
    for photos in (1, 0):
        done = await apply_track(archive, track_id, "", overwrites=False, actor=actor, now=NOW)
        assert done.photos == photos


async def test_plan_that_is_not_what_was_shown_is_refused(archive: Archive) -> None:
    actor = await person(archive, "lin")
    await shot(archive, actor, "05:40:30")
    track_id = await track_of(archive, actor)
    with pytest.raises(ConflictError):
        await apply_track(
            archive, track_id, "5", overwrites=False, actor=actor, now=NOW, seen="else"
        )


async def test_track_is_its_owners_alone(archive: Archive) -> None:
    lin, wu = await person(archive, "lin"), await person(archive, "wu")
    track_id = await track_of(archive, lin)
    with pytest.raises(NotFoundError):
        await preview_track(archive, track_id, "", overwrites=False, actor=wu)
    with pytest.raises(NotFoundError):
        await remove_track(archive, track_id, actor=wu, now=NOW)
    assert await list_tracks(archive, actor=wu) == []
    (own,) = await list_tracks(archive, actor=lin)
    assert (own.id, own.name, own.points) == (track_id, "走.gpx", 3)
    await remove_track(archive, track_id, actor=lin, now=NOW)
    assert await list_tracks(archive, actor=lin) == []


@pytest.mark.parametrize("offset", ["soon", "+-5", "86401", "+25:00:00", "9999999999"])
async def test_offset_beyond_reason_is_refused(archive: Archive, offset: str) -> None:
    actor = await person(archive, "lin")
    track_id = await track_of(archive, actor)
    with pytest.raises(InvalidInputError):
        await preview_track(archive, track_id, offset, overwrites=False, actor=actor)


async def test_file_that_is_too_large_is_refused_before_it_ends(archive: Archive) -> None:
    actor = await person(archive, "lin")
    sent = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal sent
        yield b"<gpx><!--"
        while sent < 4 * MAX_GPX_BYTES:
            sent += 4 * 1024 * 1024
            yield b" " * (4 * 1024 * 1024)

    with pytest.raises(InvalidInputError):
        await receive_track(archive, endless(), "a.gpx", actor=actor, now=NOW)
    assert sent <= MAX_GPX_BYTES + 4 * 1024 * 1024
    assert await list_tracks(archive, actor=actor) == []


def test_packed_track_is_the_same_track() -> None:
    chance = random.Random(7)
    fixes: list[Fix] = [
        (at, round(40 + chance.random(), 7), round(-122 - chance.random(), 7))
        for at in range(0, 5000, 3)
    ]
    track = read_gpx([gpx(fixes[:700], fixes[700:])])
    assert unpack(pack(track)) == track
    assert track.last - track.first == timedelta(seconds=4998)
    assert isinstance(track.first, datetime)
