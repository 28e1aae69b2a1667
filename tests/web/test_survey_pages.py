"""Entering, putting right and withdrawing a survey through its pages."""

from __future__ import annotations

import re

import pytest

from birdwatch.storage.surveys import find_survey
from tests.service import Service
from tests.web.conftest import Member, sign_in

pytestmark = pytest.mark.anyio
FORM = {
    "site": "sidaogou",
    "date": "2026-04-25",
    "start": "06:00",
    "observers": "Guo Ying, 徐鑫",
    "protocol": "area",
    "tide": "high",
    "complete": "1",
    "s0-species": "大滨鹬",
    "s0-low": "50",
    "s0-method": "counted",
    "s0-behaviour": "feeding",
}


async def entered(member: Member, **more: str) -> str:
    answer = await member.post("/surveys/new", {**FORM, **more})
    assert answer.status_code == 303, answer.text
    return answer.headers["location"].partition("?")[0]


def fields_of(page: str) -> dict[str, str]:
    """What the form holds, as a browser would send it back untouched."""
    form = page[page.index('<form method="post" action="/surveys/') :]
    found = dict(re.findall(r'<input[^>]* name="([^"]+)"[^>]* value="([^"]*)"', form))
    for name, options in re.findall(r'<select id="[^"]+" name="([^"]+)".*?>(.*?)</select>', form):
        chosen = re.search(r'value="([^"]*)" selected', options)
        found[name] = chosen[1] if chosen else ""
    return {name: value for name, value in found.items() if name not in ("csrf", "once")}


async def test_form_sent_back_untouched_changes_nothing(service: Service, member: Member) -> None:
    path = await entered(member)
    before = await find_survey(service.archive.db, path.rpartition("/")[2])
    edit = await member.browser.get(f"{path}/edit")
    assert edit.status_code == 200
    answer = await member.post(f"{path}/edit", fields_of(edit.text))
    assert (answer.status_code, answer.headers["location"]) == (303, f"{path}?saved=1")
    after = await find_survey(service.archive.db, path.rpartition("/")[2])
    assert before is not None
    assert after is not None
    assert (after.start, after.site, after.observers, after.complete, after.tide) == (
        before.start, before.site, before.observers, before.complete, before.tide,
    )  # fmt: skip
    kept = [(s.id, s.low, s.best, s.high, s.method, s.behaviour) for s in before.sightings]
    assert [(s.id, s.low, s.best, s.high, s.method, s.behaviour) for s in after.sightings] == kept
    assert kept[0][1:4] == (50, 50, None)


async def test_mistake_in_the_edit_form_is_shown_beside_what_was_typed(member: Member) -> None:
    path = await entered(member)
    answer = await member.post(f"{path}/edit", {**FORM, "embargo_until": "2020-01-01T00:00"})
    assert answer.status_code == 422
    assert 'id="embargo_until-wrong"' in answer.text
    assert f'action="{path}/edit"' in answer.text


async def test_withdrawn_survey_shows_its_reason_in_its_place(
    service: Service, member: Member
) -> None:
    path = await entered(member)
    too_long = await member.post(f"{path}/withdraw", {"reason": "a" * 1001})
    assert too_long.status_code == 422
    assert (await member.post(f"{path}/withdraw", {"reason": "counted twice"})).status_code == 303
    gone = await service.visitor.get(path)
    assert gone.status_code == 410
    assert "counted twice" in gone.text


async def test_edit_and_withdraw_do_not_exist_for_others(service: Service, member: Member) -> None:
    path = await entered(member)
    other = await sign_in(service, "wang")
    assert (await other.browser.get(f"{path}/edit")).status_code == 404
    assert (await other.post(f"{path}/edit", FORM)).status_code == 404
    assert (await other.post(f"{path}/withdraw", {"reason": "mine"})).status_code == 404
    assert "/edit" not in (await other.browser.get(path)).text
    assert (await service.visitor.get(f"{path}/edit")).status_code in (303, 401)


async def test_waiting_and_embargoed_surveys_are_marked_for_those_who_see_them(
    service: Service, member: Member
) -> None:
    path = await entered(member, embargo_until="2027-01-01T08:00")
    page = (await member.browser.get(path)).text
    assert "2027" in page
    for address in (path, "/surveys"):
        assert "Embargo" not in (await service.visitor.get(address)).text
    assert (await service.visitor.get(path)).status_code == 404
