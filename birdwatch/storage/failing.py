"""What only the operator can mend, or only time: a database that is full, busy, broken or away."""

from __future__ import annotations

import contextlib
import errno
import sqlite3
from collections.abc import Iterator

from tortoise.exceptions import DBConnectionError, OperationalError

from birdwatch.domain.errors import BirdwatchError, UnavailableError
from birdwatch.storage.blobs.faults import full, missing, unwritable

RETRY_AFTER_S = 5
# Of PostgreSQL, by the code of the error or the first two signs of it, which name its class.
AWAY = ("08", "57P")  # the connection, and an operator who stops the server
FULL, IO_FAILED = "53100", "58030"
BUSY = ("40001", "40P01", "53", "55P03", "57014")


@contextlib.contextmanager
def translated() -> Iterator[None]:
    """Turn what a database driver says into what the archive says."""
    try:
        yield
    except BirdwatchError:
        raise
    except Exception as error:
        told = _told(error)
        if told is None:
            raise
        raise told from error


@contextlib.contextmanager
def reached() -> Iterator[None]:
    """As translated(), around what does nothing but reach the database: no socket, no database."""
    with translated():
        try:
            yield
        except OSError as error:
            raise away() from error


def busy() -> UnavailableError:
    """Other writers hold the database longer than anyone should wait."""
    return _again(
        UnavailableError(
            "storage.busy",
            zh="数据库正忙，暂时不能写入。请稍后再试。",
            en="The database is busy and takes no writes at the moment. Try again shortly.",
        )
    )


def away() -> UnavailableError:
    """The server of the database cannot be reached, or broke off."""
    return _again(
        UnavailableError(
            "storage.database_away",
            zh="数据库暂时连接不上。请稍后再试；同一个文件重复发送也只会保存一次。",
            en="The database cannot be reached at the moment. Try again shortly; a file that is"
            " sent twice is kept once.",
        )
    )


def damaged() -> UnavailableError:
    """What was read is no database: its disk gives errors, or the file was harmed."""
    return UnavailableError(
        "storage.database_damaged",
        zh="数据库文件读取出错，暂停服务。请管理员检查磁盘；若仍然出错，请从备份恢复。",
        en="The database cannot be read: its disk or its file is damaged. The administrator should"
        " check the disk and, if it stays so, restore a backup.",
    )


def _again(error: UnavailableError) -> UnavailableError:
    error.retry_after_s = RETRY_AFTER_S
    return error


def _told(error: Exception) -> UnavailableError | None:
    if isinstance(error, DBConnectionError):
        return away()
    if isinstance(error, (OperationalError, sqlite3.Error)):
        return _told_by_sqlite(str(error))
    if type(error).__module__.startswith("asyncpg"):  # which need not be installed
        return _told_by_postgres(error)
    return None


def _told_by_sqlite(reason: str) -> UnavailableError | None:
    if "is full" in reason:
        return full()
    if "locked" in reason or "busy" in reason:
        return busy()
    if "disk I/O" in reason:
        return unwritable(OSError(errno.EIO, reason))
    if "malformed" in reason or "not a database" in reason:  # SQLite says so of a failed read too
        return damaged()
    if "readonly" in reason or "unable to open" in reason:
        return missing()
    return None


def _told_by_postgres(error: Exception) -> UnavailableError | None:
    code = getattr(error, "sqlstate", None)
    if code is None:  # the driver's own: the connection it holds is gone
        return away()
    if code == FULL:
        return full()
    if code == IO_FAILED:
        return unwritable(OSError(errno.EIO, code))
    if code.startswith(BUSY):
        return busy()
    return away() if code.startswith(AWAY) else None
