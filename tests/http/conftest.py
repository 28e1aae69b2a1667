"""One running archive per test."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.service import Service, running


@pytest.fixture
async def service(tmp_path: Path, database_url: str) -> AsyncIterator[Service]:
    """An empty archive with its seed, its limits small enough to reach."""
    limits = {"max_photo_bytes": 4 * 1024 * 1024, "max_body_bytes": 64 * 1024}
    async with running(tmp_path / "media", database_url, **limits) as started:
        yield started
