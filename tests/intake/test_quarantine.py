"""What takes down its decoders: set aside with a reason, stopped at the door, and tried again."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from birdwatch.domain.errors import NotFoundError, TooManyError
from birdwatch.domain.policy import SYSTEM, Actor
from birdwatch.domain.text import Text
from birdwatch.imaging.decoder import Limits
from birdwatch.imaging.sandbox import DecoderDiedError, Sandbox
from birdwatch.intake.archive import Archive
from birdwatch.intake.photo_intake import PhotoRequest
from birdwatch.intake.photo_rendering import render_first
from birdwatch.intake.quarantine import QuarantinedError
from birdwatch.intake.quarantine_retry import discard, retry
from birdwatch.storage.photos import find_photo
from birdwatch.storage.quarantine import list_quarantined
from birdwatch.storage.requests import uploads_of
from tests.intake.archives import NOW, SIDAOGOU, files, opened, person, send
from tests.pictures import make_jpeg

pytestmark = pytest.mark.anyio
PHOTO = make_jpeg(600, 400, gps=SIDAOGOU)
SHA256 = hashlib.sha256(PHOTO).hexdigest()
REQUEST = PhotoRequest(
    file_name="flock.jpg", caption=Text("鸟浪", "Wave"), species="大滨鹬", best="3200"
)
LATER = NOW + timedelta(hours=1)


@pytest.fixture
async def deadly(archive: Archive) -> AsyncIterator[Archive]:
    """The same archive with decoders that are given no time: every picture takes down three."""
    async with Sandbox(limits=Limits(wall_s=0)) as sandbox:
        yield replace(archive, sandbox=sandbox)


async def set_aside(deadly: Archive, actor: Actor = SYSTEM) -> str:
    with pytest.raises(QuarantinedError):
        await send(deadly, PHOTO, REQUEST, actor=actor)
    (one,) = (await list_quarantined(deadly.db, 10, owner_id=actor.person_id)).items
    return one.id


async def test_picture_that_takes_down_its_decoders_is_set_aside(
    deadly: Archive, home: Path
) -> None:
    lin = await person(deadly, "lin")
    with pytest.raises(QuarantinedError) as caught:
        await send(deadly, PHOTO, REQUEST, actor=lin)
    assert caught.value.code == "photo.quarantined"
    (one,) = (await list_quarantined(deadly.db, 10)).items
    assert (one.sha256, one.size, one.owner_id, one.owner_name, one.photo_id) == (
        SHA256, len(PHOTO), lin.person_id, "lin", None,
    )  # fmt: skip
    assert (one.deaths, one.file_name, one.first_at) == (3, "flock.jpg", NOW)
    assert one.reason == Text("解码超过 0 秒没有结果", "decoding took more than 0 seconds")
    assert files(home) == [f"quarantine/{SHA256}"]
    assert (home / "quarantine" / SHA256).read_bytes() == PHOTO
    assert lin.person_id
    assert (await uploads_of(deadly.db, lin.person_id, NOW.date())).files == 1


async def test_same_bytes_are_stopped_at_the_door(
    deadly: Archive, archive: Archive, home: Path
) -> None:
    lin, wang = await person(archive, "lin"), await person(archive, "wang")
    await set_aside(deadly, lin)
    with pytest.raises(QuarantinedError):  # these decoders are sound, and are not asked
        await send(archive, PHOTO, REQUEST, actor=lin, now=LATER)
    assert files(home) == [f"quarantine/{SHA256}"]
    receipt = await send(archive, PHOTO, REQUEST, actor=wang)
    assert (receipt.is_duplicate, receipt.photo.owner_id) == (False, wang.person_id)


async def test_retry_takes_it_in_as_its_sender_with_its_words(
    deadly: Archive, archive: Archive, home: Path
) -> None:
    lin, chief = await person(archive, "lin"), await person(archive, "chief", "admin")
    one = await set_aside(deadly, lin)
    photo = await find_photo(archive.db, await retry(archive, one, actor=chief, now=LATER))
    assert photo is not None
    assert (photo.sha256, photo.owner_id, photo.original_name) == (
        SHA256, lin.person_id, "flock.jpg",
    )  # fmt: skip
    assert (photo.facts.caption, photo.facts.species) == (Text("鸟浪", "Wave"), "grekno")
    assert photo.facts.sighting_id is not None
    assert (await list_quarantined(archive.db, 10)).items == ()
    assert files(home) == [f"originals/{SHA256[:2]}/{SHA256[2:4]}/{SHA256}"]
    with pytest.raises(NotFoundError):
        await retry(archive, one, actor=lin, now=LATER)


async def test_retry_that_kills_again_counts_on(deadly: Archive, home: Path) -> None:
    one = await set_aside(deadly)
    with pytest.raises(QuarantinedError):
        await retry(deadly, one, actor=SYSTEM, now=LATER)
    (found,) = (await list_quarantined(deadly.db, 10)).items
    assert (found.id, found.deaths, found.first_at, found.last_at) == (one, 6, NOW, LATER)
    assert files(home) == [f"quarantine/{SHA256}"]


async def test_retry_that_is_refused_keeps_the_file_and_the_new_reason(
    deadly: Archive, archive: Archive, home: Path
) -> None:
    one = await set_aside(deadly)
    (home / "quarantine" / SHA256).write_bytes(b"%PDF-1.7")
    with pytest.raises(Exception, match="PDF"):
        await retry(archive, one, actor=SYSTEM, now=LATER)
    (found,) = (await list_quarantined(archive.db, 10)).items
    assert "PDF" in found.reason.en
    (home / "quarantine" / SHA256).unlink()
    with pytest.raises(NotFoundError) as caught:
        await retry(archive, one, actor=SYSTEM, now=LATER)
    assert caught.value.code == "quarantine.lost"


async def test_only_its_sender_and_administrators_deal_with_it(deadly: Archive, home: Path) -> None:
    lin = await person(deadly, "lin")
    one = await set_aside(deadly, lin)
    for other in (await person(deadly, "wang"), await person(deadly, "qi", "reviewer"), Actor()):
        for deal in (retry, discard):
            with pytest.raises(NotFoundError):
                await deal(deadly, one, actor=other, now=NOW)
    await discard(deadly, one, actor=lin, now=NOW)
    assert files(home) == []
    assert (await list_quarantined(deadly.db, 10)).items == ()


async def test_bytes_stay_while_someone_else_holds_them(deadly: Archive, home: Path) -> None:
    lin, wang = await person(deadly, "lin"), await person(deadly, "wang")
    first, second = await set_aside(deadly, lin), await set_aside(deadly, wang)
    await discard(deadly, first, actor=lin, now=NOW)
    assert files(home) == [f"quarantine/{SHA256}"]
    await discard(deadly, second, actor=wang, now=NOW)
    assert files(home) == []


async def test_quarantine_is_no_way_around_the_quota(database_url: str, home: Path) -> None:
    async with opened(home, database_url, quota_bytes=len(PHOTO) - 1) as archive:
        lin = await person(archive, "lin")
        async with Sandbox(limits=Limits(wall_s=0)) as sandbox:
            with pytest.raises(TooManyError):
                await send(replace(archive, sandbox=sandbox), PHOTO, actor=lin)
    assert files(home) == []


async def test_photo_whose_pictures_kill_the_decoder_is_listed_and_tried_again(
    archive: Archive, deadly: Archive, home: Path
) -> None:
    photo = (await send(archive, PHOTO, REQUEST)).photo
    with pytest.raises(DecoderDiedError):
        await render_first(deadly, photo.id, now=NOW)
    (one,) = (await list_quarantined(archive.db, 10)).items
    assert (one.photo_id, one.deaths) == (photo.id, 3)
    assert await retry(archive, one.id, actor=SYSTEM, now=LATER) == photo.id
    assert (await list_quarantined(archive.db, 10)).items == ()
    await render_first(archive, photo.id, now=LATER)
    made = await find_photo(archive.db, photo.id)
    assert made is not None
    assert made.state == "ready"


async def test_list_is_paged_and_each_sees_their_own(deadly: Archive) -> None:
    lin, wang = await person(deadly, "lin"), await person(deadly, "wang")
    for seed, sender in ((1, lin), (2, lin), (3, wang)):
        picture, at = make_jpeg(64, 48, seed=seed), NOW + timedelta(seconds=seed)
        with pytest.raises(QuarantinedError):
            await send(deadly, picture, actor=sender, now=at)
    page = await list_quarantined(deadly.db, 2)
    rest = await list_quarantined(deadly.db, 2, page.next)
    assert ([one.owner_name for one in page.items], page.next is not None) == (
        ["wang", "lin"],
        True,
    )
    assert ([one.owner_name for one in rest.items], rest.next) == (["lin"], None)
    own = await list_quarantined(deadly.db, 10, owner_id=lin.person_id)
    assert [one.owner_name for one in own.items] == ["lin", "lin"]
