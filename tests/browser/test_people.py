"""Accounts in a real browser: a passkey from a virtual phone, and the new pages for every reader."""

from __future__ import annotations

import subprocess
from dataclasses import replace
from typing import Literal

import pytest
from playwright.sync_api import Browser, Page

from tests.browser.conftest import LOGIN, PASSWORD, Site
from tests.browser.readers import overflow, reader, violations
from tests.serving import BIRDWATCH, variables
from tests.suites import ROOT


def plug_phone(page: Page) -> None:
    """Give this page a key store that verifies its owner without asking."""
    tools = page.context.new_cdp_session(page)
    tools.send("WebAuthn.enable", {"enableUI": False})
    options = {
        "protocol": "ctap2", "transport": "internal", "hasResidentKey": True,
        "hasUserVerification": True, "isUserVerified": True, "automaticPresenceSimulation": True,
    }  # fmt: skip
    tools.send("WebAuthn.addVirtualAuthenticator", {"options": options})


def type_password(page: Page, login: str) -> None:
    page.goto("/sign-in")
    page.fill("#login", login)
    page.fill("#password", PASSWORD)
    page.click("form[action='/sign-in'] button")
    page.wait_for_url("**/")


def test_passkey_is_made_and_signs_in_by_the_buttons(browser: Browser, site: Site) -> None:
    here = replace(site, base=site.base.replace("127.0.0.1", "localhost"))  # keys need a name
    with reader(browser, here, language="en") as (page, complaints):
        plug_phone(page)
        type_password(page, LOGIN)
        page.goto("/account/profile")
        page.fill("#passkey-name", "My phone")
        page.click("[data-passkey=make] button")
        page.wait_for_selector("#passkeys th:has-text('My phone')")
        page.goto("/account")
        page.click("form[action='/sign-out'] button")
        page.wait_for_url("**/")
        page.goto("/sign-in?next=/upload")
        page.click("[data-passkey=answer] button")
        page.wait_for_selector("main [data-upload], main .drop-zone")
        page.goto("/account/profile")
        page.click("#passkeys table button")
        page.wait_for_selector("#passkeys table", state="detached")
        page.goto("/account")
        page.click("form[action='/sign-out'] button")
        page.goto("/sign-in")
        page.click("[data-passkey=answer] button")
        page.wait_for_selector("[data-passkey=answer] [role=status]:has-text('did not work')")
    assert [one for one in complaints if "422" not in one] == []


@pytest.mark.parametrize(
    ("width", "language", "scheme"), [(360, "zh", "dark"), (1280, "en", "light")]
)
def test_pages_of_people_hold_to_wcag_and_to_their_width(
    browser: Browser,
    site: Site,
    width: int,
    language: Literal["zh", "en"],
    scheme: Literal["light", "dark"],
) -> None:
    login = f"chief{width}"
    environment = variables(BIRDWATCH_HOME=str(site.folder / "home"))
    subprocess.run(
        [*BIRDWATCH, "user", "add", login, "--role", "admin",
         "--password-stdin"],
        env=environment, cwd=ROOT, input=f"{PASSWORD}\n", text=True, check=True,
        capture_output=True,
    )  # fmt: skip
    faults: dict[str, object] = {}
    with reader(browser, site, width=width, language=language, scheme=scheme) as (page, _):
        type_password(page, login)

        def look(name: str) -> None:
            found = [*violations(page), *([overflow(page)] if overflow(page) else [])]
            if found:
                faults[name] = found

        page.goto("/admin/people")
        page.fill("#note", "for Wu")
        page.click("form[action^='/admin/invitations'] .btn:not(.ghost)")
        link = page.locator(".secret").inner_text()
        look("people with a link")
        page.goto(link)
        look("invitation")
        for path in ("/account/profile", "/account", "/sign-in"):
            page.goto(path)
            look(path)
        page.goto("/admin/people")
        page.click(f"th a:has-text('{login}')")
        page.select_option("#role", "researcher")
        page.click("form .btn:not(.ghost)")
        look("a person")
    assert faults == {}
