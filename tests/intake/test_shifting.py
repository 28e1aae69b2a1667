"""Many photos moved alike, and moved back as one."""

from __future__ import annotations

import pytest

from birdwatch.domain.errors import ConflictError, InvalidInputError, NotFoundError
from birdwatch.domain.photo import Photo
from birdwatch.domain.policy import Actor
from birdwatch.intake.adjusting import undo_adjustment
from birdwatch.intake.archive import Archive
from birdwatch.intake.shifting import ShiftRequest, apply_shift, preview_shift
from birdwatch.storage.photos import find_photo
from tests.intake.archives import NOW, person, send
from tests.pictures import make_jpeg

pytestmark = pytest.mark.anyio


async def shots(archive: Archive, actor: Actor, *walls: str | None) -> list[Photo]:
    return [
        (await send(archive, make_jpeg(60, 40, taken=wall, seed=at), actor=actor)).photo
        for at, wall in enumerate(walls)
    ]


async def told(archive: Archive, photo: Photo) -> tuple[str, int | None]:
    found = await find_photo(archive.db, photo.id)
    assert found is not None
    return f"{found.facts.time.wall:%m-%d %H:%M:%S}", found.facts.time.offset_min


async def test_shift_moves_photos_alike_and_undo_brings_them_back(archive: Archive) -> None:
    actor = await person(archive, "lin")
    photos = await shots(archive, actor, "2026:04:14 05:40:00", "2026:04:14 23:59:00")
    request = ShiftRequest(tuple(photo.id for photo in photos), "+0:03:20")
    plan = await preview_shift(archive, request, actor=actor, now=NOW)
    done = await apply_shift(archive, request, actor=actor, now=NOW, seen=plan.digest)
    assert done.photos == 2
    assert [await told(archive, photo) for photo in photos] == [
        ("04-14 05:43:20", 480),
        ("04-15 00:02:20", 480),
    ]
    back = await undo_adjustment(archive, done.adjustment_id, actor=actor, now=NOW)
    assert back.photos == 2
    assert [await told(archive, photo) for photo in photos] == [
        ("04-14 05:40:00", 480),
        ("04-14 23:59:00", 480),
    ]


async def test_camera_left_on_another_zone_is_told_in_its_place(archive: Archive) -> None:
    actor = await person(archive, "lin")
    (photo,) = await shots(archive, actor, "2026:04:14 05:40:00")
    request = ShiftRequest((photo.id,), clock_zone="+09:00")
    await apply_shift(archive, request, actor=actor, now=NOW)
    assert await told(archive, photo) == ("04-14 04:40:00", 480)


async def test_photo_without_time_is_left_and_said(archive: Archive) -> None:
    actor = await person(archive, "lin")
    photos = await shots(archive, actor, "2026:04:14 05:40:00", None)
    request = ShiftRequest(tuple(photo.id for photo in photos), "+1:00")
    plan = await preview_shift(archive, request, actor=actor, now=NOW)
    assert [left.photo.id for left in plan.left] == [photos[1].id]
    assert [line.photo.id for line in plan.lines] == [photos[0].id]


@pytest.mark.parametrize(
    ("shift", "clock_zone", "field"),
    [("", "", "shift"), ("soon", "", "shift"), ("", "Tokyo", "clock_zone")],
)
async def test_shift_that_says_nothing_is_refused(
    archive: Archive, shift: str, clock_zone: str, field: str
) -> None:
    actor = await person(archive, "lin")
    (photo,) = await shots(archive, actor, "2026:04:14 05:40:00")
    with pytest.raises(InvalidInputError) as caught:
        await preview_shift(
            archive, ShiftRequest((photo.id,), shift, clock_zone), actor=actor, now=NOW
        )
    assert [error.field for error in caught.value.errors] == [field]


async def test_shift_into_the_future_is_refused(archive: Archive) -> None:
    actor = await person(archive, "lin")
    (photo,) = await shots(archive, actor, "2026:04:14 05:40:00")
    request = ShiftRequest((photo.id,), "+30d 0:00")
    with pytest.raises(InvalidInputError) as caught:
        await apply_shift(archive, request, actor=actor, now=NOW)
    assert caught.value.code == "clock.impossible"


async def test_shift_of_nothing_or_of_others_photos_is_refused(archive: Archive) -> None:
    lin, wu = await person(archive, "lin"), await person(archive, "wu")
    (mine,) = await shots(archive, lin, "2026:04:14 05:40:00")
    with pytest.raises(InvalidInputError):
        await preview_shift(archive, ShiftRequest((), "+1:00"), actor=lin, now=NOW)
    for photos in ((mine.id,), ("0123456789abcdef",), ("../etc",)):
        with pytest.raises(NotFoundError):
            await preview_shift(archive, ShiftRequest(photos, "+1:00"), actor=wu, now=NOW)


async def test_shift_not_as_shown_is_refused(archive: Archive) -> None:
    actor = await person(archive, "lin")
    (photo,) = await shots(archive, actor, "2026:04:14 05:40:00")
    request = ShiftRequest((photo.id,), "+1:00")
    with pytest.raises(ConflictError):
        await apply_shift(archive, request, actor=actor, now=NOW, seen="something else")
