"""A table of counts as surveys: one row is one species, and rows of one visit belong together.

They need not stand together in the file. So that a million rows take no more memory than a
thousand, rows are dealt into temporary files by the visit they belong to; one such file at a time
is small enough to be sorted out in memory.
"""

from __future__ import annotations

import contextlib
import hashlib
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import IO, Final, Self

import msgspec

from birdwatch.domain.errors import InvalidInputError
from birdwatch.domain.place import Site, find_site
from birdwatch.domain.text import Text
from birdwatch.domain.written import Moment, read_moment
from birdwatch.intake.table_text import BadRow, Row, Table, column_key, find_columns

# Each column with the names it goes by in a file.
COLUMNS: Final[dict[str, tuple[str, ...]]] = {
    "survey": ("survey", "survey_id", "event", "event_id", "调查", "调查编号"),
    "date": ("date", "day", "日期"),
    "start": ("start", "start_time", "开始", "开始时间"),
    "end": ("end", "end_time", "结束", "结束时间"),
    "site": ("site", "地点", "样点"),
    "species": ("species", "物种", "中文名", "鸟种"),
    "low": ("low", "最少", "下限"),
    "best": ("best", "count", "number", "数量", "最佳"),
    "high": ("high", "最多", "上限"),
    "method": ("method", "方法"),
    "observers": ("observers", "observer", "观察者", "调查者"),
    "protocol": ("protocol", "方案", "调查方法"),
    "complete": ("complete", "完整", "完整名录"),
    "tide": ("tide", "潮位", "潮汐"),
    "note": ("note", "notes", "备注"),
}
VISIT: Final = ("site", "observers", "protocol", "tide", "complete")  # the same for all its rows
BUCKET_BYTES: Final = 1 << 20
MAX_BUCKETS: Final = 256  # open files at once


@dataclass(frozen=True, slots=True)
class CountRow:
    """One row as read: its line in the file and its cells by column."""

    line: int
    cells: dict[str, str]


@dataclass(frozen=True, slots=True)
class Visit:
    """The rows of one survey. `key` is the same whenever the same visit is read again."""

    key: str
    rows: tuple[CountRow, ...]

    def raw(self) -> dict[str, object]:
        """As `check_survey` takes it."""
        first = self.rows[0].cells
        raw: dict[str, object] = {name: first.get(name, "") for name in VISIT}
        raw["start"], raw["end"] = start_of(first), first.get("end", "")
        raw["sightings"] = [
            {name: row.cells.get(name, "") for name in SIGHTING} for row in self.rows
        ]
        return raw


SIGHTING: Final = ("species", "low", "best", "high", "method", "note")


