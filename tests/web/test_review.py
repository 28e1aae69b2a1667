from __future__ import annotations

import re

import anyio
import pytest

from birdwatch.domain.policy import Role
from birdwatch.domain.text import LOCALES, Locale
from birdwatch.worker.loop import drain
from tests.pictures import make_jpeg
from tests.service import Service
from tests.web.conftest import Member
from tests.web.pages import faults_of

pytestmark = pytest.mark.anyio
LANGS = {"zh": "zh-CN", "en": "en"}
SURVEY = {
    "site": "sidaogou",
    "date": "2026-04-25",
    "start": "17:30",
    "protocol": "stationary",
    "tide": "high",
    "s0-species": "大滨鹬",
    "s0-best": "320",
    "s0-method": "counted",
}


async def join(
    service: Service, login: str, role: Role = "contributor", *, trusted: bool = False
) -> Member:
    person = await service.add_person(login, role, "trusted" if trusted else "checked")
    return Member(person, *await service.sign_in(login))


async def send_survey(member: Member, **changes: str) -> str:
    answer = await member.post("/surveys/new", {**SURVEY, **changes})
    assert answer.status_code == 303, answer.text
    location: str = answer.headers["location"]
    return location.split("?", maxsplit=1)[0].rsplit("/", 1)[-1]


async def send_photo(service: Service, member: Member) -> str:
    sent = await member.browser.post(
        "/api/v1/photos",
        files={"photo": ("a.jpg", make_jpeg(900, 600), "image/jpeg")},
        headers={"X-CSRF-Token": member.csrf},
    )
    assert sent.status_code == 201, sent.text
    photo_id: str = sent.json()["id"]
    with anyio.fail_after(60):  # the worker of the application may have taken the job
        while not (await member.browser.get(f"/api/v1/photos/{photo_id}")).json()["renditions"]:
            await drain(service.archive)
            await anyio.sleep(0.05)
    return photo_id


def keys_of(html: str) -> list[str]:
    return re.findall(r'name="item" value="([^"]+)"', html)


async def test_queue_is_for_reviewers(service: Service) -> None:
    wang = await join(service, "wang")
    assert (await service.visitor.get("/review")).status_code in (303, 401)
    assert (await wang.browser.get("/review")).status_code == 403
    assert (await wang.post("/review", {"item": "photo:x:1"})).status_code == 403
    assert 'href="/review"' not in (await wang.browser.get("/")).text


@pytest.mark.parametrize("locale", LOCALES)
async def test_queue_is_a_sound_page_with_its_reasons(service: Service, locale: Locale) -> None:
    wang, chen = await join(service, "wang"), await join(service, "chen", "reviewer")
    survey_id = await send_survey(wang)
    photo_id = await send_photo(service, wang)
    shown = await chen.browser.get("/review", headers={"Accept-Language": LANGS[locale]})
    assert shown.status_code == 200
    assert faults_of(shown.text, LANGS[locale]) == []
    kinds = [(key.split(":")[0], key.split(":")[1]) for key in keys_of(shown.text)]
    assert kinds == [("survey", survey_id), ("photo", photo_id)]
    assert f"/media/{photo_id}/320" in shown.text
    assert {"zh": "提交者还是新人", "en": "The sender is new here"}[locale] in shown.text
    home = (await chen.browser.get("/", headers={"Accept-Language": LANGS[locale]})).text
    assert {"zh": "2 条在等待", "en": "2 records wait"}[locale] in home


async def test_decision_for_many_publishes_all_at_once(service: Service) -> None:
    wang, chen = await join(service, "wang"), await join(service, "chen", "reviewer")
    survey_id, photo_id = await send_survey(wang), await send_photo(service, wang)
    assert (await service.visitor.get(f"/surveys/{survey_id}")).status_code == 404
    assert (await service.visitor.get(f"/photos/{photo_id}")).status_code == 404
    keys = keys_of((await chen.browser.get("/review")).text)
    done = await chen.browser.post(
        "/review",
        data={"csrf": chen.csrf, "item": keys, "status": "published", "next": "/review?flag=x"},
    )
    assert (done.status_code, done.headers["location"]) == (303, "/review?flag=x&done=2")
    assert (await service.visitor.get(f"/surveys/{survey_id}")).status_code == 200
    assert (await service.visitor.get(f"/photos/{photo_id}")).status_code == 200
    assert "Nothing waits for review" in (await chen.browser.get("/review")).text


