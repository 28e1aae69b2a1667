from __future__ import annotations

import logging
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest
from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.routing import Route

from birdwatch.domain.policy import SYSTEM
from birdwatch.http.accounts import require_csrf, sign_in
from birdwatch.http.hashing import hash_secret
from birdwatch.http.sessions import COOKIE, end_session, start_session
from birdwatch.storage import people
from tests.service import PASSWORD, Service, running

pytestmark = pytest.mark.anyio


async def _who(request: Request) -> Response:
    actor = request.state.actor
    return PlainTextResponse(f"{actor.name} {actor.role} {request.state.locale}")


async def _enter(request: Request) -> Response:
    form = await request.form()
    person = await sign_in(request, str(form["login"]), str(form["password"]))
    response = RedirectResponse("/test/who", 303)
    await start_session(request, response, person)
    return response


async def _leave(request: Request) -> Response:
    require_csrf(request, await request.form())
    response = RedirectResponse("/test/who", 303)
    await end_session(request, response)
    return response


async def _csrf(request: Request) -> Response:
    return PlainTextResponse(request.state.csrf)


async def _broken(_request: Request) -> Response:
    raise RuntimeError("a private position: 40.68, 122.13")


async def _read(request: Request) -> Response:
    return PlainTextResponse(str(len(await request.body())))


@pytest.fixture
async def rooms(service: Service) -> Service:
    """The application with a few handlers of this test before its own."""
    service.app.router.routes[:0] = [
        Route("/test/who", _who),
        Route("/test/enter", _enter, methods=["POST"]),
        Route("/test/leave", _leave, methods=["POST"]),
        Route("/test/csrf", _csrf),
        Route("/api/test/broken", _broken),
        Route("/test/broken", _broken),
        Route("/api/test/read", _read, methods=["POST"]),
        Route("/test/read", _read, methods=["POST"]),
    ]
    return service


async def _sign_in(client: httpx.AsyncClient, login: str = "li") -> httpx.Response:
    return await client.post("/test/enter", data={"login": login, "password": PASSWORD})


async def test_sign_in_sets_a_cookie_scripts_cannot_read(rooms: Service) -> None:
    await rooms.add_person("li")
    response = await _sign_in(rooms.visitor)
    cookie = response.headers["set-cookie"]
    parts = [part.strip() for part in cookie.split(";")]
    assert parts[0].startswith(f"{COOKIE}=")
    assert sorted(parts[1:]) == ["HttpOnly", "Max-Age=2592000", "Path=/", "SameSite=lax"]
    who = await rooms.visitor.get("/test/who")
    assert who.text == "li contributor en"


async def test_cookie_is_secure_when_the_archive_is_reached_over_tls(tmp_path: Path) -> None:
    async with running(tmp_path, "", base_url="https://birds.example") as service:
        service.app.router.routes[:0] = [Route("/test/enter", _enter, methods=["POST"])]
        await service.add_person("li")
        response = await _sign_in(service.visitor)
        assert "Secure" in response.headers["set-cookie"]


async def test_only_the_hash_of_a_session_is_stored(rooms: Service) -> None:
    await rooms.add_person("li")
    await _sign_in(rooms.visitor)
    secret = rooms.visitor.cookies[COOKIE]
    assert await people.find_session(rooms.archive.db, secret, datetime.now(UTC)) is None


async def test_sign_in_again_gives_a_new_session_and_ends_the_old(rooms: Service) -> None:
    await rooms.add_person("li")
    await _sign_in(rooms.visitor)
    first = rooms.visitor.cookies[COOKIE]
    await _sign_in(rooms.visitor)
    assert rooms.visitor.cookies[COOKIE] != first
    old = rooms.client(Cookie=f"{COOKIE}={first}")
    assert (await old.get("/test/who")).text == " None en"