class Buckets:
    """The rows of a table, dealt out by visit into files that vanish when closed."""

    def __init__(self, table_bytes: int) -> None:
        number = min(MAX_BUCKETS, table_bytes // BUCKET_BYTES + 1)
        self._files: list[IO[bytes]] = []
        self._encoder = msgspec.json.Encoder()
        self._decoder = msgspec.json.Decoder(tuple[int, str, list[str]])
        with contextlib.ExitStack() as stack:
            for _ in range(number):
                self._files.append(stack.enter_context(tempfile.TemporaryFile()))
            self._close = stack.pop_all()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._close.close()

    def put(self, line: int, group: str, cells: list[str]) -> None:
        """Add a row to the file of its visit."""
        file = self._files[int(group[:8], 16) % len(self._files)]
        file.write(self._encoder.encode((line, group, cells)) + b"\n")

    def groups(self) -> Iterator[list[tuple[int, list[str]]]]:
        """The rows of each visit, in the order of the file."""
        for file in self._files:
            file.seek(0)
            groups: dict[str, list[tuple[int, list[str]]]] = {}
            for encoded in file:
                line, group, cells = self._decoder.decode(encoded)
                groups.setdefault(group, []).append((line, cells))
            yield from groups.values()


@dataclass(frozen=True, slots=True)
class CountTable:
    """A table whose columns are known."""

    table: Table
    places: dict[str, int]  # where each column stands

    def column_name(self, column: str) -> str:
        """A column as the file calls it."""
        place = self.places.get(column)
        return column if place is None else self.table.header[place]

    def deal(self, buckets: Buckets, sites: Mapping[str, Site]) -> Iterator[Row | BadRow]:
        """Put every row into its bucket, giving each back for progress and faults."""
        names = list(self.places)
        places = list(self.places.values())
        for row in self.table.rows():
            if isinstance(row, Row):
                found = row.cells
                size = len(found)
                cells = [found[place].strip() if place < size else "" for place in places]
                group = _group(dict(zip(names, cells, strict=True)), sites)
                buckets.put(row.line, group, cells)
            yield row

    def visits(self, buckets: Buckets, sites: Mapping[str, Site]) -> Iterator[Visit]:
        """The surveys of the table."""
        names = list(self.places)
        for group in buckets.groups():
            rows = tuple(
                CountRow(line, dict(zip(names, cells, strict=True))) for line, cells in group
            )
            yield Visit(_key(rows[0].cells, sites), rows)


def recognise_columns(table: Table, mapping: Mapping[str, str]) -> CountTable:
    """Find the columns of a count table; `mapping` says what the file calls some of ours.

    Raises InvalidInputError naming the columns that are missing.
    """
    names = dict(COLUMNS)
    keys = {column_key(name) for name in table.header}
    for column, name in mapping.items():
        if column not in COLUMNS:
            raise _refused(
                f"没有名为 {column} 的列。可用：{'、'.join(COLUMNS)}。",
                f"There is no column {column}. Use one of {', '.join(COLUMNS)}.",
            )
        if column_key(name) not in keys:
            raise _missing((name,), table)
        names[column] = (name,)
    taken = {column_key(name) for name in mapping.values()}
    for column in names.keys() - mapping.keys():  # a mapped column stands for nothing else
        names[column] = tuple(n for n in names[column] if column_key(n) not in taken)
    places = find_columns(table.header, names)
    missing = [column for column in ("site", "species") if column not in places]
    if "date" not in places and "start" not in places:
        missing.insert(0, "date")
    if not places.keys() & {"best", "low", "method"}:
        missing.append("best")
    if missing:
        raise _missing(missing, table)
    return CountTable(table, places)


def start_of(cells: Mapping[str, str]) -> str:
    """Date and time as one text; the start column may hold both."""
    day, start = cells.get("date", ""), cells.get("start", "")
    if not day or not start:
        return day or start
    return start if len(start) > 8 and start[:4].isdigit() else f"{day}T{start}"


def differing_columns(first: Mapping[str, str], other: Mapping[str, str]) -> tuple[str, ...]:
    """The columns in which rows of one named survey contradict each other."""
    names = ("date", "start", "end", *VISIT)
    return tuple(name for name in names if first.get(name, "") != other.get(name, ""))


def _group(cells: Mapping[str, str], sites: Mapping[str, Site]) -> str:
    """Which visit a row belongs to: the survey it names, else date, time, site, who and how."""
    if survey := cells.get("survey", ""):
        return _digest(("survey", survey))
    return _digest(_identity(cells, sites))


def _key(cells: Mapping[str, str], sites: Mapping[str, Site]) -> str:
    return f"table:{_digest((cells.get('survey', ''), *_identity(cells, sites)))}"


def _identity(cells: Mapping[str, str], sites: Mapping[str, Site]) -> tuple[str, ...]:
    site = find_site(cells.get("site", ""), sites)
    return (
        _canonical_start(start_of(cells)),
        cells.get("end", ""),
        site.id if site else cells.get("site", ""),
        cells.get("observers", ""),
        cells.get("protocol", ""),
        cells.get("tide", ""),
    )


@lru_cache(maxsize=4096)
def _canonical_start(written: str) -> str:
    """2026/4/20 and 2026-04-20 are the same day."""
    moment = read_moment(written)
    if not isinstance(moment, Moment):
        return written
    return moment.at.isoformat() if moment.has_time else moment.at.date().isoformat()


def _digest(parts: Sequence[str]) -> str:
    return hashlib.sha256("\x1f".join(parts).encode("utf-8", "replace")).hexdigest()[:32]


def _missing(names: Sequence[str], table: Table) -> InvalidInputError:
    there = Text("、".join(table.header), ", ".join(table.header))
    return _refused(
        f"缺少列：{'、'.join(names)}。文件中有：{there.zh}。"
        f"若列名不同，请用 --map {names[0]}=列名 说明。",
        f"Missing column: {', '.join(names)}. The file has: {there.en}. If it goes by another"
        f" name, say so with --map {names[0]}=NAME.",
    )


def _refused(zh: str, en: str) -> InvalidInputError:
    return InvalidInputError("table.columns", zh=zh, en=en)
