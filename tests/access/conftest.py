"""One running archive per test, with no limits on how much may be asked."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.access.cast import UNLIMITED
from tests.service import Service, running


@pytest.fixture
async def service(tmp_path: Path, database_url: str) -> AsyncIterator[Service]:
    """An empty archive."""
    async with running(tmp_path / "home", database_url, **UNLIMITED) as started:
        yield started
