from __future__ import annotations

import pytest

from birdwatch.domain.text import LOCALES, Locale
from birdwatch.storage.sensitivity import load_rules
from tests.service import Service
from tests.web.pages import faults_of
from tests.web.test_review import LANGS, join, send_photo

pytestmark = pytest.mark.anyio
PAGE = "/admin/sensitivity"
RULE = {
    "species": "大滨鹬", "level": "withhold", "half_year": "spring", "behaviour": "roost",
    "reason_zh": "网捕", "reason_en": "Netting",
}  # fmt: skip


async def test_rules_are_for_administrators(service: Service) -> None:
    chen = await join(service, "chen", "reviewer")
    assert (await service.visitor.get(PAGE)).status_code in (303, 401)
    assert (await chen.browser.get(PAGE)).status_code == 403
    assert (await chen.post(PAGE, RULE)).status_code == 403


@pytest.mark.parametrize("locale", LOCALES)
async def test_rules_page_is_sound(service: Service, locale: Locale) -> None:
    root = await join(service, "root", "admin")
    await root.post(PAGE, RULE)
    shown = await root.browser.get(PAGE, headers={"Accept-Language": LANGS[locale]})
    assert shown.status_code == 200
    assert faults_of(shown.text, LANGS[locale]) == []
    assert {"zh": "网捕", "en": "Netting"}[locale] in shown.text
    assert "勺嘴鹬" in shown.text


async def test_rule_is_set_and_taken_away_with_what_it_touches(service: Service) -> None:
    root, li = await join(service, "root", "admin"), await join(service, "li", trusted=True)
    photo_id = await send_photo(service, li)
    await li.post(f"/photos/{photo_id}", {"species": "大滨鹬"})
    always = {**RULE, "half_year": "", "behaviour": ""}
    assert (await root.post(PAGE, always)).status_code == 303
    assert [rule.level for rule in await load_rules(service.archive.db)] == ["withhold"]
    assert (await service.visitor.get(f"/photos/{photo_id}")).status_code == 404
    gone = {"species": "grekno", "half_year": "", "behaviour": "", "remove": "1"}
    assert (await root.post(PAGE, gone)).status_code == 303
    assert await load_rules(service.archive.db) == ()
    assert (await service.visitor.get(f"/photos/{photo_id}")).status_code == 200


async def test_rule_with_faults_comes_back_as_typed(service: Service) -> None:
    root = await join(service, "root", "admin")
    wrong = {"species": "dodo", "level": "far", "reason_en": "x" * 501}
    refused = await root.post(PAGE, wrong)
    assert refused.status_code == 422
    assert faults_of(refused.text, "en") == []
    assert "dodo" in refused.text
    assert "The rule was not saved: 3 fields" in refused.text
    bare = await root.post(PAGE, {"species": "", "level": "open"})
    assert "Give the species" in bare.text
