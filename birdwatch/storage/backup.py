"""The rows of an archive as files: as of one moment, while others read and write, and back again.

SQLite hands out its pages through its own backup call. PostgreSQL copies table by table within one
transaction that sees one moment; pg_dump would do the same, but only where its version is not
older than the server's, and it need not be installed. Either is read back by the same program or a
newer one: what it lacks of the schema is then added by migrations, as for any older archive.
"""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import urlsplit

import anyio.to_thread

from birdwatch.domain.errors import UnavailableError
from birdwatch.storage.db import connections_of, sqlite_path
from birdwatch.storage.inspection import COLUMNS, KeptPhoto, kept_of
from birdwatch.storage.inspection_uploads import LOST

DATABASE_FILE = "birdwatch.db"
PAGES_AT_ONCE = 2048
PHOTOS = f"SELECT {COLUMNS} FROM photo WHERE id > {{0}} ORDER BY id LIMIT {{1}}"
TABLES = """
    SELECT c.relname AS name FROM pg_class c WHERE c.relkind = 'r'
    AND c.relnamespace = CAST(current_schema() AS regnamespace) ORDER BY c.oid"""
TABLE_COLUMNS = """
    SELECT a.attname AS name FROM pg_attribute a WHERE a.attrelid = CAST($1 AS regclass)
    AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum"""
END_UPLOADS = """
    UPDATE upload SET state = 'refused', error_code = $1, error_zh = $2, error_en = $3
    WHERE state = 'open'"""
Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Moment:
    """What a snapshot says of itself. `home`: the name of the archive's folder."""

    dialect: str
    home: str
    version: int
    photos: int
    migrations: tuple[str, ...]


class Snapshot(Protocol):
    """The rows as of one moment, already written to files, and still open to questions."""

    @property
    def moment(self) -> Moment: ...

    async def photos(self, after: str, limit: int) -> list[KeptPhoto]: ...


@asynccontextmanager
async def take_snapshot(url: str, folder: Path, progress: Progress) -> AsyncIterator[Snapshot]:
    """Write the database at this URL into the folder; `progress` hears steps done and their number."""
    if dialect_of(url) == "sqlite":
        path = folder / DATABASE_FILE
        await anyio.to_thread.run_sync(_copy_pages, sqlite_path(url), path, progress)
        yield _SqliteSnapshot(path, await anyio.to_thread.run_sync(_moment_in, path))
        return
    async with (
        _postgres(url) as connection,
        connection.transaction(isolation="repeatable_read", readonly=True),
    ):
        await _copy_tables(connection, folder, progress)
        yield _PostgresSnapshot(connection, await _moment_of(connection))


def dialect_of(url: str) -> str:
    """The kind of database at this URL: sqlite or postgres."""
    return "sqlite" if urlsplit(url).scheme == "sqlite" else "postgres"


@dataclass(frozen=True, slots=True)
class _SqliteSnapshot:
    path: Path
    moment: Moment

    async def photos(self, after: str, limit: int) -> list[KeptPhoto]:
        def read() -> list[KeptPhoto]:
            with reading(self.path) as connection:
                rows = connection.execute(PHOTOS.format("?", "?"), (after, limit)).fetchall()
            return [kept_of(dict(row)) for row in rows]

        return await anyio.to_thread.run_sync(read)


@dataclass(frozen=True, slots=True)
class _PostgresSnapshot:
    connection: Any
    moment: Moment

    async def photos(self, after: str, limit: int) -> list[KeptPhoto]:
        rows = await self.connection.fetch(PHOTOS.format("$1", "$2"), after, limit)
        return [kept_of(dict(row)) for row in rows]


@contextlib.contextmanager
def reading(path: Path) -> Any:
    """A SQLite file that nobody writes, which is not touched by looking at it."""
    uri = f"{path.resolve().as_uri()}?mode=ro&immutable=1"
    with contextlib.closing(sqlite3.connect(uri, uri=True)) as connection:
        connection.row_factory = sqlite3.Row
        yield connection


def _copy_pages(source: Path, target: Path, progress: Progress) -> None:
    """Pages of one read transaction: others may write meanwhile, and the copy is never begun anew."""

    def told(_status: int, remaining: int, total: int) -> None:
        progress(total - remaining, total)

    with contextlib.closing(sqlite3.connect(source, isolation_level=None)) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT MAX(version) FROM ledger").fetchone()
        with contextlib.closing(sqlite3.connect(target)) as writer:
            reader.backup(writer, pages=PAGES_AT_ONCE, progress=told)
        reader.execute("COMMIT")


