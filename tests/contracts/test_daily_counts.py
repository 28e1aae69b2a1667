"""The roll-up in SQL says what the roll-up of the domain says, whatever was written and how."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from birdwatch.domain.daily_count import CountValue, SurveyDay, roll_up
from birdwatch.domain.policy import FULL, STATUSES
from birdwatch.domain.sensitivity import BEHAVIOURS, SensitivityRule
from birdwatch.domain.survey import MAX_COUNT, TIDES, NewSighting, NewSurvey, Survey, SurveyFilter
from birdwatch.storage import counts, ledger, surveys
from birdwatch.storage.db import Database
from birdwatch.storage.sensitivity_rules import put_rule, remove_rule
from tests.storage.makers import NOW, survey, writing

pytestmark = pytest.mark.anyio
RUNS = settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
# Most of what is written is published; what is not has to show in no count.
STATUS = st.sampled_from(["published", "published", "published", *STATUSES])
PROTECTED = "saugul2"  # Saunders's Gull, class I


@st.composite
def sightings(draw: st.DrawFn) -> NewSighting:
    species = draw(st.sampled_from(["grekno", "dunlin", "eurcur", PROTECTED]))
    best = draw(st.none() | st.integers(0, 3) | st.integers(0, MAX_COUNT))
    status = draw(STATUS)
    behaviour = draw(st.sampled_from(BEHAVIOURS))
    if best is None:
        return NewSighting(species, None, None, None, "present", status=status, behaviour=behaviour)
    low = draw(st.none() | st.integers(0, best))
    high = draw(st.none() | st.integers(best, MAX_COUNT))
    return NewSighting(species, low, best, high, "counted", status=status, behaviour=behaviour)


new_surveys = st.builds(
    survey,
    site=st.sampled_from(["north", "south"]),
    day=st.sampled_from([date(2026, 4, 14), date(2026, 6, 20)]),
    hour=st.integers(0, 20),
    tide=st.sampled_from(TIDES),
    complete=st.booleans(),
)


@st.composite
def filled_surveys(draw: st.DrawFn) -> NewSurvey:
    lines = draw(st.lists(sightings(), max_size=3, unique_by=lambda s: s.species))
    embargo = draw(st.none() | st.just(NOW + timedelta(days=9)))
    return replace(
        draw(new_surveys), sightings=tuple(lines), status=draw(STATUS), embargo_until=embargo
    )


@dataclass(frozen=True)
class Edit:
    kind: str  # insert, replace, delete, append
    which: int
    new: NewSurvey
    sets_standing: bool


edits = st.builds(
    Edit,
    kind=st.sampled_from(["insert", "insert", "replace", "delete", "append"]),
    which=st.integers(0, 20),
    new=filled_surveys(),
    sets_standing=st.booleans(),
)


async def carry_out(db: Database, edit: Edit, ids: list[str]) -> None:
    async with writing(db) as tx:
        if edit.kind == "insert" or not ids:
            ids.append((await surveys.insert_survey(tx, edit.new)).id)
            return
        chosen = ids[edit.which % len(ids)]
        if edit.kind == "replace":
            await surveys.replace_survey(tx, chosen, edit.new, sets_standing=edit.sets_standing)
        elif edit.kind == "append":
            await surveys.append_sightings(tx, chosen, edit.new.sightings)
        else:
            await surveys.delete_survey(tx, chosen)
            ids.remove(chosen)


async def clear(db: Database) -> None:
    async with writing(db) as tx:
        for one in (await surveys.list_surveys(tx, SurveyFilter(), limit=500, lens=FULL)).items:
            await surveys.delete_survey(tx, one.id)


def for_audience(found: Sequence[Survey], *, exact: bool) -> list[Survey]:
    """The surveys that a count may rest on, with the sightings it may."""
    return [
        replace(
            one,
            sightings=tuple(
                s for s in one.sightings if (s.status == "published" if exact else s.is_public)
            ),
        )
        for one in found
        if one.status == "published" and (exact or one.embargo_until is None)
    ]


def recount(found: Sequence[Survey]) -> tuple[list[object], list[SurveyDay]]:
    values = [
        CountValue(one.site, s.species, one.day, one.id, one.tide, s.low, s.best, s.high)
        for one in found
        for s in one.sightings
    ]
    visits: dict[tuple[date, str], list[Survey]] = {}
    for one in found:
        visits.setdefault((one.day, one.site), []).append(one)
    days = [
        SurveyDay(
            site=site,
            day=day,
            surveys=len(those),
            complete=sum(one.complete for one in those),
            birds_found=sum(any(s.best != 0 for s in one.sightings) for one in those),
        )
        for (day, site), those in sorted(visits.items())
    ]
    return list(roll_up(values)), days


async def assert_counts_are_right(db: Database) -> None:
    found = (await surveys.list_surveys(db, SurveyFilter(), limit=500, lens=FULL)).items
    for exact in (False, True):
        rolled, days = recount(for_audience(found, exact=exact))
        assert await counts.daily_counts(db, exact=exact) == rolled
        assert await counts.survey_days(db, exact=exact) == days
    assert await counts.wrong_daily_counts(db) == []
    await assert_days_that_agree_are_kept_once(db, found)


async def assert_days_that_agree_are_kept_once(db: Database, found: Sequence[Survey]) -> None:
    public, exact = (for_audience(found, exact=exact) for exact in (False, True))
    keys = {(one.site, one.day.isoformat()) for one in exact}
    agree = {
        key
        for key in keys
        if [one for one in public if (one.site, one.day.isoformat()) == key]
        == [one for one in exact if (one.site, one.day.isoformat()) == key]
    }
    rows = await db.rows("SELECT site, day, audience FROM survey_day")
    assert {(r["site"], r["day"]) for r in rows if r["audience"] == "all"} == agree


@RUNS
@given(plan=st.lists(edits, max_size=8))
async def test_edits_in_any_order_leave_the_counts_of_a_plain_recount(
    db: Database, plan: list[Edit]
) -> None:
    await clear(db)
    ids: list[str] = []
    for edit in plan:
        await carry_out(db, edit, ids)
    await assert_counts_are_right(db)


@RUNS
@given(
    before=st.lists(filled_surveys(), max_size=3), imported=st.lists(filled_surveys(), max_size=8)
)
async def test_import_leaves_the_counts_of_a_plain_recount(
    db: Database, before: list[NewSurvey], imported: list[NewSurvey]
) -> None:
    await clear(db)
    async with writing(db) as tx:
        for one in before:
            await surveys.insert_survey(tx, one)
        version = await ledger.append(tx, "import", "survey", "*")
        await surveys.insert_surveys(tx, imported, import_version=version)
        await counts.recompute_for_import(tx, version)
    await assert_counts_are_right(db)


async def test_a_wrong_daily_count_is_found(db: Database) -> None:
    async with writing(db) as tx:
        await surveys.insert_survey(
            tx, survey(NewSighting("grekno", None, 5, None, "counted"), site="north")
        )
        await tx.run("UPDATE daily_count SET count = 6")
    wrong = await counts.wrong_daily_counts(db)
    assert sorted(one.count or 0 for one in wrong) == [5, 6]


@RUNS
@given(made=st.lists(filled_surveys(), min_size=1, max_size=4))
async def test_rule_moves_the_counts_it_touches_and_its_removal_brings_them_back(
    db: Database, made: list[NewSurvey]
) -> None:
    await clear(db)
    async with writing(db) as tx:
        for one in made:
            await surveys.insert_survey(tx, one)
    before = await counts.daily_counts(db)
    async with writing(db) as tx:
        await put_rule(tx, SensitivityRule("grekno", "withhold"))
        await put_rule(tx, SensitivityRule("dunlin", "0.1", half_year="spring"))
    assert {c.species for c in await counts.daily_counts(db)} <= {"eurcur", "dunlin"}
    await assert_counts_are_right(db)
    async with writing(db) as tx:
        assert await remove_rule(tx, "grekno")
        assert await remove_rule(tx, "dunlin", "spring")
        assert not await remove_rule(tx, "dunlin", "spring")
    assert await counts.daily_counts(db) == before
    await assert_counts_are_right(db)
