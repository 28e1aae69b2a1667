"""The schema as an append-only list of reviewed SQL, applied under a lock.

Tortoise's own migration tool rebuilds SQLite tables with foreign keys on, which deletes child rows
and drops indexes; plain statements, one transaction for each step, do exactly what they say.
Rules: never edit a released step; add one. A step only adds (columns are nullable or have a
default), so that an older process beside a newer one keeps working.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from tortoise.backends.base.client import BaseDBAsyncClient

from birdwatch.storage.migrations import (
    m0001_archive,
    m0002_publication,
    m0003_people,
    m0004_requests,
    m0005_chain,
    m0006_uploads,
    m0007_jobs,
    m0008_clocks,
    m0009_field,
    m0010_quarantine,
    m0011_drafts,
    m0012_bursts,
)

LOCK_KEY = 7_224_091  # advisory lock of schema changes on PostgreSQL
TYPES = {
    "sqlite": {"key": "INTEGER PRIMARY KEY", "text": "TEXT", "float": "REAL",
        "clustered": " WITHOUT ROWID",
    },
    "postgres": {
        "key": "BIGINT PRIMARY KEY", "text": 'TEXT COLLATE "C"', "float": "DOUBLE PRECISION",
        "clustered": "",
    },
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Migration:
    """One step of the schema, in both dialects."""

    name: str
    sqlite: tuple[str, ...]
    postgres: tuple[str, ...]

    def statements(self, dialect: str) -> list[str]:
        chosen = self.sqlite if dialect == "sqlite" else self.postgres
        return [statement.format(**TYPES[dialect]) for statement in chosen]


MIGRATIONS = (
    Migration("0001_archive", m0001_archive.SQLITE, m0001_archive.POSTGRES),
    Migration("0002_publication", m0002_publication.BOTH, m0002_publication.BOTH),
    Migration("0003_people", m0003_people.SQLITE, m0003_people.POSTGRES),
    Migration("0004_requests", m0004_requests.SQLITE, m0004_requests.POSTGRES),
    Migration("0005_chain", m0005_chain.SQLITE, m0005_chain.POSTGRES),
    Migration("0006_uploads", m0006_uploads.BOTH, m0006_uploads.BOTH),
    Migration("0007_jobs", m0007_jobs.BOTH, m0007_jobs.BOTH),
    Migration("0008_clocks", m0008_clocks.BOTH, m0008_clocks.BOTH),
    Migration("0009_field", m0009_field.BOTH, m0009_field.BOTH),
    Migration("0010_quarantine", m0010_quarantine.BOTH, m0010_quarantine.BOTH),
    Migration("0011_drafts", m0011_drafts.BOTH, m0011_drafts.BOTH),
    Migration("0012_bursts", m0012_bursts.BOTH, m0012_bursts.BOTH),
)


async def migrate(
    client: BaseDBAsyncClient, dialect: str, only: Collection[str] | None = None
) -> list[str]:
    """Apply what is missing and name it; `only`: of these. Safe when several processes start."""
    wanted = [step for step in MIGRATIONS if only is None or step.name in only]
    return [step.name for step in wanted if await _apply(client, dialect, step)]


async def _apply(client: BaseDBAsyncClient, dialect: str, migration: Migration) -> bool:
    async with client._in_transaction() as step:  # noqa: SLF001
        if dialect == "postgres":
            await step.execute_query_dict("SELECT pg_advisory_xact_lock($1)", [LOCK_KEY])
        await step.execute_query("CREATE TABLE IF NOT EXISTS migration (name TEXT PRIMARY KEY)")
        found = await step.execute_query_dict(
            "SELECT name FROM migration WHERE name = $1", [migration.name]
        )
        if found:
            return False
        for statement in migration.statements(dialect):
            await step.execute_query(statement)
        await step.execute_query("INSERT INTO migration (name) VALUES ($1)", [migration.name])
        return True
