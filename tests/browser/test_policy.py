"""What the content policy refuses, and that nothing of ours runs into it."""

from __future__ import annotations

from playwright.sync_api import Browser, Page

from tests.browser.conftest import Site
from tests.browser.readers import reader
from tests.browser.test_pages import paths

LISTEN = """
window.refusals = [];
document.addEventListener('securitypolicyviolation', event => window.refusals.push(
    `${event.violatedDirective} ${event.blockedURI} ${event.sourceFile}:${event.lineNumber}`));
"""


def _refusals(page: Page) -> list[str]:
    found: list[str] = page.evaluate("window.refusals")
    return found


def test_no_page_runs_into_its_own_policy(browser: Browser, site: Site) -> None:
    refused: dict[str, list[str]] = {}
    with reader(browser, site, signed_in=True) as (page, _):
        page.add_init_script(LISTEN)
        for path in (*paths(site), "/api/v1/docs"):
            page.goto(path)
            page.mouse.wheel(0, 4000)
            page.wait_for_load_state("networkidle")
            if _refusals(page):
                refused[path] = _refusals(page)
        page.goto(site.photo)
        page.locator("main a:has(img)").first.click()
        page.wait_for_timeout(500)
        if _refusals(page):
            refused["large"] = _refusals(page)
    assert refused == {}


def test_style_and_script_in_the_text_of_a_page_are_refused(browser: Browser, site: Site) -> None:
    with reader(browser, site) as (page, _):
        page.add_init_script(LISTEN)
        page.goto("/gallery")
        page.evaluate(
            """() => {
                document.body.insertAdjacentHTML('beforeend', '<p id=p style="color:red">a</p>');
                document.body.insertAdjacentHTML('beforeend', '<img src=/no onerror="window.x=1">');
                const script = document.createElement('script');
                script.textContent = 'window.x = 1';
                document.body.append(script);
            }"""
        )
        page.wait_for_function("window.refusals.length >= 3")
        assert page.evaluate("window.x") is None
        assert page.evaluate("getComputedStyle(document.getElementById('p')).color") != (
            "rgb(255, 0, 0)"
        )
