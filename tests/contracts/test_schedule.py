"""Periodic work: one of all processes does it when it is due, and no other."""

from __future__ import annotations

from datetime import timedelta

import pytest
from anyio import to_thread

from birdwatch.domain.text import Text
from birdwatch.storage.db import Database
from birdwatch.storage.schedule import end_turn, list_turns, take_turn
from tests.storage.makers import NOW
from tests.storage.processes import run_together

pytestmark = pytest.mark.anyio
HOUR_S = 3600
HOUR = timedelta(hours=1)


async def took(db: Database, worker: str, minutes: float = 0) -> bool:
    now = NOW + timedelta(minutes=minutes)
    return await take_turn(db, "sweep", worker, now, every_s=HOUR_S, lease_s=600)


async def ended(db: Database, worker: str, minutes: float = 0, error: Text | None = None) -> None:
    now = NOW + timedelta(minutes=minutes)
    await end_turn(db, "sweep", worker, now, next_at=now + HOUR, error=error)


async def test_turn_is_taken_by_one_and_again_a_period_later(db: Database) -> None:
    assert await took(db, "one")
    assert not await took(db, "two")
    await ended(db, "one", 1)
    assert not await took(db, "two", 60)
    assert await took(db, "two", 61)


async def test_turn_of_a_process_that_died_is_taken_again(db: Database) -> None:
    assert await took(db, "one")
    assert not await took(db, "two", 9)
    assert not await took(db, "two", 11)  # its lease ended, yet it is not due again
    assert await took(db, "two", 60)
    await ended(db, "one", 61)  # the first one wakes up late
    [turn] = await list_turns(db, NOW + timedelta(minutes=62))
    assert turn.is_running


async def test_turn_put_far_ahead_by_a_wrong_clock_is_due(db: Database) -> None:
    assert await took(db, "one", 60 * 24 * 400)
    await ended(db, "one", 60 * 24 * 400)
    assert await took(db, "two")


async def test_turns_are_listed_with_what_went_wrong(db: Database) -> None:
    assert await list_turns(db, NOW) == []
    await took(db, "one")
    [running] = await list_turns(db, NOW)
    assert (running.name, running.is_running, running.started_at) == ("sweep", True, NOW)
    reason = Text("磁盘已满", "the disk is full")
    await ended(db, "one", 1, reason)
    [turn] = await list_turns(db, NOW)
    assert (turn.is_running, turn.error) == (False, reason)
    assert turn.finished_at == NOW + timedelta(minutes=1)
    assert turn.run_at == NOW + timedelta(minutes=61)


async def test_of_four_processes_one_takes_the_turn(db: Database, database_url: str) -> None:
    outputs = await to_thread.run_sync(
        lambda: run_together("take_a_turn", database_url, "", processes=4)
    )
    assert sorted(outputs) == ["", "", "", "took\n"]
