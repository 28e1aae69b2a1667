"""Who may take back which change. What goes with it, such as the count of a photo, goes back too."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from birdwatch.domain.errors import BirdwatchError, ConflictError, NotFoundError
from birdwatch.domain.policy import Actor, may
from birdwatch.domain.undo import Step, check_undoable, root_of, undone
from birdwatch.intake.archive import Archive
from birdwatch.storage.db import Source, Write
from birdwatch.storage.undo import History, find_change, find_history, write_undo

# A change of a photo and, one version before or after it, that of the count made from it.
RIDERS: Final = {
    "correct": (-1, "edit"),
    "review": (1, "review"),
    "answer": (1, "answer"),
    "undo": (1, "undo"),
}


@dataclass(frozen=True, slots=True)
class HistoryEntry:
    """One change as its owner reads it. `changed`: the names of what it set."""

    version: int
    at: datetime
    actor_name: str
    action: str
    noun: str
    changed: tuple[str, ...]
    undoes: int | None
    is_undone: bool
    can_undo: bool
    reason: str = ""


async def undo_change(archive: Archive, version: int, *, actor: Actor, now: datetime) -> History:
    """Take back the change of this version; the history of its thing as it is then.

    Raises NotFoundError for who may not, and ConflictError, in words, where it cannot be undone.
    """
    async with archive.db.write(actor, now) as tx:
        await tx.lock()
        found = await find_change(tx, version)
        step = step_of(found[1], version) if found else None
        if found is None or step is None or not _may_undo(found[1], step, actor):
            raise _no_change()
        return await _undo(tx, found[1], step, actor)


async def undo_last(tx: Write, noun: str, noun_id: str) -> History | None:
    """Take back the last change that stands, be it an undoing; None where there is none."""
    history = await find_history(tx, noun, noun_id)
    if history is None:
        return None
    for step in reversed(history.steps):
        if not refusal_of(history, step, tx.actor, tx.now):
            return await _undo(tx, history, step, tx.actor)
    return None


async def try_undo(tx: Write, noun: str, noun_id: str, version: int) -> BirdwatchError | None:
    """Take back this one change of a thing; why not, where this actor cannot."""
    history = await find_history(tx, noun, noun_id)
    step = step_of(history, version) if history else None
    if history is None or step is None:
        return _no_change()
    refusal = refusal_of(history, step, tx.actor, tx.now)
    if refusal is None:
        await _undo(tx, history, step, tx.actor)
    return refusal


async def read_history(
    db: Source, noun: str, noun_id: str, *, actor: Actor, now: datetime
) -> list[HistoryEntry]:
    """Every change of a photo or survey, oldest first, withdrawn ones too.

    Raises NotFoundError for who may not see it whole.
    """
    history = await find_history(db, noun, noun_id)
    if history is None or not may(actor, "see-private", history.thing):
        raise _no_change()
    return told_history(history, actor, now)


def told_history(history: History, actor: Actor, now: datetime) -> list[HistoryEntry]:
    """The changes of this history as this actor may take them back."""
    without = undone(history.steps)
    return [
        HistoryEntry(
            version=change.version,
            at=change.at,
            actor_name=change.actor_name,
            action=change.action,
            noun=change.noun,
            changed=tuple(dict.fromkeys(key[0] for key in step.changed)),
            undoes=step.undoes,
            is_undone=change.version in without,
            can_undo=refusal_of(history, step, actor, now) is None,
            reason=str((change.detail or {}).get("reason") or ""),
        )
        for change, step in zip(history.changes, history.steps, strict=True)
    ]


async def _undo(tx: Write, history: History, step: Step, actor: Actor) -> History:
    refusal = refusal_of(history, step, actor, tx.now)
    if refusal is not None:
        raise refusal
    await write_undo(tx, history, step.version)
    if history.noun == "photo":
        await _undo_rider(tx, history, step)
    after = await find_history(tx, history.noun, history.noun_id)
    return after or history


async def _undo_rider(tx: Write, photo: History, step: Step) -> None:
    """The count made from the photo changed with it, in the same transaction: it goes back too."""
    rider = RIDERS.get(step.action)
    if rider is None:
        return
    distance, action = rider
    found = await find_change(tx, step.version + distance)
    if found is None:
        return
    change, survey = found
    own = step_of(survey, change.version)
    is_of_photo = change.noun == "survey" and survey.noun_id == photo.last["survey_id"]
    if own is None or change.action != action or not is_of_photo:
        return
    if (change.at, change.actor_id) != (step.at, step.actor_id):
        return
    if change.version not in undone(survey.steps):
        await write_undo(tx, survey, change.version)


def refusal_of(history: History, step: Step, actor: Actor, now: datetime) -> BirdwatchError | None:
    """Why this actor cannot take back this change now; None: they can."""
    if not _may_undo(history, step, actor):
        return _no_change()
    try:
        check_undoable(step, history.steps, now)
        _check_reviewed(history, step, actor)
    except ConflictError as error:
        return error
    return None


def _may_undo(history: History, step: Step, actor: Actor) -> bool:
    """A decision is taken back by who may decide; everything else by who may edit."""
    is_decision = root_of(step, history.steps).action == "review"
    return may(actor, "review" if is_decision else "edit", history.thing)


def _check_reviewed(history: History, step: Step, actor: Actor) -> None:
    """Raise ConflictError where undoing would publish what the reviewer did not look at."""
    if may(actor, "review", history.thing) or actor.trust == "trusted":
        return
    without = undone(history.steps)
    is_reviewed = any(
        later.version > root_of(step, history.steps).version
        and later.action == "review"
        and later.version not in without
        for later in history.steps
    )
    if is_reviewed or step.actor_id != actor.person_id:
        raise ConflictError(
            "undo.reviewed",
            zh="审核员在此之后已作出决定，或这是别人的更改，您不能直接撤销。请改为提交一次更正。",
            en="A reviewer has decided since, or the change is someone else's, so you cannot take"
            " it back. Send a correction instead.",
        )


def step_of(history: History, version: int) -> Step | None:
    """The step of this version."""
    return next((step for step in history.steps if step.version == version), None)


def _no_change() -> NotFoundError:
    return NotFoundError(
        "undo.unknown",
        zh="没有这次更改，或您不能撤销它。请在内容的历史里查看。",
        en="There is no such change, or it is not yours to undo. Look in the history of the record.",
    )
