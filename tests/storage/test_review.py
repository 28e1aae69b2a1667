from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime, timedelta

import pytest

from birdwatch.domain.errors import MalformedError
from birdwatch.domain.review import KnownRange
from birdwatch.domain.survey import Survey
from birdwatch.storage import counts, ledger
from birdwatch.storage.db import Database
from birdwatch.storage.identifications import (
    add_identification,
    close_identification,
    find_identification,
    identifications_of,
    open_identifications,
)
from birdwatch.storage.messages import add_message, messages_of
from birdwatch.storage.photos import find_photo, insert_photo, photo_history
from birdwatch.storage.review import (
    PersonRecord,
    QueueFilter,
    count_waiting,
    find_sighting,
    known_ranges,
    list_waiting,
    present_at,
    records_of,
    set_photo_status,
    set_sighting_status,
    set_survey_status,
)
from birdwatch.storage.surveys import find_survey, insert_survey
from tests.storage.makers import NOW, dated, photo, sighting, survey, writing

pytestmark = pytest.mark.anyio
DAY = date(2026, 4, 14)


async def add_survey(db: Database, *sightings: object, **changes: object) -> Survey:
    given = {key: changes.pop(key) for key in ("site", "day", "hour") if key in changes}
    async with writing(db) as tx:
        new = survey(*(sightings or (sighting(),)), **given)  # type: ignore[arg-type]
        return await insert_survey(tx, replace(new, **changes))  # type: ignore[arg-type]


async def counted(db: Database) -> list[tuple[str, int | None]]:
    return sorted({(c.species, c.count) for c in await counts.daily_counts(db)})


async def test_known_ranges_hold_what_was_counted(db: Database) -> None:
    for offset, best in enumerate((40, 7, 0)):
        day = DAY + timedelta(days=offset)
        await add_survey(db, sighting(best=best), sighting("dunlin", None), day=day)
    await add_survey(db, sighting(best=3), day=date(2025, 9, 2))
    assert await known_ranges(db, ["grekno", "dunlin", "none"]) == {
        ("grekno", "spring"): KnownRange(40, (4, 14), (4, 15), 2),
        ("grekno", "autumn"): KnownRange(3, (9, 2), (9, 2), 1),
        ("dunlin", "spring"): KnownRange(None, (4, 14), (4, 16), 3),
    }
    assert await known_ranges(db, []) == {}


async def test_known_ranges_leave_out_what_waits(db: Database) -> None:
    await add_survey(db, sighting(best=9), status="pending")
    assert await known_ranges(db, ["grekno"]) == {}


async def test_present_at_asks_photos_and_other_surveys(db: Database) -> None:
    own = await add_survey(db, sighting(best=5))
    await add_survey(db, sighting("dunlin", 0), sighting("redkno1", None), hour=9)
    await add_survey(db, sighting("rudtur", 4), status="rejected", hour=10)
    async with writing(db) as tx:
        wall = datetime(2026, 4, 14, 8)  # noqa: DTZ001
        await insert_photo(tx, dated(1, wall, site="liaobin", species="curlew"))
    assert await present_at(db, "liaobin", DAY) == {"grekno", "redkno1", "curlew"}
    assert await present_at(db, "liaobin", DAY, besides=own.id) == {"redkno1", "curlew"}
    assert await present_at(db, "liaobin", DAY + timedelta(days=1)) == frozenset()


async def test_records_of_a_person_are_told_by_status(db: Database) -> None:
    await add_survey(db)
    await add_survey(db, status="rejected", hour=9)
    async with writing(db) as tx:
        await insert_photo(tx, photo(1))
        await insert_photo(tx, photo(2, replace(photo().facts, status="queried")))
        await insert_photo(tx, photo(3, owner="wang"))
    assert await records_of(db, "li") == PersonRecord(2, 0, 1, 1)
    assert await records_of(db, "nobody") == PersonRecord()
    assert await records_of(db, None) == PersonRecord()


async def test_queue_holds_what_waits_and_nothing_twice(db: Database) -> None:
    flagged = replace(sighting("dunlin", 9), status="pending", flags=("number_above_range",))
    whole = await add_survey(db, sighting(), flagged, status="pending", flags=("new_contributor",))
    open_one = await add_survey(db, sighting(), flagged, hour=9)
    await add_survey(db, status="rejected", hour=10)
    async with writing(db) as tx:
        facts = replace(photo().facts, status="queried", species="grekno")
        await insert_photo(tx, photo(1, facts))
        await insert_photo(tx, photo(2))
    shown = (await list_waiting(db, QueueFilter(), limit=9)).items
    alone = next(s for s in open_one.sightings if s.species == "dunlin")
    assert [(one.noun, one.id, one.status) for one in shown] == [
        ("survey", whole.id, "pending"),
        ("sighting", alone.id, "pending"),
        ("photo", photo(1).id, "queried"),
    ]
    assert [one.flags for one in shown] == [("new_contributor",), ("number_above_range",), ()]
    assert shown[1].survey_id == open_one.id
    assert await count_waiting(db) == 3


async def test_queue_is_narrowed(db: Database) -> None:
    flagged = replace(sighting("dunlin", 9), status="pending", flags=("number_above_range",))
    whole = await add_survey(db, sighting(), status="pending", flags=("new_contributor",))
    await add_survey(db, flagged, hour=9)
    narrowed = {
        "species": QueueFilter(species="grekno"),
        "flag": QueueFilter(flag="new_contributor"),
        "noun": QueueFilter(noun="survey"),
    }
    for where in narrowed.values():
        assert [one.id for one in (await list_waiting(db, where, limit=9)).items] == [whole.id]
    mine = await list_waiting(db, QueueFilter(owner_id="li", species="dunlin"), limit=9)
    assert [one.noun for one in mine.items] == ["sighting"]
    others = await list_waiting(db, QueueFilter(owner_id="wang"), limit=9)
    assert others.items == ()