MOMENT = {
    "home": "SELECT value AS found FROM archive WHERE name = 'home'",
    "version": "SELECT COALESCE(MAX(version), 0) AS found FROM ledger",
    "photos": "SELECT COUNT(*) AS found FROM photo",
    "migrations": "SELECT name AS found FROM migration ORDER BY name",
}


def _moment_in(path: Path) -> Moment:
    with reading(path) as connection:
        found = {name: [r["found"] for r in connection.execute(q)] for name, q in MOMENT.items()}
    return _moment("sqlite", found)


async def _moment_of(connection: Any) -> Moment:
    found = {name: [r["found"] for r in await connection.fetch(q)] for name, q in MOMENT.items()}
    return _moment("postgres", found)


def _moment(dialect: str, found: dict[str, list[Any]]) -> Moment:
    return Moment(
        dialect=dialect,
        home=found["home"][0],
        version=found["version"][0],
        photos=found["photos"][0],
        migrations=tuple(found["migrations"]),
    )


async def _copy_tables(connection: Any, folder: Path, progress: Progress) -> None:
    names = [row["name"] for row in await connection.fetch(TABLES)]
    for done, name in enumerate(names):
        progress(done, len(names))
        columns = await _columns_of(connection, name)
        head = (",".join(columns) + "\n").encode()
        async with await anyio.open_file(folder / f"{done:03}.{name}.copy", "wb") as file:
            await file.write(head)
            await connection.copy_from_table(name, columns=columns, output=file.write)
    progress(len(names), len(names))


async def _columns_of(connection: Any, table: str) -> list[str]:
    return [row["name"] for row in await connection.fetch(TABLE_COLUMNS, f'"{table}"')]


async def is_empty(url: str) -> bool:
    """Whether there is no archive at this URL yet."""
    if dialect_of(url) == "sqlite":
        return not await anyio.Path(sqlite_path(url)).exists()
    async with _postgres(url) as connection:
        if await connection.fetchval("SELECT to_regclass('ledger')") is None:
            return True
        return not await connection.fetchval("SELECT EXISTS (SELECT 1 FROM ledger)")


async def loaded_moment(url: str) -> Moment:
    """What the PostgreSQL database at this URL says of itself."""
    async with _postgres(url) as connection:
        return await _moment_of(connection)


async def load_tables(url: str, files: Sequence[Path], progress: Progress) -> None:
    """Fill the tables of a PostgreSQL database whose schema is there: all of them, or none."""
    async with _postgres(url) as connection, connection.transaction():
        names = [path.name.split(".")[1] for path in files]
        listed = ", ".join(f'"{name}"' for name in names)
        await connection.execute(f"TRUNCATE {listed}")
        for done, (name, path) in enumerate(zip(names, files, strict=True)):
            progress(done, len(files))
            await _load_table(connection, name, path)
        progress(len(files), len(files))


async def end_uploads(url: str) -> None:
    """What was under way is in no backup: its senders are told to send it anew."""
    told = ("upload.lost", LOST.zh, LOST.en)
    if dialect_of(url) == "sqlite":
        await anyio.to_thread.run_sync(_end_uploads, sqlite_path(url), told)
        return
    async with _postgres(url) as connection:
        if await connection.fetchval("SELECT to_regclass('upload')") is not None:
            await connection.execute(END_UPLOADS, *told)


def _end_uploads(path: Path, told: tuple[str, ...]) -> None:
    with contextlib.closing(sqlite3.connect(path)) as connection, connection:
        if connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'upload'").fetchone():
            connection.execute(END_UPLOADS, dict(zip("123", told, strict=True)))


async def _load_table(connection: Any, name: str, path: Path) -> None:
    async with await anyio.open_file(path, "rb") as file:
        head = (await file.readline()).decode().strip()

        async def rest() -> AsyncIterator[bytes]:
            while data := await file.read(1024 * 1024):
                yield data

        await connection.copy_to_table(name, columns=head.split(","), source=rest())


@asynccontextmanager
async def _postgres(url: str) -> AsyncIterator[Any]:
    # Imported here only: without PostgreSQL the driver need not be installed.
    import asyncpg  # noqa: PLC0415

    connections_of(url)  # refuses what is no address of a database
    scheme = urlsplit(url).scheme
    try:
        connection = await asyncpg.connect("postgres" + url.removeprefix(scheme))
    except (OSError, asyncpg.PostgresError) as error:
        raise UnavailableError(
            "storage.away",
            zh="数据库连接不上。请检查 BIRDWATCH_DATABASE，以及数据库是否在运行。",
            en="The database cannot be reached. Check BIRDWATCH_DATABASE, and that it runs.",
        ) from error
    try:
        yield connection
    finally:
        await connection.close()
