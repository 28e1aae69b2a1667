from __future__ import annotations

from playwright.sync_api import Browser

from tests.browser.conftest import Site
from tests.browser.readers import reader


def test_strip_is_walked_by_arrows_and_opened_by_enter(browser: Browser, site: Site) -> None:
    with reader(browser, site) as (page, complaints):
        page.goto("/?day=2026-04-25")
        strip = page.locator("svg.wide[data-strip]")
        assert strip.locator('a[tabindex="0"]').count() == 1
        strip.locator('a[tabindex="0"]').focus()
        for key in ("ArrowLeft", "ArrowLeft", "ArrowRight", "PageUp", "ArrowRight"):
            page.keyboard.press(key)
        page.keyboard.press("Enter")
        page.wait_for_url("**/?day=2026-04-15#day")
        assert page.locator("#day-title").inner_text() == "4月15日 周三"
        assert complaints == []


def test_strip_names_every_day_for_those_who_listen(browser: Browser, site: Site) -> None:
    with reader(browser, site, language="en") as (page, _):
        page.goto("/?day=2026-04-25")
        names = page.locator("svg.wide a.d").evaluate_all(
            "days => days.map(day => day.getAttribute('aria-label'))"
        )
    assert len(names) == 92
    assert names[55] == "25 April, 32,000 birds, 5 photos"
    assert names[7] == "8 March, 260 birds"
    assert names[8] == "9 March, not counted"


def test_strip_on_a_phone_has_days_wide_enough_for_a_thumb(browser: Browser, site: Site) -> None:
    with reader(browser, site, width=360) as (page, _):
        page.goto("/?day=2026-04-25")
        boxes = [one.bounding_box() for one in page.locator(".strip-phone .open .hit").all()]
        smallest = min(box["width"] for box in boxes if box)
        text = page.locator(".strip-phone .open .no").first.evaluate(
            "one => parseFloat(getComputedStyle(one).fontSize)"
        )
        assert page.locator("svg.wide").is_hidden()
    assert (len(boxes), smallest >= 24, text >= 13) == (10, True, True)


def test_skip_link_leads_past_the_strip(browser: Browser, site: Site) -> None:
    with reader(browser, site) as (page, _):
        page.goto("/")
        page.locator(".skip.inner").focus()
        page.keyboard.press("Enter")
        assert page.evaluate("document.activeElement.id") == "day"
