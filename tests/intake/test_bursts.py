"""Bursts among photos that came in: one event whatever the order, and never a sum."""

from __future__ import annotations

import pytest

from birdwatch.domain.policy import Actor
from birdwatch.intake.archive import Archive
from birdwatch.intake.bursts import join_burst
from birdwatch.intake.photo_intake import PhotoRequest
from birdwatch.intake.photo_rendering import render_first
from birdwatch.storage.bursts import frames_of_kin, keep_fingerprint, kin_of
from birdwatch.storage.counts import daily_counts
from birdwatch.storage.migrations import m0012_bursts
from birdwatch.worker.loop import drain
from tests.intake.archives import NOW, SIDAOGOU, person, send
from tests.pictures import Tags, ascii_entry, make_jpeg

pytestmark = pytest.mark.anyio
FLOCK, SUNRISE = "0f0f3c3c00ff00ff", "f0f0c3c3ff00ff00"


async def shot(
    archive: Archive,
    actor: Actor,
    clock: str,
    subsec: str = "0",
    *,
    looks: str = FLOCK,
    serial: str = "1",
    words: PhotoRequest | None = None,
) -> str:
    """A photo whose fingerprint is known, put into its burst."""
    more = Tags(exif=(ascii_entry(0xA431, serial), ascii_entry(0x9291, subsec)))
    data = make_jpeg(60, 40, taken=f"2026:04:14 {clock}", gps=SIDAOGOU, more=more)
    photo = (await send(archive, data, words, actor=actor)).photo
    async with archive.db.write(actor, NOW) as tx:
        await keep_fingerprint(tx, photo.id, looks)
    await join_burst(archive, photo.id, now=NOW)
    return photo.id


async def test_frames_are_one_event_in_whatever_order_they_come(archive: Archive) -> None:
    actor = await person(archive, "lin")
    third = await shot(archive, actor, "05:40:03", "5")
    first = await shot(archive, actor, "05:40:00")
    assert await kin_of(archive.db, [first, third]) == {}
    second = await shot(archive, actor, "05:40:01", "9")
    assert await frames_of_kin(archive.db, second) == [first, second, third]
    assert await frames_of_kin(archive.db, third) == [first, second, third]


async def test_other_cameras_people_and_subjects_are_other_events(archive: Archive) -> None:
    lin, wu = await person(archive, "lin"), await person(archive, "wu")
    alone = [
        await shot(archive, lin, "05:40:00"),
        await shot(archive, lin, "05:40:00", serial="2"),
        await shot(archive, wu, "05:40:00", "1"),
        await shot(archive, lin, "05:40:01", looks=SUNRISE),
        await shot(archive, lin, "05:40:04"),
    ]
    assert await kin_of(archive.db, alone) == {}


async def test_burst_longer_than_what_is_read_at_first_is_one(archive: Archive) -> None:
    actor = await person(archive, "lin")
    ids = [await shot(archive, actor, f"05:{40 + at // 60}:{at % 60:02}") for at in range(0, 80, 2)]
    assert await frames_of_kin(archive.db, ids[0]) == ids


async def test_bursts_kept_by_an_older_release_are_looked_at_once_more(archive: Archive) -> None:
    actor = await person(archive, "lin")
    looks = (FLOCK, "0f0f3c3c00ff0000", "0f0f3c3c00ff000f")  # the last is like both, they are not
    ids = [await shot(archive, actor, f"05:40:0{at}", looks=one) for at, one in enumerate(looks)]
    assert await kin_of(archive.db, ids) == dict.fromkeys(ids, ids[0])
    async with archive.db.write(actor, NOW) as tx:
        await tx.run("DELETE FROM burst WHERE photo_id = $1", ids[0])
        await tx.run("UPDATE burst SET burst_id = photo_id WHERE photo_id = $1", ids[1])
        await tx.run("UPDATE burst SET burst_id = $1 WHERE photo_id = $2", ids[1], ids[2])
        await tx.run(m0012_bursts.BOTH[0])
        await tx.run(m0012_bursts.BOTH[0])  # a second time asks for nothing more
    rows = await archive.db.rows("SELECT subject_id FROM job WHERE kind = 'burst'")
    assert [row["subject_id"] for row in rows] == [ids[1]]
    await join_burst(archive, ids[1], now=NOW)
    assert await kin_of(archive.db, ids) == dict.fromkeys(ids, ids[0])


async def test_numbers_of_one_burst_are_never_added(archive: Archive) -> None:
    actor = await person(archive, "lin")
    for at, best in enumerate((100, 120, 110)):
        words = PhotoRequest(species="grekno", best=best)
        await shot(archive, actor, "05:40:00", str(at), words=words)
    assert [one.count for one in await daily_counts(archive.db)] == [120]


async def test_worker_finds_the_burst_of_what_it_rendered(archive: Archive) -> None:
    actor = await person(archive, "lin")
    ids = []
    for subsec in ("0", "5"):
        more = Tags(exif=(ascii_entry(0xA431, "1"), ascii_entry(0x9291, subsec)))
        data = make_jpeg(60, 40, more=more)
        ids.append((await send(archive, data, actor=actor)).photo.id)
    await drain(archive)
    assert await frames_of_kin(archive.db, ids[1]) == ids
    await render_first(archive, ids[0], now=NOW)  # doing it again changes nothing
    await join_burst(archive, ids[0], now=NOW)
    assert await frames_of_kin(archive.db, ids[1]) == ids
