"""Opening the database of the archive: created, migrated and seeded when it is new."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from tortoise.context import TortoiseContext

from birdwatch.domain.errors import UnavailableError
from birdwatch.domain.policy import SYSTEM
from birdwatch.storage import seeds
from birdwatch.storage.catching_up import catch_up
from birdwatch.storage.chain import is_sealed, seal
from birdwatch.storage.migrations import migrate
from birdwatch.storage.transactions import Database, Probe, Source, Write, active

__all__ = ["Database", "Source", "Write", "open_database"]
BUSY_TIMEOUT_MS = 60_000  # longer than the largest import holds the write lock
MODELS = ["birdwatch.storage.models"]


async def open_database(url: str, *, global_fallback: bool = False) -> Database:
    """Open, create, migrate and seed the database at this URL.

    `sqlite:///absolute/path.db`, `sqlite://relative.db` or `postgres://user:password@host/name`.
    """
    dialect, connections = connections_of(url)
    context = TortoiseContext()
    with active(context):
        await context.init(
            config=_config(dialect, connections), _enable_global_fallback=global_fallback
        )
        writer = context.db(f"{dialect}_writer")
        await migrate(writer, dialect)
        reader = context.db(f"{dialect}_reader") if dialect == "sqlite" else writer
    probe = Probe(sqlite_path(url)) if dialect == "sqlite" else None
    database = Database(dialect, reader, writer, probe, context)
    await _seed(database)
    await _seal(database)
    await catch_up(database)
    return database


async def make_schema(url: str, steps: Collection[str]) -> None:
    """Bring the database at this URL to the schema of these migrations, empty and unseeded."""
    dialect, connections = connections_of(url)
    context = TortoiseContext()
    with active(context):
        await context.init(config=_config(dialect, connections))
        try:
            await migrate(context.db(f"{dialect}_writer"), dialect, steps)
        finally:
            await context.close_connections()


def _config(dialect: str, connections: dict[str, Any]) -> dict[str, Any]:
    return {
        "connections": connections,
        "apps": {"models": {"models": MODELS, "default_connection": f"{dialect}_writer"}},
        "use_tz": True,
        "timezone": "UTC",
    }


async def _seed(database: Database) -> None:
    if await database.rows("SELECT name FROM archive WHERE name = 'seeded'"):
        return
    async with database.write(SYSTEM, seeds.SEEDED_AT) as tx:
        await tx.lock()
        if not await tx.rows("SELECT name FROM archive WHERE name = 'seeded'"):
            await seeds.plant(tx)
            await tx.run("INSERT INTO archive (name, value) VALUES ('seeded', 'yes')")


async def _seal(database: Database) -> None:
    """Chain what is older than the chain, or was written by a process that knows none."""
    if await is_sealed(database):
        return
    async with database.write(SYSTEM, seeds.SEEDED_AT) as tx:
        await tx.lock()
        await seal(tx)


def sqlite_path(url: str) -> Path:
    return Path(unquote(url.removeprefix("sqlite://").split("?")[0]))


def connections_of(url: str) -> tuple[str, dict[str, Any]]:
    """The dialect and Tortoise's connections. Names differ by dialect: its caches are by name."""
    scheme = urlsplit(url).scheme
    if scheme == "sqlite":
        return "sqlite", _sqlite_connections(sqlite_path(url))
    if scheme in ("postgres", "postgresql", "asyncpg"):
        return "postgres", {"postgres_writer": "asyncpg" + url.removeprefix(scheme)}
    raise UnavailableError(
        "storage.url",
        zh="数据库地址须以 sqlite:// 或 postgres:// 开头。",
        en="The address of the database must begin with sqlite:// or postgres://.",
    )


def _sqlite_connections(path: Path) -> dict[str, Any]:
    path.parent.mkdir(parents=True, exist_ok=True)
    engine = "birdwatch.storage.sqlite_engine"
    shared = {"file_path": str(path), "busy_timeout": BUSY_TIMEOUT_MS, "synchronous": "FULL"}
    # The sorter of a large import may fill as much again as the cache: 16 MiB keeps memory flat.
    writing = {**shared, "cache_size": -16384}
    reading = {**shared, "query_only": "ON", "cache_size": -65536, "mmap_size": 268435456}
    return {
        "sqlite_writer": {"engine": engine, "credentials": writing},
        "sqlite_reader": {"engine": engine, "credentials": reading},
    }
