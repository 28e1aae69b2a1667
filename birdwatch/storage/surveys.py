"""Surveys and their sightings: each write recounts the days it touches, in one transaction."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from birdwatch.domain.errors import NotFoundError
from birdwatch.domain.ids import new_id
from birdwatch.domain.paging import Page, decode_cursor, encode_cursor
from birdwatch.domain.season import SeasonDay
from birdwatch.domain.survey import NewSighting, NewSurvey, Sighting, Survey, SurveyFilter
from birdwatch.storage import counts, ledger
from birdwatch.storage.columns import Row, to_day
from birdwatch.storage.sql import Where
from birdwatch.storage.survey_import import insert_surveys, known_source_keys
from birdwatch.storage.survey_rows import (
    INSERT_SIGHTING,
    INSERT_SURVEY,
    day_of,
    finds_birds,
    kept_ids,
    sighting_of,
    sighting_values,
    survey_of,
    survey_values,
)
from birdwatch.storage.transactions import Source, Write
from birdwatch.storage.windows import load_calendar

__all__ = ["insert_surveys", "known_source_keys"]
CLOSE_SURVEY = "UPDATE survey SET until = $1 WHERE id = $2 AND until IS NULL"
CLOSE_SIGHTINGS = "UPDATE sighting SET until = $1 WHERE survey_id = $2 AND until IS NULL"
UNLINK_PHOTOS = "DELETE FROM sighting_photo WHERE survey_id = $1"
LINK_PHOTO = "INSERT INTO sighting_photo (photo_id, sighting_id, survey_id) VALUES ($1, $2, $3)"


async def insert_survey(tx: Write, new: NewSurvey) -> Survey:
    """Record a survey with its sightings, and recount its day."""
    survey_id = new_id(tx.now)
    version = await ledger.append(
        tx, "create", "survey", survey_id, after=ledger.ITSELF,
        detail={"sightings": len(new.sightings)},
    )  # fmt: skip
    await _write_survey(tx, survey_id, version, new, tx.actor.person_id)
    place = (await load_calendar(tx)).place(day_of(new))
    await _write_sightings(tx, survey_id, version, new.site, place, _with_ids(tx, new.sightings))
    await counts.recompute(tx, {(new.site, day_of(new))})
    return await open_survey(tx, survey_id)


async def replace_survey(tx: Write, survey_id: str, new: NewSurvey) -> Survey:
    """Write a new version of a survey and its sightings.

    Sightings keep their ids: by the id they name, else by their species.
    """
    await tx.lock()
    old = await open_survey(tx, survey_id)
    version = await ledger.append(
        tx, "edit", "survey", survey_id, before=old.version, after=ledger.ITSELF,
        detail={"sightings": len(new.sightings)},
    )  # fmt: skip
    await _close(tx, survey_id, version)
    await _write_survey(tx, survey_id, version, new, old.owner_id)
    ids = [kept or new_id(tx.now) for kept in kept_ids(new.sightings, old.sightings)]
    place = (await load_calendar(tx)).place(day_of(new))
    lines = list(zip(ids, new.sightings, strict=True))
    await _write_sightings(tx, survey_id, version, new.site, place, lines)
    await counts.recompute(tx, {(old.site, old.day), (new.site, day_of(new))})
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
    place = (await load_calendar(tx)).place(old.day)
    lines = _with_ids(tx, sightings)
    last = max((await _lines(tx, survey_id)).values(), default=-1)
    await _write_sightings(tx, survey_id, version, old.site, place, lines, first_line=last + 1)
    if finds_birds(sightings):
        await tx.run(
            "UPDATE survey SET has_birds = TRUE WHERE id = $1 AND until IS NULL", survey_id
        )
    await counts.recompute(tx, {(old.site, old.day)})
    added = {sighting_id for sighting_id, _ in lines}
    return [s for s in (await open_survey(tx, survey_id)).sightings if s.id in added]


async def delete_survey(tx: Write, survey_id: str) -> None:
    """Close a survey and its sightings; its versions and the ledger keep what it was."""
    await tx.lock()
    old = await open_survey(tx, survey_id)
    version = await ledger.append(tx, "delete", "survey", survey_id, before=old.version)
    await _close(tx, survey_id, version)
    await counts.recompute(tx, {(old.site, old.day)})


async def find_survey(db: Source, survey_id: str) -> Survey | None:
    """The survey as it is now, or None."""
    rows = await db.rows("SELECT * FROM survey WHERE id = $1 AND until IS NULL", survey_id)
    return (await _with_sightings(db, rows))[0] if rows else None


async def find_survey_by_source(db: Source, key: str) -> Survey | None:
    """The survey that an import made from this key, or None."""
    rows = await db.rows("SELECT * FROM survey WHERE source_key = $1 AND until IS NULL", key)
    return (await _with_sightings(db, rows))[0] if rows else None


async def list_surveys(
    db: Source, where: SurveyFilter, *, limit: int, cursor: str | None = None
) -> Page[Survey]:
    """One page of surveys, the latest first. Raises MalformedError for a bad cursor."""
    narrowed = _narrow_surveys(where)
    if cursor is not None:
        start_at, survey_id = decode_cursor(cursor, int, str)
        narrowed.after("v.start_at", start_at or 0, "v.id", survey_id or "", falls=True)
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
    db: Source, where: SurveyFilter, *, limit: int, cursor: str | None = None
) -> Page[Sighting]:
    """One page of sightings, the latest day first. Raises MalformedError for a bad cursor."""
    narrowed = _narrow_sightings(where)
    if cursor is not None:
        day, sighting_id = decode_cursor(cursor, str, str)
        narrowed.after("s.day", day or "", "s.id", sighting_id or "", falls=True)
    rows = await db.rows(
        f"SELECT s.* FROM sighting s WHERE s.until IS NULL AND {narrowed.sql}"
        f" ORDER BY s.day DESC, s.id DESC LIMIT {narrowed.value(limit + 1)}",
        *narrowed.values,
    )
    sightings = tuple(sighting_of(row) for row in rows[:limit])
    if len(rows) <= limit:
        return Page(sightings)
    return Page(sightings, encode_cursor(rows[limit - 1]["day"], rows[limit - 1]["id"]))


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


async def _write_survey(
    tx: Write, survey_id: str, version: int, new: NewSurvey, owner_id: str | None
) -> None:
    place = (await load_calendar(tx)).place(day_of(new))
    await tx.run(INSERT_SURVEY, *survey_values(survey_id, version, new, owner_id, place))


async def _write_sightings(  # noqa: PLR0917
    tx: Write,
    survey_id: str,
    version: int,
    site: str,
    place: SeasonDay,
    lines: Sequence[tuple[str, NewSighting]],
    first_line: int = 0,
) -> None:
    await tx.run_many(
        INSERT_SIGHTING,
        [
            sighting_values(sighting_id, version, survey_id, line, new, site, place)
            for line, (sighting_id, new) in enumerate(lines, first_line)
        ],
    )
    links = [(photo, sid, survey_id) for sid, new in lines for photo in dict.fromkeys(new.photos)]
    await tx.run_many(LINK_PHOTO, links)


async def _close(tx: Write, survey_id: str, version: int) -> None:
    await tx.run(CLOSE_SURVEY, version, survey_id)
    await tx.run(CLOSE_SIGHTINGS, version, survey_id)
    await tx.run(UNLINK_PHOTOS, survey_id)


def _with_ids(tx: Write, sightings: Iterable[NewSighting]) -> list[tuple[str, NewSighting]]:
    return [(new_id(tx.now), new) for new in sightings]


async def _lines(db: Source, survey_id: str) -> dict[str, int]:
    rows = await db.rows(
        "SELECT id, line FROM sighting WHERE survey_id = $1 AND until IS NULL", survey_id
    )
    return {row["id"]: row["line"] for row in rows}


async def _with_sightings(db: Source, rows: Sequence[Row]) -> list[Survey]:
    if not rows:
        return []
    marks = ", ".join(f"${number}" for number in range(1, len(rows) + 1))
    found = await db.rows(
        f"SELECT * FROM sighting WHERE survey_id IN ({marks}) AND until IS NULL"
        " ORDER BY survey_id, line",
        *(row["id"] for row in rows),
    )
    by_survey: dict[str, list[Sighting]] = {}
    for row in found:
        by_survey.setdefault(row["survey_id"], []).append(sighting_of(row))
    return [survey_of(row, by_survey.get(row["id"], [])) for row in rows]


def _narrow_surveys(where: SurveyFilter) -> Where:
    narrowed = Where()
    _narrow_days(narrowed, "v", where)
    narrowed.equal("v.owner_id", where.owner_id)
    if where.species is not None:
        narrowed.add(
            "EXISTS (SELECT 1 FROM sighting s WHERE s.survey_id = v.id AND s.until IS NULL"
            " AND s.species = {})",
            where.species,
        )
    if where.photo_id is not None:
        narrowed.add(
            "v.id IN (SELECT survey_id FROM sighting_photo WHERE photo_id = {})", where.photo_id
        )
    return narrowed


def _narrow_sightings(where: SurveyFilter) -> Where:
    narrowed = Where()
    _narrow_days(narrowed, "s", where)
    narrowed.equal("s.species", where.species)
    if where.owner_id is not None:
        narrowed.add(
            "s.survey_id IN (SELECT id FROM survey WHERE until IS NULL AND owner_id = {})",
            where.owner_id,
        )
    if where.photo_id is not None:
        narrowed.add(
            "s.id IN (SELECT sighting_id FROM sighting_photo WHERE photo_id = {})", where.photo_id
        )
    return narrowed


def _narrow_days(narrowed: Where, table: str, where: SurveyFilter) -> None:
    narrowed.equal(f"{table}.site", where.site)
    if where.season is not None:
        # The year's days bound the search: the day leads the indexes, the season does not.
        narrowed.add(f"{table}.season = {{}}", where.season)
        narrowed.add(f"{table}.day >= {{}}", f"{where.season[:4]}-01-01")
        narrowed.add(f"{table}.day <= {{}}", f"{where.season[:4]}-12-31")
    if where.day_from is not None:
        narrowed.add(f"{table}.day >= {{}}", to_day(where.day_from))
    if where.day_to is not None:
        narrowed.add(f"{table}.day <= {{}}", to_day(where.day_to))
