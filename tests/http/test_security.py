"""What browsers are told to refuse, and what requests are refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from birdwatch.http.sessions import COOKIE, SECURE_COOKIE
from tests.service import PASSWORD, Service, running

pytestmark = pytest.mark.anyio
PAGES = ("/", "/gallery", "/sign-in", "/nowhere", "/seasons", "/species", "/api/v1/docs")


async def test_no_page_may_run_what_stands_in_its_text(service: Service) -> None:
    for path in PAGES:
        answer = await service.visitor.get(path)
        policy = answer.headers["content-security-policy"]
        assert "unsafe" not in policy
        assert "nonce" not in policy
        assert "frame-ancestors 'none'" in policy
        assert " style=" not in answer.text
        assert answer.headers["cross-origin-opener-policy"] == "same-origin"
        assert answer.headers["cross-origin-resource-policy"] == "same-origin"
        assert "strict-transport-security" not in answer.headers
        if path != "/api/v1/docs":
            assert "<style" not in answer.text


async def test_unchanged_page_keeps_the_policy_it_was_sent_with(service: Service) -> None:
    for path in ("/api/v1/docs", "/species"):
        first = await service.visitor.get(path)
        again = await service.visitor.get(path, headers={"If-None-Match": first.headers["etag"]})
        assert again.status_code == 304
        assert "content-security-policy" not in again.headers


async def test_over_tls_the_cookie_is_bound_to_the_host_and_the_host_to_tls(tmp_path: Path) -> None:
    async with running(tmp_path, "", base_url="https://birds.example") as service:
        await service.add_person("li")
        client = service.client()
        answer = await client.post("/sign-in", data={"login": "li", "password": PASSWORD})
        name, _, rest = answer.headers["set-cookie"].partition("=")
        assert name == SECURE_COOKIE
        assert {"Secure", "HttpOnly", "Path=/"} <= {part.strip() for part in rest.split(";")}
        assert "Domain" not in rest
        assert answer.headers["strict-transport-security"] == "max-age=31536000"
        secret = rest.split(";")[0]
        strict = service.client(Cookie=f"{SECURE_COOKIE}={secret}")
        assert (await strict.get("/upload")).status_code == 200
        planted = service.client(Cookie=f"{COOKIE}={secret}")
        assert (await planted.get("/upload")).status_code == 401


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("birds.example", 200),
        ("BIRDS.example:8443", 200),
        ("birds.example.", 200),
        ("public.example", 200),
        ("[::1]", 200),
        ("[::1]:8000", 200),
        ("::1", 400),
        ("birds.example.evil", 400),
        ("evil@birds.example", 400),
        ("birds.example:80:80", 400),
        ("birds.example, evil.example", 400),
        ("birds.example/", 400),
        ("", 400),
    ],
)
async def test_host_is_served_or_refused(tmp_path: Path, host: str, status: int) -> None:
    names = ("birds.example", "::1")
    url = "http://public.example"
    async with running(tmp_path, "", trusted_hosts=names, base_url=url) as service:
        answer = await service.visitor.get("/api/v1/sites", headers={"Host": host})
        assert answer.status_code == status


async def test_health_is_asked_by_any_name(tmp_path: Path) -> None:
    async with running(tmp_path, "", trusted_hosts=("birds.example",)) as service:
        for path in ("/healthz", "/readyz"):
            answer = await service.visitor.get(path, headers={"Host": "127.0.0.1:8000"})
            assert answer.status_code == 200


async def test_two_hosts_are_refused(service: Service) -> None:
    headers = [("Host", "birds.test"), ("Host", "evil.test")]
    answer = await service.visitor.get("/api/v1/sites", headers=headers)
    assert (answer.status_code, answer.json()["type"]) == (400, "/api/v1/docs#host.malformed")


@pytest.mark.parametrize(
    ("headers", "code"),
    [
        ([(f"X-{n}", "a") for n in range(120)], "headers.too_many"),
        ([(f"X-{n}", "a" * 4096) for n in range(9)], "headers.too_many"),
        ([("X-Long", "a" * 9000)], "headers.too_large"),
    ],
)
async def test_headers_beyond_any_reader_are_refused(
    service: Service, headers: list[tuple[str, str]], code: str
) -> None:
    answer = await service.visitor.get("/api/v1/sites", headers=headers)
    assert (answer.status_code, answer.json()["type"]) == (431, f"/api/v1/docs#{code}")
    page = await service.visitor.get("/", headers=headers)
    assert (page.status_code, page.headers["content-type"]) == (431, "text/html; charset=utf-8")


async def test_query_of_too_many_pairs_is_refused(service: Service) -> None:
    answer = await service.visitor.get("/api/v1/sites?" + "&".join(["a=1"] * 101))
    assert (answer.status_code, answer.json()["type"]) == (400, "/api/v1/docs#url.pairs")


@pytest.mark.parametrize(
    "form",
    [
        {"data": {f"field{n}": "" for n in range(1001)}},
        {"data": {"login": "a" * 1_100_000}},
        {"files": [(f"part{n}", (None, "")) for n in range(1001)]},
        {"files": [(f"part{n}", ("a.txt", b"")) for n in range(1001)]},
        {"files": {"login": (None, "a" * 1_100_000)}},
    ],
)
async def test_form_of_too_many_or_too_large_parts_is_refused(
    tmp_path: Path, form: dict[str, object]
) -> None:
    async with running(tmp_path, "") as service:
        answer = await service.visitor.post("/sign-in", **form)  # type: ignore[arg-type]
        assert answer.status_code == 413
        assert "too many fields or files, or one of its fields is too long" in answer.text


async def test_photo_form_of_too_many_parts_is_refused(service: Service) -> None:
    li = await service.token_client(await service.add_person("li"), "upload")
    words = [(f"word{n}", (None, "a")) for n in range(40)]
    answer = await li.post("/api/v1/photos", files=words)
    assert (answer.status_code, answer.json()["type"]) == (413, "/api/v1/docs#form.too_large")
