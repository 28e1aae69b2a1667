"""A day's photos of one person, up to the quota and beyond, on a real archive."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from birdwatch.domain.errors import BirdwatchError, TooManyError
from birdwatch.domain.quota import Uploads, quota_day
from birdwatch.storage.requests import uploads_of
from tests.intake.archives import NOW, files, opened, person, send
from tests.pictures import make_jpeg

pytestmark = pytest.mark.anyio


def _picture(seed: int) -> bytes:
    return make_jpeg(60, 40, seed=seed)


async def test_photo_beyond_the_day_is_refused_and_nothing_of_it_is_kept(
    tmp_path: Path, database_url: str
) -> None:
    async with opened(tmp_path, database_url, quota_files=2) as archive:
        li, wang = await person(archive, "li"), await person(archive, "wang")
        sizes = 0
        for seed in range(2):
            picture = _picture(seed)
            sizes += len(picture)
            await send(archive, picture, actor=li)
        kept = files(tmp_path)
        with pytest.raises(TooManyError) as caught:
            await send(archive, _picture(2), actor=li)
        assert "2 photos today" in caught.value.text.en
        assert files(tmp_path) == kept
        used = await uploads_of(archive.db, str(li.person_id), quota_day(NOW))
        assert used == Uploads(2, sizes, 2 * 60 * 40)
        await send(archive, _picture(2), actor=wang)
        await send(archive, _picture(3), actor=li, now=NOW + timedelta(days=1))


async def test_duplicates_and_refused_files_cost_nothing(tmp_path: Path, database_url: str) -> None:
    async with opened(tmp_path, database_url, quota_files=1) as archive:
        li = await person(archive, "li")
        with pytest.raises(BirdwatchError):
            await send(archive, b"no picture", actor=li)
        await send(archive, _picture(0), actor=li)
        again = await send(archive, _picture(0), actor=li)
        assert again.is_duplicate
        used = await uploads_of(archive.db, str(li.person_id), quota_day(NOW))
        assert used.files == 1


@pytest.mark.parametrize("setting", ["quota_bytes", "quota_pixels"])
async def test_bytes_and_pixels_are_measured(
    tmp_path: Path, database_url: str, setting: str
) -> None:
    async with opened(tmp_path, database_url, **{setting: 100}) as archive:
        li = await person(archive, "li")
        with pytest.raises(TooManyError):
            await send(archive, _picture(0), actor=li)
        await send(archive, _picture(0))  # the archive's own work has no quota
