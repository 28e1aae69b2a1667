"""`verify` says which version was altered behind the archive's back."""

from __future__ import annotations

import pytest

from birdwatch.domain.policy import SYSTEM
from birdwatch.intake.archive import Archive
from birdwatch.intake.photo_intake import correct_photo
from birdwatch.intake.verification import verify_archive
from tests.intake.archives import NOW, send
from tests.pictures import make_jpeg

pytestmark = pytest.mark.anyio


async def test_verification_of_an_untouched_archive_finds_nothing(archive: Archive) -> None:
    photo = (await send(archive, make_jpeg(64, 48))).photo
    await correct_photo(archive, photo.id, {"license": "CC0-1.0"}, actor=SYSTEM, now=NOW)
    report = await verify_archive(archive, lambda _done: None)
    assert report.findings == ()
    assert report.version == await archive.db.dataset_version()
    assert len(report.head) == 64


async def test_verification_names_the_version_of_an_altered_row(archive: Archive) -> None:
    photo = (await send(archive, make_jpeg(64, 48))).photo
    async with archive.db.write(SYSTEM, NOW) as tx:
        await tx.run("UPDATE photo_fact SET license = 'x' WHERE id = $1", photo.id)
    report = await verify_archive(archive, lambda _done: None)
    assert [finding.en for finding in report.findings] == [
        (
            f"The chain of the ledger does not hold at version {photo.version}: a row of photo facts"
            " of that version was altered. Compare with a backup, and restore from it."
        )
    ]
