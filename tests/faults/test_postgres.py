"""PostgreSQL that goes away and comes back: a clear 503 meanwhile, and everything right after.

These tests start a server of their own: it is stopped under the archive's hands.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import anyio
import httpx
import pytest
from anyio import to_thread

from birdwatch.intake.verification import verify_archive
from tests.pictures import make_jpeg
from tests.service import Service, running

pytestmark = [pytest.mark.anyio, pytest.mark.faults]
ROOT = Path(__file__).parents[2]
JPEG = {"Content-Type": "image/jpeg"}
AWAY = "/api/v1/docs#storage.database_away"


@dataclass
class Server:
    """A PostgreSQL server of this test's own, in a process that hears what to do with it."""

    process: subprocess.Popen[str]
    url: str

    async def stop(self) -> None:
        await to_thread.run_sync(self._tell, "stop")

    async def start(self) -> None:
        await to_thread.run_sync(self._tell, "start")

    def _tell(self, what: str) -> None:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(f"{what}\n")
        self.process.stdin.flush()
        assert self.process.stdout.readline() == "done\n"


@pytest.fixture
def server() -> Iterator[Server]:
    # Sockets have short names, which the folder of a test does not.
    with tempfile.TemporaryDirectory(prefix="birdwatch-pg-", ignore_cleanup_errors=True) as folder:
        words = [sys.executable, "-m", "tests.faults.own_postgres", folder]
        with subprocess.Popen(
            words, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        ) as process:
            assert process.stdout is not None
            yield Server(process, process.stdout.readline().strip())
            process.communicate(timeout=60)


async def send(client: httpx.AsyncClient, seed: int) -> httpx.Response:
    photo = make_jpeg(160, 120, seed=seed)
    return await client.post("/api/v1/photos", content=photo, headers=JPEG)


async def sender_of(service: Service) -> httpx.AsyncClient:
    return await service.token_client(await service.add_person("li"), "upload", "read")


async def test_server_that_is_away_is_answered_503_and_the_archive_recovers(
    tmp_path: Path, server: Server
) -> None:
    async with running(tmp_path / "home", server.url) as service:
        client = await sender_of(service)
        assert (await send(client, 1)).status_code == 201
        await server.stop()
        for path in ("/api/v1/photos", "/readyz", "/healthz"):
            answer = await service.visitor.get(path)
            assert answer.status_code == (200 if path == "/healthz" else 503), path
        answer = await send(client, 2)
        assert (answer.status_code, answer.json()["type"]) == (503, AWAY)
        assert answer.headers["Retry-After"] == "5"
        page = await service.visitor.get("/gallery")
        assert page.status_code == 503
        assert "cannot be reached" in page.text
        await server.start()
        assert (await service.visitor.get("/readyz")).status_code == 200
        assert (await send(client, 2)).status_code == 201
        assert (await send(client, 1)).status_code == 200
        assert list((tmp_path / "home" / "incoming").iterdir()) == []


async def test_server_that_is_killed_under_load_costs_no_acknowledged_photo(
    tmp_path: Path, server: Server
) -> None:
    acknowledged: set[str] = set()
    refused: list[int] = []
    async with running(tmp_path / "home", server.url) as service:
        client = await sender_of(service)
        is_over = False

        async def sender(which: int) -> None:
            seed = which
            while not is_over:
                answer = await send(client, seed)
                if answer.status_code in (200, 201):
                    acknowledged.add(answer.json()["id"])
                    seed += 4
                else:
                    refused.append(answer.status_code)
                    await anyio.sleep(0.05)

        async with anyio.create_task_group() as tasks:
            for which in range(4):
                tasks.start_soon(sender, which)
            for _ in range(3):
                await anyio.sleep(0.4)
                await server.stop()
                await server.start()
            await anyio.sleep(0.4)
            is_over = True
        # The pool is not stuck: more at once than it has connections.
        answers: list[int] = []

        async def once(seed: int) -> None:
            answers.append((await send(client, seed)).status_code)

        async with anyio.create_task_group() as tasks:
            for seed in range(100_000, 100_012):
                tasks.start_soon(once, seed)
        assert answers == [201] * 12
        rows = await service.archive.db.rows("SELECT id FROM photo")
        assert acknowledged <= {row["id"] for row in rows}
        assert (await verify_archive(service.archive, lambda _: None)).findings == ()
    assert acknowledged
    assert set(refused) <= {503}
