"""Whole tables come in: all of a table, or, when anything in it is wrong, nothing."""

from __future__ import annotations

import json
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import IO, Final

import anyio.lowlevel
import msgspec

from birdwatch.domain.errors import FieldError, InvalidInputError
from birdwatch.domain.place import Site, sites_from_geojson
from birdwatch.domain.policy import Actor
from birdwatch.domain.species import COLUMNS as SPECIES_COLUMNS
from birdwatch.domain.species import Species, SpeciesIndex, species_from_row
from birdwatch.domain.survey import NewSurvey, Survey, check_survey
from birdwatch.domain.text import Text
from birdwatch.domain.written import clean
from birdwatch.intake.archive import Archive
from birdwatch.intake.count_table import (
    Buckets,
    CountTable,
    Visit,
    differing_columns,
    recognise_columns,
)
from birdwatch.intake.table_text import BadRow, Row, find_columns, open_table
from birdwatch.storage import ledger
from birdwatch.storage.counts import recompute_for_import
from birdwatch.storage.db import Database
from birdwatch.storage.sites import load_sites, put_sites
from birdwatch.storage.species import load_species, put_species
from birdwatch.storage.surveys import find_survey_by_source, insert_surveys, known_source_keys

BATCH: Final = 500  # surveys at a time
PROGRESS_ROWS: Final = 1000
ENCODER: Final = msgspec.json.Encoder()
DECODER: Final = msgspec.json.Decoder(NewSurvey)
MAX_ERRORS: Final = 1000  # after so many the rest of the file is not read


@dataclass(frozen=True, slots=True)
class RowError:
    """What is wrong with one row: `row` is its line in the file, `field` the file's column."""

    row: int
    field: str
    message: Text


@dataclass(frozen=True, slots=True)
class ImportReport:
    """What an import did, or would do in a dry run; with errors it did nothing.

    `unchanged` surveys are in the archive already, exactly so.
    """

    rows: int
    surveys: int
    sightings: int
    unchanged: int
    errors: tuple[RowError, ...] = ()


@dataclass(slots=True)
class _Tally:
    """The report while it is being made."""

    rows: int = 0
    surveys: int = 0
    sightings: int = 0
    unchanged: int = 0
    errors: list[RowError] = field(default_factory=list)

    def report(self) -> ImportReport:
        errors = sorted(self.errors, key=lambda e: (e.row, e.field))[:MAX_ERRORS]
        done = (0, 0, 0) if errors else (self.surveys, self.sightings, self.unchanged)
        return ImportReport(self.rows, *done, tuple(errors))


@dataclass(frozen=True, slots=True)
class _Job:
    """One import: the table, its rows dealt out, and what they are checked against."""

    db: Database
    table: CountTable
    buckets: Buckets
    checked: IO[bytes]  # new surveys, one a line, so that none is checked twice
    species: SpeciesIndex
    sites: Mapping[str, Site]
    now: datetime
    source: str
    tally: _Tally


async def import_counts(
    archive: Archive | Database,
    path: Path,
    *,
    actor: Actor,
    now: datetime,
    dry_run: bool = False,
    columns: Mapping[str, str] | None = None,
    progress: Callable[[int], None] | None = None,
) -> ImportReport:
    """Take in a table of counts; `columns` maps our column names to those of the file.

    Rows are one species each; those of one visit are made one survey, wherever they stand. Every
    row is checked before the first is written, and all are written in one transaction. Surveys
    that are in the archive already are left alone, and refused when their numbers differ.
    Raises InvalidInputError when the file is no table or a column is missing.
    """
    db = archive if isinstance(archive, Database) else archive.db
    table = recognise_columns(open_table(path), columns or {})
    tally = _Tally()
    with Buckets(table.table.size_bytes) as buckets, tempfile.TemporaryFile() as checked:
        job = _Job(
            db=db,
            table=table,
            buckets=buckets,
            checked=checked,
            species=await load_species(db),
            sites=await load_sites(db),
            now=now,
            source=clean(path.name, 100),
            tally=tally,
        )
        await _deal(job, progress or _say_nothing)
        if not tally.errors:
            await _check(job)
        if not tally.errors and not dry_run and tally.surveys:
            await _write(job, actor)
    return tally.report()


async def import_sites(
    archive: Archive | Database, path: Path, *, actor: Actor, now: datetime
) -> int:
    """Replace or add the sites of a GeoJSON file; how many. Raises InvalidInputError."""
    db = archive if isinstance(archive, Database) else archive.db
    sites = sites_from_geojson(_read_json(path))
    async with db.write(actor, now) as tx:
        await put_sites(tx, sites)
    return len(sites)


