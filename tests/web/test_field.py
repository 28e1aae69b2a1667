"""The field page: the same for everyone, installable, and with what a counter needs beside the form."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path

import pytest

from birdwatch.domain.policy import SYSTEM
from birdwatch.intake.tides import TideRequest, import_tides
from birdwatch.storage.surveys import find_survey
from birdwatch.web.render import STATIC_FOLDER
from tests.intake.test_tides import TABLE
from tests.service import Service
from tests.web.conftest import Member
from tests.web.pages import faults_of
from tests.web.test_survey_pages import entered, fields_of

pytestmark = pytest.mark.anyio
PATH = "/surveys/field"
LANGS = {"zh": "zh-CN", "en": "en"}


async def load_table(service: Service, folder: Path) -> None:
    path = folder / "tides.csv"
    path.write_text(TABLE, "utf-8")
    request = TideRequest("Port", source="Tables 2026")
    await import_tides(service.archive, path, request, actor=SYSTEM, now=datetime.now(UTC))


async def test_page_is_the_same_for_everyone_since_a_phone_keeps_it(
    service: Service, member: Member
) -> None:
    own, theirs = await member.browser.get(PATH), await service.visitor.get(PATH)
    assert own.text == theirs.text
    assert member.csrf not in own.text
    assert "guoying" not in own.text
    assert own.headers["cache-control"] == "public, no-cache"


async def test_session_is_told_apart_and_never_kept(service: Service, member: Member) -> None:
    own = await member.browser.get(f"{PATH}/session")
    assert own.json() == {"person": member.person.id, "name": "guoying", "csrf": member.csrf}
    assert own.headers["cache-control"] == "no-store"
    assert (await service.visitor.get(f"{PATH}/session")).json() == {"person": None}


async def test_manifest_names_the_page_in_both_languages_and_its_icons(service: Service) -> None:
    manifest = (await service.visitor.get("/surveys/manifest.webmanifest")).json()
    assert (manifest["start_url"], manifest["scope"], manifest["display"]) == (
        PATH, "/surveys/", "standalone",
    )  # fmt: skip
    assert manifest["short_name"] == "Field count"
    chinese = await service.visitor.get("/surveys/manifest.webmanifest", params={"lang": "zh"})
    assert chinese.json()["short_name"] == "野外记录"
    for icon in manifest["icons"]:
        answer = await service.visitor.get(icon["src"])
        assert answer.headers["content-type"] == icon["type"] == "image/png"
        width = int.from_bytes(answer.content[16:20])
        assert icon["sizes"] == f"{width}x{width}"


async def test_worker_keeps_what_is_the_same_for_everyone_and_may_fetch(service: Service) -> None:
    worker = await service.visitor.get("/surveys/worker.js")
    assert worker.headers["content-type"].startswith("text/javascript")
    assert worker.headers["content-security-policy"] == "default-src 'self'"
    files = re.findall(r'"(/[^"]+)"', worker.text.splitlines()[0])
    assert files[0] == PATH
    assert all(file.startswith("/static/") for file in files[1:])
    if (STATIC_FOLDER / "built").is_dir():
        statuses = {file: (await service.visitor.get(file)).status_code for file in files}
        assert set(statuses.values()) == {200}, statuses


@pytest.mark.parametrize("language", ["zh", "en"])
async def test_pages_of_the_form_are_sound(member: Member, language: str) -> None:
    for path in (PATH, "/surveys/new"):
        page = await member.browser.get(path, params={"lang": language})
        assert page.status_code == 200
        assert faults_of(page.text, LANGS[language]) == []


async def test_form_without_a_table_says_so_and_offers_none(
    service: Service, member: Member
) -> None:
    for path in (PATH, "/surveys/new"):
        page = (await member.browser.get(path)).text
        assert 'value="table"' not in page
        assert "No tide table holds for this site" in page
    assert "Sunrise" in (await member.browser.get("/surveys/new")).text
    del service


async def test_survey_by_the_table_is_shown_with_its_source_and_stays_so_when_edited(
    service: Service, member: Member, tmp_path: Path
) -> None:
    await load_table(service, tmp_path)
    form = (await member.browser.get("/surveys/new")).text
    assert '<option value="table" selected>' in form
    path = await entered(member, date="2026-04-20", start="08:30", tide="table")
    shown = (await member.browser.get(path)).text
    assert "falling<small>Port, Tables 2026</small>" in shown
    edit = (await member.browser.get(f"{path}/edit")).text
    assert "3.9 m" in edit
    assert (await member.post(f"{path}/edit", fields_of(edit))).status_code == 303
    survey = await find_survey(service.archive.db, path.rpartition("/")[2])
    assert survey is not None
    assert (survey.tide, survey.tide_source) == ("falling", "Port, Tables 2026")
