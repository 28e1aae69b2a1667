"""Fixtures of every suite: the event loop, and a fresh database for each test."""

from __future__ import annotations

import asyncio
import os
import secrets
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
def database_url(tmp_path: Path) -> Iterator[str]:
    """The URL of an empty database of this test's own.

    A SQLite file, or, when BIRDWATCH_TEST_DATABASE names a PostgreSQL server, a new database on it.
    """
    with fresh_database(tmp_path / "birdwatch.db") as url:
        yield url


@contextmanager
def fresh_database(path: Path) -> Iterator[str]:
    """The URL of a database that is not there yet: at this path, or a new one on the server."""
    if not POSTGRES:
        yield f"sqlite://{path}"
        return
    name = f"birdwatch_{secrets.token_hex(6)}"
    _run_sql(f'CREATE DATABASE "{name}"')
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
