"""The history of a photo or a survey, read as steps that can be undone, and the undoing written."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Literal

from birdwatch.domain.errors import ConflictError
from birdwatch.domain.ids import new_id
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
from birdwatch.storage import counts, ledger
from birdwatch.storage.columns import Row, from_instant
from birdwatch.storage.ledger import Change, Entry
from birdwatch.storage.photo_rows import facts_of
from birdwatch.storage.photos import close_facts, write_facts
from birdwatch.storage.settling import settle_all
from birdwatch.storage.sql import marks
from birdwatch.storage.survey_rows import day_of, sighting_of, survey_of
from birdwatch.storage.survey_writing import Written, close_surveys, write_surveys
from birdwatch.storage.surveys import find_surveys
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
    return (await find_histories(db, noun, [noun_id])).get(noun_id)


async def find_histories(db: Source, noun: str, noun_ids: Sequence[str]) -> dict[str, History]:
    """The histories of some hundred photos, or surveys, that there are, by id."""
    ids = list(dict.fromkeys(noun_ids))
    if not ids or noun not in ("photo", "survey"):
        return {}
    return await (_photo_histories if noun == "photo" else _survey_histories)(db, ids)


@dataclass(frozen=True, slots=True)
class Undoing:
    """One change taken back, not written yet: what then stands."""

    history: History
    undoes: int
    state: State
    changes_rows: bool
    survey: NewSurvey | None = None  # where it is a survey's, and there still is one

    @property
    def stays(self) -> bool:
        """Whether there is such a thing afterwards."""
        return bool(self.state[EXISTS])

    @property
    def entry(self) -> Entry:
        """As the ledger tells it."""
        history = self.history
        return Entry(
            "undo",
            history.noun,
            history.noun_id,
            before=history.last["since"] if history.is_open else None,
            after=ledger.ITSELF if self.changes_rows and self.stays else None,
            detail={"undoes": self.undoes},
        )


def undoing(history: History, undoes: int, now: datetime) -> Undoing:
    """What is left without this change. Raises ConflictError where that could not stand."""
    taken_back = Step(history.steps[-1].version + 1, "undo", now, undoes=undoes)
    state = fold(history.created, (*history.steps, taken_back))
    changes_rows = not is_same(state, history.now)
    survey = None
    if history.noun == "survey" and state[EXISTS]:
        survey = _survey_in(state, history)
        if changes_rows:
            check_stands(survey, history.known if isinstance(history.known, Survey) else None)
    return Undoing(history, undoes, state, changes_rows, survey)


async def write_undo(tx: Write, history: History, undoes: int) -> int:
    """Take back one change, as a new version of what then stands; its number.

    Raises ConflictError where what is left could not stand.
    """
    await tx.lock()
    return (await write_undoings(tx, [undoing(history, undoes, tx.now)]))[0]


async def write_undoings(tx: Write, undoings: Sequence[Undoing]) -> list[int]:
    """Write these, of different photos and surveys, in this order; their numbers."""
    for one in undoings:
        if one.survey is not None and one.changes_rows:
            await _check_source_is_free(tx, one.history.noun_id, one.survey.source_key)
    numbers = await ledger.append_all(tx, [one.entry for one in undoings])
    written = [
        (one, version) for one, version in zip(undoings, numbers, strict=True) if one.changes_rows
    ]
    await _restate_photos(tx, [pair for pair in written if pair[0].history.noun == "photo"])
    await _restate_surveys(tx, [pair for pair in written if pair[0].history.noun == "survey"])
    return numbers


async def _restate_photos(tx: Write, written: Sequence[tuple[Undoing, int]]) -> None:
    await close_facts(tx, [(one.history.noun_id, version) for one, version in written])
    facts = {
        one.history.noun_id: facts_in(one.state, one.history.known)
        for one, _ in written
        if one.stays and isinstance(one.history.known, PhotoFacts)
    }
    if not facts:
        return
    settled = await settle_all(tx, facts)
    rows = await tx.rows(
        f"SELECT id, received_at FROM photo WHERE id IN ({marks(len(facts))})", *facts
    )
    received = {row["id"]: from_instant(row["received_at"]) for row in rows}
    again = [
        (one.history.noun_id, one.history.thing.owner_id, version)
        for one, version in written
        if one.history.noun_id in facts
    ]
    await write_facts(
        tx,
        [
            (photo_id, owner_id, received[photo_id], *settled[photo_id], version)
            for photo_id, owner_id, version in again
        ],
    )


async def _restate_surveys(tx: Write, written: Sequence[tuple[Undoing, int]]) -> None:
    """With their sightings, by the ids they name."""
    if not written:
        return
    old = await find_surveys(tx, [one.history.noun_id for one, _ in written])
    touched = {(survey.site, survey.day) for survey in old.values()}
    await close_surveys(tx, [(one.history.noun_id, version) for one, version in written])
    again: list[Written] = []
    for one, version in written:
        if one.survey is not None:
            lines = list(enumerate((s.id or new_id(tx.now), s) for s in one.survey.sightings))
            history = one.history
            again.append(
                Written(history.noun_id, version, one.survey, history.thing.owner_id, lines)
            )
            touched.add((one.survey.site, day_of(one.survey)))
    await write_surveys(tx, again)
    await counts.recompute(tx, touched)


async def _photo_histories(db: Source, photo_ids: Sequence[str]) -> dict[str, History]:
    found = await db.rows(
        f"SELECT * FROM photo_fact WHERE id IN ({marks(len(photo_ids))}) ORDER BY since",
        *photo_ids,
    )
    rows = _by(found, "id")
    changes = await ledger.changes_of_all(db, "photo", list(rows))
    return {one: _photo_history(one, rows[one], changes[one]) for one in rows}


def _photo_history(photo_id: str, rows: Sequence[Row], changes: Sequence[Change]) -> History:
    def state_at(version: int) -> dict[Key, Any]:
        alive = _alive(rows, version)
        return photo_state(facts_of(alive[0]) if alive else None)

    facts = facts_of(rows[-1])
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


async def _survey_histories(db: Source, survey_ids: Sequence[str]) -> dict[str, History]:
    listed = marks(len(survey_ids))
    rows = _by(
        await db.rows(f"SELECT * FROM survey WHERE id IN ({listed}) ORDER BY since", *survey_ids),
        "id",
    )
    found: list[Row] = []
    for which in ("IS NULL", "IS NOT NULL"):  # each has an index of its own
        found += await db.rows(
            f"SELECT * FROM sighting WHERE survey_id IN ({listed}) AND until {which}", *survey_ids
        )
    sightings = _by(sorted(found, key=lambda row: (row["line"], row["id"])), "survey_id")
    changes = await ledger.changes_of_all(db, "survey", list(rows))
    written = Counter(row["id"] for row in found)
    decided = await ledger.changes_of_all(
        db, "sighting", sorted(one for one, times in written.items() if times > 1)
    )
    histories: dict[str, History] = {}
    for survey_id, versions in rows.items():
        own = sightings.get(survey_id, [])
        every = [*changes[survey_id]]
        for sighting_id in sorted({row["id"] for row in own}):
            every += decided.get(sighting_id, [])
        every.sort(key=lambda change: change.version)
        history = _survey_history(survey_id, versions, own, every)
        if history is not None:
            histories[survey_id] = history
    return histories


def _survey_history(
    survey_id: str, rows: Sequence[Row], sightings: Sequence[Row], changes: Sequence[Change]
) -> History | None:
    """`changes`: those of the survey and the decisions on single sightings of it, in order."""

    def survey_at(version: int) -> Survey | None:
        alive = _alive(rows, version)
        return _survey_with(alive[0], _alive(sightings, version)) if alive else None

    def state_at(version: int) -> dict[Key, Any]:
        return survey_state(survey_at(version))

    last = rows[-1]
    ended = last["until"]
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


def _by(rows: Iterable[Row], name: str) -> dict[str, list[Row]]:
    """The rows in their order, by this column."""
    found: dict[str, list[Row]] = {}
    for row in rows:
        found.setdefault(row[name], []).append(row)
    return found


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
