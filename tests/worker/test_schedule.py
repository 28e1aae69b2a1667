"""The schedule: what is due is done once, and a piece that fails is tried again and told."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import anyio
import pytest

from birdwatch.domain.errors import UnavailableError
from birdwatch.intake.archive import Archive
from birdwatch.storage.people import list_sessions, open_session
from birdwatch.storage.schedule import list_turns
from birdwatch.worker import schedule
from birdwatch.worker.schedule import SCHEDULE, Periodic, do_turn, run_schedule
from tests.intake.archives import NOW, opened, person

pytestmark = pytest.mark.anyio


@pytest.fixture
async def archive(tmp_path: Path, database_url: str) -> AsyncIterator[Archive]:
    async with opened(tmp_path / "home", database_url) as archive:
        yield archive


def piece(name: str) -> Periodic:
    return next(one for one in SCHEDULE if one.name == name)


async def test_stale_part_files_are_swept_and_living_ones_stay(archive: Archive) -> None:
    incoming = archive.blobs.home / "incoming"
    for name, age_h in (("stale.part", 7), ("living.part", 1)):
        (incoming / name).write_bytes(b"half")
        then = (NOW - timedelta(hours=age_h)).timestamp()
        os.utime(incoming / name, (then, then))
    assert await do_turn(archive, piece("incoming"), "worker", now=NOW)
    assert [path.name for path in incoming.iterdir()] == ["living.part"]


async def test_ended_sessions_are_swept(archive: Archive) -> None:
    owner = await person(archive, "lin")
    assert owner.person_id is not None
    async with archive.db.write(owner, NOW) as tx:
        for hours in (1, 3):
            until = NOW + timedelta(hours=hours)
            await open_session(tx, owner.person_id, f"hash{hours}", "csrf", until)
    now = NOW + timedelta(hours=2)
    assert await do_turn(archive, piece("sessions"), "worker", now=now)
    rows = await archive.db.rows("SELECT token_hash FROM session")
    assert [row["token_hash"] for row in rows] == ["hash3"]
    assert len(await list_sessions(archive.db, owner.person_id, now, current="")) == 1


async def test_piece_that_fails_is_tried_again_soon_and_told(archive: Archive) -> None:
    reasons: list[Exception] = [
        UnavailableError("storage.full", zh="满", en="full"),
        ZeroDivisionError("p1"),
    ]

    async def breaks(archive: Archive, now: datetime) -> None:
        raise reasons.pop(0)

    broken = Periodic("broken", 3600, breaks)
    assert await do_turn(archive, broken, "worker", now=NOW)
    [turn] = await list_turns(archive.db, NOW)
    assert (turn.error.zh, turn.error.en) == ("满", "full")
    assert not await do_turn(archive, broken, "worker", now=NOW + timedelta(seconds=59))
    assert await do_turn(archive, broken, "worker", now=NOW + timedelta(seconds=60))
    [turn] = await list_turns(archive.db, NOW)
    assert turn.error.en == "Unexpected: ZeroDivisionError: p1"


async def test_running_schedule_does_each_piece_and_stops(
    archive: Archive, monkeypatch: pytest.MonkeyPatch
) -> None:
    done = anyio.Event()
    count = 0

    async def counts(archive: Archive, now: datetime) -> None:
        nonlocal count
        count += 1
        done.set()

    monkeypatch.setattr(schedule, "SCHEDULE", (Periodic("counts", 3600, counts),))
    monkeypatch.setattr(schedule, "LOOK_EVERY_S", 0.01)
    stop = anyio.Event()
    with anyio.fail_after(30):
        async with anyio.create_task_group() as tasks:
            for worker in ("one", "two"):
                tasks.start_soon(partial(run_schedule, archive, worker, stop=stop))
            await done.wait()
            await anyio.sleep(0.1)
            stop.set()
    assert count == 1
    [turn] = await list_turns(archive.db, datetime.now(UTC))
    assert (turn.name, turn.is_running) == ("counts", False)
