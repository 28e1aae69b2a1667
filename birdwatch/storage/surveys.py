"""Surveys and their sightings: each write recounts the days it touches, in one transaction."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date

from birdwatch.domain.errors import NotFoundError
from birdwatch.domain.ids import new_id
from birdwatch.domain.paging import Page, decode_cursor, encode_cursor
from birdwatch.domain.policy import PUBLIC, Lens
from birdwatch.domain.survey import NewSighting, NewSurvey, Sighting, Survey, SurveyFilter
from birdwatch.storage import counts, ledger
from birdwatch.storage.columns import Row, clean, to_day
from birdwatch.storage.sql import Where, marks
from birdwatch.storage.survey_filters import narrow_sightings, narrow_surveys
from birdwatch.storage.survey_import import insert_surveys, known_source_keys
from birdwatch.storage.survey_rows import (
    OF_SIGHTING,
    SIGHTING_COLUMNS,
    SURVEY_COLUMNS,
    day_of,
    finds_birds,
    sighting_of,
    survey_of,
)
from birdwatch.storage.survey_writing import (
    Written,
    close_surveys,
    rewriting,
    source_keys,
    told_survey,
    with_standing,
    write_sightings,
    write_surveys,
)
from birdwatch.storage.transactions import Source, Write

__all__ = ["insert_surveys", "known_source_keys"]
VERSIONED = {"survey": SURVEY_COLUMNS, "sighting": SIGHTING_COLUMNS}


async def insert_survey(tx: Write, new: NewSurvey) -> Survey:
    """Record a survey with its sightings, and recount its day."""
    survey_id = new_id(tx.now)
    version = await ledger.append(
        tx, "create", "survey", survey_id, after=ledger.ITSELF, detail=told_survey(new),
    )  # fmt: skip
    lines = list(enumerate(_with_ids(tx, new.sightings)))
    await write_surveys(tx, [Written(survey_id, version, new, tx.actor.person_id, lines)])
    await counts.recompute(tx, {(new.site, day_of(new))})
    return await open_survey(tx, survey_id)


async def replace_survey(
    tx: Write, survey_id: str, new: NewSurvey, *, sets_standing: bool = False
) -> Survey:
    """Write a new version of a survey and its sightings.

    Sightings keep their ids: by the id they name, else by their species. The key of an import
    stays too, so that the same table again does not bring the survey a second time. Status, flags
    and embargo stay where the new survey says nothing of them; with `sets_standing` its own hold,
    also where they are empty. A sighting that a reviewer holds back stays so through every edit.
    """
    await tx.lock()
    old = await open_survey(tx, survey_id)
    keys = await source_keys(tx, [survey_id])
    if not sets_standing:
        new = with_standing(new, old)
    again = rewriting(old, new, keys[survey_id], tx.now)
    version = await ledger.append(
        tx, "edit", "survey", survey_id, before=old.version, after=ledger.ITSELF,
        detail=told_survey(new),
    )  # fmt: skip
    await close_surveys(tx, [(survey_id, version)])
    await write_surveys(tx, [again.at(version)])
    await counts.recompute(tx, again.touched)
    return await open_survey(tx, survey_id)


async def append_sightings(
    tx: Write, survey_id: str, sightings: Sequence[NewSighting]
) -> list[Sighting]:
    """Add sightings to a survey, and recount its day; the new sightings."""
    await tx.lock()
    old = await open_survey(tx, survey_id)
    version = await ledger.append(
        tx, "edit", "survey", survey_id, before=old.version, after=old.version,
        detail={"added": len(sightings)},
    )  # fmt: skip
    following = len(old.sightings) and await _following_line(tx, survey_id)
    lines = list(enumerate(_with_ids(tx, sightings), following))
    await write_sightings(tx, [(survey_id, version, old.day, lines)])
    if finds_birds(sightings):
        await tx.run(
            "UPDATE survey SET has_birds = TRUE WHERE id = $1 AND until IS NULL", survey_id
        )
    await counts.recompute(tx, {(old.site, old.day)})
    added = {sighting_id for _, (sighting_id, _) in lines}
    return [s for s in (await open_survey(tx, survey_id)).sightings if s.id in added]


async def delete_survey(tx: Write, survey_id: str, *, reason: str = "") -> None:
    """Close a survey and its sightings; its versions and the ledger keep what it was, and why."""
    await tx.lock()
    old = await open_survey(tx, survey_id)
    version = await ledger.append(
        tx, "delete", "survey", survey_id, before=old.version,
        detail={"reason": clean(reason)} if reason else None,
    )  # fmt: skip
    await close_surveys(tx, [(survey_id, version)])
    await counts.recompute(tx, {(old.site, old.day)})


async def find_survey(db: Source, survey_id: str) -> Survey | None:
    """The survey as it is now, or None."""
    rows = await db.rows("SELECT * FROM survey WHERE id = $1 AND until IS NULL", survey_id)
    return (await _with_sightings(db, rows))[0] if rows else None


async def find_surveys(db: Source, survey_ids: Sequence[str]) -> dict[str, Survey]:
    """Those of some hundred surveys that are there now, by id."""
    if not survey_ids:
        return {}
    rows = await db.rows(
        f"SELECT * FROM survey WHERE id IN ({marks(len(survey_ids))}) AND until IS NULL",
        *survey_ids,
    )
    return {survey.id: survey for survey in await _with_sightings(db, rows)}


async def find_survey_by_source(db: Source, key: str) -> Survey | None:
    """The survey that an import made from this key, or None."""
    rows = await db.rows("SELECT * FROM survey WHERE source_key = $1 AND until IS NULL", key)
    return (await _with_sightings(db, rows))[0] if rows else None


async def surveys_of_day(db: Source, day: date) -> list[Survey]:
    """Every survey of one local day, in order of time."""
    rows = await db.rows(
        "SELECT * FROM survey WHERE until IS NULL AND day = $1 ORDER BY start_at, id", to_day(day)
    )
    return await _with_sightings(db, rows)


async def list_surveys(
    db: Source,
    where: SurveyFilter,
    *,
    limit: int,
    cursor: str | None = None,
    lens: Lens = PUBLIC,
) -> Page[Survey]:
    """One page of surveys, the latest first. Raises MalformedError for a bad cursor.

    The lens chooses the surveys; what each shows is for `domain.publication.seen_survey` to say.
    """
    narrowed = narrow_surveys(where, lens)
    if cursor is not None:
        start_at, survey_id = decode_cursor(cursor, int, str)
        narrowed.after(("v.start_at", "v.id"), (start_at or 0, survey_id or ""), falls=True)
    rows = await db.rows(
        f"SELECT v.* FROM survey v WHERE v.until IS NULL AND {narrowed.sql}"
        f" ORDER BY v.start_at DESC, v.id DESC LIMIT {narrowed.value(limit + 1)}",
        *narrowed.values,
    )
    surveys = tuple(await _with_sightings(db, rows[:limit]))
    if len(rows) <= limit:
        return Page(surveys)
    return Page(surveys, encode_cursor(rows[limit - 1]["start_at"], rows[limit - 1]["id"]))


async def list_sightings(
    db: Source,
    where: SurveyFilter,
    *,
    limit: int,
    cursor: str | None = None,
    lens: Lens = PUBLIC,
) -> Page[Sighting]:
    """One page of sightings, the latest day first. Raises MalformedError for a bad cursor."""
    # The outer table is the one whose index gives the order: a species has one of its own.
    outer, tables = ("v", "survey v CROSS JOIN sighting s")
    if where.species is not None:
        outer, tables = ("s", "sighting s CROSS JOIN survey v")
    order = (f"{outer}.day", "v.id" if outer == "v" else "s.survey_id", "s.id")
    narrowed = narrow_sightings(where, outer, lens)
    if cursor is not None:
        day, survey_id, sighting_id = decode_cursor(cursor, str, str, str)
        narrowed.add(f"{outer}.day <= {{}}", day or "")
        narrowed.after(order, (day or "", survey_id or "", sighting_id or ""), falls=True)
    rows = await db.rows(
        f"SELECT {OF_SIGHTING} FROM {tables} WHERE s.survey_id = v.id AND s.until IS NULL"
        f" AND v.until IS NULL AND {narrowed.sql}"
        f" ORDER BY {', '.join(f'{key} DESC' for key in order)} LIMIT {narrowed.value(limit + 1)}",
        *narrowed.values,
    )
    sightings = tuple(sighting_of(row) for row in rows[:limit])
    if len(rows) <= limit:
        return Page(sightings)
    last = rows[limit - 1]
    return Page(sightings, encode_cursor(last["day"], last["survey_id"], last["id"]))


async def open_survey(db: Source, survey_id: str) -> Survey:
    """The survey as it is now. Raises NotFoundError."""
    survey = await find_survey(db, survey_id)
    if survey is None:
        raise NotFoundError(
            "survey.unknown",
            zh="没有这次调查，或它已被删除。",
            en="There is no such survey, or it was deleted.",
        )
    return survey


async def write_again(
    tx: Write, table: str, row_id: str, version: int, changed: Mapping[str, object]
) -> None:
    """Close the open row, and write it again with these columns changed."""
    await tx.lock()
    await tx.run(f"UPDATE {table} SET until = $1 WHERE id = $2 AND until IS NULL", version, row_id)
    where = Where()
    given = {**changed, "since": version}
    # SQLite numbers placeholders as they come, so they are handed out in the order of the columns.
    taken = [
        _typed(where.value(given[name]), given[name])
        if given.get(name) is not None
        else ("NULL" if name == "until" or name in given else name)
        for name in VERSIONED[table]
    ]
    await tx.run(
        f"INSERT INTO {table} ({', '.join(VERSIONED[table])}) SELECT {', '.join(taken)} FROM {table}"
        f" WHERE id = {where.value(row_id)} AND until = {where.value(version)}",
        *where.values,
    )


def _typed(mark: str, value: object) -> str:
    """A placeholder in a list of columns, where PostgreSQL asks for its type."""
    kinds = {bool: "BOOLEAN", int: "BIGINT"}
    return f"CAST({mark} AS {kinds.get(type(value), 'TEXT')})"


def _with_ids(tx: Write, sightings: Iterable[NewSighting]) -> list[tuple[str, NewSighting]]:
    return [(new_id(tx.now), new) for new in sightings]


async def _following_line(db: Source, survey_id: str) -> int:
    rows = await db.rows(
        "SELECT MAX(line) AS line FROM sighting WHERE survey_id = $1 AND until IS NULL", survey_id
    )
    return int(rows[0]["line"]) + 1


async def _with_sightings(db: Source, rows: Sequence[Row]) -> list[Survey]:
    if not rows:
        return []
    found = await db.rows(
        f"SELECT {OF_SIGHTING} FROM survey v CROSS JOIN sighting s"
        f" WHERE v.id IN ({marks(len(rows))}) AND v.until IS NULL AND s.survey_id = v.id"
        " AND s.until IS NULL ORDER BY s.survey_id, s.line, s.id",
        *(row["id"] for row in rows),
    )
    by_survey: dict[str, list[Sighting]] = {}
    for row in found:
        by_survey.setdefault(row["survey_id"], []).append(sighting_of(row))
    return [survey_of(row, by_survey.get(row["id"], [])) for row in rows]