async def test_queue_is_paged_without_gaps(db: Database) -> None:
    for hour in range(5, 10):
        await add_survey(db, status="pending", hour=hour)
    seen: list[str] = []
    cursor = None
    for _ in range(3):
        shown = await list_waiting(db, QueueFilter(), limit=2, cursor=cursor)
        seen += [one.id for one in shown.items]
        cursor = shown.next
    assert cursor is None
    assert len(seen) == len(set(seen)) == 5
    with pytest.raises(MalformedError):
        await list_waiting(db, QueueFilter(), limit=2, cursor="?")


async def test_survey_made_from_a_waiting_photo_goes_with_it(db: Database) -> None:
    made = await add_survey(db, status="pending", protocol="photo")
    facts = replace(photo().facts, status="pending", survey_id=made.id)
    async with writing(db) as tx:
        await insert_photo(tx, photo(1, facts))
    shown = (await list_waiting(db, QueueFilter(), limit=9)).items
    assert [(one.noun, one.id) for one in shown] == [("photo", photo(1).id)]


async def test_rejected_survey_leaves_the_counts_and_comes_back(db: Database) -> None:
    made = await add_survey(db, sighting(best=40))
    assert await counted(db) == [("grekno", 40)]
    async with writing(db) as tx:
        version = await set_survey_status(
            tx, made, "rejected", (), action="review", reason="counted twice"
        )
    assert await counted(db) == []
    held = await find_survey(db, made.id)
    assert held is not None
    assert (held.status, held.version) == ("rejected", version)
    assert held.sightings == made.sightings
    change = (await ledger.changes(db, version - 1))[0]
    assert (change.action, change.noun, change.before, change.after) == (
        "review", "survey", made.version, version,
    )  # fmt: skip
    assert change.detail == {"status": "rejected", "reason": "counted twice"}
    async with writing(db) as tx:
        await set_survey_status(tx, held, "published", (), action="review", reason="")
    assert await counted(db) == [("grekno", 40)]
    assert await counts.wrong_daily_counts(db) == []


async def test_published_survey_publishes_its_waiting_sightings(db: Database) -> None:
    flags = ("number_above_range",)
    flagged = replace(sighting("dunlin", 9000), status="pending", flags=flags)
    refused = replace(sighting("redkno1", 3), status="rejected")
    made = await add_survey(db, sighting(best=4), flagged, refused, status="pending")
    assert await counted(db) == []
    async with writing(db) as tx:
        await set_survey_status(tx, made, "published", (), action="review", reason="")
    told = await find_survey(db, made.id)
    assert told is not None
    assert [(s.species, s.status, s.flags) for s in told.sightings] == [
        ("grekno", "published", ()), ("dunlin", "published", ()), ("redkno1", "rejected", ()),
    ]  # fmt: skip
    assert await counted(db) == [("dunlin", 9000), ("grekno", 4)]
    assert await counts.wrong_daily_counts(db) == []


async def test_sighting_is_decided_on_its_own(db: Database) -> None:
    made = await add_survey(db, sighting(best=4), sighting("dunlin", 9))
    async with writing(db) as tx:
        version = await set_sighting_status(
            tx, made.sightings[1], "rejected", (), action="review", reason="a stint"
        )
    one = await find_sighting(db, made.sightings[1].id)
    assert one is not None
    assert (one.status, one.version, one.best) == ("rejected", version, 9)
    assert await counted(db) == [("grekno", 4)]
    told = await find_survey(db, made.id)
    assert told is not None
    assert (told.version, told.sightings[0]) == (made.version, made.sightings[0])
    assert await counts.wrong_daily_counts(db) == []


async def test_photo_status_is_a_new_version(db: Database) -> None:
    async with writing(db) as tx:
        made = await insert_photo(tx, photo(1))
        version = await set_photo_status(
            tx, made, "queried", ("place_outside",), action="review", reason="where?"
        )
    held = await find_photo(db, made.id)
    assert held is not None
    assert (held.facts.status, held.facts.flags) == ("queried", ("place_outside",))
    assert held.version == version
    assert [one.action for one in await photo_history(db, made.id)] == ["create", "review"]


async def test_messages_are_told_in_order(db: Database) -> None:
    async with writing(db) as tx:
        first = await add_message(tx, "photo", "p", "where?", 1)
    async with writing(db, NOW + timedelta(minutes=1)) as tx:
        second = await add_message(tx, "photo", "p", "at the sluice\0", 2)
        await add_message(tx, "survey", "p", "another noun", 3)
    assert second.text == "at the sluice"
    assert await messages_of(db, "photo", ["p", "q"]) == {"p": [first, second]}
    assert await messages_of(db, "photo", []) == {}


async def test_identifications_wait_until_they_are_closed(db: Database) -> None:
    async with writing(db) as tx:
        made = await insert_photo(tx, photo(1))
        first = await add_identification(tx, made.id, "sposan1", "the bill")
        second = await add_identification(tx, made.id, "dunlin")
    assert await open_identifications(db, [made.id, "other"]) == {made.id: [first, second]}
    async with writing(db) as tx:
        await close_identification(tx, first, "dismissed")
    assert await open_identifications(db, [made.id]) == {made.id: [second]}
    closed = await find_identification(db, first.id)
    assert closed is not None
    assert closed.until is not None
    async with writing(db) as tx:
        await close_identification(tx, closed, "accepted")
    assert await find_identification(db, first.id) == closed
    assert [one.id for one in await identifications_of(db, made.id)] == [first.id, second.id]
    assert await open_identifications(db, []) == {}
