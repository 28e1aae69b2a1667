"""The archive opens with its own folder, or not at all."""

from __future__ import annotations

from pathlib import Path

import pytest

from birdwatch.domain.errors import UnavailableError
from birdwatch.intake.archive import open_archive
from birdwatch.settings import Settings

pytestmark = pytest.mark.anyio


async def test_archive_opens_again_in_its_own_folder(tmp_path: Path, database_url: str) -> None:
    settings = Settings(home=tmp_path / "media", database=database_url)
    for _ in range(2):
        async with open_archive(settings) as archive:
            assert archive.blobs.home == tmp_path / "media"


async def test_archive_refuses_an_empty_folder_in_place_of_its_own(
    tmp_path: Path, database_url: str
) -> None:
    home = tmp_path / "media"
    settings = Settings(home=home, database=database_url)
    async with open_archive(settings):
        pass
    home.rename(tmp_path / "disk")
    with pytest.raises(UnavailableError) as refused:
        async with open_archive(settings):
            pass
    assert refused.value.code == "storage.missing"
    assert [path.name for path in home.iterdir()] == []
