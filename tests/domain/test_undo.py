"""Undoing by folding, on small states and on real photos and surveys."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from birdwatch.domain.errors import ConflictError
from birdwatch.domain.photo import PhotoFacts, SettledTime
from birdwatch.domain.sighting import NewSighting, Sighting
from birdwatch.domain.survey import NewSurvey, Survey
from birdwatch.domain.undo import (
    EXISTS,
    Key,
    Step,
    check_stands,
    check_undoable,
    diff,
    facts_in,
    fold,
    is_same,
    photo_state,
    root_of,
    survey_in,
    survey_state,
    undone,
)

NOW = datetime(2026, 4, 20, tzinfo=UTC)
FACTS = PhotoFacts(SettledTime(None, None, None, "unknown", "none"), None)
NEW = NewSurvey(
    "liaobin", NOW, None, True, ("Li",), "area", True, "high", "", "api", "key", ()
)  # fmt: skip
SURVEY = Survey(
    "a", "liaobin", NOW, None, True, ("Li",), "area", True, "high", "", "li", "api",
    (
        Sighting("s1", "a", "grekno", 5, 5, 5, "counted"),
        Sighting("s2", "a", "calalp", 7, 7, 7, "counted"),
    ),
    date(2026, 4, 20), None, "unknown", "2026-04-2",
)  # fmt: skip
keys = st.sampled_from([("site",), ("note",), ("species",)])
states = st.one_of(
    st.just({EXISTS: False}),
    st.dictionaries(keys, st.integers(0, 3), min_size=3).map(lambda known: {**known, EXISTS: True}),
)
State = dict[Key, object]


def _steps(states: Sequence[State]) -> list[Step]:
    """The history in which the thing was each of these in turn."""
    pairs = itertools.pairwise(states)
    return [
        Step(number, "edit", NOW, changed=diff(before, after))
        for number, (before, after) in enumerate(pairs, 2)
    ]


CREATED: State = {EXISTS: True, ("site",): 0, ("note",): 0, ("species",): 0}


@given(st.lists(states, max_size=8))
def test_fold_of_what_nobody_undid_is_the_last_state(history: list[State]) -> None:
    whole = [CREATED, *history]
    assert is_same(fold(CREATED, _steps(whole)), whole[-1])


@given(st.lists(states, max_size=8), st.randoms(use_true_random=False))
def test_fold_with_everything_undone_in_any_order_is_the_creation(
    history: list[State], random: object
) -> None:
    steps = _steps([CREATED, *history])
    order = [step.version for step in steps]
    random.shuffle(order)  # type: ignore[attr-defined]
    for number, version in enumerate(order, 100):
        steps.append(Step(number, "undo", NOW, undoes=version))
    assert is_same(fold(CREATED, steps), CREATED)


@given(st.lists(states, min_size=1, max_size=8), st.data())
def test_fold_after_undo_and_redo_is_as_before(history: list[State], data: st.DataObject) -> None:
    steps = _steps([CREATED, *history])
    version = data.draw(st.sampled_from([step.version for step in steps]))
    before = fold(CREATED, steps)
    steps += [Step(100, "undo", NOW, undoes=version), Step(101, "undo", NOW, undoes=100)]
    assert is_same(fold(CREATED, steps), before)
    assert undone(steps) == {100}
    assert root_of(steps[-1], steps).version == version


def test_fold_keeps_what_others_changed_since() -> None:
    moved = {**CREATED, ("site",): 1}
    noted = {**moved, ("note",): 2}
    steps = [*_steps([CREATED, moved, noted]), Step(9, "undo", NOW, undoes=2)]
    assert fold(CREATED, steps) == {**CREATED, ("note",): 2}


def test_diff_of_a_deletion_keeps_the_values_for_later() -> None:
    gone: State = {EXISTS: False}
    assert diff(CREATED, gone) == {EXISTS: False}
    assert diff(gone, gone) == {}
    assert diff(gone, CREATED) == CREATED


def test_photo_state_gives_its_facts_back() -> None:
    facts = replace(FACTS, species="grekno", status="queried", flags=("place_outside",))
    assert facts_in(photo_state(facts), FACTS) == facts
    assert photo_state(None) == {EXISTS: False}


def test_survey_state_gives_the_survey_back_with_its_sightings() -> None:
    new = survey_in(survey_state(SURVEY), NEW)
    assert [(one.id, one.species, one.best) for one in new.sightings] == [
        ("s1", "grekno", 5),
        ("s2", "calalp", 7),
    ]
    assert (new.site, new.start, new.source_key) == ("liaobin", NOW, "key")


def test_survey_with_a_sighting_put_back_has_the_numbers_it_has_now() -> None:
    """Removed, and changed before that: undoing the removal brings the changed one back."""
    changed = replace(SURVEY, sightings=(replace(SURVEY.sightings[0], best=6), SURVEY.sightings[1]))
    without = replace(changed, sightings=(SURVEY.sightings[1],))
    created = survey_state(SURVEY)
    steps = _steps([created, survey_state(changed), survey_state(without)])
    assert len(survey_in(fold(created, steps), NEW).sightings) == 1
    back = fold(created, [*steps, Step(9, "undo", NOW, undoes=3)])
    assert [one.best for one in survey_in(back, NEW).sightings] == [6, 7]


def test_sighting_whose_adding_is_undone_is_gone_whatever_changed_it_since() -> None:
    added = Sighting("s3", "a", "calruf", 1, 1, 1, "counted")
    with_it = replace(SURVEY, sightings=(*SURVEY.sightings, added))
    changed = replace(with_it, sightings=(*SURVEY.sightings, replace(added, note="wet")))
    created = survey_state(SURVEY)
    steps = _steps([created, survey_state(with_it), survey_state(changed)])
    state = fold(created, [*steps, Step(9, "undo", NOW, undoes=2)])
    assert [one.id for one in survey_in(state, NEW).sightings] == ["s1", "s2"]
    assert is_same(state, created)


@pytest.mark.parametrize(
    ("step", "now", "code"),
    [
        (Step(1, "create", NOW), NOW, "undo.created"),
        (Step(1, "import", NOW), NOW, "undo.created"),
        (Step(1, "edit", NOW, changed={EXISTS: False}), NOW + timedelta(days=31), "undo.too_old"),
        (Step(1, "edit", NOW), NOW, "undo.nothing"),
        (Step(1, "lift", NOW, changed={EXISTS: False}), NOW, "undo.nothing"),
    ],
)
def test_change_that_cannot_be_undone_is_refused(step: Step, now: datetime, code: str) -> None:
    with pytest.raises(ConflictError) as caught:
        check_undoable(step, [step], now)
    assert caught.value.code == code


def test_change_undone_twice_is_refused() -> None:
    edit = Step(1, "edit", NOW, changed={EXISTS: False})
    steps = [edit, Step(2, "undo", NOW, undoes=1)]
    with pytest.raises(ConflictError, match="undone already"):
        check_undoable(edit, steps, NOW)
    check_undoable(steps[1], steps, NOW)
    check_undoable(edit, [*steps, Step(3, "undo", NOW, undoes=2)], NOW + timedelta(days=30))


def test_survey_with_one_species_twice_does_not_stand() -> None:
    rows = tuple(NewSighting("grekno", n, n, n, "counted", id=f"s{n}") for n in (1, 2))
    with pytest.raises(ConflictError, match="two rows of one species"):
        check_stands(replace(NEW, sightings=rows), SURVEY)


def test_survey_with_nothing_in_it_does_not_stand() -> None:
    with pytest.raises(ConflictError, match="no sighting"):
        check_stands(replace(NEW, complete=False), SURVEY)
