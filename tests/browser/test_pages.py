from __future__ import annotations

from typing import Literal

import pytest
from playwright.sync_api import Browser

from tests.browser.conftest import Site
from tests.browser.readers import overflow, reader, violations

PATHS = (
    "/", "/?day=2026-04-20", "/gallery", "/gallery?phase=after", "/seasons",
    "/seasons/2026-spring", "/days/2026-04-25", "/species", "/species/grekno", "/sites",
    "/surveys", "/sign-in", "/nothing-here", "/api/v1/docs",
)  # fmt: skip
OWN = ("/upload", "/surveys/new", "/account")


def paths(site: Site) -> tuple[str, ...]:
    return (*PATHS, *OWN, site.photo, site.survey, f"/sites/{site.sector}")


@pytest.mark.parametrize(
    ("width", "language", "scheme"),
    [
        (1280, "zh", "light"),
        (360, "zh", "dark"),
        (360, "en", "light"),
        (1280, "en", "dark"),
    ],
)
def test_pages_hold_to_wcag_and_to_their_width(
    browser: Browser,
    site: Site,
    width: int,
    language: Literal["zh", "en"],
    scheme: Literal["light", "dark"],
) -> None:
    faults: dict[str, object] = {}
    with reader(browser, site, width=width, language=language, scheme=scheme, signed_in=True) as (
        page,
        complaints,
    ):
        for path in paths(site):
            page.goto(path)
            page.evaluate("document.querySelectorAll('details').forEach(one => one.open = true)")
            found = [*violations(page), *([overflow(page)] if overflow(page) else [])]
            if found:
                faults[path] = found
    assert faults == {}
    assert [one for one in complaints if "404" not in one] == []


@pytest.mark.parametrize("language", ["zh", "en"])
def test_pages_work_without_script(
    browser: Browser, site: Site, language: Literal["zh", "en"]
) -> None:
    with reader(browser, site, language=language, script=False, width=360) as (page, complaints):
        page.goto("/")
        page.locator(".strip-phone a.k").nth(4).click()
        assert "day=2026-04-20" in page.url
        page.locator(".strip-phone .open a.d").first.click()
        assert page.url.endswith("day=2026-04-11#day")
        page.goto("/gallery")
        page.locator("a.ph").first.click()
        assert "/photos/" in page.url
    assert complaints == []
