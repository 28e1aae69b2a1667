"""kill -9 while surveys are sent: what the sender tries again until it is answered is there once.

BIRDWATCH_TEST_SURVEY_KILLS makes it longer: 300 kills instead of 12.
"""

from __future__ import annotations

import multiprocessing
import os
import random
import time
from multiprocessing.connection import Connection
from pathlib import Path

import anyio

from tests.intake.archives import opened
from tests.service import running

KILLS = int(os.environ.get("BIRDWATCH_TEST_SURVEY_KILLS", "12"))
MOST_S = 0.25  # a survey takes some 15 ms, so that a kill meets any moment of it
SEED = 20260425
FORKS = multiprocessing.get_context("forkserver")
FORKS.set_forkserver_preload(["tests.service"])  # each sender then starts in an instant


def survey(number: int) -> dict[str, object]:
    """A survey that is told from every other by its note."""
    return {
        "site": "liaobin",
        "start": "2026-04-12T06:00",
        "note": f"number {number}",
        "sightings": [{"species": "dunlin", "best": number + 1}],
    }


async def _add_sender(home: Path, database: str) -> str:
    async with running(home, database) as service:
        client = await service.token_client(await service.add_person("lin"), "count")
        secret: str = client.headers["authorization"]
        return secret


async def _send(home: Path, database: str, secret: str, first: int, answers: Connection) -> None:
    async with running(home, database, rate_writes=0) as service:
        client = service.client(Authorization=secret)
        number = first
        while True:
            key = {"Idempotency-Key": f"field-{number}"}
            answer = await client.post("/api/v1/surveys", json=survey(number), headers=key)
            assert answer.status_code == 201, answer.text
            answers.send(number)
            number += 1


def send(home: Path, database: str, secret: str, first: int, answers: Connection) -> None:
    """Send one survey after another, from this number on, and say which were answered."""
    anyio.run(_send, home, database, secret, first, answers)


async def _notes(home: Path, database: str) -> list[str]:
    async with opened(home, database) as archive:
        rows = await archive.db.rows("SELECT note FROM survey WHERE until IS NULL ORDER BY id")
        return [row["note"] for row in rows]


def send_until_killed(
    home: Path, database: str, secret: str, first: int, dice: random.Random
) -> int:
    """The number of the first survey that was not answered."""
    here, there = FORKS.Pipe(duplex=False)
    process = FORKS.Process(target=send, args=(home, database, secret, first, there))
    process.start()
    there.close()
    number: int = first
    try:
        number = here.recv() + 1
        time.sleep(dice.uniform(0, MOST_S))
    finally:
        process.kill()
        process.join()
    while True:
        try:
            number = here.recv() + 1
        except EOFError:
            return number


def test_kill_while_surveys_are_sent_makes_none_twice_and_loses_none(
    tmp_path: Path, database_url: str
) -> None:
    home = tmp_path / "home"
    secret = anyio.run(_add_sender, home, database_url)
    dice = random.Random(SEED)
    number = 0
    for _ in range(KILLS):
        number = send_until_killed(home, database_url, secret, number, dice)
    found = anyio.run(_notes, home, database_url)
    answered = {f"number {one}" for one in range(number)}
    assert len(found) == len(set(found))
    assert answered <= set(found) <= answered | {f"number {number}"}
    assert number >= KILLS
