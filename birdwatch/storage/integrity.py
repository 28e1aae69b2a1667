"""Whether a SQLite file is sound, page by page, asked on a connection of its own."""

from __future__ import annotations

import contextlib
import sqlite3
from urllib.parse import urlsplit

from birdwatch.storage.db import sqlite_path

MOST_FINDINGS = 20


def broken_pages(url: str) -> list[str]:
    """What SQLite finds wrong with its file; nothing for PostgreSQL, which checks its own pages."""
    if urlsplit(url).scheme != "sqlite":
        return []
    connection = sqlite3.connect(sqlite_path(url))
    try:
        with contextlib.closing(connection):
            rows = connection.execute(f"PRAGMA integrity_check({MOST_FINDINGS})").fetchall()
    except sqlite3.DatabaseError as error:
        return [str(error)]
    return [str(row[0]) for row in rows if row[0] != "ok"]