@pytest.mark.parametrize(
    ("login", "password"), [("li", "wrong password"), ("nobody", PASSWORD), ("li\x00", PASSWORD)]
)
async def test_sign_in_says_the_same_of_a_wrong_login_and_a_wrong_password(
    rooms: Service, login: str, password: str
) -> None:
    await rooms.add_person("li")
    response = await rooms.visitor.post("/test/enter", data={"login": login, "password": password})
    assert response.status_code == 422
    assert "The login or the password is not right." in response.text
    assert "set-cookie" not in response.headers


async def test_guessing_a_password_is_slowed_down(rooms: Service) -> None:
    await rooms.add_person("li")
    wrong = {"login": "li", "password": "guess"}
    for _ in range(10):
        assert (await rooms.visitor.post("/test/enter", data=wrong)).status_code == 422
    response = await _sign_in(rooms.visitor)
    assert response.status_code == 429
    assert 0 < int(response.headers["retry-after"]) <= 600


async def test_sign_out_ends_the_session_on_the_server(rooms: Service) -> None:
    await rooms.add_person("li")
    await _sign_in(rooms.visitor)
    secret = rooms.visitor.cookies[COOKIE]
    csrf = (await rooms.visitor.get("/test/csrf")).text
    await rooms.visitor.post("/test/leave", data={"csrf": csrf})
    again = rooms.client(Cookie=f"{COOKIE}={secret}")
    assert (await again.get("/test/who")).text == " None en"


async def test_form_without_its_token_is_refused(rooms: Service) -> None:
    await rooms.add_person("li")
    await _sign_in(rooms.visitor)
    response = await rooms.visitor.post("/test/leave", data={"csrf": "guess"})
    assert response.status_code == 403
    assert (await rooms.visitor.get("/test/who")).text == "li contributor en"


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Sec-Fetch-Site": "cross-site"},
    ],
)
async def test_form_of_another_site_is_refused(rooms: Service, headers: dict[str, str]) -> None:
    await rooms.add_person("li")
    response = await rooms.visitor.post(
        "/test/enter", data={"login": "li", "password": PASSWORD}, headers=headers
    )
    assert response.status_code == 403
    assert "came from another site" in response.text


async def test_own_origin_is_taken(rooms: Service) -> None:
    await rooms.add_person("li")
    response = await rooms.visitor.post(
        "/test/enter",
        data={"login": "li", "password": PASSWORD},
        headers={"Origin": "http://birds.test", "Sec-Fetch-Site": "same-origin"},
    )
    assert response.status_code == 303


async def test_api_write_with_a_session_needs_the_csrf_header(rooms: Service) -> None:
    await rooms.add_person("li")
    await _sign_in(rooms.visitor)
    refused = await rooms.visitor.post("/api/test/read", content=b"abc")
    assert (refused.status_code, refused.json()["type"]) == (403, "/api/v1/docs#csrf.missing")
    csrf = (await rooms.visitor.get("/test/csrf")).text
    taken = await rooms.visitor.post(
        "/api/test/read", content=b"abc", headers={"X-CSRF-Token": csrf}
    )
    assert (taken.status_code, taken.text) == (200, "3")


async def test_session_ends_after_its_days(rooms: Service) -> None:
    person = await rooms.add_person("li")
    db = rooms.archive.db
    now = datetime.now(UTC)
    async with db.write(SYSTEM, now) as tx:
        await people.open_session(tx, person.id, hash_secret("old"), "c", now - timedelta(days=1))
    old = rooms.client(Cookie=f"{COOKIE}=old")
    assert (await old.get("/test/who")).text == " None en"


@pytest.mark.parametrize("header", ["Bearer nonsense", "Basic bGk6cGFzcw==", "Bearer", "Bearer é"])
async def test_unusable_authorization_is_told(rooms: Service, header: str) -> None:
    client = rooms.client()
    response = await client.get(
        "/api/v1/sites", headers={b"Authorization": header.encode("latin-1")}
    )
    assert response.status_code == 401
    assert response.headers["www-authenticate"] == 'Bearer realm="birdwatch"'
    assert response.headers["content-type"] == "application/problem+json"


