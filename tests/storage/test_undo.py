"""Undo against the database: whatever was done, undone in any order, leaves no trace in a row.

By hand with more of everything: BIRDWATCH_TEST_CHANGES=1000 pytest tests/storage/test_undo.py -s
"""

from __future__ import annotations

import contextlib
import os
import random
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import get_args

import pytest

from birdwatch.domain.errors import ConflictError
from birdwatch.domain.photo import PhotoFacts
from birdwatch.domain.place import Point, SettledPlace
from birdwatch.domain.policy import STATUSES
from birdwatch.domain.sensitivity import BEHAVIOURS
from birdwatch.domain.survey import Survey, Tide
from birdwatch.domain.text import Text
from birdwatch.domain.undo import undone
from birdwatch.storage import counts
from birdwatch.storage.columns import Row
from birdwatch.storage.db import Database
from birdwatch.storage.ledger import verify_chain
from birdwatch.storage.photos import correct_photo, find_photo, insert_photo, withdraw_photo
from birdwatch.storage.review import set_photo_status, set_sighting_status, set_survey_status
from birdwatch.storage.surveys import (
    append_sightings,
    delete_survey,
    find_survey,
    insert_survey,
    replace_survey,
)
from birdwatch.storage.transactions import Write
from birdwatch.storage.undo import find_change, find_history, write_undo
from tests.storage.makers import NOW, facts, photo, sighting, survey, writing

pytestmark = pytest.mark.anyio
CHANGES = int(os.environ.get("BIRDWATCH_TEST_CHANGES", "60"))
PHOTOS, SURVEYS = 6, 6
SPECIES = ("grekno", "calalp", "calruf", "numpho", "hirrus", "larcra")
SITES = ("liaobin", "gaizhou", None)
TIDES: tuple[Tide, ...] = get_args(Tide)
OPEN = {
    "photo_fact": "SELECT * FROM photo_fact WHERE until IS NULL ORDER BY id",
    "survey": "SELECT * FROM survey WHERE until IS NULL ORDER BY id",
    "sighting": "SELECT * FROM sighting WHERE until IS NULL ORDER BY id",
    "sighting_photo": "SELECT * FROM sighting_photo ORDER BY photo_id, sighting_id",
    "daily_count": "SELECT * FROM daily_count ORDER BY site, species, day, tide, audience",
    "survey_day": "SELECT * FROM survey_day ORDER BY site, day, audience",
}


async def _snapshot(db: Database) -> dict[str, list[Row]]:
    """Every open row and every count, but for the versions."""
    return {
        table: [
            {name: value for name, value in row.items() if name not in {"since", "until"}}
            for row in await db.rows(sql)
        ]
        for table, sql in OPEN.items()
    }


async def _undo(db: Database, version: int, now: datetime = NOW) -> int:
    async with writing(db, now) as tx:
        found = await find_change(tx, version)
        assert found is not None
        return await write_undo(tx, found[1], version)


