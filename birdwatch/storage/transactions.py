"""Reading, and the one way to write.

On SQLite a second, read-only connection serves the readers, so that a write never blocks them, and
a third, synchronous one tells in microseconds whether anything was committed by any process. On
PostgreSQL a pool does the first, and writers of published data queue at one advisory lock, so that
versions commit in order.
"""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path
from typing import Any, TypeVar, cast

from anyio import CancelScope
from tortoise import context as tortoise_context
from tortoise.backends.base.client import BaseDBAsyncClient
from tortoise.context import TortoiseContext

from birdwatch.domain.policy import Actor
from birdwatch.storage.chain import seal
from birdwatch.storage.columns import Row
from birdwatch.storage.failing import reached, translated
from birdwatch.storage.feed import Appended, follow

T = TypeVar("T")
ATTEMPTS = 3  # of a reading, where writes keep coming between
WRITERS_LOCK = 7_224_092  # advisory lock of the ledger on PostgreSQL
LATEST = "SELECT COALESCE(MAX(version), 0) AS version FROM ledger"
LATEST_OF_NOUN = "SELECT COALESCE(MAX(version), 0) AS version FROM ledger WHERE noun = $1"


class Probe:
    """Tells whether a SQLite file changed, without a thread: one pragma on a connection of its own."""

    def __init__(self, path: Path) -> None:
        self._connection = sqlite3.connect(path, isolation_level=None)
        self._connection.execute("PRAGMA query_only=ON")
        self._seen: int | None = None
        self._version = 0

    def version(self) -> int:
        seen = self._connection.execute("PRAGMA data_version").fetchone()[0]
        if seen != self._seen:
            self._version = self._connection.execute(LATEST).fetchone()[0]
            self._seen = seen
        return self._version

    def close(self) -> None:
        self._connection.close()


@contextlib.contextmanager
def active(context: TortoiseContext) -> Iterator[None]:
    """Make this context Tortoise's current one.

    Its own `with` keeps the token on the context, where two tasks would overwrite each other's.
    """
    token = tortoise_context._current_context.set(context)  # noqa: SLF001
    try:
        yield
    finally:
        tortoise_context._current_context.reset(token)  # noqa: SLF001


@dataclass(slots=True)
class Write:
    """One write transaction: who writes, at what time. Everything in it commits, or nothing."""

    database: Database
    client: BaseDBAsyncClient
    actor: Actor
    now: datetime
    is_locked: bool = False
    appended: list[Appended] = field(default_factory=list)  # to the ledger
    named: set[str] = field(default_factory=set)  # the nouns of these
    kept: dict[str, object] = field(default_factory=dict)  # small tables that nobody can change now
    recount: set[tuple[str, date]] | None = None  # sites and days; None: each at once

    async def rows(self, sql: str, *values: object) -> list[Row]:
        found: list[Row] = await self.client.execute_query_dict(sql, list(values))
        return found

    async def run(self, sql: str, *values: object) -> None:
        await self.client.execute_query(sql, list(values))

    async def run_many(self, sql: str, values: Sequence[Sequence[object]]) -> None:
        if values:
            await self.client.execute_many(sql, [list(row) for row in values])

    async def finish(self) -> None:
        """Seal what was appended to the ledger, and tell those who follow."""
        if self.appended:
            await seal(self)
            await follow(self, self.appended)

    async def lock(self) -> None:
        """Wait for other writers of published data, so that what is read now cannot change."""
        if not self.is_locked and self.database.dialect == "postgres":
            await self.rows("SELECT pg_advisory_xact_lock($1)", WRITERS_LOCK)
        self.is_locked = True


