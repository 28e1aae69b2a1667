"""The ledger: every change of the archive, in order. Its last number is the dataset version."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from birdwatch.storage.chain import ENTRY_COLUMNS, Break, ChainReport, verify_chain
from birdwatch.storage.columns import Row, clean, from_instant, from_json, to_instant, to_json
from birdwatch.storage.feed import Appended
from birdwatch.storage.sql import Where, insert, marks
from birdwatch.storage.transactions import Source, Write

__all__ = ["Break", "ChainReport", "verify_chain"]

Action = Literal[
    "create",
    "correct",
    "undo",
    "delete",
    "import",
    "edit",
    "review",
    "identify",
    "answer",
    "lift",
    "publish",
]
APPEND = """
    INSERT INTO ledger (version, at, actor_id, actor_name, action, noun, noun_id,
                        before_version, after_version, detail)
    SELECT COALESCE(MAX(version), 0) + 1, {at}, {actor_id}, {actor_name}, {action}, {noun},
           {noun_id}, {before}, {after}, {detail}
    FROM ledger RETURNING version""".format(
    at="CAST($1 AS BIGINT)",
    actor_id="CAST($2 AS TEXT)",
    actor_name="CAST($3 AS TEXT)",
    action="CAST($4 AS TEXT)",
    noun="CAST($5 AS TEXT)",
    noun_id="CAST($6 AS TEXT)",
    before="CAST($7 AS BIGINT)",
    after="CASE WHEN CAST($8 AS BIGINT) < 0 THEN COALESCE(MAX(version), 0) + 1"
    " ELSE CAST($8 AS BIGINT) END",
    detail="CAST($9 AS TEXT)",
)
INSERT = insert("ledger", ENTRY_COLUMNS)
ITSELF = -1  # as `after`: the version this very row gets


@dataclass(frozen=True, slots=True)
class Change:
    """One row of the ledger. `before` and `after` are the versions (`since`) of the noun's rows."""

    version: int
    at: datetime
    actor_id: str | None
    actor_name: str
    action: Action
    noun: str
    noun_id: str
    before: int | None
    after: int | None
    detail: dict[str, object] | None


async def append(
    tx: Write,
    action: Action,
    noun: str,
    noun_id: str,
    *,
    before: int | None = None,
    after: int | None = None,
    detail: dict[str, object] | None = None,
) -> int:
    """Write down one change, and give its number: the version of the rows it writes."""
    await tx.lock()
    rows = await tx.rows(
        APPEND, to_instant(tx.now), tx.actor.person_id, clean(tx.actor.name), action, noun,
        noun_id, before, after, None if detail is None else to_json(detail),
    )  # fmt: skip
    version = int(rows[0]["version"])
    tx.appended.append(Appended(version, to_instant(tx.now), action, noun, noun_id))
    tx.named.add(noun)
    return version


@dataclass(frozen=True, slots=True)
class Entry:
    """A change to be appended, as the arguments of `append` tell it."""

    action: Action
    noun: str
    noun_id: str
    before: int | None = None
    after: int | None = None
    detail: dict[str, object] | None = None


async def append_all(tx: Write, entries: Sequence[Entry]) -> list[int]:
    """Write down many changes in this order, and give their numbers."""
    if not entries:
        return []
    await tx.lock()
    first = await latest(tx) + 1
    at = to_instant(tx.now)
    rows: list[tuple[object, ...]] = []
    for version, one in enumerate(entries, first):
        after = version if one.after == ITSELF else one.after
        detail = None if one.detail is None else to_json(one.detail)
        rows.append((
            version, at, tx.actor.person_id, clean(tx.actor.name), one.action, one.noun,
            one.noun_id, one.before, after, detail,
        ))  # fmt: skip
        tx.appended.append(Appended(version, at, one.action, one.noun, one.noun_id))
        tx.named.add(one.noun)
    await tx.run_many(INSERT, rows)
    return list(range(first, first + len(entries)))


async def latest(db: Source) -> int:
    """The dataset version as this reader sees it."""
    rows = await db.rows("SELECT COALESCE(MAX(version), 0) AS version FROM ledger")
    return int(rows[0]["version"])


async def changes(db: Source, since: int = 0, limit: int = 500) -> list[Change]:
    """Changes after this version, in order."""
    rows = await db.rows(
        "SELECT * FROM ledger WHERE version > $1 ORDER BY version LIMIT $2", since, limit
    )
    return [_change_of(row) for row in rows]


async def find_change(db: Source, version: int) -> Change | None:
    """The change of this number, or None."""
    rows = await db.rows("SELECT * FROM ledger WHERE version = $1", version)
    return _change_of(rows[0]) if rows else None


async def find_changes(db: Source, versions: Sequence[int]) -> dict[int, Change]:
    """The changes of some hundred numbers, by these; those that there are not are left out."""
    if not versions:
        return {}
    rows = await db.rows(
        f"SELECT * FROM ledger WHERE version IN ({marks(len(versions))})", *versions
    )
    return {row["version"]: _change_of(row) for row in rows}


async def changes_of(db: Source, noun: str, noun_id: str) -> list[Change]:
    """Every change of one thing, in order."""
    return (await changes_of_all(db, noun, [noun_id]))[noun_id]


async def changes_of_all(db: Source, noun: str, noun_ids: Sequence[str]) -> dict[str, list[Change]]:
    """Every change of each of some hundred things, in order."""
    found: dict[str, list[Change]] = {noun_id: [] for noun_id in noun_ids}
    if not found:
        return found
    where = Where()
    where.equal("noun", noun)
    listed = ", ".join(where.value(noun_id) for noun_id in found)
    rows = await db.rows(
        f"SELECT * FROM ledger WHERE {where.sql} AND noun_id IN ({listed}) ORDER BY version",
        *where.values,
    )
    for row in rows:
        found[row["noun_id"]].append(_change_of(row))
    return found


def _change_of(row: Row) -> Change:
    return Change(
        version=row["version"],
        at=from_instant(row["at"]),
        actor_id=row["actor_id"],
        actor_name=row["actor_name"],
        action=row["action"],
        noun=row["noun"],
        noun_id=row["noun_id"],
        before=row["before_version"],
        after=row["after_version"],
        detail=from_json(row["detail"]),
    )