class Chance:
    """Random changes of a few photos and surveys, each through the storage function of its kind."""

    def __init__(self, seed: int, photos: list[str], surveys: list[str]) -> None:
        self.random = random.Random(seed)
        self.photos = photos
        self.surveys = surveys

    async def change(self, tx: Write) -> None:
        pick = self.random
        if pick.random() < 0.5:
            await self._change_photo(tx, pick.choice(self.photos))
        else:
            await self._change_survey(tx, pick.choice(self.surveys))

    async def _change_photo(self, tx: Write, photo_id: str) -> None:
        found, pick = await find_photo(tx, photo_id), self.random
        if found is None:
            await _bring_back(tx, "photo", photo_id)
            return
        kind = pick.random()
        if kind < 0.15:
            await withdraw_photo(tx, photo_id, "blurred")
        elif kind < 0.35:
            status = pick.choice(STATUSES)
            await set_photo_status(tx, found, status, (), action="review", reason="so")
        else:
            await correct_photo(tx, photo_id, self._other_facts(found.facts))

    def _other_facts(self, now: PhotoFacts) -> PhotoFacts:
        pick = self.random
        wall = datetime(2026, 4, pick.randint(1, 28), 6, pick.randint(0, 59))  # noqa: DTZ001
        point = Point(40.5 + pick.random() / 2, 122.0 + pick.random() / 2)
        changes: dict[str, object] = {
            "time": facts(wall).time,
            "place": pick.choice([None, SettledPlace(point, "user_correction", "high")]),
            "site": pick.choice(SITES),
            "species": pick.choice([None, *SPECIES]),
            "caption": Text(f"第{pick.randint(1, 99)}", "A wave"),
            "license": pick.choice(["CC0-1.0", "CC-BY-4.0"]),
            "embargo_until": pick.choice([None, datetime(2027, 1, 1, tzinfo=UTC)]),
        }
        chosen = pick.sample(sorted(changes), k=pick.randint(1, 3))
        return replace(now, **{name: changes[name] for name in chosen})  # type: ignore[arg-type]

    async def _change_survey(self, tx: Write, survey_id: str) -> None:
        found, pick = await find_survey(tx, survey_id), self.random
        if found is None:
            await _bring_back(tx, "survey", survey_id)
            return
        kind = pick.random()
        free = [code for code in SPECIES if code not in {s.species for s in found.sightings}]
        if kind < 0.15:
            await delete_survey(tx, survey_id)
        elif kind < 0.25:
            status = pick.choice(STATUSES)
            await set_survey_status(tx, found, status, (), action="review", reason="so")
        elif kind < 0.35 and found.sightings:
            one = pick.choice(found.sightings)
            status = pick.choice(STATUSES)
            await set_sighting_status(tx, one, status, (), action="review", reason="so")
        elif kind < 0.5 and free:
            await append_sightings(tx, survey_id, [sighting(free[0], pick.randint(0, 900))])
        else:
            await self._replace(tx, found)

    async def _replace(self, tx: Write, found: Survey) -> None:
        pick = self.random
        codes = pick.sample(SPECIES, k=pick.randint(0, 4))
        rows = [
            replace(
                sighting(code, pick.choice([None, 0, 5, 70]), photos=self._evidence()),
                behaviour=pick.choice(BEHAVIOURS),
            )
            for code in codes
        ]
        new = survey(
            *rows,
            site=pick.choice(["liaobin", "gaizhou"]),
            day=date(2026, 4, pick.randint(10, 16)),
            tide=pick.choice(TIDES),
            hour=pick.randint(4, 17),
        )
        await replace_survey(tx, found.id, replace(new, note=f"{pick.randint(0, 9)}"))

    def _evidence(self) -> tuple[str, ...]:
        return tuple(self.random.sample(self.photos, k=self.random.choice([0, 0, 1])))


@pytest.mark.parametrize("seed", [1, 2])
async def test_undo_of_everything_in_random_order_brings_every_row_back(
    db: Database, seed: int
) -> None:
    async with writing(db) as tx:
        photos = [(await insert_photo(tx, photo(n))).id for n in range(PHOTOS)]
        surveys = [
            (await insert_survey(tx, survey(sighting(SPECIES[n], 5 + n), sighting("numarq", n)))).id
            for n in range(SURVEYS)
        ]
    start = await _snapshot(db)
    chance = Chance(seed, photos, surveys)
    done: list[int] = []
    while len(done) < CHANGES:
        before = await db.dataset_version()
        async with writing(db) as tx:
            await chance.change(tx)
        done += await _changes_since(db, before)
        if chance.random.random() < 0.05 and done:  # some come back, and go again
            await _undo_and_redo(db, chance.random.choice(done))
    taken_back, refused = await _undo_all(db, chance, done)
    assert await _snapshot(db) == start
    assert await counts.wrong_daily_counts(db) == []
    assert (await verify_chain(db)).broken is None
    print(f"seed {seed}: {len(done)} changes, {taken_back} undone, {refused} refused at first")


async def _changes_since(db: Database, version: int) -> list[int]:
    rows = await db.rows(
        "SELECT version FROM ledger WHERE version > $1 AND action <> 'undo'", version
    )
    return [row["version"] for row in rows]


