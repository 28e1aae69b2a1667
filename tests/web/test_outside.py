"""Signing in elsewhere, against a real provider on this machine."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from joserfc import jwt
from joserfc.jwk import ECKey, OctKey

from birdwatch.domain.policy import SYSTEM
from birdwatch.http.hashing import hash_secret
from birdwatch.storage import invitations, people
from tests.providers import CLIENT_ID, CLIENT_SECRET, Provider, providing
from tests.service import BASE_URL, Service, running
from tests.web.conftest import Member, sign_in
from tests.web.pages import faults_of

pytestmark = pytest.mark.anyio


@pytest.fixture
def provider() -> Iterator[Provider]:
    with providing() as provider:
        yield provider


@pytest.fixture
async def service(tmp_path: Path, database_url: str, provider: Provider) -> AsyncIterator[Service]:
    """An archive that knows the provider."""
    async with running(
        tmp_path / "home", database_url, oidc_issuer=provider.issuer, oidc_client_id=CLIENT_ID,
        oidc_client_secret=CLIENT_SECRET, base_url=BASE_URL,
    ) as service:  # fmt: skip
        yield service


async def open_door(service: Service) -> None:
    async with service.archive.db.write(SYSTEM, datetime.now(UTC)) as tx:
        await invitations.set_registration(tx, is_open=True)


async def way_back(browser: httpx.AsyncClient, query: str = "") -> str:
    """Off to the provider and through it: the address at which the browser comes back."""
    left = await browser.get(f"/sign-in/oidc{query}")
    assert left.status_code == 303, left.text
    async with httpx.AsyncClient() as elsewhere:
        there = await elsewhere.get(left.headers["location"])
    assert there.headers["location"].startswith(f"{BASE_URL}/sign-in/oidc/callback?")
    back: str = there.headers["location"]
    return back


async def is_in(browser: httpx.AsyncClient) -> bool:
    return (await browser.get("/account")).status_code == 200


async def test_account_elsewhere_joins_where_the_door_is_open_and_comes_again(
    service: Service, provider: Provider
) -> None:
    await open_door(service)
    for query, followed in (("?next=/upload", "/upload"), ("?next=//evil.example", "/")):
        browser = service.client()
        answer = await browser.get(await way_back(browser, query))
        assert (answer.status_code, answer.headers["location"]) == (303, followed)
        assert await is_in(browser)
    found = (await people.list_people(service.archive.db)).items
    assert [(one.login, one.role, one.trust) for one in found] == [("wu", "contributor", "checked")]
    assert "<b>" not in (await browser.get("/account")).text.split("<h1>")[1].split("</h1>")[0]


async def test_login_that_is_taken_here_is_not_taken_over(
    service: Service, provider: Provider
) -> None:
    owner = await service.add_person("wu", "admin")
    await open_door(service)
    browser = service.client()
    await browser.get(await way_back(browser))
    found = (await people.list_people(service.archive.db)).items
    assert [one.role for one in found if one.id != owner.id] == ["contributor"]


async def test_stranger_needs_an_invitation_where_the_door_is_closed(service: Service) -> None:
    browser = service.client()
    refused = await browser.get(await way_back(browser))
    assert (refused.status_code, faults_of(refused.text, "en")) == (403, [])
    assert not await is_in(browser)
    async with service.archive.db.write(SYSTEM, datetime.now(UTC)) as tx:
        until = tx.now + timedelta(days=1)
        await invitations.add_invitation(tx, hash_secret("link"), "researcher", "trusted", until)
    page = (await browser.get("/invitations/link")).text
    assert "/sign-in/oidc?next=%2Faccount&amp;invitation=link" in page
    answer = await browser.get(await way_back(browser, "?next=/account&invitation=link"))
    assert answer.status_code == 303
    found = (await people.list_people(service.archive.db)).items
    assert [(one.role, one.trust) for one in found] == [("researcher", "trusted")]
    assert (await service.visitor.get("/invitations/link")).status_code == 410


async def test_signed_in_person_links_and_a_closed_account_stays_closed(service: Service) -> None:
    member: Member = await sign_in(service, "guoying")
    await member.browser.get(await way_back(member.browser, "?next=/account/profile"))
    browser = service.client()
    await browser.get(await way_back(browser))
    assert await is_in(browser)
    assert len((await people.list_people(service.archive.db)).items) == 1
    async with service.archive.db.write(SYSTEM, datetime.now(UTC)) as tx:
        await people.set_disabled(tx, member.person.id, disabled=True)
    other = service.client()
    assert (await other.get(await way_back(other))).status_code == 422
    assert not await is_in(other)


async def test_neither_a_token_nor_a_foreign_page_links_an_account(service: Service) -> None:
    member: Member = await sign_in(service, "guoying")
    robot = await service.token_client(member.person, "read", "upload", "count")
    assert (await robot.get(await way_back(robot))).status_code == 403
    member.browser.headers["Sec-Fetch-Site"] = "cross-site"
    assert (await member.browser.get(await way_back(member.browser))).status_code == 403
    member.browser.headers["Sec-Fetch-Site"] = "same-origin"
    assert (await member.browser.get(await way_back(member.browser))).status_code == 303


async def test_answer_is_for_its_own_browser_state_and_once(service: Service) -> None:
    await open_door(service)
    browser, other = service.client(), service.client()
    back = await way_back(browser)
    await way_back(other)
    assert (await service.client().get(back)).status_code == 422
    assert (await other.get(back)).status_code == 422
    state = parse_qs(urlsplit(back).query)["state"][0]
    forged = await browser.get(back.replace(state, "x" * len(state)))
    assert forged.status_code == 422
    assert (await browser.get(back)).status_code == 422
    for change in ("&iss=http://evil.example", "&error=access_denied"):
        back = await way_back(browser)
        answer = await browser.get(back.split("&iss=")[0] + change)
        assert answer.status_code == 422
    again = await way_back(browser)
    assert (await browser.get(again)).status_code == 303
    assert (await service.client().get(again)).status_code == 422
    assert len((await people.list_people(service.archive.db)).items) == 1


@pytest.mark.parametrize(
    "claims",
    [
        {"nonce": "another"},
        {"nonce": None},
        {"iss": "http://evil.example"},
        {"iss": None},
        {"aud": "somebody else"},
        {"aud": [CLIENT_ID, "somebody else"]},
        {"azp": "somebody else"},
        {"exp": int(time.time()) - 3600},
        {"exp": None},
        {"iat": None},
        {"sub": None},
        {"sub": ""},
    ],
)
async def test_token_that_says_something_else_is_refused(
    service: Service, provider: Provider, claims: dict[str, Any]
) -> None:
    await open_door(service)
    provider.claims = claims
    browser = service.client()
    answer = await browser.get(await way_back(browser))
    assert (answer.status_code, faults_of(answer.text, "en")) == (422, [])
    assert not await is_in(browser)
    assert (await people.list_people(service.archive.db)).items == ()


async def test_token_signed_by_nobody_known_is_refused(
    service: Service, provider: Provider
) -> None:
    await open_door(service)
    now = int(time.time())
    said = {"iss": provider.issuer, "sub": "s", "aud": CLIENT_ID, "exp": now + 60, "iat": now}
    shared = OctKey.import_key(CLIENT_SECRET + "-long-enough-to-be-a-key")
    for token in (
        "eyJhbGciOiJub25lIn0.e30.",
        "nonsense",
        jwt.encode({"alg": "HS256"}, said, shared),
        jwt.encode({"alg": "ES256", "kid": "one"}, said, ECKey.generate_key("P-256")),
    ):
        provider.token = token
        browser = service.client()
        assert (await browser.get(await way_back(browser))).status_code == 422
        assert not await is_in(browser)


async def test_provider_that_calls_itself_otherwise_or_is_away_is_said(
    service: Service, provider: Provider
) -> None:
    provider.named_issuer = "http://evil.example"
    assert (await service.visitor.get("/sign-in/oidc")).status_code == 422
    provider.named_issuer = provider.issuer
    back = await way_back(service.visitor)
    provider.codes.clear()
    assert (await service.visitor.get(back)).status_code == 503


async def test_without_a_provider_there_is_no_such_page(tmp_path: Path) -> None:
    async with running(tmp_path / "other", "") as service:
        for path in ("/sign-in/oidc", "/sign-in/oidc/callback?code=1&state=2"):
            assert (await service.visitor.get(path)).status_code == 404
        assert "/sign-in/oidc" not in (await service.visitor.get("/sign-in")).text
