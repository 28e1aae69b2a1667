"""The workbench as a photographer has it: dropped, broken off, taken up, set, published."""

from __future__ import annotations

import base64
import re
from pathlib import Path
from typing import Literal

import pytest
from playwright.sync_api import Browser, Page, Request, Route, expect

from tests.browser.conftest import Site
from tests.browser.readers import overflow, reader, violations
from tests.pictures import make_jpeg

UPLOADS = "**/api/v1/uploads*"
PIECES = "**/api/v1/uploads/*"
DONE = "[data-summary]:has-text('All done')"
WAIT_MS = 60_000
DROP = """
([selector, files]) => {
  const transfer = new DataTransfer();
  for (const [name, text] of files) {
    const bytes = Uint8Array.from(atob(text), (one) => one.charCodeAt(0));
    transfer.items.add(new File([bytes], name, {type: "image/jpeg", lastModified: 1770000000000}));
  }
  const zone = document.querySelector(selector);
  for (const kind of ["dragover", "drop"]) {
    zone.dispatchEvent(new DragEvent(kind, {dataTransfer: transfer, bubbles: true, cancelable: true}));
  }
}
"""
# A file of the browser's own disk has a handle that needs no permission: a stand-in for one the
# person dropped and allowed.
KEEP_HANDLE = """
async (bytes) => {
  const root = await navigator.storage.getDirectory();
  const handle = await root.getFileHandle("kept.jpg", {create: true});
  const out = await handle.createWritable();
  await out.write(Uint8Array.from(atob(bytes), (one) => one.charCodeAt(0)));
  await out.close();
  const file = await handle.getFile();
  const person = document.querySelector("[data-upload]").dataset.person;
  const base = await new Promise((done) => {
    const asked = indexedDB.open("birdwatch-uploads", 1);
    asked.onsuccess = () => done(asked.result);
  });
  const files = base.transaction("files", "readwrite").objectStore("files");
  files.put({
    key: [person, file.name, file.size, file.lastModified].join("|"), person, name: file.name,
    size: file.size, handle, addedAt: Date.now(),
  });
  await new Promise((done) => { files.transaction.oncomplete = done; });
}
"""


def pictures(number: int, seed: int, size: tuple[int, int] = (640, 480)) -> list[tuple[str, bytes]]:
    """Pictures nobody sent before, a minute apart."""
    return [
        (
            f"K{seed + at}.jpg",
            make_jpeg(*size, seed=seed + at, taken=f"2026:04:21 06:{at:02}:00"),
        )
        for at in range(number)
    ]


def drop(page: Page, files: list[tuple[str, bytes]]) -> None:
    page.wait_for_selector("[data-upload][data-ready]")
    encoded = [[name, base64.b64encode(data).decode()] for name, data in files]
    page.evaluate(DROP, [".drop-zone", encoded])


def rows(page: Page, files: list[tuple[str, bytes]]) -> list[str]:
    """The ids of the drafts of these files."""
    names = {name for name, _ in files}
    found: list[list[str]] = page.locator("[data-draft]").evaluate_all(
        "all => all.map(one => [one.dataset.draft, one.querySelector('.name').textContent])"
    )
    return [one for one, name in found if name in names]


def wait_for_rows(page: Page, files: list[tuple[str, bytes]]) -> list[str]:
    for name, _ in files:
        page.wait_for_selector(f"#drafts .name:text-is('{name}')", timeout=WAIT_MS)
    return rows(page, files)


def pick(page: Page, ids: list[str]) -> None:
    for one in ids:
        page.check(f"#pick-{one}")


def pieces_sent(page: Page) -> list[int]:
    """Where in its file each piece begins that this page sends from now on."""
    offsets: list[int] = []

    def watch(request: Request) -> None:
        if "offset+octet-stream" in request.headers.get("content-type", ""):
            offsets.append(int(request.headers.get("upload-offset", "0")))

    page.on("request", watch)
    return offsets


def test_drop_of_twenty_files_makes_twenty_drafts(browser: Browser, site: Site) -> None:
    files = pictures(20, 1000)
    with reader(browser, site, signed_in=True, language="en") as (page, complaints):
        page.goto("/upload")
        drop(page, files)
        page.wait_for_selector(DONE, timeout=WAIT_MS)
        ids = wait_for_rows(page, files)
        assert len(set(ids)) == 20
        facts = page.locator(f"[data-draft='{ids[0]}']").inner_text()
        assert page.locator(".transfers li").count() == 0
        assert complaints == []
    assert "2026-04-21 06:00:00" in facts
    assert "EXIF time and zone · reliable" in facts
    assert "Peak window" in facts


