"""What one reader may ask in a minute, of one process and of several on one database."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest
from starlette.requests import Request

from birdwatch.http.rates import PIECE_BYTES, address_of
from tests.api.asking import survey
from tests.api.tus import TUS
from tests.service import Service, running

pytestmark = pytest.mark.anyio
SITES, SURVEYS = "/api/v1/sites", "/api/v1/surveys"


def _at(service: Service, address: str, **headers: str) -> httpx.AsyncClient:
    transport = httpx.ASGITransport(app=service.app, client=(address, 1))
    return httpx.AsyncClient(
        transport=transport,
        base_url="http://birds.test",
        headers={"Accept-Language": "en"} | headers,
    )


async def _statuses(client: httpx.AsyncClient, path: str, times: int) -> list[int]:
    return [(await client.get(path)).status_code for _ in range(times)]


async def test_reads_beyond_the_limit_wait(tmp_path: Path, database_url: str) -> None:
    async with running(tmp_path, database_url, rate_reads=3) as service:
        first = await service.visitor.get(SITES)
        assert first.headers["ratelimit-policy"] == '"reads";q=3;w=60'
        assert first.headers["ratelimit"] in ('"reads";r=2;t=60', '"reads";r=2;t=59')
        assert await _statuses(service.visitor, SITES, 2) == [200, 200]
        refused = await service.visitor.get(SITES)
        assert refused.status_code == 429
        assert refused.headers["content-type"] == "application/problem+json"
        assert refused.json()["type"] == "/api/v1/docs#rate.reads"
        assert 1 <= int(refused.headers["retry-after"]) <= 60
        assert refused.headers["ratelimit"].startswith('"reads";r=0;t=')
        page = await service.visitor.get("/gallery")
        assert (page.status_code, page.headers["content-type"]) == (429, "text/html; charset=utf-8")
        assert "at most 3 a minute" in page.text
        assert await _statuses(service.visitor, "/healthz", 5) == [200] * 5
        async with _at(service, "192.0.2.9") as other:
            assert await _statuses(other, SITES, 1) == [200]


async def test_two_processes_share_what_busy_readers_read(
    tmp_path: Path, database_url: str
) -> None:
    home = tmp_path / "home"
    async with (
        running(home, database_url, rate_reads=20) as one,
        running(home, database_url, rate_reads=20) as two,
    ):
        assert await _statuses(one.visitor, SITES, 12) == [200] * 12
        assert await _statuses(two.visitor, SITES, 7) == [200] * 7
        for service in (one, two):
            await service.app.state.rates.share(service.archive.db)
        assert await _statuses(one.visitor, SITES, 1) == [200]
        await one.app.state.rates.share(one.archive.db)
        assert await _statuses(one.visitor, SITES, 1) == [429]
        assert await _statuses(two.visitor, SITES, 2) == [200, 429]  # one within the allowance


async def test_ordinary_reading_writes_nothing(tmp_path: Path, database_url: str) -> None:
    async with running(tmp_path, database_url) as service:
        await _statuses(service.visitor, SITES, 30)
        await service.app.state.rates.share(service.archive.db)
        assert await service.archive.db.rows("SELECT key FROM rate_window") == []


async def test_writes_are_counted_by_person_in_all_processes(
    tmp_path: Path, database_url: str
) -> None:
    home = tmp_path / "home"
    async with (
        running(home, database_url, rate_writes=3) as one,
        running(home, database_url, rate_writes=3) as two,
    ):
        person = await one.add_person("li")
        here = await one.token_client(person, "count")
        second = await one.token_client(person, "count")
        there = two.client(Authorization=second.headers["authorization"])
        answers = [
            await client.post(SURVEYS, json=survey(f"2026-04-1{day}T06:00"))
            for day, client in enumerate((here, there, here, there, here))
        ]
        assert [answer.status_code for answer in answers] == [201, 201, 201, 429, 429]
        assert [a.headers["ratelimit"].split(";")[1] for a in answers[:4]] == [
            "r=2", "r=1", "r=0", "r=0",
        ]  # fmt: skip
        assert answers[3].json()["type"] == "/api/v1/docs#rate.writes"
        assert (await here.get(SURVEYS)).status_code == 200
        wang = await one.token_client(await one.add_person("wang"), "count")
        assert (await wang.post(SURVEYS, json=survey("2026-04-19T06:00"))).status_code == 201


async def test_tokens_are_counted_each(tmp_path: Path, database_url: str) -> None:
    async with running(tmp_path, database_url, rate_reads=2) as service:
        person = await service.add_person("li")
        first = await service.token_client(person, "read")
        second = await service.token_client(person, "read")
        assert await _statuses(first, SITES, 3) == [200, 200, 429]
        assert await _statuses(second, SITES, 2) == [200, 200]


async def test_guessed_tokens_count_for_their_address(tmp_path: Path, database_url: str) -> None:
    async with running(tmp_path, database_url, rate_reads=2) as service:
        statuses = []
        for number in range(3):
            client = service.client(Authorization=f"Bearer guess{number}")
            statuses.append((await client.get(SITES)).status_code)
        assert statuses == [401, 401, 429]


async def test_answers_from_memory_are_free_and_nobodys(tmp_path: Path, database_url: str) -> None:
    async with running(tmp_path, database_url, rate_reads=2) as service:
        answers = [await service.visitor.get("/api/v1/counts") for _ in range(5)]
        assert [answer.status_code for answer in answers] == [200] * 5
        assert not any("ratelimit" in answer.headers for answer in answers)


async def test_no_limit_says_nothing(tmp_path: Path, database_url: str) -> None:
    async with running(tmp_path, database_url, rate_reads=0) as service:
        answer = await service.visitor.get(SITES)
        assert "ratelimit" not in answer.headers


@pytest.mark.parametrize(
    ("address", "counted_as"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("2001:db8:1:2:3::4", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("unix:", "unix:"),
    ],
)
async def test_household_of_ipv6_is_one_reader(address: str, counted_as: str) -> None:
    scope = {"type": "http", "client": (address, 1), "headers": []}
    assert address_of(Request(scope)) == counted_as


async def test_pieces_that_are_announced_and_do_not_come_are_counted(
    tmp_path: Path, database_url: str
) -> None:
    async with running(tmp_path / "home", database_url, rate_writes=3) as service:
        sender = await service.token_client(await service.add_person("lin"), "upload")
        whole = b"\0" * PIECE_BYTES
        begun = await sender.post(
            "/api/v1/uploads",
            headers={**TUS, "Upload-Length": str(9 * PIECE_BYTES)},
        )
        assert begun.status_code == 201
        path = httpx.URL(begun.headers["location"]).path

        async def send(to: str, body: bytes, offset: int = 0) -> int:
            announced = {"Content-Length": str(PIECE_BYTES), "Upload-Offset": str(offset)}
            kind = {"Content-Type": "application/offset+octet-stream"}
            answer = await sender.patch(to, content=body, headers=TUS | announced | kind)
            return answer.status_code

        pieces = [await send(path, whole, at * PIECE_BYTES) for at in range(6)]
        assert pieces == [204] * 6  # what comes is the quota's matter
        empty = [await send("/api/v1/uploads/0000000000000000", b"") for _ in range(5)]
        assert empty == [404, 404, 404, 429, 429]  # one write was the beginning
        assert await send(path, whole, 6 * PIECE_BYTES) == 429
