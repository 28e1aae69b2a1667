"""What processes know of each other's requests, on a real database and by two connections."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import anyio
import pytest

from birdwatch.domain.policy import SYSTEM
from birdwatch.domain.quota import Uploads
from birdwatch.storage.db import Database, open_database
from birdwatch.storage.requests import (
    KeptAnswer,
    add_upload,
    claim_key,
    forget_hits,
    free_key,
    give_back,
    hashed,
    hit,
    hits_of,
    hold_key,
    keep_answer,
    uploads_of,
)

pytestmark = pytest.mark.anyio
NOW = datetime(2026, 4, 20, 4, 0, tzinfo=UTC)
ANSWER = KeptAnswer("f", 201, (("content-type", "application/json"),), b'{"id":1}')


def after(seconds: float) -> datetime:
    return NOW + timedelta(seconds=seconds)


async def test_hits_are_counted_until_the_window_ends(db: Database) -> None:
    assert [h.count for h in await hit(db, [("a", 1), ("b", 5)], NOW, 60)] == [1, 5]
    second = await hit(db, [("b", 1), ("a", 1)], after(59), 60)
    assert [(h.count, h.until) for h in second] == [(6, after(60)), (2, after(60))]
    assert await hits_of(db, "a", after(60)) is None
    assert [h.count for h in await hit(db, [("a", 1)], after(60), 60)] == [1]


async def test_two_connections_count_in_one_window(db: Database, database_url: str) -> None:
    other = await open_database(database_url)
    try:
        async with anyio.create_task_group() as tasks:
            for number in range(20):
                tasks.start_soon(hit, (db, other)[number % 2], [("a", 1), ("b", 1)], NOW, 60)
        found = await hits_of(other, "a", NOW)
    finally:
        await other.close()
    assert found is not None
    assert found.count == 20


async def test_windows_out_of_date_are_taken_away(db: Database) -> None:
    await hit(db, [(str(number), 1) for number in range(10)], NOW, 60)
    await hit(db, [("new", 1)], after(61), 60)
    assert [row["key"] for row in await db.rows("SELECT key FROM rate_window")] == ["new"]


async def test_hits_are_given_back_and_forgotten(db: Database) -> None:
    await hit(db, [("a", 2), ("b", 1)], NOW, 60)
    await give_back(db, ["a"], NOW)
    await forget_hits(db, ["b"], NOW)
    found = await hits_of(db, "a", NOW)
    assert found is not None
    assert found.count == 1
    assert await hits_of(db, "b", NOW) is None


async def test_uploads_are_added_by_person_and_day(db: Database) -> None:
    day = date(2026, 4, 20)
    async with db.write(SYSTEM, NOW) as tx:
        await add_upload(tx, "p", day, Uploads(1, 100, 6))
        await add_upload(tx, "p", day, Uploads(1, 50, 4))
        await add_upload(tx, "q", day, Uploads(1, 1, 1))
    assert await uploads_of(db, "p", day) == Uploads(2, 150, 10)
    assert await uploads_of(db, "p", date(2026, 4, 21)) == Uploads()


async def test_key_is_one_attempts_until_it_is_answered(db: Database) -> None:
    assert await claim_key(db, "k", "1", NOW, lease_s=60, keep_s=1000) is True
    assert await claim_key(db, "k", "2", after(59), lease_s=60, keep_s=1000) is False
    await keep_answer(db, "k", "1", ANSWER, after(59))
    assert await claim_key(db, "k", "2", after(70), lease_s=60, keep_s=1000) == ANSWER
    assert await claim_key(db, "k", "2", after(1000), lease_s=60, keep_s=1000) is True


async def test_key_of_a_silent_attempt_is_free_again(db: Database) -> None:
    await claim_key(db, "k", "1", NOW, lease_s=60, keep_s=1000)
    await hold_key(db, "k", "1", after(50), 60)
    assert await claim_key(db, "k", "2", after(60), lease_s=60, keep_s=1000) is False
    assert await claim_key(db, "k", "2", after(110), lease_s=60, keep_s=1000) is True
    await keep_answer(db, "k", "1", ANSWER, after(111))
    await free_key(db, "k", "1", after(111))
    assert await claim_key(db, "k", "3", after(112), lease_s=60, keep_s=1000) is False
    await free_key(db, "k", "2", after(112))
    assert await claim_key(db, "k", "3", after(112), lease_s=60, keep_s=1000) is True


def test_hashed_key_tells_its_parts_apart() -> None:
    assert hashed("a", "bc") != hashed("ab", "c")
    assert len(hashed("x" * 10_000)) == 64
