"""Counting without a line: what was finished is in the archive once, when the line is back."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Literal

import httpx
import pytest
from playwright.sync_api import Browser, Page, Route

from tests.browser.conftest import Site
from tests.browser.readers import overflow, reader, violations
from tests.suites import ROOT

PATH = "/surveys/field"
BIRDS = ("大滨鹬", "黑腹滨鹬", "斑尾塍鹬")
Language = Literal["zh", "en"]
CONTROLLED = """
navigator.serviceWorker.ready.then(() => new Promise((done) => {
  if (navigator.serviceWorker.controller) done(true);
  else navigator.serviceWorker.addEventListener("controllerchange", () => done(true));
}))
"""


def ready(page: Page) -> None:
    """Until the page has its form, and the worker keeps it."""
    page.wait_for_selector("[data-field]:not([hidden])")
    page.evaluate(CONTROLLED)


def count(page: Page, site: str, bird: str, start: str) -> None:
    """Enter one survey of one species, 111 birds, by pressing each button once, and finish it."""
    page.select_option("#site", site)
    page.fill("#date", "2026-04-20")
    page.fill("#start", start)
    row = page.locator(".sighting").first
    row.locator("[data-species]").fill(bird)
    row.locator("[data-species]").press("Escape")
    for step in ("100", "10", "1"):
        row.locator(f"[data-add='{step}']").click()
    page.click(".tally-bar button")


def states(page: Page) -> list[str]:
    found: list[str] = page.locator(".kept li").evaluate_all("all => all.map(one => one.className)")
    return found


def surveys_of(site: Site, starts: list[str]) -> list[dict[str, object]]:
    """The surveys of that day that begin at one of these times."""
    answer = httpx.get(f"{site.base}/api/v1/surveys?from=2026-04-20&to=2026-04-20&limit=100")
    return [one for one in answer.json()["items"] if one["start"][11:16] in starts]


def test_three_surveys_counted_offline_are_sent_once_each_when_the_line_returns(
    browser: Browser, site: Site
) -> None:
    starts = ["06:10", "06:20", "06:30"]
    with reader(browser, site, signed_in=True) as (page, _):
        page.goto(PATH)
        ready(page)
        page.context.set_offline(True)
        page.reload()
        page.wait_for_selector("[data-field]:not([hidden])")
        assert "没有网络" in page.locator("[data-line]").inner_text()
        for bird, start in zip(BIRDS, starts, strict=True):
            count(page, site.sector, bird, start)
        page.wait_for_selector(".kept li.ready >> nth=2")
        page.reload()
        page.wait_for_selector(".kept li.ready >> nth=2")
        assert surveys_of(site, starts) == []
        page.context.set_offline(False)
        page.wait_for_selector(".kept li.sent >> nth=2")
        page.reload()
        page.wait_for_selector(".kept li.sent >> nth=2")
    found = surveys_of(site, starts)
    assert sorted(str(one["start"])[11:16] for one in found) == starts
    assert [[s["best"] for s in one["sightings"]] for one in found] == [[111]] * 3  # type: ignore[attr-defined]


def test_survey_whose_answer_is_lost_is_sent_again_and_there_once(
    browser: Browser, site: Site
) -> None:
    lost: list[str] = []

    def lose(route: Route) -> None:
        """Let the survey arrive, and cut the line before its answer is back."""
        if not lost:
            lost.append(route.fetch().text())
            route.abort()
        else:
            route.continue_()

    with reader(browser, site, signed_in=True) as (page, _):
        page.goto(PATH)
        ready(page)
        page.route("**/api/v1/surveys", lose)
        count(page, site.sector, BIRDS[0], "07:10")
        page.wait_for_selector(".kept li.ready >> nth=0")
        # It may have arrived: it is not to be changed now.
        page.wait_for_selector(".kept li button", state="detached")
        page.evaluate("dispatchEvent(new Event('online'))")  # the worker may have been first
        page.wait_for_selector(".kept li.sent")
    assert len(lost) == 1
    assert len(surveys_of(site, ["07:10"])) == 1


def test_what_is_typed_outlives_a_reload_and_a_refusal_is_put_right(
    browser: Browser, site: Site
) -> None:
    with reader(browser, site, signed_in=True, language="en") as (page, _):
        page.goto(PATH)
        ready(page)
        page.select_option("#site", site.sector)
        page.fill("#start", "")
        page.fill("#date", "2026-04-20")
        page.fill("#start", "08:10")
        row = page.locator(".sighting").first
        row.locator("[data-species]").fill("Grate Knot")
        row.locator("[data-add='10']").click()
        row.locator("[data-add='100']").click()
        row.locator("[data-take]").click()
        assert row.locator("[name$=-best]").input_value() == "10"
        assert page.locator("[data-totals]").inner_text() == "Species 1 · birds 10"
        page.wait_for_selector(".kept li.draft")
        page.reload()
        page.wait_for_selector("[data-field]:not([hidden])")
        row = page.locator(".sighting").first
        assert row.locator("[data-species]").input_value() == "Grate Knot"
        assert page.locator("[data-totals]").inner_text() == "Species 1 · birds 10"
        page.click(".tally-bar button")
        page.wait_for_selector(".kept li.refused")
        assert "Grate Knot" in page.locator(".kept li.refused").inner_text()
        page.click(".kept li.refused button:has-text('Open')")
        page.wait_for_selector(".kept li.draft")  # it is in the form
        page.locator(".sighting [data-species]").first.fill("Great Knot")
        page.locator(".sighting [data-species]").first.press("Escape")
        page.click(".tally-bar button")
        page.wait_for_selector(".kept li.sent")
    (found,) = surveys_of(site, ["08:10"])
    assert [s["species"] for s in found["sightings"]] == ["grekno"]  # type: ignore[attr-defined]


def test_form_that_lacks_a_number_is_not_finished(browser: Browser, site: Site) -> None:
    with reader(browser, site, signed_in=True) as (page, _):
        page.goto(PATH)
        ready(page)
        page.select_option("#site", site.sector)
        page.locator(".sighting [data-species]").first.fill(BIRDS[0])
        page.click(".tally-bar button")
        assert page.locator(".sighting [name$=-best]:invalid").count() == 1
        page.locator(".sighting [data-add='1']").first.click()
        assert page.locator(".sighting [name$=-best]:invalid").count() == 0


def test_worker_keeps_nothing_of_anyone(browser: Browser, site: Site) -> None:
    with reader(browser, site, signed_in=True) as (page, _):
        page.goto(PATH)
        ready(page)
        for path in ("/surveys/new", "/account", "/surveys", PATH):
            page.goto(path)
        kept = page.evaluate(
            """async () => {
              const found = [];
              for (const name of await caches.keys()) {
                const cache = await caches.open(name);
                for (const request of await cache.keys()) {
                  const text = await (await cache.match(request, {ignoreVary: true})).text();
                  found.push([new URL(request.url).pathname, text]);
                }
              }
              return found;
            }"""
        )
    paths = {path for path, _ in kept}
    assert PATH in paths
    assert all(path == PATH or path.startswith("/static/") for path in paths)
    assert not any(re.search(r'name="csrf" value="[^"]', text) for _, text in kept)
    assert not any("guoying" in text for _, text in kept)


def test_plain_form_counts_by_thumb_and_falls_back_to_the_field_page(
    browser: Browser, site: Site
) -> None:
    with reader(browser, site, signed_in=True, width=360) as (page, _):
        page.goto(PATH)
        ready(page)
        page.goto("/surveys/new")
        row = page.locator(".sighting").first
        for _ in range(3):
            row.locator("[data-add='10']").click()
        assert row.locator("[name$=-best]").input_value() == "30"
        page.context.set_offline(True)
        page.goto("/surveys/new")
        page.wait_for_selector("[data-field]:not([hidden])")
        assert page.url.endswith(PATH)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize(("width", "language"), [(360, "zh"), (360, "en"), (1280, "en")])
def test_field_page_is_accessible_and_fits(
    browser: Browser, site: Site, width: int, language: Language, scheme: Literal["light", "dark"]
) -> None:
    with reader(browser, site, signed_in=True, width=width, language=language, scheme=scheme) as (
        page,
        complaints,
    ):
        page.goto(PATH)
        ready(page)
        page.locator(".sighting [data-species]").first.fill(BIRDS[0])
        page.locator(".sighting [data-add='100']").first.click()
        page.wait_for_selector(".kept li.draft")
        assert violations(page) == []
        assert overflow(page) == 0
        small = page.locator(".counter button").evaluate_all(
            "all => all.filter(one => one.offsetHeight && one.offsetHeight < 48).length"
        )
        assert small == 0
        assert complaints == []


def load_table(site: Site, folder: Path) -> None:
    table = folder / "port.csv"
    table.write_text(
        "time,height,type\n2026-04-19 22:40,0.6,low\n2026-04-20 05:20,3.9,high\n"
        "2026-04-20 11:50,0.85,low\n2026-04-20 17:40,3.5,high\n",
        "utf-8",
    )
    environment = {**os.environ, "BIRDWATCH_HOME": str(site.folder / "home")}
    subprocess.run(
        [sys.executable, "-m", "birdwatch", "import", "tides", str(table), "--source", "Tables"],
        env=environment,
        cwd=ROOT,
        check=True,
        capture_output=True,
    )


def test_tide_beside_the_form_is_that_of_the_table_also_in_the_survey(
    browser: Browser, site: Site, tmp_path: Path
) -> None:
    load_table(site, tmp_path)
    with reader(browser, site, signed_in=True, language="en") as (page, _):
        page.goto(PATH)
        ready(page)
        told = page.locator("[data-conditions]")
        for start, stage in (("04:30", "high tide"), ("08:30", "falling"), ("14:00", "rising")):
            page.select_option("#site", site.sector)
            page.fill("#date", "2026-04-20")
            page.fill("#start", start)
            page.locator("#start").blur()
            page.wait_for_selector(f"[data-conditions] .now dd:text-is('{stage}')")
        assert "05:20 3.9 m" in re.sub(r"\s+", " ", told.inner_text())
        assert "port · Tables" in told.inner_text()
        assert page.input_value("#tide") == "table"
        page.locator(".sighting [data-species]").first.fill(BIRDS[0])
        page.locator(".sighting [data-add='1']").first.click()
        page.click(".tally-bar button")
        page.wait_for_selector(".kept li.sent")
    (found,) = surveys_of(site, ["14:00"])
    assert (found["tide"], found["tide_source"]) == ("rising", "port, Tables")