def test_reload_in_the_middle_loses_nothing(browser: Browser, site: Site) -> None:
    files = pictures(12, 1100)
    with reader(browser, site, signed_in=True, language="en") as (page, _):
        page.goto("/upload")
        stop_after(page, 5)
        drop(page, files)
        page.wait_for_selector(".transfers .waiting", timeout=WAIT_MS)
        page.reload()
        page.wait_for_selector("[data-unfinished]:visible")
        page.unroute(UPLOADS)
        left = page.locator("[data-unfinished-text]").inner_text()
        assert re.match(r"Files that were not sent to the end last time: \d+\.", left)
        drop(page, files)
        page.wait_for_selector(DONE, timeout=WAIT_MS)
        assert len(set(wait_for_rows(page, files))) == 12
        page.reload()
        page.wait_for_selector("[data-upload][data-ready]")
        assert page.locator("[data-unfinished]").is_hidden()


def stop_after(page: Page, files: int) -> None:
    """The line breaks for good once so many files were sent."""
    passed = 0

    def meet(route: Route) -> None:
        nonlocal passed
        passed += is_begin(route)
        if is_begin(route) and passed > files:
            route.abort("internetdisconnected")
        else:
            route.continue_()

    page.route(UPLOADS, meet)


def test_upload_broken_in_a_file_goes_on_where_it_stopped(browser: Browser, site: Site) -> None:
    big = [("big.jpg", make_jpeg(640, 480, seed=1200) + bytes(20 * 1024 * 1024))]
    with reader(browser, site, signed_in=True, language="en") as (page, _):
        page.goto("/upload")
        page.route(PIECES, lambda route: route.abort("connectionreset"))
        drop(page, big)
        page.wait_for_selector(".transfers .sending progress")
        page.wait_for_timeout(1500)  # the first piece is in, the next does not pass
        page.reload()
        page.wait_for_selector("[data-unfinished]:visible")
        page.unroute(PIECES)
        offsets = pieces_sent(page)
        drop(page, big)
        page.wait_for_selector(".transfers .refused, " + DONE, timeout=WAIT_MS)
        assert offsets == [8 * 1024 * 1024, 16 * 1024 * 1024]


def test_file_that_the_browser_may_still_read_goes_on_by_itself(
    browser: Browser, site: Site
) -> None:
    picture = make_jpeg(640, 480, seed=1300, taken="2026:04:21 07:00:00")
    with reader(browser, site, signed_in=True, language="en") as (page, _):
        page.goto("/upload")
        page.wait_for_selector("[data-upload][data-ready]")
        page.evaluate(KEEP_HANDLE, base64.b64encode(picture).decode())
        page.reload()
        page.wait_for_selector(DONE, timeout=WAIT_MS)
        page.wait_for_selector("#drafts .name:text-is('kept.jpg')")


def test_duplicate_costs_no_bytes(browser: Browser, site: Site) -> None:
    files = pictures(2, 1400)
    with reader(browser, site, signed_in=True, language="en") as (page, complaints):
        page.goto("/upload")
        drop(page, files)
        page.wait_for_selector(DONE, timeout=WAIT_MS)
        page.goto("/upload")
        offsets = pieces_sent(page)
        drop(page, [(f"again-{name}", data) for name, data in files])
        page.wait_for_selector(DONE, timeout=WAIT_MS)
        assert page.locator(".transfers .held").count() == 2
        assert offsets == []
        assert complaints == []


def test_refused_file_says_why_and_is_tried_again(browser: Browser, site: Site) -> None:
    with reader(browser, site, signed_in=True, language="en") as (page, _):
        page.goto("/upload")
        drop(page, [("page.jpg", b"<html></html>"), *pictures(1, 1500)])
        page.wait_for_selector(".transfers .refused")
        assert "HTML" in page.locator(".transfers .refused .result").inner_text()
        wait_for_rows(page, pictures(1, 1500))
        button = page.get_by_role("button", name="Try again page.jpg")
        button.click()
        page.wait_for_selector(".transfers .refused")
        page.get_by_role("button", name="Remove page.jpg").click()
        assert page.locator(".transfers li").count() == 0


def test_broken_line_is_tried_again(browser: Browser, site: Site) -> None:
    files = pictures(1, 1600)
    with reader(browser, site, signed_in=True, language="en") as (page, _):
        page.goto("/upload")
        drops: list[str] = []

        def break_twice(route: Route) -> None:
            if is_begin(route) and len(drops) < 2:
                drops.append(route.request.url)
                route.abort("connectionreset")
            else:
                route.continue_()

        page.route(UPLOADS, break_twice)
        drop(page, files)
        page.wait_for_selector(DONE, timeout=WAIT_MS)
        wait_for_rows(page, files)
        assert len(drops) == 2


