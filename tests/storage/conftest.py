"""An open database for each test."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from birdwatch.storage.db import Database, open_database


@pytest.fixture
async def db(anyio_backend: str, database_url: str) -> AsyncIterator[Database]:
    database = await open_database(database_url)
    yield database
    await database.close()
