"""Guessing passwords, counted for all processes of one database."""

from __future__ import annotations

from collections.abc import AsyncIterator

import anyio
import pytest

from birdwatch.http.limits import PER_ACCOUNT, PER_ADDRESS, Attempts, TooManyAttemptsError
from birdwatch.storage.db import Database, open_database

pytestmark = pytest.mark.anyio
HERE, THERE = "192.0.2.1", "192.0.2.2"


@pytest.fixture
async def db(anyio_backend: str, database_url: str) -> AsyncIterator[Database]:
    database = await open_database(database_url)
    yield database
    await database.close()


async def test_two_processes_count_one_guessers_attempts(db: Database, database_url: str) -> None:
    other = await open_database(database_url)
    try:
        one, two = Attempts(db, 4), Attempts(other, 4)
        for attempts in (one, two, one, two):
            await attempts.check(("li", HERE))
        for attempts in (one, two):
            with pytest.raises(TooManyAttemptsError) as caught:
                await attempts.check(("li", HERE))
            assert 590 <= (caught.value.retry_after_s or 0) <= 600
        await two.check(("li", THERE))
        await two.check(("wang", HERE))
    finally:
        await other.close()


async def test_many_at_once_are_no_way_around(db: Database) -> None:
    attempts = Attempts(db, 4)
    passed = 0

    async def guess() -> None:
        nonlocal passed
        try:
            await attempts.check(("li", HERE))
        except TooManyAttemptsError:
            return
        passed += 1

    async with anyio.create_task_group() as tasks:
        for _ in range(20):
            tasks.start_soon(guess)
    assert passed == 4


async def test_success_forgets_the_failures(db: Database) -> None:
    attempts = Attempts(db, 2)
    for _ in range(5):
        await attempts.check(("li", HERE))
        await attempts.check(("li", HERE))
        await attempts.clear(("li", HERE))
    await attempts.check(("li", HERE))


async def test_one_address_may_not_try_every_account(db: Database) -> None:
    attempts = Attempts(db, 2)
    for number in range(2 * PER_ADDRESS):
        await attempts.check((f"person {number}", HERE))
    with pytest.raises(TooManyAttemptsError):
        await attempts.check(("another", HERE))
    await attempts.check(("another", THERE))


async def test_account_under_attack_opens_to_its_owner(db: Database) -> None:
    attempts = Attempts(db, 2)
    for number in range(2 * PER_ACCOUNT):
        await attempts.check(("li", f"198.51.100.{number}"))
    await attempts.check(("li", HERE))
    with pytest.raises(TooManyAttemptsError):
        await attempts.check(("li", HERE))
    await attempts.check(("wang", HERE))


async def test_neither_logins_nor_addresses_are_kept(db: Database) -> None:
    await Attempts(db, 2).check(("li" * 100_000, HERE))
    keys = [str(row["key"]) for row in await db.rows("SELECT key FROM rate_window")]
    assert len(keys) == 3
    assert {len(key) for key in keys} == {64}
