"""Readers of the archive: a width, a language, a scheme, with or without JavaScript."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Literal

from playwright.sync_api import Browser, Page

from tests.browser.conftest import AXE, LOGIN, PASSWORD, Site

LANGUAGES = {"zh": "zh-CN", "en": "en-GB"}
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]


@contextmanager
def reader(
    browser: Browser,
    site: Site,
    *,
    width: int = 1280,
    language: Literal["zh", "en"] = "zh",
    scheme: Literal["light", "dark"] = "light",
    script: bool = True,
    signed_in: bool = False,
) -> Iterator[tuple[Page, list[str]]]:
    """A page of a new reader, and the list of what went wrong in its console."""
    context = browser.new_context(
        base_url=site.base,
        viewport={"width": width, "height": 800},
        locale=LANGUAGES[language],
        color_scheme=scheme,
        java_script_enabled=script,
        reduced_motion="reduce",
    )
    page = context.new_page()
    complaints: list[str] = []
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("console", lambda line: complaints.append(line.text) if line.type == "error" else None)
    try:
        if signed_in:
            page.goto("/sign-in")
            page.fill("#login", LOGIN)
            page.fill("#password", PASSWORD)
            page.click("main button")
            page.wait_for_url(site.base + "/")
        yield page, complaints
    finally:
        context.close()


def violations(page: Page) -> list[str]:
    """What axe finds against WCAG 2.2 AA, a line per rule and place."""
    page.evaluate(AXE.read_text("utf-8"))  # a script element would be refused by our own policy
    found: dict[str, Any] = page.evaluate(
        "rules => axe.run(document, {runOnly: {type: 'tag', values: rules}})", RULES
    )
    return [
        f"{one['id']}: {node['target']} {node['failureSummary']}"
        for one in found["violations"]
        for node in one["nodes"]
    ]


def overflow(page: Page) -> int:
    """By how many pixels the page is wider than the window."""
    wider: int = page.evaluate("document.documentElement.scrollWidth - innerWidth")
    return max(0, wider)