async def _bring_back(tx: Write, noun: str, noun_id: str) -> None:
    """Undo the deletion of a thing, so that chance has something to change again."""
    history = await find_history(tx, noun, noun_id)
    assert history is not None
    without = undone(history.steps)
    deletions = [s.version for s in history.steps if s.action == "delete"]
    await write_undo(tx, history, next(v for v in deletions if v not in without))


async def _undo_and_redo(db: Database, version: int) -> None:
    """Undo a change, and undo that again."""
    with contextlib.suppress(ConflictError):
        await _undo(db, await _undo(db, version))


async def _undo_all(db: Database, chance: Chance, versions: list[int]) -> tuple[int, int]:
    """Undo these in random order; what could not stand yet is tried again later."""
    waiting, taken_back, refused = [*versions], 0, 0
    while waiting:
        chance.random.shuffle(waiting)
        left = []
        for version in waiting:
            try:
                await _undo(db, version)
                taken_back += 1
            except ConflictError:
                left.append(version)
                refused += 1
        assert len(left) < len(waiting), "nothing can be undone any more"
        waiting = left
    return taken_back, refused


async def test_undo_of_a_deletion_keeps_ids_source_and_owner(db: Database) -> None:
    async with writing(db) as tx:
        made = await insert_survey(tx, survey(sighting(), sighting("calalp", 7), key="table:1"))
    before = await db.rows("SELECT id, source_key, owner_id FROM survey WHERE until IS NULL")
    async with writing(db) as tx:
        await delete_survey(tx, made.id)
    await _undo(db, await db.dataset_version())
    back = await find_survey(db, made.id)
    assert back is not None
    assert [one.id for one in back.sightings] == [one.id for one in made.sightings]
    assert before == await db.rows(
        "SELECT id, source_key, owner_id FROM survey WHERE until IS NULL"
    )


async def test_undo_of_a_deletion_is_refused_where_the_table_came_again(db: Database) -> None:
    async with writing(db) as tx:
        made = await insert_survey(tx, survey(sighting(), key="table:1"))
    async with writing(db) as tx:
        await delete_survey(tx, made.id)
    deleted = await db.dataset_version()
    async with writing(db) as tx:
        await insert_survey(tx, survey(sighting(), key="table:1"))
    with pytest.raises(ConflictError) as caught:
        await _undo(db, deleted)
    assert caught.value.code == "undo.imported_again"


async def test_undo_in_the_middle_keeps_what_came_after(db: Database) -> None:
    async with writing(db) as tx:
        await insert_photo(tx, photo(1))
    given = facts()
    async with writing(db) as tx:
        await correct_photo(tx, photo(1).id, replace(given, species="grekno"))
    named = await db.dataset_version()
    async with writing(db) as tx:
        changed = replace(given, species="grekno", license="CC0-1.0")
        await correct_photo(tx, photo(1).id, changed)
    await _undo(db, named)
    found = await find_photo(db, photo(1).id)
    assert found is not None
    assert (found.facts.species, found.facts.license) == (None, "CC0-1.0")
    await _undo(db, await db.dataset_version())
    again = await find_photo(db, photo(1).id)
    assert again is not None
    assert again.facts.species == "grekno"


async def test_undo_of_one_change_while_the_thing_is_deleted_waits_for_its_return(
    db: Database,
) -> None:
    async with writing(db) as tx:
        await insert_photo(tx, photo(1))
    async with writing(db) as tx:
        await correct_photo(tx, photo(1).id, replace(facts(), species="grekno"))
    named = await db.dataset_version()
    async with writing(db) as tx:
        await withdraw_photo(tx, photo(1).id, "blurred")
    withdrawn = await db.dataset_version()
    await _undo(db, named, NOW + timedelta(hours=1))
    assert await find_photo(db, photo(1).id) is None
    await _undo(db, withdrawn, NOW + timedelta(hours=2))
    found = await find_photo(db, photo(1).id)
    assert found is not None
    assert found.facts.species is None
    assert found.owner_id == "li"


async def test_history_of_nothing_is_none(db: Database) -> None:
    assert await find_history(db, "photo", "nothing") is None
    assert await find_history(db, "survey", "nothing") is None
    assert await find_change(db, 1) is None
    assert await find_change(db, 10_000) is None
