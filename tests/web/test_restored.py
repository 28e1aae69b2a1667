"""A backup taken under load and restored elsewhere: verified clean, and every page as it was."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import anyio
import pytest

from birdwatch.domain.policy import SYSTEM
from birdwatch.intake.backup import take_backup
from birdwatch.intake.restore import check_backup, restore_backup
from birdwatch.intake.verification import verify_archive
from birdwatch.settings import Settings
from birdwatch.storage.jobs import pending
from birdwatch.worker.loop import drain
from tests.conftest import fresh_database
from tests.intake.archives import SIDAOGOU, send
from tests.pictures import make_jpeg
from tests.service import BASE_URL, Service, running

pytestmark = pytest.mark.anyio
MOST_PAGES = 40
LINK = re.compile(r'(?:href|src)="(/[^"#]*)"')


def ignore(*_: object) -> None:
    """A progress that nobody looks at."""


async def add(service: Service, number: int) -> None:
    """A photo and, through the interface, a survey."""
    day = number % 28 + 1
    data = make_jpeg(
        320, 240, seed=number, gps=SIDAOGOU, taken=f"2026:04:{day:02} 08:{number % 60:02}:00"
    )
    await send(service.archive, data, actor=SYSTEM)


async def pages(service: Service) -> dict[str, tuple[int, bytes]]:
    """What a visitor finds by following every link, pictures too, and the data behind them."""
    found: dict[str, tuple[int, bytes]] = {}
    waiting = [
        "/", "/gallery", "/seasons/2026-spring", "/surveys", "/species", "/sites",
        "/api/v1/photos", "/api/v1/surveys", "/api/v1/counts?season=2026-spring&by=day",
        "/api/v1/changes", "/api/v1/seasons/2026-spring",
    ]  # fmt: skip
    while waiting and len(found) < MOST_PAGES:
        address = waiting.pop(0)
        if address in found:
            continue
        answer = await service.visitor.get(address)
        found[address] = (answer.status_code, answer.content)
        if answer.headers.get("content-type", "").startswith("text/html"):
            links = [one for one in LINK.findall(answer.text) if not one.startswith("/static")]
            pictures = [one for one in links if one.startswith(("/media/", "/photos/"))]
            waiting = [*pictures, *waiting, *links]
    return found


@pytest.fixture
def places(tmp_path: Path) -> Iterator[list[Settings]]:
    """Two empty homes, each with an empty database."""
    homes = [tmp_path / "first", tmp_path / "second"]
    with ExitStack() as databases:
        yield [
            Settings(
                home=home,
                database=databases.enter_context(fresh_database(home / "birdwatch.db")),
            )
            for home in homes
        ]


async def test_restored_service_shows_the_same_pages(
    tmp_path: Path, database_url: str, places: list[Settings]
) -> None:
    root = tmp_path / "backup"
    async with running(tmp_path / "home", database_url, base_url=BASE_URL) as service:
        for number in range(4):
            await add(service, number)
        await drain(service.archive)
        stop = anyio.Event()

        async def load() -> None:
            number = 10
            while not stop.is_set():
                await add(service, number)
                assert (await service.visitor.get("/gallery")).status_code == 200
                number += 1

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(load)
            under_load = await take_backup(service.archive, root, ignore)
            stop.set()
        while await pending(service.archive.db):  # the service's own worker may have the last
            await drain(service.archive)
            await anyio.sleep(0.05)
        at_rest = await take_backup(service.archive, root, ignore)
        there = await pages(service)
    assert {status for status, _ in there.values()} <= {200, 303, 401}
    assert sum(address.startswith("/media/") for address in there) > 3
    for report, place in zip((under_load, at_rest), places, strict=True):
        checked = await check_backup(root, report.snapshot, ignore)
        await restore_backup(place, checked, ignore)
        async with running(place.home, place.database, base_url=BASE_URL) as service:
            verified = await verify_archive(service.archive, ignore)
            assert (verified.findings, verified.photos) == ((), report.info.photos)
            if report is at_rest:
                assert await pages(service) == there