def test_all_are_paused_and_resumed(browser: Browser, site: Site) -> None:
    files = pictures(6, 1700)
    with reader(browser, site, signed_in=True, language="en") as (page, _):
        page.goto("/upload")
        page.route(UPLOADS, lambda route: None if is_begin(route) else route.continue_())
        drop(page, files)
        page.wait_for_selector(".transfers .sending")
        page.get_by_role("button", name="Pause all").click()
        expect(page.locator(".transfers .paused")).to_have_count(6)
        page.unroute(UPLOADS)
        page.get_by_role("button", name="Resume all").click()
        page.wait_for_selector(DONE, timeout=WAIT_MS)
        assert len(wait_for_rows(page, files)) == 6


def is_begin(route: Route) -> bool:
    """Whether it begins an upload; such a one is left without an answer."""
    return route.request.method == "POST" and "/known" not in route.request.url


def test_many_are_set_and_published_at_once(browser: Browser, site: Site) -> None:
    files = pictures(4, 1800)
    with reader(browser, site, signed_in=True, language="en") as (page, complaints):
        page.goto("/upload")
        drop(page, files)
        page.wait_for_selector(DONE, timeout=WAIT_MS)
        ids = wait_for_rows(page, files)
        pick(page, ids[:3])
        assert "3 picked" in page.locator("[data-picked]").inner_text()
        page.locator(".bench-bar summary").click()
        page.fill("#species", "Great Knot")
        page.keyboard.press("Escape")
        page.fill("#best", "120")
        page.select_option("#site", site.sector)
        page.fill("#credit", "摄/国颖")
        page.select_option("#license", "CC-BY-4.0")
        page.fill("#caption_en", "Knots over the flat.")
        page.get_by_role("button", name="Set for the picked").click()
        page.wait_for_selector("[data-said]:has-text('Set for 3.')")
        assert page.locator("#drafts input[name=id]:checked").count() == 3  # to be published next
        row = page.locator(f"[data-draft='{ids[0]}']").inner_text()
        assert [word in row for word in ("Great Knot", "120", "国颖", "Knots over")] == [True] * 4
        assert "Great Knot" not in page.locator(f"[data-draft='{ids[3]}']").inner_text()
        pick(page, ids[:3])
        page.get_by_role("button", name="Publish the picked").click()
        page.wait_for_selector("[data-said]:has-text('3 sent in.')")
        assert rows(page, files) == [ids[3]]
        pick(page, [ids[3]])
        page.get_by_role("button", name="Take away").click()
        page.wait_for_selector("[data-said]:has-text('1 taken away.')")
        page.goto(f"/photos/{ids[0]}")
        assert "120" in page.locator(".chain").inner_text()
        assert complaints == []


def test_draft_that_cannot_be_published_says_why(browser: Browser, site: Site) -> None:
    files = pictures(2, 1900)
    with reader(browser, site, signed_in=True, language="en") as (page, _):
        page.goto("/upload")
        drop(page, files)
        page.wait_for_selector(DONE, timeout=WAIT_MS)
        ids = wait_for_rows(page, files)
        pick(page, ids)
        page.locator(".bench-bar summary").click()
        page.fill("#best", "7")
        page.get_by_role("button", name="Publish the picked").click()
        page.wait_for_selector("#drafts [role=alert]")
        told = page.locator("#drafts [role=alert]").inner_text()
        assert "A number needs the species" in told
        assert "(2)" in told
        assert sorted(rows(page, files)) == sorted(ids)
        assert page.input_value("#best") == "7"


def test_workbench_needs_no_script(browser: Browser, site: Site) -> None:
    paths: list[Path] = []
    for name, data in pictures(3, 2000):
        paths.append(site.folder / name)
        paths[-1].write_bytes(data)
    with reader(browser, site, signed_in=True, script=False, language="en") as (page, _):
        page.goto("/upload")
        page.set_input_files("#files", paths)
        page.get_by_role("button", name="Upload", exact=True).click()
        assert page.locator("td.accepted").all_inner_texts() == ["Accepted"] * 3
        ids = rows(page, [(path.name, b"") for path in paths])
        assert len(ids) == 3
        pick(page, ids[:2])
        page.locator(".bench-bar summary").click()
        page.fill("#species", "Dunlin")
        page.get_by_role("button", name="Publish the picked").click()
        assert "2 sent in." in page.locator("[data-said]").inner_text()
        assert rows(page, [(path.name, b"") for path in paths]) == [ids[2]]


@pytest.mark.parametrize("language", ["zh", "en"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 1280])
def test_workbench_is_for_everyone(
    browser: Browser,
    site: Site,
    width: int,
    scheme: Literal["light", "dark"],
    language: Literal["zh", "en"],
) -> None:
    files = [("bad.jpg", b"<html></html>"), *pictures(2, 2100)]
    with reader(browser, site, signed_in=True, width=width, scheme=scheme, language=language) as (
        page,
        _,
    ):
        page.goto("/upload")
        drop(page, files)
        page.wait_for_selector(".transfers .refused", timeout=WAIT_MS)
        wait_for_rows(page, files[1:])
        page.locator(".bench-bar summary").click()
        assert violations(page) == []
        assert overflow(page) == 0
