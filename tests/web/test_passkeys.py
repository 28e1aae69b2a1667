from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from birdwatch.domain.policy import SYSTEM
from birdwatch.storage import passkeys, people
from tests.authenticators import PRESENT, Authenticator
from tests.service import BASE_URL, Service
from tests.web.conftest import Member, sign_in

pytestmark = pytest.mark.anyio


@pytest.fixture
def phone() -> Authenticator:
    return Authenticator(BASE_URL, "birds.test")


async def register(member: Member, phone: Authenticator) -> httpx.Response:
    headers = {"X-CSRF-Token": member.csrf}
    options = await member.browser.post("/account/passkeys/options", headers=headers)
    assert options.status_code == 200
    answer = {"credential": phone.make(options.json()), "name": "My phone"}
    return await member.browser.post("/account/passkeys", json=answer, headers=headers)


async def options_for(browser: httpx.AsyncClient) -> dict[str, Any]:
    asked: dict[str, Any] = (await browser.post("/sign-in/passkey/options")).json()
    return asked


async def enter(
    browser: httpx.AsyncClient, credential: object, target: str = "/upload"
) -> httpx.Response:
    return await browser.post(f"/sign-in/passkey?next={target}", json={"credential": credential})


async def test_passkey_is_made_and_signs_in(
    service: Service, member: Member, phone: Authenticator
) -> None:
    assert (await register(member, phone)).status_code == 201
    assert "My phone" in (await member.browser.get("/account/profile")).text
    for target, followed in (("/upload", "/upload"), ("//evil.example", "/")):
        browser = service.client()
        asked = await options_for(browser)
        assert asked["rpId"] == "birds.test"
        answer = await enter(browser, phone.sign(asked, member.person.id), target)
        assert (answer.status_code, answer.json()) == (200, {"next": followed})
        assert (await browser.get("/account")).status_code == 200
    kept = await passkeys.list_passkeys(service.archive.db, member.person.id)
    assert [(one.name, one.sign_count) for one in kept] == [("My phone", 2)]


async def test_question_is_answered_once_and_by_its_own_browser(
    service: Service, member: Member, phone: Authenticator
) -> None:
    await register(member, phone)
    browser, other = service.client(), service.client()
    credential = phone.sign(await options_for(browser), member.person.id)
    await options_for(other)
    assert (await enter(other, credential)).status_code == 422
    assert (await enter(service.client(), credential)).status_code == 422
    assert (await enter(browser, credential)).status_code == 200
    assert (await enter(browser, credential)).status_code in (403, 422)
    again = service.client()
    again.cookies.set("birdwatch_asked", browser.cookies["birdwatch_asked"])
    assert (await enter(again, credential)).status_code == 422


@pytest.mark.parametrize(
    "fault", ["origin", "rp_id", "key", "key_id", "flags", "counter", "kind", "shape", "none"]
)
async def test_wrong_answer_opens_nothing(
    service: Service, member: Member, phone: Authenticator, fault: str
) -> None:
    phone.uses = 5
    await register(member, phone)
    stranger = Authenticator(BASE_URL, "birds.test")
    browser = service.client()
    asked = await options_for(browser)
    if fault == "origin":
        phone.origin = "http://evil.example"
    if fault == "rp_id":
        phone.rp_id = "evil.example"
    if fault == "key":
        phone.key = stranger.key
    if fault == "key_id":
        phone.key_id = stranger.key_id
    if fault == "flags":
        phone.flags = PRESENT
    if fault == "counter":
        phone.uses = 1
    credential: Any = phone.sign(asked, member.person.id)
    if fault == "kind":
        credential = phone.make(asked)
    if fault == "shape":
        credential["response"] = {"clientDataJSON": 7}
    if fault == "none":
        credential = None
    answer = await enter(browser, credential)
    assert answer.status_code == 422
    assert (await browser.get("/account")).status_code == 401


async def test_passkey_of_a_closed_account_or_a_removed_one_opens_nothing(
    service: Service, member: Member, phone: Authenticator
) -> None:
    await register(member, phone)
    stranger = await sign_in(service, "xuxin")
    key = (await passkeys.list_passkeys(service.archive.db, member.person.id))[0]
    assert (await stranger.post(f"/account/passkeys/{key.id}/remove")).status_code == 404
    async with service.archive.db.write(SYSTEM, datetime.now(UTC)) as tx:
        await people.set_disabled(tx, member.person.id, disabled=True)
    browser = service.client()
    credential = phone.sign(await options_for(browser), member.person.id)
    assert (await enter(browser, credential)).status_code == 422
    async with service.archive.db.write(SYSTEM, datetime.now(UTC)) as tx:
        await people.set_disabled(tx, member.person.id, disabled=False)
    assert (await member.post(f"/account/passkeys/{key.id}/remove")).status_code == 303
    credential = phone.sign(await options_for(browser), member.person.id)
    assert (await enter(browser, credential)).status_code == 422


async def test_key_is_registered_for_who_asked_and_once(
    service: Service, member: Member, phone: Authenticator
) -> None:
    other = await sign_in(service, "xuxin")
    options = await member.browser.post(
        "/account/passkeys/options", headers={"X-CSRF-Token": member.csrf}
    )
    other.browser.cookies.set("birdwatch_asked", member.browser.cookies["birdwatch_asked"])
    stolen = await other.browser.post(
        "/account/passkeys",
        json={"credential": phone.make(options.json())},
        headers={"X-CSRF-Token": other.csrf},
    )
    assert stolen.status_code == 422
    assert (await register(member, phone)).status_code == 201
    assert (await register(await sign_in(service, "zhao"), phone)).status_code == 409
    assert (await member.browser.post("/account/passkeys/options")).status_code == 403
    robot = await service.token_client(member.person, "read", "upload")
    assert (await robot.post("/account/passkeys/options")).status_code == 403
    assert (await service.visitor.post("/account/passkeys/options")).status_code == 401
    nothing = await service.visitor.post("/sign-in/passkey", content=b"[")
    assert nothing.status_code == 400
