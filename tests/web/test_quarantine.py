"""Files in quarantine: senders see and try their own, administrators everybody's."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime

import pytest

from birdwatch.domain.policy import SYSTEM
from birdwatch.domain.text import LOCALES, Locale, Text
from birdwatch.storage.quarantine import add_quarantined
from tests.pictures import make_jpeg
from tests.service import Service
from tests.web.pages import faults_of
from tests.web.test_review import LANGS, join

pytestmark = pytest.mark.anyio
OWN, ALL = "/account/quarantine", "/admin/quarantine"
REASON = Text("解码程序崩溃（SIGSEGV）", "the decoder crashed (SIGSEGV)")


async def set_aside(service: Service, owner_id: str, data: bytes, name: str = "flock.jpg") -> str:
    """A file in quarantine, as the intake leaves it."""
    sha256 = hashlib.sha256(data).hexdigest()
    folder = service.archive.settings.home / "quarantine"
    folder.mkdir(exist_ok=True)
    (folder / sha256).write_bytes(data)
    async with service.archive.db.write(SYSTEM, datetime.now(UTC)) as tx:
        return await add_quarantined(
            tx,
            sha256=sha256,
            size=len(data),
            owner_id=owner_id,
            file_name=name,
            words='{"file_name": "flock.jpg", "species": "红腹滨鹬"}',
            reason=REASON,
            deaths=3,
        )


@pytest.mark.parametrize("locale", LOCALES)
async def test_pages_are_sound_and_tell_reasons(service: Service, locale: Locale) -> None:
    lin, root = await join(service, "lin"), await join(service, "root", "admin")
    headers = {"Accept-Language": LANGS[locale]}
    empty = await lin.browser.get(OWN, headers=headers)
    assert (empty.status_code, faults_of(empty.text, LANGS[locale])) == (200, [])
    await set_aside(service, lin.person.id, make_jpeg(64, 48), "滩涂.jpg")
    for member, page in ((lin, OWN), (root, ALL)):
        shown = await member.browser.get(page, headers=headers)
        assert (shown.status_code, faults_of(shown.text, LANGS[locale])) == (200, [])
        assert shown.headers["Cache-Control"] == "no-store"
        assert REASON.get(locale) in shown.text
        assert "滩涂.jpg" in shown.text


async def test_sender_tries_their_file_again(service: Service) -> None:
    lin, wang = await join(service, "lin"), await join(service, "wang")
    one = await set_aside(service, lin.person.id, make_jpeg(640, 480, gps=(40.6648, 122.1412)))
    assert "flock.jpg" not in (await wang.browser.get(OWN)).text
    assert (await wang.post(f"{OWN}/{one}/retry", {})).status_code == 404
    answer = await lin.post(f"{OWN}/{one}/retry", {})
    assert (answer.status_code, answer.headers["Location"][:8]) == (303, "/photos/")
    photo = (await lin.browser.get(f"/api/v1{answer.headers['Location']}")).json()
    assert photo["species"] is not None
    assert list((service.archive.settings.home / "quarantine").iterdir()) == []
    assert (await lin.post(f"{OWN}/{one}/retry", {})).status_code == 404


async def test_administrator_sees_why_it_cannot_be_taken_and_discards_it(service: Service) -> None:
    lin, root = await join(service, "lin"), await join(service, "root", "admin")
    one = await set_aside(service, lin.person.id, b"%PDF-1.7 no picture")
    answer = await root.post(f"{ALL}/{one}/retry", {})
    assert (answer.status_code, faults_of(answer.text, "en")) == (415, [])
    found = (await root.browser.get("/api/v1/quarantine")).json()["items"]
    assert [(each["id"], "PDF" in each["reason"]["en"]) for each in found] == [(one, True)]
    assert (await root.post(f"{ALL}/{one}/discard", {})).status_code == 303
    assert list((service.archive.settings.home / "quarantine").iterdir()) == []
    assert (await root.browser.get("/api/v1/quarantine")).json() == {"items": [], "next": None}


async def test_program_tries_and_discards_by_token(service: Service) -> None:
    person = await service.add_person("lin")
    client = await service.token_client(person, "read", "upload")
    first = await set_aside(service, person.id, make_jpeg(64, 48, seed=1))
    second = await set_aside(service, person.id, make_jpeg(64, 48, seed=2))
    listed = (await client.get("/api/v1/quarantine?limit=1")).json()
    assert [one["id"] for one in listed["items"]] == [second]
    rest = (await client.get(f"/api/v1/quarantine?cursor={listed['next']}")).json()
    assert [(one["id"], one["deaths"], one["person"]) for one in rest["items"]] == [
        (first, 3, rest["items"][0]["person"])
    ]
    retried = await client.post(f"/api/v1/quarantine/{first}/retry")
    assert (retried.status_code, len(retried.json()["photo"])) == (200, 16)
    assert (await client.delete(f"/api/v1/quarantine/{second}")).status_code == 204
    assert (await client.delete(f"/api/v1/quarantine/{second}")).status_code == 404