async def test_query_opens_a_dialogue_and_its_answer_comes_back(service: Service) -> None:
    wang, chen = await join(service, "wang"), await join(service, "chen", "reviewer")
    survey_id = await send_survey(wang)
    key = keys_of((await chen.browser.get("/review")).text)[0]
    data = {"item": key, "status": "queried", "reason": "High or low tide?"}
    assert (await chen.post("/review", data)).status_code == 303
    own = (await wang.browser.get(f"/surveys/{survey_id}")).text
    assert faults_of(own, "en") == []
    assert "High or low tide?" in own
    assert "A reviewer has a question" in own
    said = await wang.post(
        "/review/answer",
        {"noun": "survey", "id": survey_id, "text": "High.", "next": f"/surveys/{survey_id}"},
    )
    assert said.headers["location"] == f"/surveys/{survey_id}#review"
    queue = (await chen.browser.get("/review")).text
    assert "High or low tide?" in queue
    assert "High.</li>" in queue
    assert "Waiting for review" in queue


async def test_decision_without_a_reason_keeps_what_was_chosen(service: Service) -> None:
    wang, chen = await join(service, "wang"), await join(service, "chen", "reviewer")
    await send_survey(wang)
    key = keys_of((await chen.browser.get("/review")).text)[0]
    refused = await chen.post("/review", {"item": key, "status": "rejected", "reason": " "})
    assert refused.status_code == 422
    assert faults_of(refused.text, "en") == []
    assert "Give a reason" in refused.text
    assert re.search(rf'value="{key}"[^>]* checked', refused.text)
    odd = await chen.post("/review", {"item": key, "status": "maybe"})
    assert odd.status_code == 422
    none = await chen.post("/review", {"status": "published"})
    assert none.status_code == 422


async def test_decision_about_what_changed_meanwhile_is_refused(service: Service) -> None:
    wang, chen = await join(service, "wang"), await join(service, "chen", "reviewer")
    photo_id = await send_photo(service, wang)
    key = keys_of((await chen.browser.get("/review")).text)[0]
    await wang.post(f"/photos/{photo_id}", {"species": "大滨鹬"})
    refused = await chen.post("/review", {"item": key, "status": "published"})
    assert refused.status_code == 409
    assert "changed after you looked" in refused.text
    assert (await service.visitor.get(f"/photos/{photo_id}")).status_code == 404


async def test_reviewer_does_not_decide_on_their_own(service: Service) -> None:
    chen = await join(service, "chen", "reviewer")
    survey_id = await send_survey(chen)
    queue = (await chen.browser.get("/review")).text
    assert survey_id in queue
    assert keys_of(queue) == []
    forged = await chen.post("/review", {"item": f"survey:{survey_id}:", "status": "published"})
    assert forged.status_code == 404


async def test_queue_is_narrowed_by_species_person_and_reason(service: Service) -> None:
    wang, chen = await join(service, "wang"), await join(service, "chen", "reviewer")
    survey_id = await send_survey(wang)
    for query, number in (
        ("species=大滨鹬", 1), ("species=黑腹滨鹬", 0), ("species=nothing", 0),
        (f"person={wang.person.id}", 1), ("person=nobody", 0), ("flag=new_contributor", 1),
        ("flag=place_outside", 0), ("noun=survey", 1), ("noun=photo", 0), ("noun=x", 1),
    ):  # fmt: skip
        shown = (await chen.browser.get(f"/review?{query}")).text
        assert len(keys_of(shown)) == number, query
    assert (await chen.browser.get("/review?cursor=x")).status_code == 400
    assert survey_id


async def test_stranger_reads_and_says_nothing_of_what_waits(service: Service) -> None:
    wang, zhao = await join(service, "wang"), await join(service, "zhao")
    survey_id = await send_survey(wang)
    assert (await zhao.browser.get(f"/surveys/{survey_id}")).status_code == 404
    said = await zhao.post("/review/answer", {"noun": "survey", "id": survey_id, "text": "me too"})
    assert said.status_code == 404


async def test_name_is_proposed_and_taken(service: Service) -> None:
    li, zhao = await join(service, "li", trusted=True), await join(service, "zhao")
    photo_id = await send_photo(service, li)
    shown = (await zhao.browser.get(f"/photos/{photo_id}")).text
    assert faults_of(shown, "en") == []
    proposed = await zhao.post(
        f"/photos/{photo_id}/identifications", {"species": "大滨鹬", "note": "long bill"}
    )
    assert proposed.status_code == 303, proposed.text
    own = (await li.browser.get(f"/photos/{photo_id}")).text
    assert faults_of(own, "en") == []
    assert "zhao proposes Great Knot" in own
    found = re.search(r'action="(/identifications/[^"]+)"', own)
    assert found
    assert (await zhao.post(found[1], {"outcome": "accepted"})).status_code == 404
    assert (await li.post(found[1], {"outcome": "dismissed"})).status_code == 404
    assert (await li.post(found[1], {"outcome": "accepted"})).status_code == 303
    told = (await service.visitor.get(f"/api/v1/photos/{photo_id}")).json()
    assert told["species"] == "grekno"
    assert (await li.post(found[1], {"outcome": "accepted"})).status_code == 404
