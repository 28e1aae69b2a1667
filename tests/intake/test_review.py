from __future__ import annotations

import base64
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from birdwatch.domain.errors import InvalidInputError, NotFoundError
from birdwatch.domain.photo import SettledTime
from birdwatch.domain.policy import SYSTEM, Actor, Role
from birdwatch.intake.archive import Archive
from birdwatch.intake.checking import check_brightness
from birdwatch.intake.identifications import accept, dismiss, propose
from birdwatch.intake.photo_correction import correct_photo
from birdwatch.intake.photo_request import PhotoRequest
from birdwatch.intake.review import Decision, answer, decide, decide_many, find_record
from birdwatch.intake.survey_intake import change_survey, receive_survey
from birdwatch.storage import counts
from birdwatch.storage import photos as photo_rows
from birdwatch.storage.ledger import changes_of
from birdwatch.storage.messages import messages_of
from birdwatch.storage.photos import find_photo, record_renditions
from birdwatch.storage.surveys import find_survey
from tests.intake.archives import NOW, SIDAOGOU, person, send
from tests.pictures import make_jpeg

pytestmark = pytest.mark.anyio
BRIGHT = base64.b64encode(bytes([60, 0, 0, 0])).decode()
DARK = base64.b64encode(bytes([5, 0, 0, 0])).decode()
RAW = {
    "site": "sidaogou",
    "start": "2026-04-20T06:00",
    "protocol": "area",
    "sightings": [{"species": "grekno", "best": 320}],
}


async def member(
    archive: Archive, login: str, role: Role = "contributor", *, trusted: bool = False
) -> Actor:
    actor = await person(archive, login, role)
    return replace(actor, trust="trusted" if trusted else "checked")


async def send_survey(archive: Archive, actor: Actor, **changes: object) -> str:
    survey = await receive_survey(archive, {**RAW, **changes}, source="api", actor=actor, now=NOW)
    return survey.id


async def status_of(archive: Archive, noun: str, record_id: str) -> str:
    record = await find_record(archive.db, noun, record_id)  # type: ignore[arg-type]
    assert record is not None
    return record.thing.status


async def counted(archive: Archive) -> list[tuple[str, int | None]]:
    return [(c.species, c.count) for c in await counts.daily_counts(archive.db)]


async def test_photo_of_the_command_line_is_not_checked(archive: Archive) -> None:
    receipt = await send(archive, make_jpeg(90, 60))
    assert (receipt.photo.facts.status, receipt.photo.facts.flags) == ("published", ())


async def test_photo_and_its_count_wait_and_are_decided_together(archive: Archive) -> None:
    wang = await member(archive, "wang")
    chen = await member(archive, "chen", "reviewer")
    request = PhotoRequest(file_name="a.jpg", species="grekno", best="40", site="sidaogou")
    data = make_jpeg(90, 60, taken="2026:04:20 06:30:00", offset="+08:00")
    receipt = await send(archive, data, request, actor=wang)
    photo, survey = receipt.photo, receipt.survey
    assert survey is not None
    assert (photo.facts.status, photo.facts.flags) == ("pending", ("new_contributor",))
    assert survey.status == "pending"
    assert await counted(archive) == []
    await decide(archive, Decision("photo", photo.id), "published", "", actor=chen, now=NOW)
    assert await status_of(archive, "photo", photo.id) == "published"
    assert await status_of(archive, "survey", survey.id) == "published"
    assert await counted(archive) == [("grekno", 40)]
    await decide(archive, Decision("photo", photo.id), "rejected", "blurred", actor=chen, now=NOW)
    assert await status_of(archive, "survey", survey.id) == "rejected"
    assert await counted(archive) == []


async def test_photo_outside_the_estuary_waits_also_from_the_trusted(archive: Archive) -> None:
    li = await member(archive, "li", trusted=True)
    inside = await send(archive, make_jpeg(90, 60, gps=SIDAOGOU), actor=li)
    assert inside.photo.facts.status == "published"
    outside = await send(archive, make_jpeg(80, 60, gps=(31.2, 121.5)), actor=li)
    assert outside.photo.facts.flags == ("place_outside",)
    assert outside.photo.facts.status == "pending"


async def test_photo_that_is_bright_at_night_waits(archive: Archive) -> None:
    li = await member(archive, "li", trusted=True)
    photo = (await send(archive, make_jpeg(90, 60), actor=li)).photo
    night = datetime(2026, 4, 19, 17, 30, tzinfo=UTC)  # half past one in China
    wall = datetime(2026, 4, 20, 1, 30)  # noqa: DTZ001
    facts = replace(photo.facts, time=SettledTime(night, wall, 480, "exif_offset", "high"))
    async with archive.db.write(SYSTEM, NOW) as tx:
        await photo_rows.correct_photo(tx, photo.id, facts)
        await record_renditions(tx, photo.id, (), DARK)
    await check_brightness(archive, photo.id, now=NOW)
    assert await status_of(archive, "photo", photo.id) == "published"
    async with archive.db.write(SYSTEM, NOW) as tx:
        await record_renditions(tx, photo.id, (), BRIGHT)
    for _ in range(2):  # a job can run twice
        await check_brightness(archive, photo.id, now=NOW)
    held = await find_photo(archive.db, photo.id)
    assert held is not None
    assert (held.facts.status, held.facts.flags) == ("pending", ("night_but_bright",))
    last = (await changes_of(archive.db, "photo", photo.id))[-1]
    assert (last.action, last.actor_name) == ("review", "system")
    await check_brightness(archive, "nothing", now=NOW)


