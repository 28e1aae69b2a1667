"""What an intake leaves that failed or died after its bytes had their name."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from pathlib import Path

import anyio
import pytest

from birdwatch.domain.errors import UnavailableError
from birdwatch.intake import photo_intake
from birdwatch.intake.archive import Archive
from birdwatch.intake.leftovers import sweep_leftovers, take_back
from birdwatch.intake.verification import verify_archive
from birdwatch.storage.blobs.files import Incoming
from tests.intake.archives import NOW, chunks_of, files, opened, send
from tests.pictures import make_jpeg

pytestmark = pytest.mark.anyio
PHOTO = make_jpeg(160, 120)


@pytest.fixture
async def archive(tmp_path: Path, database_url: str) -> AsyncIterator[Archive]:
    async with opened(tmp_path / "home", database_url) as archive:
        yield archive


async def named(archive: Archive) -> Incoming:
    """Bytes under their final name, of an intake that got no further."""
    incoming = await archive.blobs.receive(chunks_of(PHOTO), len(PHOTO))
    await archive.blobs.keep(incoming)
    return incoming


def age(archive: Archive) -> None:
    for part in (archive.blobs.home / "incoming").iterdir():
        os.utime(part, (0, 0))


async def fails(*_: object, **__: object) -> None:
    raise UnavailableError("test.full", zh="满", en="full")


async def test_failing_intake_takes_back_the_original(
    archive: Archive, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(photo_intake, "enqueue", fails)  # in the transaction, after all rows
    with pytest.raises(UnavailableError):
        await send(archive, PHOTO)
    assert files(archive.blobs.home) == []
    monkeypatch.undo()
    photo = (await send(archive, PHOTO)).photo
    assert files(archive.blobs.home) == [
        f"originals/{photo.sha256[:2]}/{photo.sha256[2:4]}/{photo.sha256}"
    ]


async def test_twin_of_a_failing_intake_keeps_its_bytes(archive: Archive) -> None:
    first = await named(archive)  # and is about to fail
    steps = list(photo_intake.STEPS)

    async def first_fails(archive: Archive, arrival: photo_intake.Arrival) -> None:
        await take_back(archive.db, archive.blobs, first, NOW)

    at = steps.index(photo_intake.record)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(photo_intake, "STEPS", (*steps[:at], first_fails, *steps[at:]))
        photo = (await send(archive, PHOTO)).photo
    assert archive.blobs.original_path(photo.sha256).read_bytes() == PHOTO
    assert (await verify_archive(archive, lambda _: None)).findings == ()


async def test_original_that_died_before_its_row_is_swept(archive: Archive) -> None:
    await named(archive)
    assert await sweep_leftovers(archive.db, archive.blobs, NOW) == 0  # it may be alive
    age(archive)
    assert await sweep_leftovers(archive.db, archive.blobs, NOW) == 1
    assert files(archive.blobs.home) == []


async def test_sweep_leaves_the_original_that_a_row_speaks_of(archive: Archive) -> None:
    incoming = await named(archive)
    twin = archive.blobs.home / "incoming" / "twin.part"
    os.link(incoming.path, twin)  # another that died, later than the commit
    photo = (await send(archive, PHOTO)).photo
    age(archive)
    await sweep_leftovers(archive.db, archive.blobs, NOW)
    assert list((archive.blobs.home / "incoming").iterdir()) == []
    assert archive.blobs.original_path(photo.sha256).read_bytes() == PHOTO


async def test_intake_cut_off_while_it_is_written_leaves_all_or_nothing(archive: Archive) -> None:
    for delay_ms in range(0, 60, 6):
        photo = make_jpeg(160, 120, seed=delay_ms)
        with anyio.move_on_after(delay_ms / 1000):
            await send(archive, photo)
    assert list((archive.blobs.home / "incoming").iterdir()) == []
    rows = await archive.db.rows("SELECT sha256 FROM photo ORDER BY sha256")
    originals = [Path(name).name for name in files(archive.blobs.home)]
    assert originals == [row["sha256"] for row in rows]
