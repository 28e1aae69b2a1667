"""The history on pages, and the button that takes one change back."""

from __future__ import annotations

import re

import pytest

from tests.service import Service
from tests.web.conftest import Member, sign_in
from tests.web.pages import faults_of
from tests.web.test_pages import add_photo

pytestmark = pytest.mark.anyio


def _buttons(page: str) -> list[str]:
    return re.findall(r'action="(/changes/\d+/undo)"', page)


async def test_history_has_a_button_for_each_change_that_can_be_undone(
    service: Service, member: Member
) -> None:
    path = await add_photo(service, member)
    await member.post(path, {"caption_en": "First"})
    await member.post(path, {"license": "CC0-1.0"})
    page = (await member.browser.get(path)).text
    assert faults_of(page, "en") == []
    later, first = _buttons(page)
    answer = await member.post(first)
    assert (answer.status_code, answer.headers["location"]) == (303, f"{path}?saved=1#history")
    found = (await service.visitor.get(f"/api/v1{path}")).json()
    assert (found["caption"]["en"], found["license"]) == ("", "CC0-1.0")
    assert later in (await member.browser.get(path)).text
    again = await member.post(first)
    assert again.status_code == 409
    assert "undone already" in again.text


async def test_withdrawn_photo_comes_back_from_its_history(
    service: Service, member: Member
) -> None:
    path = await add_photo(service, member)
    answer = await member.post(f"{path}/withdraw", {"reason": "blurred"})
    assert answer.headers["location"] == f"{path}/history?saved=1"
    page = await member.browser.get(answer.headers["location"])
    assert page.status_code == 200
    assert faults_of(page.text, "en") == []
    assert (await service.visitor.get(path)).status_code == 410
    assert (await member.post(_buttons(page.text)[0])).status_code == 303
    assert (await service.visitor.get(path)).status_code == 200


async def test_history_is_for_its_owner(service: Service, member: Member) -> None:
    path = await add_photo(service, member)
    await member.post(path, {"caption_en": "First"})
    button = _buttons((await member.browser.get(path)).text)[0]
    other = await sign_in(service, "xuxin")
    assert (await other.browser.get(f"{path}/history")).status_code == 404
    assert (await other.post(button)).status_code == 404
    assert (await service.visitor.get(f"{path}/history")).status_code == 401
    assert 'id="history"' not in (await service.visitor.get(path)).text
    assert (await member.browser.post(button)).status_code == 403
    assert (await member.post("/changes/x/undo")).status_code == 404
