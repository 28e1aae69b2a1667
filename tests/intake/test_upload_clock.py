"""An upload that is being taken in while the clock of its camera is set right."""

from __future__ import annotations

from pathlib import Path

import anyio
import pytest

from birdwatch.domain.errors import ChangedMeanwhileError
from birdwatch.domain.policy import Actor
from birdwatch.domain.upload import Upload
from birdwatch.intake import uploads
from birdwatch.intake.archive import Archive
from birdwatch.intake.calibration import CalibrationPlan, preview_calibration
from birdwatch.intake.upload_beginning import Announced, begin_upload
from birdwatch.intake.uploads import Sent, append, find_own, look
from birdwatch.storage.clocks import add_adjustment
from birdwatch.storage.photos import find_photo
from tests.intake.archives import NOW, chunks_of, files, person
from tests.intake.test_calibration import frame, marked, shots, wall_of

pytestmark = pytest.mark.anyio
LATER = frame("2026:04:14 05:50:00")


async def begun(archive: Archive, actor: Actor) -> tuple[Upload, CalibrationPlan]:
    """An upload without its bytes, and a calibration of its camera that is not made yet."""
    (photo,) = await shots(archive, actor, "2026:04:14 05:40:00")
    request = marked((photo, "2026-04-14T06:40:00"))
    plan = await preview_calibration(archive, request, actor=actor, now=NOW)
    announced = Announced(len(LATER))
    return await begin_upload(archive, announced, actor=actor, now=NOW), plan


async def calibrate_beside(archive: Archive, upload: Upload, found: CalibrationPlan) -> None:
    """Send it all; the calibration is made after its time is settled and before it is recorded."""
    actor = Actor(upload.owner_id, "contributor", None, "lin", "trusted")
    home = archive.blobs.home
    before = len(originals(home))
    errors: list[ChangedMeanwhileError] = []

    async def sending() -> None:
        try:
            await append(archive, upload, chunks_of(LATER), Sent(0), actor=actor, now=NOW)
        except ChangedMeanwhileError as error:
            errors.append(error)

    async with anyio.create_task_group() as tasks, archive.db.write(actor, NOW) as tx:
        await tx.lock()
        tasks.start_soon(sending)
        while len(originals(home)) == before:  # it is kept, and waits to be recorded
            await anyio.sleep(0.01)
        await add_adjustment(
            tx,
            "calibration",
            upload.owner_id,
            {},
            camera=found.camera,
            calibration=found.calibration,
        )
    if errors:
        raise errors[0]


def originals(home: Path) -> list[str]:
    return [name for name in files(home) if name.startswith("originals/")]


async def check_is_right(archive: Archive, photo_id: str | None) -> None:
    assert photo_id is not None
    photo = await find_photo(archive.db, photo_id)
    assert photo is not None
    assert await wall_of(archive, photo) == "04-14 06:50:00"


async def test_upload_whose_clock_is_set_right_meanwhile_follows_it(
    archive: Archive, home: Path
) -> None:
    actor = await person(archive, "lin")
    upload, plan = await begun(archive, actor)
    await calibrate_beside(archive, upload, plan)
    done = await find_own(archive, upload.id, actor)
    assert (done.state, done.is_duplicate) == ("done", False)
    await check_is_right(archive, done.photo_id)
    assert len(files(home)) == 2


async def test_upload_that_could_not_follow_stays_and_is_taken_in_when_asked_for(
    archive: Archive, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(uploads, "TRIES", 1)
    actor = await person(archive, "lin")
    upload, plan = await begun(archive, actor)
    with pytest.raises(ChangedMeanwhileError) as caught:
        await calibrate_beside(archive, upload, plan)
    assert caught.value.code == "photo.clock_changed"
    assert (await find_own(archive, upload.id, actor)).state == "open"
    assert f"incoming/{upload.id}.upload" in files(home)
    progress = await look(archive, upload, actor=actor, now=NOW)
    assert progress.offset == len(LATER)
    await check_is_right(archive, progress.upload.photo_id)
    assert len(files(home)) == 2