async def test_correction_of_what_was_rejected_waits_again(archive: Archive) -> None:
    li = await member(archive, "li", trusted=True)
    chen = await member(archive, "chen", "reviewer")
    survey_id = await send_survey(archive, li)
    photo = (await send(archive, make_jpeg(90, 60), actor=li)).photo
    wanted = [Decision("survey", survey_id), Decision("photo", photo.id)]
    await decide_many(archive, wanted, "rejected", "of another year", actor=chen, now=NOW)
    survey = await find_survey(archive.db, survey_id)
    assert survey is not None
    await change_survey(archive, survey, {**RAW, "note": "2026"}, actor=li, now=NOW)
    await correct_photo(archive, photo.id, {"species": "grekno"}, actor=li, now=NOW)
    assert await status_of(archive, "survey", survey_id) == "pending"
    assert await status_of(archive, "photo", photo.id) == "pending"


async def test_correction_by_a_reviewer_publishes_nothing(archive: Archive) -> None:
    wang = await member(archive, "wang")
    chen = await member(archive, "chen", "reviewer", trusted=True)
    photo = (await send(archive, make_jpeg(90, 60), actor=wang)).photo
    after = await correct_photo(archive, photo.id, {"species": "grekno"}, actor=chen, now=NOW)
    assert (after.facts.status, after.facts.flags) == ("pending", ("new_contributor",))


async def test_zero_waits_where_another_survey_saw_the_bird(archive: Archive) -> None:
    li = await member(archive, "li", trusted=True)
    await send_survey(archive, li)
    zero = [{"species": "grekno", "best": 0}, {"species": "dunlin", "best": 0}]
    survey_id = await send_survey(archive, li, start="2026-04-20T09:00", sightings=zero)
    survey = await find_survey(archive.db, survey_id)
    assert survey is not None
    assert survey.status == "published"
    assert [(s.species, s.status, s.flags) for s in survey.sightings] == [
        ("grekno", "pending", ("zero_against_present",)),
        ("dunlin", "published", ()),
    ]
    chen = await member(archive, "chen", "reviewer")
    one = Decision("sighting", survey.sightings[0].id)
    await decide(archive, one, "rejected", "seen by others", actor=chen, now=NOW)
    assert await status_of(archive, "sighting", one.id) == "rejected"
    assert dict(await counted(archive)) == {"grekno": 320, "dunlin": 0}


async def test_decisions_are_all_or_none(archive: Archive) -> None:
    wang, chen = await member(archive, "wang"), await member(archive, "chen", "reviewer")
    survey_id = await send_survey(archive, wang)
    own = await send_survey(archive, chen, start="2026-04-21T06:00")
    for other in ("nothing", own):
        wanted = [Decision("survey", survey_id), Decision("survey", other)]
        with pytest.raises(NotFoundError):
            await decide_many(archive, wanted, "published", "", actor=chen, now=NOW)
    with pytest.raises(NotFoundError):
        await decide(archive, wanted[0], "published", "", actor=wang, now=NOW)
    assert await status_of(archive, "survey", survey_id) == "pending"
    for status, reason in (("rejected", " "), ("pending", "x")):
        with pytest.raises(InvalidInputError):
            await decide(archive, wanted[0], status, reason, actor=chen, now=NOW)  # type: ignore[arg-type]
    admin = await member(archive, "root", "admin")
    await decide(archive, wanted[1], "published", "", actor=admin, now=NOW)
    assert await status_of(archive, "survey", own) == "published"


async def test_answer_of_the_owner_brings_a_query_back(archive: Archive) -> None:
    wang, chen = await member(archive, "wang"), await member(archive, "chen", "reviewer")
    zhao = await member(archive, "zhao")
    survey_id = await send_survey(archive, wang)
    await decide(
        archive, Decision("survey", survey_id), "queried", "which tide?", actor=chen, now=NOW
    )
    await answer(archive, "survey", survey_id, "see the table", actor=chen, now=NOW)
    assert await status_of(archive, "survey", survey_id) == "queried"
    with pytest.raises(NotFoundError):
        await answer(archive, "survey", survey_id, "high", actor=zhao, now=NOW)
    for text in (" ", "x" * 2001):
        with pytest.raises(InvalidInputError):
            await answer(archive, "survey", survey_id, text, actor=wang, now=NOW)
    await answer(archive, "survey", survey_id, "high", actor=wang, now=NOW)
    assert await status_of(archive, "survey", survey_id) == "pending"
    said = (await messages_of(archive.db, "survey", [survey_id]))[survey_id]
    assert [one.text for one in said] == ["which tide?", "see the table", "high"]


async def test_proposed_name_coarsens_the_photo_until_it_is_dismissed(archive: Archive) -> None:
    li = await member(archive, "li", trusted=True)
    wang, chen = await member(archive, "wang"), await member(archive, "chen", "reviewer")
    request = PhotoRequest(file_name="a.jpg", species="dunlin")
    photo = (await send(archive, make_jpeg(90, 60), request, actor=li)).photo
    assert photo.facts.level == "0.01"
    made = await propose(archive, photo.id, "spbsan1", "", actor=wang, now=NOW)
    held = await find_photo(archive.db, photo.id)
    assert held is not None
    assert held.facts.level == "0.1"
    with pytest.raises(NotFoundError):
        await dismiss(archive, made.id, actor=li, now=NOW)
    with pytest.raises(InvalidInputError):
        await propose(archive, photo.id, "dunlin", "", actor=wang, now=NOW)
    after = await dismiss(archive, made.id, actor=chen, now=NOW)
    assert (after.facts.level, after.facts.species) == ("0.01", "dunlin")
    again = await propose(archive, photo.id, "grekno", "", actor=wang, now=NOW)
    taken = await accept(archive, again.id, actor=li, now=NOW)
    assert taken.facts.species == "grekno"
