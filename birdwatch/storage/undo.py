"""The history of a photo or a survey, read as steps that can be undone, and the undoing written."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from birdwatch.domain.errors import ConflictError
from birdwatch.domain.photo import PhotoFacts
from birdwatch.domain.policy import Thing
from birdwatch.domain.survey import NewSurvey, Survey
from birdwatch.domain.undo import (
    EXISTS,
    Key,
    State,
    Step,
    check_stands,
    diff,
    facts_in,
    fold,
    is_same,
    photo_state,
    survey_in,
    survey_state,
)
from birdwatch.storage import ledger
from birdwatch.storage.columns import Row, from_instant
from birdwatch.storage.ledger import Change
from birdwatch.storage.photo_rows import fact_values, facts_of
from birdwatch.storage.photos import CLOSE, INSERT_FACT
from birdwatch.storage.settling import settle_facts
from birdwatch.storage.survey_rows import sighting_of, survey_of
from birdwatch.storage.surveys import restate_survey
from birdwatch.storage.transactions import Source, Write

Noun = Literal["photo", "survey"]


@dataclass(frozen=True, slots=True)
class History:
    """Everything that happened to one thing. `last`: its newest row, be it open or closed."""

    noun: Noun
    noun_id: str
    created: State
    steps: tuple[Step, ...]
    changes: tuple[Change, ...]
    now: State
    thing: Thing
    last: Row
    known: PhotoFacts | Survey  # as of the last row

    @property
    def is_open(self) -> bool:
        return bool(self.now.get(EXISTS))


async def find_change(db: Source, version: int) -> tuple[Change, History] | None:
    """The change of this version and the history it is part of; None: of no photo or survey."""
    change = await ledger.find_change(db, version)
    if change is None:
        return None
    noun, noun_id = change.noun, change.noun_id
    if noun == "sighting":
        rows = await db.rows("SELECT survey_id FROM sighting WHERE id = $1 LIMIT 1", noun_id)
        noun, noun_id = "survey", rows[0]["survey_id"] if rows else ""
    history = await find_history(db, noun, noun_id)
    return None if history is None else (change, history)


async def find_history(db: Source, noun: str, noun_id: str) -> History | None:
    """The history of a photo or survey, or None where there never was one."""
    if noun == "photo":
        return await _photo_history(db, noun_id)
    return await _survey_history(db, noun_id) if noun == "survey" else None


async def write_undo(tx: Write, history: History, undoes: int) -> int:
    """Take back one change, as a new version of what then stands; its number.

    Raises ConflictError where what is left could not stand.
    """
    await tx.lock()
    taken_back = Step(history.steps[-1].version + 1, "undo", tx.now, undoes=undoes)
    state = fold(history.created, (*history.steps, taken_back))
    changes_rows = not is_same(state, history.now)
    survey = None
    if history.noun == "survey" and state[EXISTS]:
        survey = _survey_in(state, history)
        if changes_rows:
            check_stands(survey, history.known if isinstance(history.known, Survey) else None)
            await _check_source_is_free(tx, history.noun_id, survey.source_key)
    version = await ledger.append(
        tx,
        "undo",
        history.noun,
        history.noun_id,
        before=history.last["since"] if history.is_open else None,
        after=ledger.ITSELF if changes_rows and state[EXISTS] else None,
        detail={"undoes": undoes},
    )
    if not changes_rows:
        return version
    if history.noun == "survey":
        await restate_survey(tx, history.noun_id, version, survey, history.thing.owner_id)
    else:
        await _restate_photo(tx, history, version, state)
    return version


async def _restate_photo(tx: Write, history: History, version: int, state: State) -> None:
    await tx.run(CLOSE, version, history.noun_id)
    if not state[EXISTS] or not isinstance(history.known, PhotoFacts):
        return
    facts = facts_in(state, history.known)
    facts, public = await settle_facts(tx, history.noun_id, facts)
    rows = await tx.rows("SELECT received_at FROM photo WHERE id = $1", history.noun_id)
    received_at = from_instant(rows[0]["received_at"])
    await tx.run(
        INSERT_FACT,
        *fact_values(history.noun_id, history.thing.owner_id, received_at, facts, public, version),
    )


async def _photo_history(db: Source, photo_id: str) -> History | None:
    rows = await db.rows("SELECT * FROM photo_fact WHERE id = $1 ORDER BY since", photo_id)
    if not rows:
        return None

    def state_at(version: int) -> dict[Key, Any]:
        alive = _alive(rows, version)
        return photo_state(facts_of(alive[0]) if alive else None)

    facts = facts_of(rows[-1])
    changes = await ledger.changes_of(db, "photo", photo_id)
    first = rows[0]["since"]
    return History(
        noun="photo",
        noun_id=photo_id,
        created=state_at(first),
        steps=_steps(changes, first, state_at),
        changes=tuple(changes),
        now=photo_state(facts if rows[-1]["until"] is None else None),
        thing=Thing(
            rows[-1]["owner_id"],
            facts.status,
            facts.embargo_until,
            is_withheld=facts.level == "withhold",
        ),
        last=rows[-1],
        known=facts,
    )


async def _survey_history(db: Source, survey_id: str) -> History | None:
    rows = await db.rows("SELECT * FROM survey WHERE id = $1 ORDER BY since", survey_id)
    if not rows:
        return None
    sightings: list[Row] = []
    for which in ("IS NULL", "IS NOT NULL"):  # each has an index of its own
        sightings += await db.rows(
            f"SELECT * FROM sighting WHERE survey_id = $1 AND until {which}", survey_id
        )
    sightings.sort(key=lambda row: (row["line"], row["id"]))

    def survey_at(version: int) -> Survey | None:
        alive = _alive(rows, version)
        return _survey_with(alive[0], _alive(sightings, version)) if alive else None

    def state_at(version: int) -> dict[Key, Any]:
        return survey_state(survey_at(version))

    last = rows[-1]
    ended = last["until"]
    changes = await _changes_of_survey(db, survey_id, sightings)
    newest = max([last["since"], *(change.version for change in changes)])
    known = survey_at(newest if ended is None else ended - 1)
    if known is None:
        return None
    first = rows[0]["since"]
    return History(
        noun="survey",
        noun_id=survey_id,
        created=state_at(first),
        steps=_steps(changes, first, state_at),
        changes=tuple(changes),
        now=survey_state(known if ended is None else None),
        thing=known.thing,
        last=last,
        known=known,
    )


async def _changes_of_survey(db: Source, survey_id: str, sightings: Sequence[Row]) -> list[Change]:
    """The changes of a survey and the decisions on single sightings of it, in order."""
    changes = await ledger.changes_of(db, "survey", survey_id)
    ids = [row["id"] for row in sightings]
    for sighting_id in sorted({one for one in ids if ids.count(one) > 1}):
        changes += await ledger.changes_of(db, "sighting", sighting_id)
    return sorted(changes, key=lambda change: change.version)


def _survey_with(row: Row, sightings: Sequence[Row]) -> Survey:
    place = {name: row[name] for name in ("site", "season", "phase", "dekad")}
    return survey_of(row, [sighting_of({**one, **place}) for one in sightings])


def _alive(rows: Sequence[Row], version: int) -> list[Row]:
    """The rows that were open when this version was written."""
    return [
        row
        for row in rows
        if row["since"] <= version and (row["until"] is None or row["until"] > version)
    ]


def _steps(
    changes: Sequence[Change], first: int, state_at: Callable[[int], State]
) -> tuple[Step, ...]:
    """The changes as steps; that which made the thing is the first of them and sets nothing."""
    steps: list[Step] = []
    for change in changes:
        undoes = (change.detail or {}).get("undoes")
        is_change = change.version > first and not isinstance(undoes, int)
        steps.append(
            Step(
                change.version,
                change.action,
                change.at,
                change.actor_id,
                undoes if isinstance(undoes, int) else None,
                diff(state_at(change.version - 1), state_at(change.version)) if is_change else {},
            )
        )
    return tuple(steps)


def _survey_in(state: State, history: History) -> NewSurvey:
    """The survey of a state; where it was imported from stays with it."""
    known = history.known
    if not isinstance(known, Survey):
        message = "a survey's history holds a survey"
        raise TypeError(message)
    base = replace(known.again(), source_key=history.last["source_key"])
    return survey_in(state, base)


async def _check_source_is_free(tx: Write, survey_id: str, source_key: str | None) -> None:
    """Raise ConflictError where the table was imported again meanwhile, and brought it anew."""
    if source_key is None:
        return
    twins = await tx.rows(
        "SELECT id FROM survey WHERE source_key = $1 AND until IS NULL AND id <> $2",
        source_key,
        survey_id,
    )
    if twins:
        raise ConflictError(
            "undo.imported_again",
            zh=f"这次调查后来又随同一张表导入过（调查 {twins[0]['id']}）。请先删除那一次。",
            en=f"The same table brought this survey again (survey {twins[0]['id']}). Delete that"
            " one first.",
        )
