"""The roll-up in SQL says what the roll-up of the domain says, whatever was written and how."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from birdwatch.domain.daily_count import CountValue, SurveyDay, roll_up
from birdwatch.domain.policy import FULL
from birdwatch.domain.survey import MAX_COUNT, TIDES, NewSighting, NewSurvey, Survey, SurveyFilter
from birdwatch.storage import counts, ledger, surveys
from birdwatch.storage.db import Database
from tests.storage.makers import survey, writing

pytestmark = pytest.mark.anyio
RUNS = settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@st.composite
def sightings(draw: st.DrawFn) -> NewSighting:
    species = draw(st.sampled_from(["grekno", "dunlin", "eurcur"]))
    best = draw(st.none() | st.integers(0, 3) | st.integers(0, MAX_COUNT))
    if best is None:
        return NewSighting(species, None, None, None, "present")
    low = draw(st.none() | st.integers(0, best))
    high = draw(st.none() | st.integers(best, MAX_COUNT))
    return NewSighting(species, low, best, high, "counted")


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
    plain = draw(new_surveys)
    return NewSurvey(**{name: getattr(plain, name) for name in plain.__slots__}
                     | {"sightings": tuple(lines)})  # fmt: skip


@dataclass(frozen=True)
class Edit:
    kind: str  # insert, replace, delete, append
    which: int
    new: NewSurvey


edits = st.builds(
    Edit,
    kind=st.sampled_from(["insert", "insert", "replace", "delete", "append"]),
    which=st.integers(0, 20),
    new=filled_surveys(),
)


async def carry_out(db: Database, edit: Edit, ids: list[str]) -> None:
    async with writing(db) as tx:
        if edit.kind == "insert" or not ids:
            ids.append((await surveys.insert_survey(tx, edit.new)).id)
            return
        chosen = ids[edit.which % len(ids)]
        if edit.kind == "replace":
            await surveys.replace_survey(tx, chosen, edit.new)
        elif edit.kind == "append":
            await surveys.append_sightings(tx, chosen, edit.new.sightings)
        else:
            await surveys.delete_survey(tx, chosen)
            ids.remove(chosen)


async def clear(db: Database) -> None:
    async with writing(db) as tx:
        for one in (await surveys.list_surveys(tx, SurveyFilter(), limit=500, lens=FULL)).items:
            await surveys.delete_survey(tx, one.id)


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
    rolled, days = recount(found)
    assert await counts.daily_counts(db) == rolled
    assert await counts.survey_days(db) == days
    assert await counts.wrong_daily_counts(db) == []


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
