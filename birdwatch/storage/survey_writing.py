"""How the rows of surveys are closed and written: one survey, or some hundred in one batch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime

from birdwatch.domain.ids import new_id
from birdwatch.domain.survey import NewSighting, NewSurvey, Survey
from birdwatch.storage.columns import clean
from birdwatch.storage.sensitivity import load_levels
from birdwatch.storage.sql import marks
from birdwatch.storage.survey_rows import (
    INSERT_SIGHTING,
    INSERT_SURVEY,
    LINK_PHOTO,
    behaviours_of,
    day_of,
    kept_ids,
    sighting_values,
    survey_values,
)
from birdwatch.storage.transactions import Source, Write
from birdwatch.storage.windows import load_calendar

Line = tuple[int, tuple[str, NewSighting]]  # place in the list, id, sighting
CLOSE_SURVEY = "UPDATE survey SET until = $1 WHERE id = $2 AND until IS NULL"
CLOSE_SIGHTINGS = "UPDATE sighting SET until = $1 WHERE survey_id = $2 AND until IS NULL"
UNLINK_PHOTOS = "DELETE FROM sighting_photo WHERE survey_id = $1"


@dataclass(frozen=True, slots=True)
class Written:
    """A survey as it is to be written, and the version it belongs to."""

    survey_id: str
    version: int
    new: NewSurvey
    owner_id: str | None
    lines: Sequence[Line]


@dataclass(frozen=True, slots=True)
class Rewriting:
    """A survey as it is, and as it is to be; its version is not known yet."""

    old: Survey
    new: NewSurvey
    lines: Sequence[Line]

    @property
    def touched(self) -> set[tuple[str, date]]:
        """The sites and days to be counted again."""
        return {(self.old.site, self.old.day), (self.new.site, day_of(self.new))}

    def at(self, version: int) -> Written:
        return Written(self.old.id, version, self.new, self.old.owner_id, self.lines)


def rewriting(old: Survey, new: NewSurvey, source_key: str | None, now: datetime) -> Rewriting:
    """The survey written anew: its sightings keep their ids, and what is held back stays so."""
    kept = [one or new_id(now) for one in kept_ids(new.sightings, old.sightings)]
    held = {one.id: one for one in old.sightings if one.status != "published"}
    sightings = [
        replace(one, status=held[id_].status, flags=held[id_].flags) if id_ in held else one
        for id_, one in zip(kept, new.sightings, strict=True)
    ]
    lines = list(enumerate(zip(kept, sightings, strict=True)))
    return Rewriting(old, replace(new, source_key=source_key), lines)


def with_standing(new: NewSurvey, old: Survey) -> NewSurvey:
    """With what the old version had, where the new one says nothing."""
    return replace(
        new,
        status=old.status if new.status == "published" else new.status,
        flags=new.flags or old.flags,
        embargo_until=new.embargo_until or old.embargo_until,
    )


def told_survey(new: NewSurvey) -> dict[str, object]:
    """What the ledger says of a survey that is written."""
    told: dict[str, object] = {"sightings": len(new.sightings)}
    if new.tide_source is not None:
        told["tide_source"] = clean(new.tide_source)
    return told


async def source_keys(db: Source, survey_ids: Sequence[str]) -> dict[str, str | None]:
    """By which key of an import each of these surveys came in; None: by none."""
    if not survey_ids:
        return {}
    rows = await db.rows(
        f"SELECT id, source_key FROM survey WHERE id IN ({marks(len(survey_ids))})"
        " AND until IS NULL",
        *survey_ids,
    )
    return {row["id"]: row["source_key"] for row in rows}


async def close_surveys(tx: Write, closed: Sequence[tuple[str, int]]) -> None:
    """End the open rows of these surveys at these versions, and unlink their photos."""
    await tx.run_many(CLOSE_SURVEY, [(version, survey_id) for survey_id, version in closed])
    await tx.run_many(CLOSE_SIGHTINGS, [(version, survey_id) for survey_id, version in closed])
    await tx.run_many(UNLINK_PHOTOS, [(survey_id,) for survey_id, _ in closed])


async def write_surveys(tx: Write, written: Sequence[Written]) -> None:
    """Write these surveys with their sightings; the counts of their days are the caller's matter."""
    calendar = await load_calendar(tx)
    await tx.run_many(
        INSERT_SURVEY,
        [
            survey_values(
                one.survey_id, one.version, one.new, one.owner_id, calendar.place(day_of(one.new))
            )
            for one in written
        ],
    )
    await write_sightings(
        tx, [(one.survey_id, one.version, day_of(one.new), one.lines) for one in written]
    )


async def write_sightings(
    tx: Write, written: Sequence[tuple[str, int, date, Sequence[Line]]]
) -> None:
    """Write these sightings of surveys (id, version, day), with links to their photos."""
    calendar, levels = await load_calendar(tx), await load_levels(tx)
    rows: list[tuple[object, ...]] = []
    links: list[tuple[str, str, str]] = []
    for survey_id, version, day, lines in written:
        season = calendar.place(day).season
        for line, (sighting_id, new) in lines:
            level = levels.of(new.species, season, behaviours_of(new))
            rows.append(
                sighting_values(sighting_id, version, survey_id, line, day.isoformat(), new, level)
            )
            links += [(photo, sighting_id, survey_id) for photo in dict.fromkeys(new.photos)]
    await tx.run_many(INSERT_SIGHTING, rows)
    await tx.run_many(LINK_PHOTO, links)
