"""The worker: renditions get made, failures are told to the owner, crashed jobs are done again."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import anyio
import pytest
from PIL import Image

from birdwatch.domain.photo import Photo
from birdwatch.domain.policy import SYSTEM
from birdwatch.domain.text import Text
from birdwatch.intake.archive import Archive
from birdwatch.intake.photo_rendering import render_photo
from birdwatch.storage.jobs import MAX_ATTEMPTS, claim, count_waiting, enqueue, list_jobs, pending
from birdwatch.storage.photos import find_photo
from birdwatch.worker import loop
from birdwatch.worker.loop import (
    LEASE_S,
    RETRY_DELAY_S,
    UNEXPECTED,
    Kind,
    do_next,
    drain,
    run_worker,
)
from tests.intake.archives import NOW, opened, send
from tests.pictures import make_jpeg

pytestmark = pytest.mark.anyio
PHOTO = make_jpeg(1200, 800, orientation=6)


@pytest.fixture
async def archive(tmp_path: Path, database_url: str) -> AsyncIterator[Archive]:
    async with opened(tmp_path / "home", database_url) as archive:
        yield archive


async def found(archive: Archive, photo_id: str) -> Photo:
    photo = await find_photo(archive.db, photo_id)
    assert photo is not None
    return photo


async def test_renditions_are_made_and_recorded(archive: Archive) -> None:
    sent = (await send(archive, PHOTO)).photo
    left: list[int] = []
    done = await drain(archive, left.append)
    assert done >= 2  # the first pictures, then the rest
    photo = await found(archive, sent.id)
    assert (photo.state, photo.failure, len(left), left[-1]) == ("ready", None, done, 0)
    assert photo.thumbhash
    sizes = [(r.key, r.format, r.width, r.height) for r in photo.renditions]
    assert sizes == [
        ("320", "webp", 213, 320),
        ("800", "webp", 533, 800),
        ("1600", "webp", 800, 1200),
        ("2048", "jpeg", 800, 1200),
    ]
    for rendition in photo.renditions:
        path = archive.blobs.rendition_path(photo.id, rendition.key, rendition.format)
        with Image.open(path) as picture:
            assert picture.size == (rendition.width, rendition.height)
        assert path.stat().st_size == rendition.size_bytes
    assert photo.facts == sent.facts


async def test_nothing_to_do_is_said(archive: Archive) -> None:
    assert await drain(archive) == 0


async def test_job_twice_does_no_harm(archive: Archive) -> None:
    sent = (await send(archive, PHOTO)).photo
    now = datetime.now(UTC)
    job = await claim(archive.db, "one that dies", now, LEASE_S)
    assert job is not None
    assert not await do_next(archive, "other", now=now)
    later = now + timedelta(seconds=LEASE_S + 1)
    assert await do_next(archive, "other", now=later)
    assert (await found(archive, sent.id)).state == "ready"
    while await do_next(archive, "other", now=later):
        pass
    assert await pending(archive.db) == 0


async def test_first_pictures_of_all_photos_come_before_the_rest_of_any(archive: Archive) -> None:
    sent = [
        (await send(archive, make_jpeg(900, 600, seed=seed), now=NOW)).photo for seed in range(3)
    ]
    now = datetime.now(UTC)
    for _ in sent:
        assert await do_next(archive, "worker", now=now)
    for one in sent:
        photo = await found(archive, one.id)
        assert (photo.state, [r.key for r in photo.renditions]) == (
            "ready",
            ["320", "1600", "2048"],
        )
        assert photo.thumbhash
    assert (await count_waiting(archive.db))["render_rest"] == 3
    await drain(archive)
    photo = await found(archive, sent[0].id)
    assert [r.key for r in photo.renditions] == ["320", "800", "1600", "2048"]
    assert (photo.renditions[1].width, photo.renditions[1].height) == (800, 533)


async def test_rest_is_made_of_the_original_where_a_picture_is_lost(archive: Archive) -> None:
    sent = (await send(archive, PHOTO)).photo
    now = datetime.now(UTC)
    await do_next(archive, "worker", now=now)
    archive.blobs.rendition_path(sent.id, "2048", "jpeg").unlink()
    while await do_next(archive, "worker", now=now):
        pass
    photo = await found(archive, sent.id)
    assert [r.key for r in photo.renditions] == ["320", "800", "1600", "2048"]
    assert archive.blobs.rendition_path(sent.id, "800", "webp").is_file()


async def test_all_pictures_are_made_anew_when_asked(archive: Archive) -> None:
    sent = (await send(archive, PHOTO)).photo
    await drain(archive)
    path = archive.blobs.rendition_path(sent.id, "800", "webp")
    path.unlink()
    await render_photo(archive, sent.id, now=NOW)
    assert path.is_file()
    assert len((await found(archive, sent.id)).renditions) == 4


async def test_slow_step_keeps_its_lease_and_a_lost_one_ends(
    archive: Archive, monkeypatch: pytest.MonkeyPatch
) -> None:
    ended = []

    async def lease() -> int:
        rows = await archive.db.rows("SELECT lease_until FROM job WHERE state = 'running'")
        return int(rows[0]["lease_until"])

    async def slow(archive: Archive, subject: str, now: datetime) -> None:
        held = await lease()
        while await lease() == held:
            await anyio.sleep(0.01)
        if subject == "lost":
            async with archive.db.write(SYSTEM, now) as tx:
                await enqueue(tx, "slow", "lost", run_at=datetime.now(UTC) + timedelta(hours=1))
            await anyio.sleep(60)
        ended.append(subject)

    monkeypatch.setitem(loop.JOBS, "slow", Kind(slow))
    monkeypatch.setattr(loop, "BEAT_S", 0.05)
    for subject in ("kept", "lost"):
        async with archive.db.write(SYSTEM, NOW) as tx:
            await enqueue(tx, "slow", subject)
        with anyio.fail_after(30):
            assert await do_next(archive, "worker", now=datetime.now(UTC))
    assert ended == ["kept"]
    assert await count_waiting(archive.db) == {"slow": 1}


async def test_unexpected_error_is_tried_again_later_and_then_given_up(
    archive: Archive, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def breaks(archive: Archive, subject: str, now: datetime) -> None:
        raise ZeroDivisionError(subject)

    monkeypatch.setitem(loop.JOBS, "breaks", Kind(breaks))
    async with archive.db.write(SYSTEM, NOW) as tx:
        await enqueue(tx, "breaks", "p1")
    now = NOW
    for delay_s in RETRY_DELAY_S:
        assert await do_next(archive, "worker", now=now)
        assert not await do_next(archive, "worker", now=now + timedelta(seconds=delay_s - 1))
        now += timedelta(seconds=delay_s)
    assert await do_next(archive, "worker", now=now)
    [job] = (await list_jobs(archive.db, "dead", limit=5)).items
    assert (job.attempts, job.error.en) == (MAX_ATTEMPTS, "Unexpected: ZeroDivisionError: p1")


async def test_failure_is_shown_and_the_photo_stays(archive: Archive) -> None:
    sent = (await send(archive, PHOTO)).photo
    archive.blobs.original_path(sent.sha256).unlink()
    await drain(archive)
    photo = await found(archive, sent.id)
    assert photo.state == "failed"
    assert photo.failure == Text(
        "原始文件不在磁盘上，无法生成显示图。请重新上传同一个文件。",
        "The original file is not on the disk, so no pictures can be made of it."
        " Upload the same file again.",
    )
    assert photo.facts == sent.facts
    assert await pending(archive.db) == 0
    [job] = (await list_jobs(archive.db, "dead", limit=5)).items
    assert (job.subject_id, job.error) == (sent.id, photo.failure)


async def test_same_file_again_heals_a_failed_photo(archive: Archive) -> None:
    sent = (await send(archive, PHOTO)).photo
    archive.blobs.original_path(sent.sha256).unlink()
    await drain(archive)
    assert (await send(archive, PHOTO)).is_duplicate
    await drain(archive)
    assert (await found(archive, sent.id)).state == "ready"


async def test_picture_that_kills_its_worker_is_given_up(archive: Archive) -> None:
    sent = (await send(archive, PHOTO)).photo
    now = datetime.now(UTC)
    for _ in range(MAX_ATTEMPTS):
        assert await claim(archive.db, "one that dies", now, LEASE_S) is not None
        now += timedelta(seconds=LEASE_S + 1)
    assert await do_next(archive, "other", now=now)
    photo = await found(archive, sent.id)
    assert (photo.state, photo.failure) == ("failed", UNEXPECTED)
    assert await pending(archive.db) == 0


async def test_full_disk_postpones_and_counts_no_attempt(archive: Archive) -> None:
    sent = (await send(archive, PHOTO)).photo
    renditions = archive.blobs.home / "renditions"
    renditions.rename(archive.blobs.home / "elsewhere")
    now = datetime.now(UTC)
    assert await do_next(archive, "worker", now=now)
    assert (await found(archive, sent.id)).state == "received"
    assert not await do_next(archive, "worker", now=now)
    (archive.blobs.home / "elsewhere").rename(renditions)
    assert await do_next(archive, "worker", now=now + timedelta(minutes=2))
    assert (await found(archive, sent.id)).state == "ready"


async def test_running_worker_takes_what_comes_and_stops(archive: Archive) -> None:
    stop = anyio.Event()
    with anyio.fail_after(60):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(partial(run_worker, archive, stop=stop))
            await anyio.sleep(0.05)
            sent = (await send(archive, PHOTO)).photo
            while await pending(archive.db):
                await anyio.sleep(0.02)
            assert len((await found(archive, sent.id)).renditions) == 4
            stop.set()
    assert await pending(archive.db) == 0
