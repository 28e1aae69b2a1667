"""Fixtures of the ways in."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from pathlib import Path

import anyio
import pytest

from birdwatch.imaging.sandbox import Sandbox
from birdwatch.intake.archive import Archive
from tests.intake.archives import opened


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"


@pytest.fixture(scope="session")
def sandbox() -> Iterator[Sandbox]:
    """One decoder for all tests: starting a process for each would take most of their time."""
    sandbox = Sandbox()
    yield sandbox
    anyio.run(sandbox.close)


@pytest.fixture
async def archive(home: Path, database_url: str, sandbox: Sandbox) -> AsyncIterator[Archive]:
    async with opened(home, database_url) as archive:
        yield replace(archive, sandbox=sandbox)
