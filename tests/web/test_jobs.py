"""`/admin/jobs`: administrators see what was given up and why, and put it back."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from birdwatch.domain.policy import SYSTEM
from birdwatch.domain.text import LOCALES, Locale, Text
from birdwatch.storage.jobs import claim, count_jobs, enqueue, fail
from birdwatch.worker.schedule import SCHEDULE, do_turn
from tests.service import Service
from tests.web.pages import faults_of
from tests.web.test_review import LANGS, join

pytestmark = pytest.mark.anyio
PAGE = "/admin/jobs"
REASON = Text("文件不见了", "The file is gone")


async def bury(service: Service, *subjects: str) -> None:
    """Jobs of a kind that no worker does, given up long ago."""
    db, now = service.archive.db, datetime.now(UTC) - timedelta(hours=2)
    async with db.write(SYSTEM, now) as tx:
        for subject in subjects:
            await enqueue(tx, "stitch", subject)
    while job := await claim(db, "worker", now, 60, kinds=["stitch"]):
        await fail(db, job, REASON, now)


@pytest.mark.parametrize("locale", LOCALES)
async def test_page_is_sound_and_tells_reasons(service: Service, locale: Locale) -> None:
    root = await join(service, "root", "admin")
    headers = {"Accept-Language": LANGS[locale]}
    empty = await root.browser.get(PAGE, headers=headers)
    assert faults_of(empty.text, LANGS[locale]) == []
    await bury(service, "panorama1")
    await do_turn(service.archive, SCHEDULE[0], "worker", now=datetime.now(UTC))
    shown = await root.browser.get(PAGE, headers=headers)
    assert (shown.status_code, faults_of(shown.text, LANGS[locale])) == (200, [])
    assert shown.headers["Cache-Control"] == "no-store"
    assert REASON.get(locale) in shown.text
    assert "panorama1" in shown.text


async def test_job_is_put_back_once(service: Service) -> None:
    root = await join(service, "root", "admin")
    await bury(service, "one", "two")
    api = await root.browser.get("/api/v1/jobs")
    found = api.json()
    subjects = sorted(job["subject"] for job in found["items"])
    assert (found["dead"], subjects) == (2, ["one", "two"])
    assert found["items"][0]["error"] == {"zh": REASON.zh, "en": REASON.en}
    path = f"{PAGE}/{found['items'][0]['id']}/revive"
    assert (await root.post(path, {})).status_code == 303
    again = await root.post(path, {})
    assert again.status_code == 404
    assert faults_of(again.text, "en") == []
    assert (await count_jobs(service.archive.db))["dead"] == 1


async def test_all_jobs_are_put_back_at_once(service: Service) -> None:
    root = await join(service, "root", "admin")
    await bury(service, "one", "two", "three")
    assert (await root.post(f"{PAGE}/revive", {})).status_code == 303
    counts = await count_jobs(service.archive.db)
    assert (counts["waiting"], counts["dead"]) == (3, 0)
    waiting = (await root.browser.get("/api/v1/jobs?state=waiting&limit=2")).json()
    assert (len(waiting["items"]), bool(waiting["next"])) == (2, True)


async def test_missing_folder_is_an_alarm_and_not_ready(service: Service) -> None:
    root = await join(service, "root", "admin")
    assert "There is no such" not in (await root.browser.get(PAGE)).text
    home = service.archive.blobs.home
    (home / "originals").rename(home / "elsewhere")
    shown = await root.browser.get(PAGE)
    assert (shown.status_code, faults_of(shown.text, "en")) == (200, [])
    assert "The archive takes no photos now." in shown.text
    assert (await service.visitor.get("/readyz")).status_code == 503
    (home / "elsewhere").rename(home / "originals")
    assert "The archive takes no photos now." not in (await root.browser.get(PAGE)).text
    assert (await service.visitor.get("/readyz")).status_code == 200
