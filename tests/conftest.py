"""Fixtures of every suite: the event loop, and a fresh database for each test."""

from __future__ import annotations

import asyncio
import os
import secrets
import shutil
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import pytest
from hypothesis import settings

from tests.suites import is_skip_a_failure

# A busy machine is slow, not wrong. `--hypothesis-profile=quick` is what scripts/check asks for.
settings.register_profile("birdwatch", deadline=None)
settings.register_profile("quick", deadline=None, max_examples=20)
settings.load_profile("birdwatch")

POSTGRES = os.environ.get("BIRDWATCH_TEST_DATABASE", "")


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    """Run asynchronous tests on asyncio: the loop that the database drivers know."""
    return "asyncio"


@pytest.fixture
def database_url(tmp_path: Path, new_archive: str) -> Iterator[str]:
    """The URL of a new archive's database, this test's own: made, migrated and seeded.

    A SQLite file, or, when BIRDWATCH_TEST_DATABASE names a PostgreSQL server, a database on it.
    """
    with fresh_database(tmp_path / "birdwatch.db", like=new_archive) as url:
        yield url


@pytest.fixture
def empty_database_url(tmp_path: Path) -> Iterator[str]:
    """The same where nothing was made yet, for tests of how it is made."""
    with fresh_database(tmp_path / "birdwatch.db") as url:
        yield url


@pytest.fixture(scope="session")
def new_archive(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The database that others are copies of: making one anew takes longer than most tests."""

    # Imported here only: test_suites runs this file where the package is not.
    from birdwatch.storage.db import open_database  # noqa: PLC0415

    async def make(url: str) -> None:
        database = await open_database(url)
        await database.close()

    with fresh_database(tmp_path_factory.mktemp("new") / "birdwatch.db") as url:
        asyncio.run(make(url))
        yield url


@contextmanager
def fresh_database(path: Path, *, like: str = "") -> Iterator[str]:
    """The URL of a database at this path, or on the server: not there yet, or a copy."""
    if not POSTGRES:
        if like:
            shutil.copyfile(like.removeprefix("sqlite://"), path)
        yield f"sqlite://{path}"
        return
    name = f"birdwatch_{secrets.token_hex(6)}"
    template = f'TEMPLATE "{urlsplit(like).path[1:]}"' if like else ""
    _run_sql(f'CREATE DATABASE "{name}" {template}')
    yield urlunsplit(urlsplit(POSTGRES)._replace(path=f"/{name}"))
    _run_sql(f'DROP DATABASE "{name}" WITH (FORCE)')


def _run_sql(statement: str) -> None:
    # Imported here only: without PostgreSQL the driver need not be installed.
    import asyncpg  # noqa: PLC0415

    async def run() -> None:
        connection = await asyncpg.connect(POSTGRES)
        try:
            await connection.execute(statement)
        finally:
            await connection.close()

    asyncio.run(run())


def _fail_if_skipped(report: pytest.TestReport | pytest.CollectReport, path: Path) -> None:
    if report.skipped and not hasattr(report, "wasxfail") and is_skip_a_failure(path):
        why = report.longrepr[2] if isinstance(report.longrepr, tuple) else report.longrepr
        report.outcome = "failed"
        report.longrepr = f"skipped where everything must run: {why}"


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Turn a skipped test into a failed one where everything must run."""
    report = yield
    _fail_if_skipped(report, item.path)
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(
    collector: pytest.Collector,
) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """The same for a whole module that is skipped."""
    report = yield
    _fail_if_skipped(report, collector.path)
    return report
