from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal

import httpx
import pytest
from playwright.sync_api import Browser, Page

from tests.browser.conftest import PASSWORD, Site
from tests.browser.readers import LANGUAGES, violations
from tests.pictures import make_jpeg
from tests.suites import ROOT

REVIEWER, SENDER = "chen-reviews", "wang-is-new"
SURVEY = {
    "date": "2026-04-25", "start": "17:30", "protocol": "stationary", "tide": "high",
    "s0-species": "大滨鹬", "s0-best": "320", "s0-method": "counted",
}  # fmt: skip


@pytest.fixture(scope="module")
def waiting(site: Site) -> Site:
    """The archive with a reviewer, and a photo and three surveys of somebody new that wait."""
    for login, options in ((REVIEWER, ["--role", "reviewer"]), (SENDER, ["--trust", "checked"])):
        subprocess.run(
            [sys.executable, "-m", "birdwatch", "user", "add", login, "--password-stdin", *options],
            env={**os.environ, "BIRDWATCH_HOME": str(site.folder / "home")},
            cwd=ROOT, input=f"{PASSWORD}\n", text=True, check=True, capture_output=True,
        )  # fmt: skip
    with httpx.Client(base_url=site.base, headers={"Accept-Language": "en"}) as client:
        client.post("/sign-in", data={"login": SENDER, "password": PASSWORD})
        csrf = client.get("/account").text.split('name="csrf" value="')[1].split('"')[0]
        for hour in (6, 8, 10):
            form = {**SURVEY, "start": f"{hour:02}:30", "site": site.sector, "csrf": csrf}
            assert client.post("/surveys/new", data=form).status_code == 303
        picture = make_jpeg(640, 480, seed=77, taken="2026:04:25 06:00:00")
        files = {"photo": ("a.jpg", picture, "image/jpeg")}
        sent = client.post("/api/v1/photos", files=files, headers={"X-CSRF-Token": csrf})
        assert sent.status_code == 201
    return site


@contextmanager
def reviewing(
    browser: Browser,
    site: Site,
    *,
    width: int = 1280,
    language: Literal["zh", "en"] = "en",
    scheme: Literal["light", "dark"] = "light",
    script: bool = True,
) -> Iterator[Page]:
    context = browser.new_context(
        base_url=site.base, viewport={"width": width, "height": 800}, locale=LANGUAGES[language],
        color_scheme=scheme, java_script_enabled=script, reduced_motion="reduce",
    )  # fmt: skip
    page = context.new_page()
    try:
        page.goto("/sign-in")
        page.fill("#login", REVIEWER)
        page.fill("#password", PASSWORD)
        page.click("main form[action^='/sign-in'] button:not([type=button])")
        page.wait_for_url(site.base + "/")
        page.goto("/review")
        yield page
    finally:
        context.close()


@pytest.mark.parametrize(
    ("width", "language", "scheme"), [(1280, "en", "light"), (360, "zh", "dark")]
)
def test_queue_is_accessible_and_narrow(
    browser: Browser,
    waiting: Site,
    width: int,
    language: Literal["zh", "en"],
    scheme: Literal["light", "dark"],
) -> None:
    with reviewing(browser, waiting, width=width, language=language, scheme=scheme) as page:
        assert violations(page) == []
        too_wide = page.evaluate("document.documentElement.scrollWidth - innerWidth")
        page.locator(".entry h3 a").first.click()
        page.wait_for_selector("#review")
        assert violations(page) == []
    assert too_wide <= 0


def test_queue_works_by_keyboard_and_without_script(browser: Browser, waiting: Site) -> None:
    with reviewing(browser, waiting) as page:
        at_first = page.locator(".entry").count()
        page.keyboard.press("j")
        page.keyboard.press("j")
        page.keyboard.press("k")
        page.keyboard.press("x")
        assert page.locator(".entry input:checked").count() == 1
        page.keyboard.press("?")
        assert page.locator("[data-keys]").get_attribute("open") is not None
        page.keyboard.press("p")
        page.wait_for_url("**/review?done=1")
        assert page.locator(".entry").count() == at_first - 1
        page.keyboard.press("j")
        page.keyboard.press("q")
        page.keyboard.type("jp?")  # typed into the reason, not taken for keys
        assert page.input_value("#reason") == "jp?"
    with reviewing(browser, waiting, script=False) as page:
        page.locator(".entry input[type=checkbox]").first.check()
        page.fill("#reason", "of another day")
        page.get_by_role("button", name="Reject").click()
        page.wait_for_url("**/review?done=1")
        assert page.locator(".entry").count() == at_first - 2
