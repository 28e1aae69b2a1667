"""A real server and a real browser: what a reader has, and nothing in between."""

from __future__ import annotations

import re
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Browser, sync_playwright

from tests.pictures import make_jpeg
from tests.serving import BIRDWATCH, variables
from tests.serving import serving as running
from tests.suites import ROOT, needs

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
AXE = ROOT / "node_modules" / "axe-core" / "axe.min.js"
FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
)  # fmt: skip
LOGIN, PASSWORD = "guoying", "low tide at dawn"
START_S = 60


@dataclass(frozen=True)
class Site:
    """Where the archive is served, and what it was filled with."""

    base: str
    folder: Path
    photo: str
    survey: str
    sector: str


@contextmanager
def serving(folder: Path, *, role: str = "contributor") -> Iterator[str]:
    """`birdwatch serve` on a new archive with one person, of this role; its address."""
    needs(CHROMIUM, "chromium")
    needs(AXE.is_file(), "axe-core in node_modules: npm ci")
    needs((ROOT / "birdwatch/web/static/built/site.css").is_file(), "client files: npm run build")
    environment = variables(BIRDWATCH_HOME=str(folder / "home"))
    subprocess.run(
        [*BIRDWATCH, "user", "add", LOGIN, "--role", role, "--password-stdin"],
        env=environment,
        cwd=ROOT,
        input=f"{PASSWORD}\n",
        text=True,
        check=True,
        capture_output=True,
    )
    with running(environment, log=folder / "server.log") as served:
        yield served.base


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """An archive with five pictures and three surveys."""
    folder = tmp_path_factory.mktemp("browser")
    with serving(folder) as base:
        yield _fill(base, folder)


@contextmanager
def signed_in(base: str) -> Iterator[httpx.Client]:
    """The interface, as a page of this person uses it."""
    with httpx.Client(base_url=base, headers={"Accept-Language": "en"}, timeout=START_S) as client:
        client.post("/sign-in", data={"login": LOGIN, "password": PASSWORD})
        found = re.search(r'name="csrf" value="([^"]+)"', client.get("/account").text)
        assert found
        client.headers["X-CSRF-Token"] = found[1]
        yield client


def _fill(base: str, folder: Path) -> Site:
    with signed_in(base) as client:
        sites = client.get("/api/v1/sites").json()["items"]
        sector = next(one["id"] for one in sites if not one["is_outline"])
        surveys = [_survey(client, sector, day, best) for day, best in COUNTS]
        photos = [_photo(client, number, sector) for number in range(len(SHAPES))]
        wait_for_pictures(client, photos)
        return Site(base, folder, f"/photos/{photos[0]}", f"/surveys/{surveys[0]}", sector)


COUNTS = (
    ("2026-04-25", 32_000),
    ("2026-04-20", 18_000),
    ("2026-03-08", 260),
    ("2025-04-22", 9_000),
)
SHAPES = ((1200, 800), (800, 1200), (1600, 700), (1200, 800), (600, 900))


def _survey(client: httpx.Client, site: str, day: str, best: int) -> str:
    body = {
        "site": site,
        "start": f"{day}T17:30:00+08:00",
        "end": f"{day}T18:50:00+08:00",
        "observers": ["国颖"],
        "protocol": "stationary",
        "complete": True,
        "tide": "high",
        "sightings": [{"species": "大滨鹬", "best": best, "method": "counted"}],
    }
    answer = client.post("/api/v1/surveys", json=body)
    assert answer.status_code == 201, answer.text
    made: str = answer.json()["id"]
    return made


def _photo(client: httpx.Client, number: int, site: str) -> str:
    width, height = SHAPES[number]
    picture = make_jpeg(width, height, seed=number, taken=f"2026:04:25 18:2{number}:07")
    words = {
        "species": "大滨鹬",
        "best": "320",
        "site": site,
        "credit": "文/徐鑫 摄/国颖",
        "caption_zh": "海上日落时的鸟群。",
        "caption_en": "The flock at sunset over the sea.",
        "license": "CC-BY-4.0",
    }
    answer = client.post("/api/v1/photos", data=words, files={"photo": (f"{number}.jpg", picture)})
    assert answer.status_code == 201, answer.text
    made: str = answer.json()["id"]
    return made


def wait_for_pictures(client: httpx.Client, photos: list[str]) -> None:
    end = time.monotonic() + START_S
    waiting = set(photos)
    while waiting and time.monotonic() < end:
        for one in sorted(waiting):
            if client.get(f"/api/v1/photos/{one}").json()["state"] != "received":
                waiting.discard(one)
        time.sleep(0.1)
    assert waiting == set()


@pytest.fixture(scope="module")
def browser(site: Site) -> Iterator[Browser]:
    """Chromium, as the machine has it.

    Not for the whole session: an open Playwright keeps an event loop running in this thread, and
    no asynchronous test of another suite could run beside it.
    """
    del site
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=CHROMIUM, args=list(FLAGS))
        yield started
        started.close()