@dataclass(slots=True)
class Database:
    """An open archive database. Reading functions of storage take this, or a Write."""

    dialect: str
    client: BaseDBAsyncClient  # reads
    writer: BaseDBAsyncClient
    probe: Probe | None
    context: TortoiseContext
    kept: dict[str, Kept] = field(default_factory=dict)  # small tables, by noun

    @property
    def database(self) -> Database:
        return self

    async def rows(self, sql: str, *values: object) -> list[Row]:
        with reached():
            found: list[Row] = await self.client.execute_query_dict(sql, list(values))
        return found

    @contextlib.contextmanager
    def activate(self) -> Iterator[None]:
        """Make Tortoise's models work in this task."""
        with active(self.context):
            yield

    @contextlib.asynccontextmanager
    async def write(self, actor: Actor, now: datetime) -> AsyncIterator[Write]:
        """A write transaction: the body commits whole or not at all.

        Raises UnavailableError where other writers hold on too long, or the disk is full.
        """
        transaction = self.writer._in_transaction()  # noqa: SLF001 (the connection's own context)
        with self.activate(), translated():
            # Entering and leaving are shielded: half of either would keep the connection for ever.
            with CancelScope(shield=True), reached():
                client: Any = await self._enter(transaction)
            try:
                write = Write(self, client, actor, now)
                yield write
                await write.finish()
            except BaseException as error:
                with CancelScope(shield=True), reached():
                    await transaction.__aexit__(type(error), error, error.__traceback__)
                raise
            with CancelScope(shield=True), reached():
                await transaction.__aexit__(None, None, None)

    async def _enter(self, transaction: Any) -> Any:
        """Begin. Of a pool, Tortoise would keep the connection for ever where BEGIN fails."""
        try:
            return await transaction.__aenter__()
        except BaseException as error:
            if self.dialect == "postgres" and transaction.client._connection is not None:  # noqa: SLF001
                with contextlib.suppress(Exception):  # nothing can be rolled back there
                    await transaction.__aexit__(type(error), error, error.__traceback__)
            raise

    def cached_version(self) -> int | None:
        """The dataset version where it can be told at once, None where only a query can."""
        return self.probe.version() if self.probe else None

    async def dataset_version(self) -> int:
        """The number of the last change of the archive; 0 when there is none."""
        if self.probe:
            with translated():
                return self.probe.version()
        return int((await self.rows(LATEST))[0]["version"])

    async def at_one_version(self, make: Callable[[int], Awaitable[T]]) -> T:
        """What `make(version)` gives while no write comes between, so that what it reads is that."""
        for _ in range(ATTEMPTS):
            version = await self.dataset_version()
            made = await make(version)
            if await self.dataset_version() == version:
                break
        return made

    async def close(self) -> None:
        if self.probe:
            self.probe.close()
        with self.activate():
            await self.context.close_connections()


Source = Database | Write


@dataclass(frozen=True, slots=True)
class Kept:
    """A small table in memory: as of `noun_version`, last looked at in `checked`."""

    checked: int
    noun_version: int
    value: object


async def keep(db: Source, noun: str, load: Callable[[Source], Awaitable[T]]) -> T:
    """What `load` gives, read again only when the ledger names this noun anew.

    A write that changes the table names it first, so from then on it reads its own rows; what it
    reads is not kept, since it may still be undone. With the lock, and until it names the table
    itself, it need not ask again.
    """
    kept: Any = db.database.kept.get(noun)
    found: T
    if isinstance(db, Write):
        if noun in db.kept and noun not in db.named:
            found = cast("T", db.kept[noun])
            return found
        noun_version = (await db.rows(LATEST_OF_NOUN, noun))[0]["version"]
        if kept and kept.noun_version == noun_version:
            found = kept.value
        else:
            found = await load(db)
        if db.is_locked and noun not in db.named:
            db.kept[noun] = found
        return found
    version = await db.dataset_version()
    if kept and kept.checked == version:
        found = kept.value
        return found
    noun_version = (await db.rows(LATEST_OF_NOUN, noun))[0]["version"]
    found = kept.value if kept and kept.noun_version == noun_version else await load(db)
    db.kept[noun] = Kept(version, noun_version, found)
    return found
