from __future__ import annotations

from dataclasses import replace

import pytest

from birdwatch.domain.errors import InvalidInputError, NotFoundError
from birdwatch.domain.photo import Photo, PhotoFilter
from birdwatch.domain.policy import SYSTEM, Actor, Reader
from birdwatch.intake.archive import Archive
from birdwatch.intake.checking import check_brightness
from birdwatch.intake.photo_correction import correct_photo, withdraw_photo
from birdwatch.intake.photo_drafts import publish_photo
from birdwatch.intake.photo_request import PhotoRequest
from birdwatch.intake.review import Decision, decide
from birdwatch.storage import counts
from birdwatch.storage.drafts import DraftNumber, count_drafts, find_numbers, list_drafts
from birdwatch.storage.feed import public_changes
from birdwatch.storage.photos import find_photo, list_photos, record_renditions
from birdwatch.storage.review import count_waiting, present_at, records_of
from birdwatch.storage.surveys import find_survey
from birdwatch.storage.undo import find_history
from tests.intake.archives import NOW, SIDAOGOU, person, send
from tests.intake.test_review import BRIGHT
from tests.pictures import make_jpeg

pytestmark = pytest.mark.anyio
TAKEN = "2026:04:20 06:30:00"


async def draft(archive: Archive, actor: Actor, seed: int = 1, **words: str) -> Photo:
    data = make_jpeg(90, 60, gps=SIDAOGOU, seed=seed, taken=TAKEN, offset="+08:00")
    request = PhotoRequest(file_name="a.jpg", draft=True, **words)  # type: ignore[arg-type]
    return (await send(archive, data, request, actor=actor)).photo


async def test_draft_is_in_no_list_queue_count_or_feed(archive: Archive) -> None:
    li = await person(archive, "li")
    photo = await draft(archive, li, species="grekno", best="40")
    assert photo.facts.status == "draft"
    assert (photo.facts.site, photo.facts.phase) == ("sidaogou", "peak")  # settled all the same
    for actor in (li, SYSTEM, await person(archive, "chen", "reviewer")):
        for where in (PhotoFilter(), PhotoFilter(owner_id=li.person_id)):
            page = await list_photos(archive.db, where, reader=Reader(actor, NOW), limit=10)
            assert page.items == ()
    assert await count_waiting(archive.db) == 0
    assert await counts.daily_counts(archive.db, exact=True) == []
    assert await counts.seasons(archive.db, exact=True) == []
    assert photo.facts.day is not None
    assert await present_at(archive.db, "sidaogou", photo.facts.day) == frozenset()
    assert (await records_of(archive.db, li.person_id)).published == 0
    changes = (await public_changes(archive.db, since=0, limit=1000)).items
    assert [one for one in changes if one.noun == "photo"] == []


async def test_drafts_are_listed_for_their_owner_by_time(archive: Archive) -> None:
    li, wang = await person(archive, "li"), await person(archive, "wang")
    mine = [(await draft(archive, li, seed)).id for seed in (1, 2, 3)]
    await draft(archive, wang, 4)
    assert li.person_id
    first = await list_drafts(archive.db, li.person_id, limit=2)
    second = await list_drafts(archive.db, li.person_id, limit=2, cursor=first.next)
    assert sorted(one.id for one in (*first.items, *second.items)) == sorted(mine)
    assert (len(first.items), second.next) == (2, None)
    assert await count_drafts(archive.db, li.person_id) == 3


async def test_number_of_a_draft_becomes_its_survey_when_it_is_published(archive: Archive) -> None:
    li = await person(archive, "li")
    photo = await draft(archive, li, species="grekno", low="30", best="40")
    numbers = await find_numbers(archive.db, [photo.id])
    assert numbers == {photo.id: DraftNumber(30, 40, 40, "from_photo")}
    published = await publish_photo(archive, photo.id, actor=li, now=NOW)
    assert published.facts.status == "published"
    survey = await find_survey(archive.db, published.facts.survey_id or "")
    assert survey is not None
    assert [(one.species, one.low, one.best) for one in survey.sightings] == [("grekno", 30, 40)]
    assert (survey.status, survey.owner_id, survey.observers) == (
        "published",
        li.person_id,
        ("li",),
    )
    assert survey.sightings[0].photos == (photo.id,)
    daily = await counts.daily_counts(archive.db)
    assert [(one.species, one.count) for one in daily] == [("grekno", 40)]
    assert await find_numbers(archive.db, [photo.id]) == {}
    again = await publish_photo(archive, photo.id, actor=li, now=NOW)
    assert (again.version, again.facts.survey_id) == (published.version, survey.id)


