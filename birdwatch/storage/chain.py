"""The hash chain over the ledger: what was once written cannot be altered in silence.

A ledger row's `chain` is the hash of the previous row's, of the row itself, and of the digests of
the versioned rows that it wrote. The digests stand beside the hash (`hash sighting=12:digest`), so
that a verification can say whether the entry or the rows were altered. Only what was recorded is
digested: `until`, and whatever follows from rules, windows or the day, changes in place.
Rows are sealed when their transaction ends. Rows that an older process left unsealed are sealed
by the next one, in order; a gap before a sealed row is never filled again.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from birdwatch.storage.columns import Row

PAGE = 2000  # rows in memory at once, however many one version wrote
ENTRIES = 500  # of the ledger at once
LONGEST_GAP = 1000  # missing entries named one by one
ENTRY_COLUMNS = (
    "version", "at", "actor_id", "actor_name", "action", "noun", "noun_id", "before_version",
    "after_version", "detail",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Digested:
    """A table whose rows belong to versions, and the columns that never change in a row."""

    name: str
    since: str
    columns: tuple[str, ...]
    booleans: frozenset[str] = frozenset()


TABLES = (
    Digested(
        "photo", "first_version",
        (
            "id", "first_version", "sha256", "format", "width", "height", "size_bytes",
            "received_at", "owner_id", "original_name", "camera", "tags",
        ),
    ),
    Digested(
        "photo_fact", "since",
        (
            "id", "since", "sort_key", "taken_at", "wall", "offset_min", "time_source",
            "time_confidence", "clock_error_s", "lat", "lon", "place_source", "place_confidence",
            "accuracy_m", "direction_deg", "site", "is_outside", "day", "species", "caption_zh",
            "caption_en", "credit", "photographer", "license", "sighting_id", "survey_id",
            "owner_id", "status", "flags", "embargo_until",
        ),
        frozenset({"is_outside"}),
    ),
    Digested(
        "survey", "since",
        (
            "id", "since", "site", "start_at", "start_offset_min", "end_at", "end_offset_min",
            "has_time", "observers", "protocol", "complete", "tide", "note", "owner_id", "source",
            "source_key", "day", "status", "flags", "embargo_until",
        ),
        frozenset({"has_time", "complete"}),
    ),
    Digested(
        "sighting", "since",
        (
            "id", "since", "survey_id", "line", "species", "low", "best", "high", "method", "note",
            "photos", "day", "status", "flags", "behaviour",
        ),
    ),
    Digested(
        "identification", "since",
        ("id", "since", "photo_id", "species", "note", "person_id", "person_name", "at"),
    ),
)  # fmt: skip


class Rows(Protocol):
    """What a database and a transaction have in common."""

    async def rows(self, sql: str, *values: object) -> list[Row]: ...


class Writes(Rows, Protocol):
    """What this needs of a transaction."""

    async def run_many(self, sql: str, values: Sequence[Sequence[object]]) -> None: ...


@dataclass(slots=True)
class Digest:
    """The rows of one table that one version wrote: how many, and the hash of them all."""

    rows: int = 0
    hash: hashlib._Hash = field(default_factory=hashlib.sha256)

    def __str__(self) -> str:
        return f"{self.rows}:{self.hash.hexdigest()}"


@dataclass(frozen=True, slots=True)
class Break:
    """A version that is not as it was sealed. `where`: ledger, or the table of the rows."""

    version: int
    where: str
    is_missing: bool = False  # fewer rows than were sealed


@dataclass(frozen=True, slots=True)
class ChainReport:
    """How far the chain holds, the last hash there, and where it breaks, if it does.

    An operator who notes the last hash elsewhere can later show that nothing before was rewritten.
    """

    version: int
    head: str
    breaks: tuple[Break, ...] = ()

    @property
    def broken(self) -> Break | None:
        return self.breaks[0] if self.breaks else None


async def seal(tx: Writes) -> None:
    """Chain every row at the end of the ledger that has none yet."""
    last = await tx.rows(
        "SELECT version, chain FROM ledger WHERE chain IS NOT NULL ORDER BY version DESC LIMIT 1"
    )
    after, previous = (last[0]["version"], _hash_in(last[0]["chain"])) if last else (0, "")
    while True:
        entries = await tx.rows(
            "SELECT * FROM ledger WHERE chain IS NULL AND version > $1 ORDER BY version LIMIT $2",
            after,
            ENTRIES,
        )
        if not entries:
            return
        digests = await _digests(tx, entries)
        links: list[tuple[str, int]] = []
        for entry in entries:
            after = entry["version"]
            told = _told(digests.get(after, {}))
            previous = _link(previous, entry, told)
            links.append((f"{previous} {told}".rstrip(), after))
        await tx.run_many("UPDATE ledger SET chain = $1 WHERE version = $2", links)


async def is_sealed(db: Rows) -> bool:
    """Whether no row waits to be chained."""
    return not await db.rows("SELECT version FROM ledger WHERE chain IS NULL LIMIT 1")


async def verify_chain(db: Rows, progress: Callable[[int], None] = lambda _: None) -> ChainReport:
    """Follow the chain from the first version to the last. `progress` hears each version done.

    After a version that is not as it was sealed the chain is taken up again, so that every such
    version is named. Rows of versions that the ledger does not have are found too.
    """
    version, holds, head = 0, 0, ""
    before: tuple[str, ...] | None = ("",)
    breaks: list[Break] = []
    while True:
        entries = await db.rows(
            "SELECT * FROM ledger WHERE version > $1 ORDER BY version LIMIT $2", version, ENTRIES
        )
        if not entries:
            break
        digests = await _digests(db, entries)
        for entry in entries:
            if entry["version"] != version + 1:
                breaks += _gap(version + 1, entry["version"])
                before = None
            told = digests.get(entry["version"], {})
            breaks += _breaks_of(entry, before, told)
            before = _hashes_after(entry, before, told)
            version = entry["version"]
            if not breaks:
                holds, head = version, _hash_in(entry["chain"])
        progress(version)
    for table in TABLES:
        stray = await db.rows(
            f"SELECT DISTINCT {table.since} AS version FROM {table.name}"
            f" WHERE {table.since} > $1 OR {table.since} < 1 ORDER BY version",
            version,
        )
        breaks += [Break(row["version"], table.name) for row in stray]
    return ChainReport(holds, head, tuple(breaks))


def _gap(first: int, end: int) -> list[Break]:
    """The entries that are missing, one by one; a gap without measure is one."""
    named = range(first, end) if end - first <= LONGEST_GAP else (first,)
    return [Break(version, "ledger", is_missing=True) for version in named]


def _breaks_of(
    entry: Row, before: tuple[str, ...] | None, digests: dict[str, Digest]
) -> list[Break]:
    """What is not as it was sealed: the entry itself, else each table with other rows."""
    version, chain = entry["version"], entry["chain"]
    if chain is None:
        return [Break(version, "ledger")]
    link, _, told = chain.partition(" ")
    if before is not None and link not in {_link(one, entry, told) for one in before}:
        return [Break(version, "ledger")]
    if _told(digests) == told:
        return []
    sealed = dict(part.partition("=")[::2] for part in told.split())
    found: list[Break] = []
    for table in TABLES:
        digest, was = digests.get(table.name), sealed.get(table.name)
        if (str(digest) if digest else None) != was:
            rows = was.partition(":")[0] if was else ""
            is_missing = (digest.rows if digest else 0) < (int(rows) if rows.isdecimal() else 0)
            found.append(Break(version, table.name, is_missing=is_missing))
    return found or [Break(version, "ledger")]


def _hashes_after(
    entry: Row, before: tuple[str, ...] | None, digests: dict[str, Digest]
) -> tuple[str, ...]:
    """What the next entry may rest on: the hash that stands, and where it is wrong the right one."""
    chain = entry["chain"]
    told = _told(digests) if chain is None else chain.partition(" ")[2]
    right = tuple(_link(one, entry, told) for one in before or ())
    if chain is None:
        return right
    stands = _hash_in(chain)
    return (stands,) if before is None or stands in right else (stands, *right)


def _hash_in(chain: str) -> str:
    return chain.partition(" ")[0]


def _link(previous: str, entry: Row, told: str) -> str:
    row = [entry[name] for name in ENTRY_COLUMNS]
    return hashlib.sha256(f"{previous}\n{_json(row)}\n{told}".encode()).hexdigest()


def _told(digests: dict[str, Digest]) -> str:
    """The digests in the order of the tables; a table without rows is left out."""
    return " ".join(f"{t.name}={digests[t.name]}" for t in TABLES if t.name in digests)


async def _digests(db: Rows, entries: Iterable[Row]) -> dict[int, dict[str, Digest]]:
    """By version and table, what the versions of these neighbouring entries wrote."""
    versions = [entry["version"] for entry in entries]
    found: dict[int, dict[str, Digest]] = {}
    for table in TABLES:
        await _digest_table(db, table, versions[0], versions[-1], found)
    return found


async def _digest_table(
    db: Rows, table: Digested, first: int, last: int, found: dict[int, dict[str, Digest]]
) -> None:
    """Add the digests of one table's rows, read in pages along its index."""
    since, row_id = first, ""
    page = (
        f"SELECT {', '.join(table.columns)} FROM {table.name}"
        f" WHERE ({table.since}, id) > ($1, $2) AND {table.since} <= $3"
        f" ORDER BY {table.since}, id LIMIT {PAGE}"
    )
    while True:
        rows = await db.rows(page, since, row_id, last)
        for row in rows:
            digest = found.setdefault(row[table.since], {}).setdefault(table.name, Digest())
            digest.rows += 1
            digest.hash.update(_row(table, row))
        if len(rows) < PAGE:
            return
        since, row_id = rows[-1][table.since], rows[-1]["id"]


def _row(table: Digested, row: Row) -> bytes:
    """One row as bytes, the same from either database: SQLite has numbers for booleans."""
    values = [bool(row[name]) if name in table.booleans else row[name] for name in table.columns]
    return (_json(values) + "\n").encode()


def _json(value: object) -> str:
    return json.dumps(value, separators=(",", ":"))
