"""Hundreds of photos taken back in one act, in few statements, as if one by one.

What is plain is read and written in batches: a photo that is there, whose change may be undone, and
the count that changed with it. Everything else goes the way of a single one, in its turn.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from birdwatch.domain.errors import BirdwatchError
from birdwatch.domain.photo import Photo, PhotoFacts
from birdwatch.domain.text import Text
from birdwatch.domain.undo import Step, facts_in, undone
from birdwatch.intake.photo_following import keep_survey_in_step
from birdwatch.intake.photo_sorting import survey_start
from birdwatch.intake.undoing import RIDERS, refusal_of, step_of, try_undo
from birdwatch.storage.db import Write
from birdwatch.storage.ledger import Change, find_changes
from birdwatch.storage.photos import find_photo
from birdwatch.storage.surveys import find_survey
from birdwatch.storage.undo import History, Undoing, find_histories, undoing, write_undoings

AT_ONCE = 200
Version = tuple[str, int]  # a photo, and what an act wrote of it


@dataclass(frozen=True, slots=True)
class _Plain:
    """A photo's change that may be undone, and that of the count which changed with it."""

    history: History
    step: Step
    rider: Change | None


async def undo_versions(
    tx: Write, versions: Sequence[Version]
) -> tuple[list[str], list[tuple[str, Text]]]:
    """Take these back in order: the photos that are as they were, and those that stay, with why."""
    done: list[str] = []
    kept: list[tuple[str, Text]] = []
    for start in range(0, len(versions), AT_ONCE):
        page = versions[start : start + AT_ONCE]
        plain = await _plain_of(tx, page)
        waiting: list[Undoing] = []
        for photo_id, version in page:
            batch = plain.get(photo_id)
            if batch:
                waiting += batch
                done.append(photo_id)
                continue
            await write_undoings(tx, waiting)
            waiting = []
            reason = await _undo_one(tx, photo_id, version)
            if reason is None:
                done.append(photo_id)
            else:
                kept.append((photo_id, reason))
        await write_undoings(tx, waiting)
    return done, kept


async def _plain_of(tx: Write, page: Sequence[Version]) -> dict[str, list[Undoing]]:
    """What is written of each photo that is plain: its own undoing, then its count's."""
    histories = await find_histories(tx, "photo", [photo_id for photo_id, _ in page])
    steps = {
        photo_id: step
        for photo_id, version in page
        if photo_id in histories and (step := _plain_step(tx, histories[photo_id], version))
    }
    changes = await find_changes(
        tx,
        [step.version + RIDERS[step.action][0] for step in steps.values() if step.action in RIDERS],
    )
    found = [
        _Plain(histories[photo_id], step, _rider(histories[photo_id], step, changes))
        for photo_id, step in steps.items()
    ]
    surveys = await find_histories(tx, "survey", [one.rider.noun_id for one in found if one.rider])
    plain = {one.history.noun_id: _undoings(tx, one, surveys) for one in found}
    # A survey of several photos is taken back by each in turn, from what the one before left.
    of_survey = [one.last["survey_id"] for one in histories.values() if one.last["survey_id"]]
    return {
        photo_id: undoings
        for photo_id, undoings in plain.items()
        if undoings and of_survey.count(histories[photo_id].last["survey_id"]) <= 1
    }


def _plain_step(tx: Write, history: History, version: int) -> Step | None:
    step = step_of(history, version)
    if step is None or not history.is_open or refusal_of(history, step, tx.actor, tx.now):
        return None
    return step


def _rider(history: History, step: Step, changes: dict[int, Change]) -> Change | None:
    """The change of the count that goes with this one of its photo."""
    if step.action not in RIDERS:
        return None
    distance, action = RIDERS[step.action]
    change = changes.get(step.version + distance)
    is_rider = (
        change is not None
        and (change.noun, change.noun_id) == ("survey", history.last["survey_id"])
        and (change.action, change.at, change.actor_id) == (action, step.at, step.actor_id)
    )
    return change if is_rider else None


def _undoings(tx: Write, one: _Plain, surveys: dict[str, History]) -> list[Undoing]:
    """Nothing where it is not plain after all."""
    photo = undoing(one.history, one.step.version, tx.now)
    before = one.history.known
    if not photo.changes_rows or not photo.stays or not isinstance(before, PhotoFacts):
        return []
    survey = surveys.get(one.rider.noun_id) if one.rider else None
    if one.rider is None or survey is None:
        return [] if before.survey_id else [photo]
    step = step_of(survey, one.rider.version)
    if step is None or one.rider.version in undone(survey.steps) or not survey.is_open:
        return []
    if survey.last["source_key"] is not None:
        return []
    try:
        count = undoing(survey, one.rider.version, tx.now)
    except BirdwatchError:
        return []  # told in its turn
    after = facts_in(photo.state, before)
    if count.survey is None or before.time.wall is None or after.time.wall is None:
        return []
    start = count.survey.start.isoformat(timespec="seconds")
    return [] if start == survey_start(before) else [photo, count]


async def _undo_one(tx: Write, photo_id: str, version: int) -> Text | None:
    """None where the photo is as it was; else why it stays."""
    before = await find_photo(tx, photo_id)
    refusal = await try_undo(tx, "photo", photo_id, version)
    if refusal is not None:
        return None if refusal.code == "undo.already" else refusal.text
    after = await find_photo(tx, photo_id)
    if before is not None and after is not None:
        await _survey_back(tx, before, after)
    return None


async def _survey_back(tx: Write, before: Photo, after: Photo) -> None:
    """A count that came in with its photo, after the adjustment, has no change of its own to undo.

    It follows as long as it still tells the photo's time; one without time keeps what it has.
    """
    if before.facts.survey_id is None or after.facts.time.wall is None:
        return
    survey = await find_survey(tx, before.facts.survey_id)
    if survey is None or before.facts.time == after.facts.time:
        return
    if survey.start.isoformat(timespec="seconds") == survey_start(before.facts):
        await keep_survey_in_step(tx, before.facts, after.facts)
