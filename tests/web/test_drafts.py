"""The drafts' table without a script: what was ticked stays so, and nothing dead is left behind."""

from __future__ import annotations

import re

import httpx
import pytest

from birdwatch.web import drafts
from tests.pictures import make_jpeg
from tests.service import Service
from tests.web.conftest import Member
from tests.web.pages import faults_of

pytestmark = pytest.mark.anyio
PICTURES = [make_jpeg(64, 40 + at) for at in range(3)]
FAR = make_jpeg(64, 48, gps=(48.2, 16.37))  # outside the estuary: it waits for review


async def change(
    member: Member, action: str, ids: list[str], to: str = "/upload/drafts", **more: object
) -> httpx.Response:
    """Press a button of the plain form; `ids` are ticked."""
    form = {"csrf": member.csrf, "do": action, "id": ids, **more}
    return await member.browser.post(to, data=form)


async def send_drafts(member: Member, *pictures: bytes) -> list[str]:
    """Send these as drafts; the ids of those that the page then shows."""
    files = [("files", (f"{at}.jpg", one, "image/jpeg")) for at, one in enumerate(pictures)]
    page = await member.post("/upload", files=files)
    return re.findall(r'data-draft="([^"]+)"', page.text)


def picked_in(html: str) -> set[str]:
    return set(re.findall(r'name="id" value="([^"]+)" id="[^"]+" checked', html))


@pytest.mark.parametrize("which", ["picked", "all"])
async def test_drafts_that_were_set_stay_picked(
    service: Service, member: Member, which: str
) -> None:
    ids = await send_drafts(member, *PICTURES)
    chosen = ids[:2] if which == "picked" else ids
    told = await change(member, "set", ids[:2], species="great knot", which=which, shown=ids)
    assert told.status_code == 303
    page = (await member.browser.get(told.headers["location"])).text
    assert (picked_in(page), faults_of(page, "en")) == (set(chosen), [])
    assert picked_in((await member.browser.get("/upload")).text) == set()
    refused = await change(member, "set", [*ids, "gone"], species="great knot")
    assert (refused.status_code, picked_in(refused.text)) == (422, set(ids))


async def test_drafts_page_is_kept_while_it_is_worked_on(
    service: Service, member: Member, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(drafts, "SHOWN", 2)
    first = await send_drafts(member, *PICTURES)
    page = (await member.browser.get("/upload")).text
    more = re.findall(r'href="(/upload\?cursor=[^"#]+)', page)[0]
    rest = (await member.browser.get(more)).text
    third = re.findall(r'data-draft="([^"]+)"', rest)
    assert len(first) == 2
    assert len(third) == 1
    action = re.findall(r'action="(/upload/drafts\?[^"]+)"', rest)[0]
    told = await change(member, "set", third, to=action, species="dunlin")
    assert picked_in((await member.browser.get(told.headers["location"])).text) == set(third)
    told = await change(member, "publish", third, to=action)
    after = (await member.browser.get(told.headers["location"])).text
    assert set(re.findall(r'data-draft="([^"]+)"', after)) == set(first)


async def test_published_drafts_leave_a_way_on_and_no_dead_buttons(
    service: Service, member: Member
) -> None:
    ids = await send_drafts(member, FAR, PICTURES[0])
    told = await change(member, "publish", ids)
    page = (await member.browser.get(told.headers["location"])).text
    section = page.split('id="drafts"')[1].split("</section>")[0]
    assert faults_of(page, "en") == []
    assert ("<button" in section, "<table" in section) == (False, False)
    links = re.findall(r'href="([^"]+)"', section)
    assert links == ["/account#pending", "/gallery", "/account#own-title", "#files"]
    account = (await member.browser.get("/account")).text
    assert faults_of(account, "en") == []
    waiting = account.split('id="pending"')[1].split("</section>")[0]
    assert len(re.findall(r'href="/photos/([^"]+)"', waiting)) == 1
    assert 'id="queried"' not in account
