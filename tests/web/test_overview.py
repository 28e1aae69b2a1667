"""`/admin`: what may need somebody, at a glance; and nothing that the archive does not know."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from birdwatch.domain.policy import SYSTEM
from birdwatch.domain.text import LOCALES, Locale, Text
from birdwatch.domain.tide import Station, Water
from birdwatch.storage.quarantine import add_quarantined
from birdwatch.storage.tides import put_station
from tests.service import Service
from tests.web.pages import faults_of
from tests.web.test_jobs import bury
from tests.web.test_review import LANGS, join

pytestmark = pytest.mark.anyio
YINGKOU = Station("yk", "Yingkou", "Tide tables 2026", "chart datum")


def cards(html: str) -> dict[str, str]:
    """The words of each card by its name, without their tags."""
    found = re.findall(r'aria-labelledby="([a-z]+)-title">(.*?)</section>', html, re.DOTALL)
    return {name: " ".join(re.sub(r"<[^>]+>", " ", body).split()) for name, body in found}


async def load_tides(service: Service) -> None:
    now = datetime.now(UTC)
    past, next_year = now - timedelta(days=9), now + timedelta(days=365)
    async with service.archive.db.write(SYSTEM, now) as tx:
        for station, last in ((YINGKOU, past), (replace(YINGKOU, id="b", name="B"), next_year)):
            await put_station(tx, station, [Water(last - timedelta(hours=6), "high", 3.1),
                                            Water(last, "low", 0.4)])  # fmt: skip
        await add_quarantined(
            tx, sha256="0" * 64, size=9, owner_id=None, reason=Text("坏", "bad"), deaths=3
        )


@pytest.mark.parametrize("locale", LOCALES)
async def test_overview_is_sound_and_leads_to_every_page(service: Service, locale: Locale) -> None:
    root = await join(service, "root", "admin")
    await load_tides(service)
    answer = await root.browser.get("/admin", headers={"Accept-Language": LANGS[locale]})
    assert (answer.status_code, faults_of(answer.text, LANGS[locale])) == (200, [])
    assert answer.headers["Cache-Control"] == "no-store"
    main = answer.text.split("<main")[1].split("</main>")[0]
    pages = re.findall(r'href="(/[^"]+)"', main)
    assert pages == [
        "/admin/jobs", "/admin/quarantine", "/review", "/admin/people", "/admin/sensitivity",
    ]  # fmt: skip
    assert [(await root.browser.get(path)).status_code for path in pages] == [200] * 5
    assert '<a href="/admin" aria-current="page">' in answer.text


async def test_overview_tells_what_there_is(service: Service) -> None:
    root = await join(service, "root", "admin")
    await join(service, "lin", "contributor")
    empty = cards((await root.browser.get("/admin")).text)
    assert "None is loaded" in empty["tides"]
    assert "0 files set aside" in empty["quarantine"]
    await load_tides(service)
    await bury(service, "one", "two")
    told = cards((await root.browser.get("/admin")).text)
    assert "0 waiting, 0 running 2 given up" in told["jobs"]
    assert "1 file set aside" in told["quarantine"]
    assert told["review"].endswith("0 records wait for a reviewer")
    assert "Contributor 1 · Administrator 1" in told["people"]
    assert re.search(r"\bB Tide tables 2026.* until .*Yingkou .*ended", told["tides"])
    assert "does not note when it was last verified or backed up" in told["safety"]


async def test_overview_tells_of_a_disk_that_is_nearly_full(service: Service) -> None:
    root = await join(service, "root", "admin")
    service.archive.blobs.reserve_bytes = 1 << 60
    page = (await root.browser.get("/admin")).text
    assert 'class="glance bad" aria-labelledby="storage-title"' in page
    assert 'role="alert"' in page
    assert "1,152,921,504.6 GB of them are kept in reserve" in cards(page)["storage"]
    assert faults_of(page, "en") == []


async def test_visitors_and_others_are_not_led_there(service: Service) -> None:
    reviewer = await join(service, "rev", "reviewer")
    assert (await service.visitor.get("/admin", follow_redirects=False)).status_code in {303, 401}
    assert (await reviewer.browser.get("/admin")).status_code == 403
    assert 'href="/admin' not in (await reviewer.browser.get("/account")).text
