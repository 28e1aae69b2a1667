"""Two presses of a button are one survey."""

from __future__ import annotations

import re

import anyio
import httpx
import pytest

from tests.service import Service
from tests.web.conftest import Member
from tests.web.test_pages import SURVEY, first_site

pytestmark = pytest.mark.anyio
FORM = "/surveys/new"


async def _form(service: Service, member: Member) -> dict[str, str]:
    page = (await member.browser.get(FORM)).text
    found = re.search(r'name="once" value="([^"]+)"', page)
    assert found
    return {**SURVEY, "site": await first_site(service), "once": found[1]}


async def _surveys(service: Service) -> int:
    return len((await service.visitor.get("/api/v1/surveys")).json()["items"])


async def test_form_pressed_many_times_at_once_is_one_survey(
    service: Service, member: Member
) -> None:
    form = await _form(service, member)
    answers: list[httpx.Response] = []

    async def press() -> None:
        answers.append(await member.post(FORM, form))

    async with anyio.create_task_group() as tasks:
        for _ in range(5):
            tasks.start_soon(press)
    assert [answer.status_code for answer in answers] == [303] * 5
    assert len({answer.headers["location"] for answer in answers}) == 1
    assert await _surveys(service) == 1


async def test_form_changed_and_sent_again_is_another_survey(
    service: Service, member: Member
) -> None:
    form = await _form(service, member)
    first = await member.post(FORM, form)
    second = await member.post(FORM, {**form, "start": "05:00", "end": "05:30"})
    assert (first.status_code, second.status_code) == (303, 303)
    assert first.headers["location"] != second.headers["location"]


async def test_form_with_a_mistake_may_be_sent_again(service: Service, member: Member) -> None:
    form = await _form(service, member)
    wrong = {**form, "s0-species": "大鸟"}
    assert [(await member.post(FORM, wrong)).status_code for _ in range(2)] == [422, 422]
    assert (await member.post(FORM, form)).status_code == 303