async def import_species(
    archive: Archive | Database, path: Path, *, actor: Actor, now: datetime
) -> int:
    """Add the species of a CSV file, or replace those of the same code; how many.

    Its columns are those of the species table. Raises InvalidInputError naming row and column.
    """
    db = archive if isinstance(archive, Database) else archive.db
    known = await load_species(db)
    species = _read_species(path, known)
    async with db.write(actor, now) as tx:
        await put_species(tx, species)
    return len(species)


def _say_nothing(_rows: int) -> None:
    """For callers that show no progress."""


def _read_json(path: Path) -> object:
    try:
        return json.loads(path.read_bytes())
    except OSError as error:
        raise InvalidInputError(
            "sites.unreadable",
            zh=f"打不开文件 {path.name}：{error.strerror}。",
            en=f"The file {path.name} cannot be opened: {error.strerror}.",
        ) from None
    except (ValueError, RecursionError):
        raise InvalidInputError(
            "sites.not_json",
            zh="文件不是 JSON。请导出为 GeoJSON。",
            en="The file is not JSON. Export it as GeoJSON.",
        ) from None


async def _deal(job: _Job, progress: Callable[[int], None]) -> None:
    """Read the file once, noting rows that cannot be read."""
    tally = job.tally
    for row in job.table.deal(job.buckets, job.sites):
        tally.rows += 1
        if isinstance(row, BadRow):
            tally.errors.append(RowError(row.line, "", row.message))
        if len(tally.errors) >= MAX_ERRORS:
            return
        if tally.rows % PROGRESS_ROWS == 0:
            progress(tally.rows)
            await anyio.lowlevel.checkpoint()
    progress(tally.rows)


async def _check(job: _Job) -> None:
    """Find every fault, and which surveys are new."""
    tally = job.tally
    async for batch in _batches(job):
        known = await known_source_keys(job.db, [visit.key for visit, _ in batch])
        for visit, new in batch:
            if visit.key not in known:
                tally.surveys += 1
                tally.sightings += len(new.sightings)
                job.checked.write(ENCODER.encode(new) + b"\n")
                continue
            stored = await find_survey_by_source(job.db, visit.key)
            if stored and is_same(stored, new):
                tally.unchanged += 1
            else:
                tally.errors.append(_differs(visit, stored, job.table))
        if len(tally.errors) >= MAX_ERRORS:
            return


async def _write(job: _Job, actor: Actor) -> None:
    """Write what is new, in one transaction with one entry in the ledger."""
    tally = job.tally
    async with job.db.write(actor, job.now) as tx:
        detail: dict[str, object] = {
            "table": job.source,
            "rows": tally.rows,
            "surveys": tally.surveys,
            "sightings": tally.sightings,
        }
        version = await ledger.append(tx, "import", "survey", "*", detail=detail)
        job.checked.seek(0)
        while lines := list(islice(job.checked, BATCH)):
            batch = [DECODER.decode(line) for line in lines]
            # What another import brought since the check is not brought again.
            known = await known_source_keys(tx, [new.source_key or "" for new in batch])
            fresh = [new for new in batch if new.source_key not in known]
            await insert_surveys(tx, fresh, import_version=version)
        await recompute_for_import(tx, version)


async def _batches(job: _Job) -> AsyncIterator[list[tuple[Visit, NewSurvey]]]:
    """Checked surveys, some hundreds at a time; faults go to the tally."""
    batch: list[tuple[Visit, NewSurvey]] = []
    for visit in job.table.visits(job.buckets, job.sites):
        new = _checked(visit, job)
        if new:
            batch.append((visit, new))
        if len(batch) >= BATCH:
            yield batch
            batch = []
            await anyio.lowlevel.checkpoint()
        if len(job.tally.errors) >= MAX_ERRORS:
            return
    if batch:
        yield batch


def _checked(visit: Visit, job: _Job) -> NewSurvey | None:
    errors = job.tally.errors
    first = visit.rows[0]
    if len(visit.rows) > 1 and first.cells.get("survey"):
        for row in visit.rows[1:]:
            for column in differing_columns(first.cells, row.cells):
                message = Text(
                    f"与同一调查的第 {first.line} 行不同。一次调查的各行须一致。",
                    f"This differs from row {first.line} of the same survey. All rows of a survey"
                    " must agree.",
                )
                errors.append(RowError(row.line, job.table.column_name(column), message))
    try:
        return check_survey(
            visit.raw(),
            species=job.species,
            sites=job.sites,
            now=job.now,
            source=job.source,
            source_key=visit.key,
        )
    except InvalidInputError as error:
        errors += [_row_error(fault, visit, job.table) for fault in error.errors]
        return None


