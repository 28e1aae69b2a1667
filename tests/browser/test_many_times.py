"""The pages that put many photos right, and those of what went wrong, with something on each."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import httpx
import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.conftest import Site, serving, signed_in, wait_for_pictures
from tests.browser.readers import overflow, reader, violations
from tests.domain.test_track import gpx
from tests.pictures import Tags, ascii_entry, make_jpeg

WALK = [(0, 40.6648, 122.1412), (60, 40.6658, 122.1432), (30, 40.6650, 122.1420)]
LONG_NAME = "IMG_20260414_very-long-name-of-a-file-without-a-single-space-in-it.jpg"
CUT_OFF = """tables => tables.map((one) => one.scrollWidth - one.parentElement.clientWidth)
  .filter((more) => more > 1 && innerWidth < 400)"""
NOW_US = 1_780_000_000_000_000


@dataclass(frozen=True)
class Shoot:
    """An archive after a morning: photos of one camera, three of them a burst, and a track."""

    site: Site
    photos: list[str]
    track: str

    def paths(self) -> tuple[str, ...]:
        return (
            "/account/clocks", f"/account/clocks/mark?photo={self.photos[0]}", "/account/times",
            "/account/times?day=2026-04-14", "/tracks", self.track, f"{self.track}?offset=-300",
            "/gallery", f"/photos/{self.photos[1]}", "/account/quarantine", "/admin/quarantine",
            "/admin", "/admin/jobs", "/admin/people", "/admin/sensitivity", "/account/profile", "/account",
        )  # fmt: skip


@pytest.fixture(scope="module")
def shoot(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shoot]:
    folder = tmp_path_factory.mktemp("times")
    with serving(folder, role="admin") as base, signed_in(base) as client:
        photos = [_frame(client, at) for at in ("05:45:30", "05:45:31", "05:45:32", "05:50:00")]
        wait_for_pictures(client, photos)
        sent = client.post(
            "/tracks",
            data={"csrf": client.headers["X-CSRF-Token"]},
            files={"track": ("walk.gpx", gpx(WALK), "application/gpx+xml")},
        )
        assert sent.status_code == 303, sent.text
        _give_up(folder / "home" / "birdwatch.db", photos[3])
        yield Shoot(
            Site(base, folder, f"/photos/{photos[0]}", "", ""), photos, sent.headers["location"]
        )


def _frame(client: httpx.Client, clock: str) -> str:
    """One of a series: the same picture, with another time and so other bytes."""
    more = Tags(exif=(ascii_entry(0xA431, "2001234"),))
    picture = make_jpeg(600, 400, seed=7, taken=f"2026:04:14 {clock}", more=more)
    answer = client.post("/api/v1/photos", files={"photo": ("a.jpg", picture, "image/jpeg")})
    assert answer.status_code == 201, answer.text
    made: str = answer.json()["id"]
    return made


def _give_up(database: Path, photo: str) -> None:
    """A job that died and a file in quarantine, as they stand in the table."""
    with sqlite3.connect(database, timeout=20) as db:
        owner = db.execute("SELECT owner_id FROM photo LIMIT 1").fetchone()[0]
        db.execute(
            "INSERT INTO job (id, kind, subject_id, state, attempts, run_at, created_at, changed_at,"
            " error, error_zh) VALUES ('j', 'render_later', ?, 'dead', 5, ?, ?, ?, ?, ?)",
            (photo, NOW_US, NOW_US, NOW_US, "The disk is full.", "磁盘已满。"),
        )
        for number, of in enumerate((photo, "")):
            db.execute(
                "INSERT INTO quarantine VALUES (?, ?, ?, ?, ?, ?, '{}', ?, ?, 3, ?, ?, 0)",
                (
                    f"q{number}", f"{number:064}", 9_000_000, owner, of, LONG_NAME,
                    "解码这张图片时进程三次中止。", "Its decoder died three times.", NOW_US, NOW_US,
                ),
            )  # fmt: skip


@pytest.mark.parametrize(
    ("width", "language", "scheme"),
    [(1280, "zh", "light"), (360, "zh", "dark"), (360, "en", "light"), (1280, "en", "dark")],
)
def test_pages_hold_to_wcag_and_to_their_width(
    browser: Browser,
    shoot: Shoot,
    width: int,
    language: Literal["zh", "en"],
    scheme: Literal["light", "dark"],
) -> None:
    faults: dict[str, object] = {}
    with reader(
        browser, shoot.site, width=width, language=language, scheme=scheme, signed_in=True
    ) as (page, complaints):
        for path in shoot.paths():
            answer = page.goto(path)
            assert answer is not None
            assert answer.status == 200, path
            page.evaluate("document.querySelectorAll('details').forEach(one => one.open = true)")
            found = [*violations(page), *([overflow(page)] if overflow(page) else [])]
            found += page.locator(".stacked").evaluate_all(CUT_OFF)
            found += _foreign(page, language)
            if found:
                faults[path] = found
    assert faults == {}
    assert complaints == []


CREDIT = "文/徐鑫 摄/国颖"  # a credit line is told as it is printed


def _foreign(page: Page, language: str) -> list[str]:
    """Labels, headings and buttons in the other language, and names of sentences left unsaid."""
    said = page.locator("main").locator("h1, h2, th, label, legend, button, .rule, .lead, .hint")
    texts = said.all_inner_texts()
    unsaid = [
        one for one in texts if re.fullmatch(r"[a-z]+(\.[a-z_]+)+(?<!.jpg)(?<!.gpx)", one.strip())
    ]
    if language == "en":
        return unsaid + [one for one in texts if re.search(r"[一-鿿]", one.replace(CREDIT, ""))]
    return unsaid + [one for one in texts if re.search(r"[A-Za-z]{4,} [a-z]{2,} [a-z]{2,}", one)]


def test_burst_is_one_event_with_its_cover(browser: Browser, shoot: Shoot) -> None:
    with reader(browser, shoot.site, language="en") as (page, _):
        page.goto("/gallery")
        shown = page.locator("main a.ph")
        assert shown.count() == 2
        cover = shown.filter(has_text="3 frames")
        assert cover.count() == 1
        cover.click()
        frames = page.locator("section[aria-labelledby=frames-title] a.ph")
        beside = frames.evaluate_all("all => all.map(one => one.getAttribute('href'))")
        itself = page.url.rsplit("/", 1)[1]
        assert {*beside, f"/photos/{itself}"} == {f"/photos/{one}" for one in shoot.photos[:3]}


@pytest.mark.parametrize("script", [True, False])
def test_clock_is_set_by_keyboard_and_taken_back(
    browser: Browser, shoot: Shoot, script: bool
) -> None:
    with reader(browser, shoot.site, language="en", width=360, script=script, signed_in=True) as (
        page,
        complaints,
    ):
        page.goto(f"/account/clocks/mark?photo={shoot.photos[0]}")
        assert "2026-04-14 05:45:30" in page.locator("main").inner_text()
        page.fill("#true_1", "2026-04-14T06:45:30")
        page.focus("main button[value=preview]")
        page.keyboard.press("Enter")
        page.wait_for_selector("#preview")
        assert "4 photos" in page.locator("#preview").inner_text()
        page.focus("main button[value=apply]")
        page.keyboard.press("Enter")
        page.wait_for_url("**/account/clocks?done=4*")
        undo = page.get_by_role("button", name=re.compile("^Undo")).first
        undo.focus()
        page.keyboard.press("Enter")
        page.wait_for_url("**/account/clocks?undone=4*")
    assert complaints == []


def test_times_are_shifted_without_script(browser: Browser, shoot: Shoot) -> None:
    with reader(browser, shoot.site, language="zh", width=360, script=False, signed_in=True) as (
        page,
        complaints,
    ):
        page.goto("/account/times?day=2026-04-14")
        page.check(f"input[value='{shoot.photos[3]}']")
        page.fill("#shift", "-0:10:00")
        page.click("main button[value=preview]")
        assert "05:40:00" in page.locator("#preview").inner_text()
        page.click("main button[value=apply]")
        page.wait_for_url("**/account/clocks?done=1*")
        page.locator("form[action$='/undo'] button").first.click()
        page.wait_for_url("**/account/clocks?undone=1*")
    assert complaints == []


def test_slider_moves_the_photos_along_the_track(browser: Browser, shoot: Shoot) -> None:
    with reader(browser, shoot.site, language="en", signed_in=True) as (page, complaints):
        page.goto(shoot.track)
        assert page.locator(".track-map circle").count() == 0
        page.fill("#offset", "-295")
        page.focus("#offset")
        for _ in range(5):
            page.keyboard.press("ArrowLeft")
        expect(page.locator(".track-map circle")).to_have_count(3)
        told = page.locator("output").inner_text()
        assert told.startswith("\N{MINUS SIGN}")
        page.locator(".track-map a").first.focus()
        page.keyboard.press("Enter")
        page.wait_for_url("**/photos/*")
    assert complaints == []


def test_slider_works_without_script(browser: Browser, shoot: Shoot) -> None:
    with reader(browser, shoot.site, language="en", width=360, script=False, signed_in=True) as (
        page,
        _,
    ):
        page.goto(shoot.track)
        page.locator("details summary").first.click()
        page.fill("#exact", "-0:05:00")
        page.locator("details form button").click()
        assert page.locator(".track-map circle").count() == 3


def test_what_was_given_up_is_tried_again(browser: Browser, shoot: Shoot) -> None:
    with reader(browser, shoot.site, language="zh", width=360, script=False, signed_in=True) as (
        page,
        _,
    ):
        page.goto("/admin/jobs")
        assert "磁盘已满。" in page.locator("#dead").inner_text()
        page.locator("form[action$='/j/revive'] button").click()
        page.wait_for_url("**/admin/jobs?revived=1")
        page.goto("/account/quarantine")
        page.locator("form[action$='/discard'] button").first.click()
        assert "/account/quarantine?" in page.url
        assert page.content().count("/discard") == 1
