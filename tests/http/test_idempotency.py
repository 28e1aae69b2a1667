"""One effect for one key, on a whole application and its real database."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import anyio
import httpx
import pytest
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from birdwatch.domain.errors import TooManyError
from birdwatch.domain.policy import SYSTEM
from tests.api.asking import send_survey, survey
from tests.pictures import make_jpeg
from tests.service import Service, running

pytestmark = pytest.mark.anyio
KEY = {"Idempotency-Key": '"8e03978e-40d5-43e8-bc93-6894a57f9324"'}
SURVEYS = "/api/v1/surveys"


@pytest.fixture
async def li(service: Service) -> httpx.AsyncClient:
    person = await service.add_person("li")
    return await service.token_client(person, "read", "upload", "count")


async def _surveys(client: httpx.AsyncClient) -> int:
    return len((await client.get(SURVEYS)).json()["items"])


async def test_same_request_again_gets_the_same_answer(li: httpx.AsyncClient) -> None:
    body = survey("2026-04-12T06:00")
    first = await li.post(SURVEYS, json=body, headers=KEY)
    again = await li.post(SURVEYS, json=body, headers=KEY)
    assert first.status_code == again.status_code == 201
    assert (first.content, first.headers["location"]) == (again.content, again.headers["location"])
    assert again.headers["idempotent-replayed"] == "true"
    assert "idempotent-replayed" not in first.headers
    assert await _surveys(li) == 1


async def test_same_key_with_another_body_is_refused(li: httpx.AsyncClient) -> None:
    await li.post(SURVEYS, json=survey("2026-04-12T06:00"), headers=KEY)
    other = await li.post(SURVEYS, json=survey("2026-04-13T06:00"), headers=KEY)
    assert (other.status_code, other.json()["type"]) == (422, "/api/v1/docs#idempotency.reused")
    assert await _surveys(li) == 1


async def test_keys_are_of_their_sender_method_and_address(
    service: Service, li: httpx.AsyncClient
) -> None:
    wang = await service.token_client(await service.add_person("wang"), "count")
    made = await li.post(SURVEYS, json=survey("2026-04-12T06:00"), headers=KEY)
    other = await wang.post(SURVEYS, json=survey("2026-04-13T06:00"), headers=KEY)
    assert (made.status_code, other.status_code) == (201, 201)
    path = f"{SURVEYS}/{made.json()['id']}"
    put = await li.put(path, json=survey("2026-04-12T07:00"), headers=KEY)
    assert put.status_code == 200, put.text
    assert await _surveys(li) == 2


async def test_fifty_at_once_have_one_effect(li: httpx.AsyncClient) -> None:
    answers: list[httpx.Response] = []
    body = survey("2026-04-12T06:00")

    async def send() -> None:
        answers.append(await li.post(SURVEYS, json=body, headers=KEY))

    async with anyio.create_task_group() as tasks:
        for _ in range(50):
            tasks.start_soon(send)
    assert await _surveys(li) == 1
    statuses = {answer.status_code for answer in answers}
    assert statuses <= {201, 409}
    for answer in answers:
        if answer.status_code == 409:
            assert answer.json()["type"] == "/api/v1/docs#idempotency.running"
            assert answer.headers["retry-after"] == "1"
    fresh = [a for a in answers if a.status_code == 201 and "idempotent-replayed" not in a.headers]
    assert len(fresh) == 1


async def test_two_processes_share_their_keys(tmp_path: Path, database_url: str) -> None:
    home = tmp_path / "home"
    async with running(home, database_url) as one, running(home, database_url) as two:
        person = await one.add_person("li")
        here = await one.token_client(person, "count")
        there = two.client(Authorization=here.headers["authorization"])
        body = survey("2026-04-12T06:00")
        first = await here.post(SURVEYS, json=body, headers=KEY)
        again = await there.post(SURVEYS, json=body, headers=KEY)
        assert first.json() == again.json()
        assert again.headers["idempotent-replayed"] == "true"


async def test_photo_sent_again_in_a_new_envelope_is_the_same_request(
    li: httpx.AsyncClient,
) -> None:
    picture = make_jpeg(60, 40)
    answers = [
        await li.post(
            "/api/v1/photos",
            files={"photo": ("a.jpg", picture, "image/jpeg")},
            data={"credit": "Li"},
            headers=KEY,
        )
        for _ in range(2)
    ]
    assert [a.status_code for a in answers] == [201, 201]  # without the key: 200, a duplicate
    sent = {a.request.headers["content-type"] for a in answers}
    assert len(sent) == 2
    other = await li.post(
        "/api/v1/photos", files={"photo": ("a.jpg", picture[:-1], "image/jpeg")}, headers=KEY
    )
    assert other.status_code == 422


async def test_refusal_is_repeated_too(li: httpx.AsyncClient) -> None:
    made = await send_survey(li, survey("2026-04-12T06:00"))
    path = f"{SURVEYS}/{made['id']}"
    answers = [await li.put(path, json={"site": "nowhere"}, headers=KEY) for _ in range(2)]
    assert [a.status_code for a in answers] == [422, 422]
    assert answers[1].headers["idempotent-replayed"] == "true"
    assert answers[0].json() == answers[1].json()


async def test_refused_survey_may_come_again_put_right_under_its_key(
    li: httpx.AsyncClient,
) -> None:
    refused = await li.post(SURVEYS, json={"site": "nowhere", "start": "2026"}, headers=KEY)
    assert refused.status_code == 422
    right = await li.post(SURVEYS, json=survey("2026-04-12T06:00"), headers=KEY)
    assert right.status_code == 201
    assert await _surveys(li) == 1


@pytest.mark.parametrize("status", [429, 503, 500])
async def test_what_may_go_better_later_is_not_kept(
    service: Service, li: httpx.AsyncClient, status: int
) -> None:
    asked = 0

    async def weak(_request: Request) -> Response:
        nonlocal asked
        asked += 1
        if asked > 1:
            return JSONResponse({"asked": asked})
        if status == 429:
            raise TooManyError("test", zh="", en="", retry_after_s=1)
        if status == 500:
            raise RuntimeError("broken")
        return JSONResponse({}, status)

    service.app.router.routes.insert(0, Route("/api/test/weak", weak, methods=["POST"]))
    transport = httpx.ASGITransport(app=service.app, raise_app_exceptions=False)
    async with httpx.AsyncClient(
        transport=transport, base_url="http://birds.test", headers=li.headers
    ) as client:
        answers = [await client.post("/api/test/weak", headers=KEY) for _ in range(3)]
    assert [a.status_code for a in answers] == [status, 200, 200]
    assert [a.headers.get("idempotent-replayed") for a in answers] == [None, None, "true"]
    assert asked == 2


async def test_key_of_a_crashed_attempt_frees_itself(
    li: httpx.AsyncClient, service: Service
) -> None:
    db = service.archive.db
    made = await send_survey(li, survey("2026-04-12T06:00"))
    path = f"{SURVEYS}/{made['id']}"
    await li.put(path, json=survey("2026-04-12T07:00"), headers=KEY)
    async with db.write(SYSTEM, datetime.now(UTC)) as tx:
        await tx.run("UPDATE idempotency SET status = NULL")  # as a crash before the end leaves it
    held = await li.put(path, json=survey("2026-04-13T06:00"), headers=KEY)
    assert held.status_code == 409
    async with db.write(SYSTEM, datetime.now(UTC)) as tx:
        await tx.run("UPDATE idempotency SET lease_until = 0")
    again = await li.put(path, json=survey("2026-04-13T06:00"), headers=KEY)
    assert again.status_code == 200


async def test_survey_whose_answer_was_lost_comes_again_as_it_is_now(
    li: httpx.AsyncClient, service: Service
) -> None:
    body = survey("2026-04-12T06:00")
    made = (await li.post(SURVEYS, json=body, headers=KEY)).json()
    assert await service.archive.db.rows("SELECT key FROM idempotency") == []  # nothing runs out
    path = f"{SURVEYS}/{made['id']}"
    await li.put(path, json={**body, "note": "put right since"})
    again = await li.post(SURVEYS, json=body, headers=KEY)
    assert (again.status_code, again.json()["id"]) == (201, made["id"])
    assert again.json()["note"] == "put right since"
    await li.delete(path, params={"reason": "counted twice"})
    gone = await li.post(SURVEYS, json=body, headers=KEY)
    assert gone.status_code == 410
    assert await _surveys(li) == 0


@pytest.mark.parametrize("key", [b"", b'""', b"a" * 256, b'"a', b"a b", "键".encode()])
async def test_unreadable_key_is_told(li: httpx.AsyncClient, key: bytes) -> None:
    headers = {b"Idempotency-Key": key}
    answer = await li.post(SURVEYS, json=survey("2026-04-12T06:00"), headers=headers)
    assert (answer.status_code, answer.json()["type"]) == (400, "/api/v1/docs#idempotency.key")


async def test_without_a_key_nothing_is_kept(service: Service, li: httpx.AsyncClient) -> None:
    await send_survey(li, survey("2026-04-12T06:00"))
    db = service.archive.db
    assert await db.rows("SELECT key FROM idempotency UNION SELECT key FROM survey_key") == []