def _row_error(fault: FieldError, visit: Visit, table: CountTable) -> RowError:
    """A fault such as `sightings[3].best`, at the row and under the column of the file."""
    line, column, message = visit.rows[0].line, fault.field, fault.message
    if fault.field.startswith("sightings["):
        index, _, column = fault.field.removeprefix("sightings[").partition("].")
        line = visit.rows[int(index)].line
        if fault.code == "species.twice":
            message = _twice(visit, int(index), table)
    elif column == "start" and "date" in table.places:
        column = "start" if fault.code.startswith("time.") and "start" in table.places else "date"
    elif column == "sightings":
        column = "species"
    return RowError(line, table.column_name(column), message)


def _twice(visit: Visit, index: int, table: CountTable) -> Text:
    """Which row has the species already: rows of a table are known by their line."""
    name = visit.rows[index].cells.get("species", "")
    earlier = [row.line for row in visit.rows[:index] if row.cells.get("species") == name]
    line = earlier[0] if earlier else visit.rows[0].line
    column = table.column_name("survey")
    return Text(
        f"同一次调查里第 {line} 行已有该物种。请合并为一行；若是另一次调查，请写明开始时间或 {column}。",
        f"Row {line} of the same survey has this species already. Make them one row; if it was"
        f" another survey, tell them apart by starting time or {column}.",
    )


def is_same(stored: Survey, new: NewSurvey) -> bool:
    """Whether the archive says just what the table says of this visit."""
    told = {(s.species, s.low, s.best, s.high, s.method, s.note) for s in stored.sightings}
    says = {(s.species, s.low, s.best, s.high, s.method, s.note) for s in new.sightings}
    return told == says and stored.complete == new.complete


def _differs(visit: Visit, stored: Survey | None, table: CountTable) -> RowError:
    survey = stored.id if stored else ""
    message = Text(
        f"档案中已有这次调查（{survey}），但数字不同。请在其页面上改正，或从文件中删去这些行。",
        f"The archive has this survey already ({survey}) with other numbers. Correct it on its"
        " page, or remove these rows from the file.",
    )
    return RowError(visit.rows[0].line, table.column_name("best"), message)


def _read_species(path: Path, known: SpeciesIndex) -> list[Species]:
    table = open_table(path)
    places = find_columns(table.header, {name: (name,) for name in SPECIES_COLUMNS})
    missing = [name for name in ("code", "scientific_name") if name not in places]
    if missing:
        raise _species_refused(
            1,
            Text(
                f"缺少列：{'、'.join(missing)}。须有：{'、'.join(SPECIES_COLUMNS)}。",
                f"Missing column: {', '.join(missing)}. The columns are"
                f" {', '.join(SPECIES_COLUMNS)}.",
            ),
        )
    following = max((species.sort for species in known), default=-1) + 1
    species: dict[str, Species] = {}
    for line, cells in _species_rows(table.rows(), places):
        old = known.get(cells.get("code", ""))
        try:
            one = species_from_row(cells, old.sort if old else following + len(species))
        except InvalidInputError as error:
            raise _species_refused(line, error.text) from None
        if one.code in species:
            message = Text(f"代码 {one.code} 出现两次。", f"The code {one.code} stands twice.")
            raise _species_refused(line, message)
        species[one.code] = one
    return list(species.values())


def _species_rows(
    rows: Iterator[Row | BadRow], places: Mapping[str, int]
) -> Iterator[tuple[int, dict[str, str]]]:
    for row in rows:
        if isinstance(row, BadRow):
            raise _species_refused(row.line, row.message)
        cells = row.cells
        yield (
            row.line,
            {name: cells[place] if place < len(cells) else "" for name, place in places.items()},
        )


def _species_refused(line: int, message: Text) -> InvalidInputError:
    return InvalidInputError(
        "species.invalid",
        zh=f"第 {line} 行：{message.zh}没有导入任何物种。",
        en=f"Row {line}: {message.en} No species was imported.",
        errors=(FieldError(f"rows[{line}]", message),),
    )
