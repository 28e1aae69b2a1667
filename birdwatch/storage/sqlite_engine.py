"""The SQLite connection of the archive: write transactions that wait for each other.

Tortoise begins a transaction with a deferred BEGIN: where two processes read and then write, one of
them fails at once with "database is locked", whatever the busy timeout is. BEGIN IMMEDIATE waits.
Its transaction context also keeps the connection's lock for ever when the task is cancelled while
BEGIN runs; a reader who closes the browser tab would stop all writing. Ours gives it back.
"""

from __future__ import annotations

import sqlite3
from types import TracebackType

from anyio import CancelScope
from tortoise.backends.base.client import TransactionalDBClient, TransactionContext
from tortoise.backends.sqlite.client import (
    SqliteClient,
    SqliteTransactionContext,
    SqliteTransactionWrapper,
)
from tortoise.exceptions import OperationalError


class ImmediateTransaction(SqliteTransactionWrapper):
    """A transaction that takes the write lock when it begins."""

    async def begin(self) -> None:
        try:
            await self._connection.execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError as error:
            raise OperationalError(error) from error


class ImmediateTransactionContext(SqliteTransactionContext):
    """Enters and leaves whole, whenever the task is cancelled."""

    async def __aenter__(self) -> TransactionalDBClient:
        await self._trxlock.acquire()
        try:
            await self.ensure_connection()
            await self.connection.begin()
        except BaseException:
            await self._give_up()
            raise
        client: TransactionalDBClient = self.connection
        return client

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc_val: BaseException | None,
        exc_tb: TracebackType | None,
    ) -> None:
        if exc_type is None:
            try:
                await self.connection.commit()
            except sqlite3.OperationalError as error:  # the disk is full, for one
                await self._give_up()
                raise OperationalError(error) from error
            except BaseException:
                await self._give_up()
                raise
            self._trxlock.release()
        else:
            await self._give_up()

    async def _give_up(self) -> None:
        """Roll back whatever had begun, and let the next writer in."""
        try:
            with CancelScope(shield=True):
                if self.connection._connection:  # noqa: SLF001 (our own transaction's)
                    await self.connection._connection.rollback()  # noqa: SLF001
        finally:
            self._trxlock.release()


class ArchiveSqliteClient(SqliteClient):
    """One connection to the archive's file."""

    def _in_transaction(self) -> TransactionContext:
        return ImmediateTransactionContext(ImmediateTransaction(self), self._lock)


client_class = ArchiveSqliteClient
