"""What mirrors follow: for each thing that everyone may see, or could, its last change.

A row stands for a photo, survey, or table of the archive from when it was first public. What is
hidden later (withdrawn, held back, embargoed, protected) becomes a tombstone at the version that
hid it; what never was public is never here, so that nothing tells that it exists. Kept up to date
when a transaction ends, because levels and embargoes change rows in place.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from typing import Literal, Protocol

from birdwatch.domain.paging import Page, decode_cursor, encode_cursor
from birdwatch.domain.policy import PUBLIC
from birdwatch.storage.columns import Row, from_instant
from birdwatch.storage.sql import Where
from birdwatch.storage.visibility import visible, visible_beside

Noun = Literal["photo", "survey", "species", "site", "window"]
VISIBLE = {
    "photo": f"photo_fact f WHERE f.until IS NULL AND {visible_beside(PUBLIC, 'f')}",
    "survey": f"survey f WHERE f.until IS NULL AND {visible(PUBLIC, 'f')}",
}
TABLES_OF_ALL = ("species", "site", "window")  # everyone may read these
MOVES_OTHERS = ("sensitivity", "species")  # a change of these may show or hide any record
SHOW = """
    INSERT INTO feed (version, at, first_version, is_gone, noun, noun_id)
    SELECT CAST($1 AS BIGINT), CAST($2 AS BIGINT), CAST($1 AS BIGINT), FALSE, {noun}, {id}
    {source} ON CONFLICT (noun, noun_id) DO UPDATE
    SET version = excluded.version, at = excluded.at, is_gone = FALSE"""
HIDE = """
    UPDATE feed SET version = CAST($1 AS BIGINT), at = CAST($2 AS BIGINT), is_gone = TRUE
    WHERE noun = '{noun}' AND NOT is_gone AND {which}
        AND NOT EXISTS (SELECT 1 FROM {visible} AND f.id = feed.noun_id)"""


@dataclass(frozen=True, slots=True)
class Appended:
    """One entry that a transaction appended to the ledger."""

    version: int
    at: int
    action: str
    noun: str
    noun_id: str


@dataclass(frozen=True, slots=True)
class PublicChange:
    """The last public change of one thing. `is_gone`: it is no longer to be seen."""

    version: int
    at: datetime
    action: Literal["create", "edit", "delete"]
    noun: Noun
    noun_id: str
    is_gone: bool


class Transaction(Protocol):
    """What this needs of a write."""

    async def run(self, sql: str, *values: object) -> None: ...

    async def run_many(self, sql: str, values: Sequence[Sequence[object]]) -> None: ...


class Rows(Protocol):
    """What this needs to read."""

    async def rows(self, sql: str, *values: object) -> list[Row]: ...


async def follow(tx: Transaction, entries: Sequence[Appended]) -> None:
    """Take these entries of the ledger into the feed, as their rows are now."""
    for is_record, some in groupby(entries, key=_is_record):
        if is_record:
            await _follow_records(tx, list(some))
        else:
            for entry in some:
                await _follow_other(tx, entry)


def _is_record(entry: Appended) -> bool:
    """Whether this tells of one photo or survey."""
    return entry.noun in VISIBLE and entry.action != "import"


async def _follow_records(tx: Transaction, entries: Sequence[Appended]) -> None:
    """Two statements for all of a noun: whether each is seen is the same at every one of them."""
    for noun, open_rows in VISIBLE.items():
        values = [(one.version, one.at, one.noun_id) for one in entries if one.noun == noun]
        source = f"FROM {open_rows} AND f.id = $3"
        await tx.run_many(SHOW.format(noun=f"'{noun}'", id="f.id", source=source), values)
        await tx.run_many(HIDE.format(noun=noun, which="noun_id = $3", visible=open_rows), values)


async def _follow_other(tx: Transaction, entry: Appended) -> None:
    moment = (entry.version, entry.at)
    if entry.noun in VISIBLE:
        await _show(tx, entry.noun, "f.since = $1", *moment)
    elif entry.noun == "sighting":  # decided on by itself: part of its survey
        of_survey = "f.id = (SELECT survey_id FROM sighting WHERE id = $3 AND until IS NULL)"
        await _show(tx, "survey", of_survey, *moment, entry.noun_id)
    elif entry.noun in TABLES_OF_ALL:
        await tx.run(
            SHOW.format(noun="CAST($3 AS TEXT)", id="CAST($4 AS TEXT)", source="WHERE TRUE"),
            *moment, entry.noun, entry.noun_id,
        )  # fmt: skip
    if entry.noun in MOVES_OTHERS:
        for noun, visible in VISIBLE.items():
            await tx.run(HIDE.format(noun=noun, which="TRUE", visible=visible), *moment)
            shown = f"NOT EXISTS (SELECT 1 FROM feed o WHERE o.noun = '{noun}'"
            await _show(tx, noun, f"{shown} AND o.noun_id = f.id AND NOT o.is_gone)", *moment)


async def _show(tx: Transaction, noun: str, which: str, *values: object) -> None:
    source = f"FROM {VISIBLE[noun]} AND {which}"
    await tx.run(SHOW.format(noun=f"'{noun}'", id="f.id", source=source), *values)


async def public_changes(
    db: Rows, *, since: int, limit: int, cursor: str | None = None
) -> Page[PublicChange]:
    """What changed for everyone after this version, in order, each thing once.

    Raises MalformedError for a bad cursor.
    """
    where = Where()
    where.add("c.version > {}", since)
    if cursor is not None:
        version, noun, noun_id = decode_cursor(cursor, int, str, str)
        last = (version or 0, noun or "", noun_id or "")
        where.after(("c.version", "c.noun", "c.noun_id"), last, falls=False)
    seen = " OR ".join(
        f"(c.noun = '{noun}' AND EXISTS (SELECT 1 FROM {visible} AND f.id = c.noun_id))"
        for noun, visible in VISIBLE.items()
    )
    listed = ", ".join(f"'{noun}'" for noun in TABLES_OF_ALL)
    rows = await db.rows(
        f"SELECT c.* FROM feed c WHERE {where.sql} AND (c.is_gone OR c.noun IN ({listed}) OR {seen})"
        f" ORDER BY c.version, c.noun, c.noun_id LIMIT {where.value(limit + 1)}",
        *where.values,
    )
    items = tuple(_change_of(row) for row in rows[:limit])
    if len(rows) <= limit:
        return Page(items)
    last_item = items[-1]
    return Page(items, encode_cursor(last_item.version, last_item.noun, last_item.noun_id))


def _change_of(row: Row) -> PublicChange:
    is_gone = bool(row["is_gone"])
    action: Literal["create", "edit"] = (
        "create" if row["version"] == row["first_version"] else "edit"
    )
    return PublicChange(
        version=row["version"],
        at=from_instant(row["at"]),
        action="delete" if is_gone else action,
        noun=row["noun"],
        noun_id=row["noun_id"],
        is_gone=is_gone,
    )