async def test_published_draft_of_a_new_person_waits_with_its_count(archive: Archive) -> None:
    wang = replace(await person(archive, "wang"), trust="checked")
    photo = await draft(archive, wang, species="grekno", best="40")
    published = await publish_photo(archive, photo.id, actor=wang, now=NOW)
    assert (published.facts.status, published.facts.flags) == ("pending", ("new_contributor",))
    survey = await find_survey(archive.db, published.facts.survey_id or "")
    assert survey is not None
    assert survey.status == "pending"
    assert await counts.daily_counts(archive.db) == []
    assert await count_waiting(archive.db) == 1


async def test_draft_is_published_by_its_owner_alone(archive: Archive) -> None:
    li = await person(archive, "li")
    photo = await draft(archive, li)
    for other in (
        await person(archive, "wang"),
        await person(archive, "chen", "reviewer"),
        await person(archive, "root", "admin"),
    ):
        with pytest.raises(NotFoundError):
            await publish_photo(archive, photo.id, actor=other, now=NOW)
        with pytest.raises(NotFoundError):
            await decide(
                archive, Decision("photo", photo.id), "published", "", actor=other, now=NOW
            )
    with pytest.raises(NotFoundError):
        await publish_photo(archive, "nothing", actor=li, now=NOW)


async def test_correction_of_a_draft_does_not_send_it_in(archive: Archive) -> None:
    li, root = await person(archive, "li"), await person(archive, "root", "admin")
    photo = await draft(archive, li)
    for actor in (li, root):
        changes = {"caption": {"en": f"By {actor.name}"}}
        corrected = await correct_photo(archive, photo.id, changes, actor=actor, now=NOW)
        assert corrected.facts.status == "draft"
    chen = await person(archive, "chen", "reviewer")
    with pytest.raises(NotFoundError):
        await correct_photo(archive, photo.id, {"species": "grekno"}, actor=chen, now=NOW)


async def test_draft_with_a_number_says_what_it_lacks(archive: Archive) -> None:
    li = await person(archive, "li")
    request = PhotoRequest(file_name="a.jpg", draft=True, species="grekno", best="4")
    photo = (await send(archive, make_jpeg(90, 60, taken=None), request, actor=li)).photo
    with pytest.raises(InvalidInputError) as caught:
        await publish_photo(archive, photo.id, actor=li, now=NOW)
    assert [one.field for one in caught.value.errors] == ["site", "taken_at"]
    kept = await find_photo(archive.db, photo.id)
    assert kept is not None
    assert kept.facts.status == "draft"


async def test_draft_that_is_bright_at_night_waits_when_it_is_published(archive: Archive) -> None:
    li = await person(archive, "li")
    data = make_jpeg(90, 60, taken="2026:04:20 01:30:00", offset="+08:00", gps=SIDAOGOU)
    photo = (await send(archive, data, PhotoRequest(draft=True), actor=li)).photo
    async with archive.db.write(SYSTEM, NOW) as tx:
        await record_renditions(tx, photo.id, (), BRIGHT)
    await check_brightness(archive, photo.id, now=NOW)
    kept = await find_photo(archive.db, photo.id)
    assert kept is not None
    assert kept.facts.status == "draft"
    published = await publish_photo(archive, photo.id, actor=li, now=NOW)
    assert (published.facts.status, published.facts.flags) == ("pending", ("night_but_bright",))


async def test_publishing_is_in_the_history_and_not_undone(archive: Archive) -> None:
    li = await person(archive, "li")
    photo = await draft(archive, li)
    await correct_photo(archive, photo.id, {"species": "grekno"}, actor=li, now=NOW)
    await publish_photo(archive, photo.id, actor=li, now=NOW)
    history = await find_history(archive.db, "photo", photo.id)
    assert history is not None
    assert [one.action for one in history.changes] == ["create", "correct", "publish"]


async def test_draft_belongs_to_a_person(archive: Archive) -> None:
    with pytest.raises(InvalidInputError):
        await send(archive, make_jpeg(90, 60), PhotoRequest(draft=True))
    assert await archive.db.rows("SELECT 1 FROM photo") == []


async def test_withdrawn_draft_leaves_no_public_trace(archive: Archive) -> None:
    li = await person(archive, "li")
    photo = await draft(archive, li)
    await withdraw_photo(archive, photo.id, "blurred", actor=li, now=NOW)
    assert await find_photo(archive.db, photo.id) is None
    assert li.person_id
    assert await count_drafts(archive.db, li.person_id) == 0
