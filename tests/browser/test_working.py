from __future__ import annotations

from playwright.sync_api import Browser, Page

from tests.browser.conftest import Site
from tests.browser.readers import reader
from tests.pictures import make_jpeg


def press_tab_until(page: Page, text: str) -> None:
    for _ in range(60):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.textContent") == text:
            return
    raise AssertionError(text)


def test_survey_is_entered_by_keyboard_alone(browser: Browser, site: Site) -> None:
    with reader(browser, site, signed_in=True) as (page, complaints):
        page.goto("/surveys/new")
        page.locator("#site").focus()
        page.keyboard.press("ArrowDown")
        page.fill("#date", "2026-04-18")
        page.locator("#s0-species").focus()
        page.keyboard.type("dby", delay=20)
        page.wait_for_selector("#s0-species[aria-expanded=true]")
        page.keyboard.press("ArrowDown")
        page.keyboard.press("Enter")
        assert page.input_value("#s0-species") == "大滨鹬"
        page.keyboard.press("Tab")
        page.keyboard.press("Tab")
        page.keyboard.type("1200")
        page.keyboard.press("Enter")
        assert page.evaluate("document.activeElement.id") == "s1-species"
        press_tab_until(page, "保存调查")
        page.keyboard.press("Enter")
        page.wait_for_url("**/surveys/*saved=1")
        assert page.locator("tbody tr").count() == 1
        assert "1,200" in page.locator("tbody tr").inner_text()
        assert complaints == []


def test_survey_gains_and_loses_rows(browser: Browser, site: Site) -> None:
    with reader(browser, site, signed_in=True) as (page, _):
        page.goto("/surveys/new")
        page.click("button[name=add]")
        assert page.locator(".sighting").count() == 4
        assert page.evaluate("document.activeElement.id") == "s3-species"
        page.locator(".sighting .drop").first.click()
        names = page.locator("[data-species]").evaluate_all("all => all.map(one => one.name)")
    assert names == ["s1-species", "s2-species", "s3-species"]


def test_gallery_goes_on_as_the_reader_scrolls(browser: Browser, site: Site) -> None:
    paths = []
    for number in range(50):
        path = site.folder / f"many-{number}.jpg"
        path.write_bytes(make_jpeg(60, 40 + number, taken=f"2024:04:20 06:{number:02}:00"))
        paths.append(path)
    with reader(browser, site, signed_in=True) as (page, complaints):
        page.goto("/upload")
        page.wait_for_selector("[data-upload][data-ready]")
        page.set_input_files("#files", paths)
        page.wait_for_selector("[data-summary]:has-text('全部完成')", timeout=120_000)
        page.reload()
        # The person may have other drafts, and one of those may not be fit to publish.
        own = page.locator("[data-draft]:has(.name:text-matches('^many-')) input[type=checkbox]")
        assert own.count() == 50
        for box in own.all():
            box.check()
        page.click("button[value=publish]")
        page.wait_for_selector("[data-said]")
        page.goto("/gallery?season=2024-spring")
        page.keyboard.press("End")
        page.wait_for_selector("a.ph >> nth=49")
        assert page.locator("[data-day='2024-04-20']").count() == 1
        assert "cursor=" in page.url
        assert complaints == []


def test_caption_and_credit_are_copied_together(browser: Browser, site: Site) -> None:
    with reader(browser, site) as (page, _):
        page.context.grant_permissions(["clipboard-read", "clipboard-write"], origin=site.base)
        page.goto(site.photo)
        page.click("[data-copy]")
        page.wait_for_selector("#copy-said:has-text('已复制')")
        copied = page.evaluate("navigator.clipboard.readText()")
    assert copied.splitlines()[0] == "海上日落时的鸟群。"
    assert "国颖" in copied.splitlines()[1]


def test_picture_opens_large_and_closes_by_escape(browser: Browser, site: Site) -> None:
    with reader(browser, site) as (page, complaints):
        page.goto(site.photo)
        page.wait_for_load_state("networkidle")
        page.click("a.frame")
        page.wait_for_selector(".pswp--open")
        page.keyboard.press("Escape")
        page.wait_for_selector(".pswp", state="detached")
        assert complaints == []


def test_language_changes_and_stays(browser: Browser, site: Site) -> None:
    with reader(browser, site) as (page, _):
        page.goto("/gallery?phase=peak")
        page.click(".language button")
        page.wait_for_selector("html[lang=en]")
        assert page.url.endswith("/gallery?phase=peak")
        page.goto("/")
        assert page.locator("html").get_attribute("lang") == "en"
