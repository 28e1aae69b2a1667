"""What the other processes of a test do: run as `python -m tests.storage.programs NAME URL …`."""

from __future__ import annotations

import asyncio
import os
import signal
import sys

from birdwatch.storage import jobs
from birdwatch.storage.db import Database, open_database
from birdwatch.storage.ledger import append
from birdwatch.storage.schedule import take_turn
from birdwatch.storage.surveys import insert_survey
from tests.storage.makers import NOW, sighting, survey, writing


async def open_only(db: Database, _: str) -> None:
    """Create, migrate and seed, beside others that do the same."""
    assert (await db.rows("SELECT COUNT(*) AS n FROM archive"))[0][
        "n"
    ] == 3  # seeded, caught up in two steps


async def add_up(db: Database, times: str) -> None:
    """Read a number and write the next one, in one transaction."""
    for _ in range(int(times)):
        async with writing(db) as tx:
            await append(tx, "edit", "test", "sum")
            rows = await tx.rows("SELECT value FROM archive WHERE name = 'sum'")
            await tx.run(
                "UPDATE archive SET value = $1 WHERE name = 'sum'", str(int(rows[0]["value"]) + 1)
            )


async def add_surveys(db: Database, times: str) -> None:
    """Count the same birds of the same day as the others do."""
    for number in range(int(times)):
        async with writing(db) as tx:
            await insert_survey(tx, survey(sighting("grekno", os.getpid() * 1000 + number)))


async def die_while_writing(db: Database, _: str) -> None:
    """Be killed with a transaction open."""
    async with writing(db) as tx:
        await insert_survey(tx, survey(sighting("grekno", 5)))
        os.kill(os.getpid(), signal.SIGKILL)


async def work(db: Database, name: str) -> None:
    """Do every job, and say which."""
    while job := await jobs.claim(db, name, NOW, 60):
        print(job.subject_id, flush=True)
        await jobs.finish(db, job, NOW)


async def take_a_turn(db: Database, _: str) -> None:
    """Take the turn that all are after, if it is to be had."""
    if await take_turn(db, "sweep", str(os.getpid()), NOW, every_s=3600, lease_s=600):
        print("took", flush=True)


async def _main(name: str, url: str, argument: str) -> None:
    db = await open_database(url)
    try:
        await globals()[name](db, argument)
    finally:
        await db.close()


if __name__ == "__main__":
    asyncio.run(_main(*sys.argv[1:]))
