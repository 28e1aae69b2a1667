"""Undoing by folding: a thing is its creation and every change of it that is not undone, in order.

A photo, or a survey with its sightings, is told as keys and values; what only makes sense together
(time, place, the numbers of a count) is one value. A change is the keys it set. So one change can
be undone out of the middle, and what others changed since stays; with all of them undone the thing
is again exactly what it was. Undoing is a change too, and can be undone.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, Final

from birdwatch.domain.errors import ConflictError
from birdwatch.domain.photo import PhotoFacts
from birdwatch.domain.sighting import NewSighting, Sighting
from birdwatch.domain.survey import NewSurvey, Survey

Key = tuple[str, ...]
State = Mapping[Key, Any]
EXISTS: Final[Key] = ("exists",)
SIGHTING: Final = "sighting"
UNDO_WITHIN: Final = timedelta(days=30)
UNDOABLE: Final = frozenset({"correct", "edit", "delete", "review", "identify", "undo"})
_MISSING: Final = object()


@dataclass(frozen=True, slots=True)
class Step:
    """One change of a thing. `undoes`: the version of the change that it takes back."""

    version: int
    action: str
    at: datetime
    actor_id: str | None = None
    undoes: int | None = None
    changed: State = field(default_factory=dict)


def photo_state(facts: PhotoFacts | None) -> dict[Key, Any]:
    """The facts as keys and values; what follows from them by rule is left out. None: withdrawn."""
    if facts is None:
        return {EXISTS: False}
    return {
        EXISTS: True,
        ("time",): facts.time,
        ("place",): (facts.place, facts.is_outside),
        ("site",): facts.site,
        ("species",): facts.species,
        ("caption",): facts.caption,
        ("credit",): facts.credit,
        ("license",): facts.license,
        ("count",): (facts.sighting_id, facts.survey_id),
        ("status",): (facts.status, facts.flags),
        ("embargo_until",): facts.embargo_until,
    }


def facts_in(state: State, known: PhotoFacts) -> PhotoFacts:
    """The facts of a state; what follows by rule is that of `known`, for the writer to settle."""
    place, is_outside = state["place",]
    sighting_id, survey_id = state["count",]
    status, flags = state["status",]
    return replace(
        known,
        time=state["time",],
        place=place,
        is_outside=is_outside,
        site=state["site",],
        species=state["species",],
        caption=state["caption",],
        credit=state["credit",],
        license=state["license",],
        sighting_id=sighting_id,
        survey_id=survey_id,
        status=status,
        flags=flags,
        embargo_until=state["embargo_until",],
    )


def survey_state(survey: Survey | None) -> dict[Key, Any]:
    """The survey and its sightings as keys and values. None: deleted."""
    if survey is None:
        return {EXISTS: False}
    state: dict[Key, Any] = {
        EXISTS: True,
        ("site",): survey.site,
        ("visit",): (survey.start, survey.end, survey.has_time),
        ("observers",): survey.observers,
        ("protocol",): survey.protocol,
        ("complete",): survey.complete,
        ("tide",): (survey.tide, survey.tide_source),
        ("note",): survey.note,
        ("source",): survey.source,
        ("status",): (survey.status, survey.flags),
        ("embargo_until",): survey.embargo_until,
    }
    for line, one in enumerate(survey.sightings):
        state |= _sighting_state(one, line)
    return state


def _sighting_state(one: Sighting, line: int) -> dict[Key, Any]:
    values = {
        "exists": True,
        "line": line,
        "species": one.species,
        "count": (one.low, one.best, one.high, one.method),
        "note": one.note,
        "photos": one.photos,
        "behaviour": one.behaviour,
        "status": (one.status, one.flags),
    }
    return {(SIGHTING, one.id, name): value for name, value in values.items()}


def survey_in(state: State, known: NewSurvey) -> NewSurvey:
    """The survey of a state, its sightings in their order; `known` gives the key of its import."""
    start, end, has_time = state["visit",]
    status, flags = state["status",]
    tide, tide_source = state["tide",]
    ids = {key[1] for key in state if key[0] == SIGHTING}
    lines = sorted(
        (state[SIGHTING, one, "line"], one) for one in ids if state.get((SIGHTING, one, "exists"))
    )
    return replace(
        known,
        site=state["site",],
        start=start,
        end=end,
        has_time=has_time,
        observers=state["observers",],
        protocol=state["protocol",],
        complete=state["complete",],
        tide=tide,
        tide_source=tide_source,
        note=state["note",],
        source=state["source",],
        status=status,
        flags=flags,
        embargo_until=state["embargo_until",],
        sightings=tuple(_sighting_in(state, one) for _, one in lines),
    )


def _sighting_in(state: State, sighting_id: str) -> NewSighting:
    low, best, high, method = state[SIGHTING, sighting_id, "count"]
    status, flags = state[SIGHTING, sighting_id, "status"]
    return NewSighting(
        species=state[SIGHTING, sighting_id, "species"],
        low=low,
        best=best,
        high=high,
        method=method,
        note=state[SIGHTING, sighting_id, "note"],
        photos=state[SIGHTING, sighting_id, "photos"],
        id=sighting_id,
        behaviour=state[SIGHTING, sighting_id, "behaviour"],
        status=status,
        flags=flags,
    )


def diff(before: State, after: State) -> dict[Key, Any]:
    """The keys that a change set. What is gone keeps its other values, should it come back."""
    if not after.get(EXISTS):
        return {EXISTS: False} if before.get(EXISTS) else {}
    known = before if before.get(EXISTS) else {}
    changed = {key: v for key, v in after.items() if known.get(key, _MISSING) != v}
    gone = {key: False for key in known if _tells_existence(key) and key not in after}
    return changed | gone


def _tells_existence(key: Key) -> bool:
    return key[0] == SIGHTING and key[2] == "exists"


def undone(steps: Sequence[Step]) -> frozenset[int]:
    """The versions of the changes that are undone now; an undone undoing undoes nothing."""
    found: set[int] = set()
    for step in reversed(steps):
        if step.undoes is not None and step.version not in found:
            found.add(step.undoes)
    return frozenset(found)


def fold(created: State, steps: Sequence[Step]) -> dict[Key, Any]:
    """What the thing is: as created, with every change that stands, in order."""
    without = undone(steps)
    state = dict(created)
    for step in steps:
        if step.undoes is None and step.version not in without:
            state.update(step.changed)
    return state


def is_same(one: State, other: State) -> bool:
    """Whether two states tell the same thing: of what is gone, no more than that it is gone."""
    return _present(one) == _present(other)


def _present(state: State) -> dict[Key, Any]:
    if not state.get(EXISTS):
        return {EXISTS: False}
    lines = sorted(
        (state[SIGHTING, key[1], "line"], key[1])
        for key in state
        if _tells_existence(key) and state[key]
    )
    places = {one: place for place, (_, one) in enumerate(lines)}
    present: dict[Key, Any] = {}
    for key, value in state.items():
        if key[0] != SIGHTING:
            present[key] = value
        elif key[1] in places:
            present[key] = places[key[1]] if key[2] == "line" else value
    return present


def root_of(step: Step, steps: Iterable[Step]) -> Step:
    """The change that this one, if it is an undoing, in the end is about."""
    by_version = {one.version: one for one in steps}
    while step.undoes is not None and step.undoes in by_version:
        step = by_version[step.undoes]
    return step


def check_undoable(step: Step, steps: Sequence[Step], now: datetime) -> None:
    """Raise ConflictError, in words, for a change that cannot be undone (any more)."""
    if step.action in ("create", "import"):
        raise ConflictError(
            "undo.created",
            zh="新建不能撤销。请改为撤回这项内容。",
            en="Being created cannot be undone. Withdraw it instead.",
        )
    if now - step.at > UNDO_WITHIN:
        raise ConflictError(
            "undo.too_old",
            zh="这次更改已超过 30 天，不能再撤销。请直接更正。",
            en="This change is more than 30 days old and can no longer be undone. Correct the"
            " record instead.",
        )
    if step.version in undone(steps):
        raise ConflictError(
            "undo.already",
            zh="这次更改已经撤销过了。要恢复它，请撤销那次撤销。",
            en="This change is undone already. To have it back, undo its undoing.",
        )
    if step.action not in UNDOABLE or (step.undoes is None and not step.changed):
        raise ConflictError(
            "undo.nothing",
            zh="这次更改没有改动记录的内容，没有可以撤销的。",
            en="This change altered nothing of the record, so there is nothing to undo.",
        )


def check_stands(new: NewSurvey, before: Survey | None) -> None:
    """Raise ConflictError where the survey that undoing leaves could not have been sent in."""
    held = [one.species for one in before.sightings] if before else []
    counted = [one.species for one in new.sightings]
    twice = sorted({s for s in counted if counted.count(s) > max(1, held.count(s))})
    if twice:
        raise ConflictError(
            "undo.species_twice",
            zh=f"撤销后同一次调查中会有两行相同的物种（{twice[0]}）。请先改正或撤销后来加入的那一行。",
            en=f"Undoing this would leave two rows of one species ({twice[0]}) in the survey."
            " Correct or undo the later row first.",
        )
    if not new.sightings and not new.complete and (before is None or before.sightings):
        raise ConflictError(
            "undo.empty",
            zh="撤销后这次调查既没有记录也不是完整调查。请改为删除它。",
            en="Undoing this would leave a survey with no sighting that is not complete either."
            " Delete it instead.",
        )
