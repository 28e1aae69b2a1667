"""The SQLite connection of the archive: write transactions that wait for each other.

Tortoise begins a transaction with a deferred BEGIN: where two processes read and then write, one of
them fails at once with "database is locked", whatever the busy timeout is. BEGIN IMMEDIATE waits.
Its transaction context also keeps the connection's lock for ever when the task is cancelled while
BEGIN runs; a reader who closes the browser tab would stop all writing. Ours gives it back.
"""

from __future__ import annotations

import sqlite3
from typing import Any

import anyio
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
            with anyio.CancelScope(shield=True):
                await self.ensure_connection()
                await self.connection.begin()
        except BaseException:
            self._trxlock.release()
            raise
        client: TransactionalDBClient = self.connection
        return client

    async def __aexit__(self, exc_type: Any, exc_val: Any, exc_tb: Any) -> None:
        try:
            with anyio.CancelScope(shield=True):
                await (self.connection.rollback() if exc_type else self.connection.commit())
        finally:
            self._trxlock.release()


class ArchiveSqliteClient(SqliteClient):
    """One connection to the archive's file."""

    def _in_transaction(self) -> TransactionContext:
        return ImmediateTransactionContext(ImmediateTransaction(self), self._lock)


client_class = ArchiveSqliteClient