async def test_every_page_carries_the_security_headers(service: Service) -> None:
    for path in ("/", "/gallery", "/sign-in", "/nowhere", "/api/v1/docs"):
        headers = (await service.visitor.get(path)).headers
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "same-origin"
        policy = headers["content-security-policy"]
        assert "script-src 'self';" in policy
        assert "frame-ancestors 'none'" in policy
        assert "unsafe" not in policy.split("style-src")[0]


async def test_data_is_never_taken_for_a_page(rooms: Service) -> None:
    for path in ("/test/who", "/api/v1/sites", "/api/nowhere"):
        headers = (await rooms.visitor.get(path)).headers
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["content-security-policy"] == "default-src 'none'; frame-ancestors 'none'"


async def test_body_above_the_limit_is_refused_in_our_shape(rooms: Service) -> None:
    announced = await rooms.visitor.post("/api/test/read", content=b"x" * 70_000)
    assert announced.status_code == 413
    assert announced.headers["content-type"] == "application/problem+json"
    assert announced.json()["status"] == 413

    async def chunks() -> AsyncIterator[bytes]:
        for _ in range(70):
            yield b"x" * 1000

    streamed = await rooms.visitor.post("/api/test/read", content=chunks())
    assert streamed.json() == announced.json()
    page = await rooms.visitor.post("/test/read", content=b"x" * 70_000)
    assert page.status_code == 413
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert (await rooms.visitor.post("/test/read", content=b"x" * 60_000)).text == "60000"


async def test_nul_in_the_address_is_refused(rooms: Service) -> None:
    for path in ("/api/v1/species/%00", "/api/v1/species?q=%00"):
        response = await rooms.visitor.get(path)
        assert (response.status_code, response.json()["type"]) == (400, "/api/v1/docs#url.nul")


async def test_unknown_host_is_refused_where_hosts_are_named(tmp_path: Path) -> None:
    async with running(tmp_path, "", trusted_hosts=("birds.example",)) as service:
        response = await service.visitor.get("/api/v1/sites")
        assert response.json()["type"] == "/api/v1/docs#host.unknown"
        known = await service.visitor.get("/api/v1/sites", headers={"Host": "birds.example:8000"})
        assert known.status_code == 200


async def test_failed_request_logs_one_line_without_its_query(
    rooms: Service, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "birdwatch.http")
    response = await rooms.visitor.get(
        "/api/nowhere/%0Aforged?lat=40.68", headers={"X-Request-Id": "r-1"}
    )
    assert response.headers["x-request-id"] == "r-1"
    lines = [record.getMessage() for record in caplog.records if record.name == "birdwatch.http"]
    assert len(lines) == 1
    fields = dict(part.split("=", 1) for part in lines[0].split()[1:])
    assert fields.pop("ms").isdigit()
    assert fields == {
        "id": "r-1",
        "method": "GET",
        "path": "/api/nowhere/%0Aforged",
        "status": "404",
        "code": "http.404",
        "actor": "-",
    }
    await rooms.visitor.get("/test/who")
    assert len([r for r in caplog.records if r.name == "birdwatch.http"]) == 1


@pytest.mark.parametrize(
    ("path", "content_type"),
    [
        ("/api/test/broken", "application/problem+json"),
        ("/test/broken", "text/html; charset=utf-8"),
    ],
)
async def test_fault_of_ours_is_told_without_its_details(
    rooms: Service, path: str, content_type: str
) -> None:
    transport = httpx.ASGITransport(app=rooms.app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://birds.test") as client:
        response = await client.get(path, headers={"Accept-Language": "en"})
    assert response.status_code == 500
    assert response.headers["content-type"] == content_type
    assert "40.68" not in response.text
    assert "has been recorded" in response.text


async def test_health_and_readiness(service: Service) -> None:
    assert (await service.visitor.get("/healthz")).json() == {"status": "ok"}
    ready = (await service.visitor.get("/readyz")).json()
    version = await service.archive.db.dataset_version()
    assert ready == {"status": "ready", "dataset_version": version}
