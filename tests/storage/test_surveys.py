from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import pytest

from birdwatch.domain.daily_count import DailyCount, SurveyDay
from birdwatch.domain.errors import InvalidInputError, NotFoundError
from birdwatch.domain.policy import FULL
from birdwatch.domain.survey import NewSurvey, Sighting, Survey, SurveyFilter
from birdwatch.storage import counts, ledger, surveys
from birdwatch.storage.db import Database
from tests.storage.makers import sighting, survey, writing

pytestmark = pytest.mark.anyio
DAY = date(2026, 4, 14)


async def stored(db: Database, *new: NewSurvey) -> list[Survey]:
    async with writing(db) as tx:
        return [await surveys.insert_survey(tx, one) for one in new]


async def test_survey_comes_back_as_it_went_in(db: Database) -> None:
    new = survey(sighting("grekno", 5, photos=("p1",)), sighting("dunlin", None))
    (found,) = await stored(db, new)
    version = await db.dataset_version()
    first, second = found.sightings
    blank = Sighting(
        id="",
        survey_id=found.id,
        species="",
        low=None,
        best=None,
        high=None,
        method="counted",
        site="liaobin",
        day=DAY,
        season="2026-spring",
        phase="peak",
        dekad="2026-04-2",
        version=version,
    )
    assert found == Survey(
        id=found.id,
        site="liaobin",
        start=new.start,
        end=new.end,
        has_time=True,
        observers=("徐鑫", "Guo Ying"),
        protocol="area",
        complete=True,
        tide="high",
        note="风大",
        owner_id="li",
        source="api",
        sightings=(
            replace(blank, id=first.id, species="grekno", low=5, best=5, high=5, photos=("p1",)),
            replace(blank, id=second.id, species="dunlin", method="present"),
        ),
        day=DAY,
        season="2026-spring",
        phase="peak",
        dekad="2026-04-2",
        version=version,
    )  # fmt: skip
    assert found.start.utcoffset() == timedelta(hours=8)
    assert await surveys.find_survey(db, found.id) == found


async def test_survey_day_is_the_local_one(db: Database) -> None:
    (found,) = await stored(db, survey(hour=1))  # the day before in UTC
    assert (found.day, found.start.hour) == (DAY, 1)


async def test_replaced_survey_keeps_the_ids_of_its_sightings(db: Database) -> None:
    (old,) = await stored(db, survey(sighting("grekno", 5), sighting("dunlin", 7)))
    grekno, dunlin = old.sightings
    async with writing(db) as tx:
        new = await surveys.replace_survey(
            tx,
            old.id,
            survey(sighting("eurcur", 1), replace(sighting("blagod", 3), id=grekno.id),
                   sighting("dunlin", 8)),
        )  # fmt: skip
    assert [s.species for s in new.sightings] == ["eurcur", "blagod", "dunlin"]
    assert [s.id for s in new.sightings][1:] == [grekno.id, dunlin.id]
    assert new.sightings[0].id not in {grekno.id, dunlin.id}
    assert new.version == old.version + 1
    assert await counts.wrong_daily_counts(db) == []


async def test_survey_moved_to_another_day_takes_its_counts_along(db: Database) -> None:
    (old,) = await stored(db, survey(sighting("grekno", 5)))
    later = date(2026, 5, 20)
    async with writing(db) as tx:
        await surveys.replace_survey(tx, old.id, survey(sighting("grekno", 5), day=later))
    assert await counts.daily_counts(db) == [
        DailyCount("liaobin", "grekno", later, "high", 5, 5, 5, old.id, (), "2026-spring")
    ]
    assert await counts.survey_days(db) == [SurveyDay("liaobin", later, 1, 1, 1)]


async def test_largest_survey_of_the_day_is_used_and_the_other_named(db: Database) -> None:
    small, large = await stored(
        db, survey(sighting("grekno", 5)), survey(sighting("grekno", 9), hour=8, complete=False)
    )
    assert await counts.daily_counts(db, season="2026-spring", species="grekno") == [
        DailyCount("liaobin", "grekno", DAY, "high", 9, 9, 9, large.id, (small.id,), "2026-spring")
    ]
    assert await counts.survey_days(db, season="2026-spring") == [
        SurveyDay("liaobin", DAY, 2, 1, 2)
    ]


async def test_zero_presence_and_not_counted_differ(db: Database) -> None:
    (found,) = await stored(db, survey(sighting("grekno", 0)))
    (other,) = await stored(db, survey(sighting("dunlin", None), site="honghaitan"))
    assert [(c.site, c.species, c.count, c.used) for c in await counts.daily_counts(db)] == [
        ("honghaitan", "dunlin", None, other.id),
        ("liaobin", "grekno", 0, found.id),
    ]
    assert [(d.site, d.birds_found) for d in await counts.survey_days(db)] == [
        ("honghaitan", 1),
        ("liaobin", 0),
    ]


async def test_deleted_survey_is_gone_from_lists_and_counts(db: Database) -> None:
    (found,) = await stored(db, survey(sighting("grekno", 5, photos=("p1",))))
    async with writing(db) as tx:
        await surveys.delete_survey(tx, found.id)
    assert await surveys.find_survey(db, found.id) is None
    assert (await surveys.list_sightings(db, SurveyFilter(), limit=9)).items == ()
    assert await counts.daily_counts(db) == []
    assert await counts.survey_days(db) == []
    (change,) = await ledger.changes(db, found.version)
    assert (change.action, change.noun, change.noun_id) == ("delete", "survey", found.id)
    assert (change.before, change.after) == (found.version, None)
    with pytest.raises(NotFoundError):
        async with writing(db) as tx:
            await surveys.delete_survey(tx, found.id)


async def test_appended_sightings_follow_and_are_counted(db: Database) -> None:
    (found,) = await stored(db, survey(sighting("grekno", 0)))
    async with writing(db) as tx:
        added = await surveys.append_sightings(tx, found.id, [sighting("dunlin", 7)])
    now = await surveys.find_survey(db, found.id)
    assert now is not None
    assert now.sightings == (*found.sightings, *added)
    assert [(c.species, c.count) for c in await counts.daily_counts(db)] == [
        ("dunlin", 7),
        ("grekno", 0),
    ]
    assert await counts.survey_days(db) == [SurveyDay("liaobin", DAY, 1, 1, 1)]


async def test_pages_of_surveys_and_sightings_cover_each_once(db: Database) -> None:
    made = await stored(
        db,
        *(survey(sighting("grekno", n), sighting("dunlin", n), hour=6 + n % 2) for n in range(5)),
    )
    found: list[str] = []
    cursor = None
    while True:
        page = await surveys.list_surveys(db, SurveyFilter(), limit=2, cursor=cursor)
        found += [one.id for one in page.items]
        cursor = page.next
        if cursor is None:
            break
    assert found == [s.id for s in sorted(made, key=lambda s: (s.start, s.id), reverse=True)]
    for where in (SurveyFilter(), SurveyFilter(species="dunlin", season="2026-spring")):
        everything = (await surveys.list_sightings(db, where, limit=100)).items
        seen: list[Sighting] = []
        while True:
            some = await surveys.list_sightings(db, where, limit=3, cursor=cursor)
            seen += some.items
            cursor = some.next
            if cursor is None:
                break
        assert tuple(seen) == everything
        assert len(seen) == (5 if where.species else 10)


async def test_filters_narrow_to_what_they_say(db: Database) -> None:
    spring, autumn = await stored(
        db,
        survey(sighting("grekno", 5, photos=("p1",))),
        survey(sighting("dunlin", 5), site="honghaitan", day=date(2025, 8, 20)),
    )
    expected = {
        SurveyFilter(): [spring.id, autumn.id],
        SurveyFilter(season="2025-autumn"): [autumn.id],
        SurveyFilter(site="liaobin"): [spring.id],
        SurveyFilter(species="dunlin"): [autumn.id],
        SurveyFilter(day_from=DAY): [spring.id],
        SurveyFilter(day_to=date(2025, 8, 20)): [autumn.id],
        SurveyFilter(owner_id="li"): [spring.id, autumn.id],
        SurveyFilter(owner_id="wang"): [],
        SurveyFilter(photo_id="p1"): [spring.id],
        SurveyFilter(season="2026-spring", day_from=date(2026, 4, 15)): [],
    }
    for where, ids in expected.items():
        page = await surveys.list_surveys(db, where, limit=9, lens=FULL)
        assert [one.id for one in page.items] == ids
        lines = await surveys.list_sightings(db, where, limit=9, lens=FULL)
        assert [one.survey_id for one in lines.items] == ids
    with pytest.raises(InvalidInputError):
        await surveys.list_surveys(db, SurveyFilter(season="spring"), limit=9)


async def test_imported_surveys_are_those_written_one_by_one(db: Database) -> None:
    batch = [
        survey(sighting("grekno", n), sighting("dunlin", None), hour=n, key=f"row-{n}")
        for n in range(1, 4)
    ]
    async with writing(db) as tx:
        version = await ledger.append(tx, "import", "survey", "*")
        assert await surveys.insert_surveys(tx, batch, import_version=version) == 6
        await counts.recompute_for_import(tx, version)
    found = await surveys.find_survey_by_source(db, "row-2")
    assert found is not None
    (single,) = await stored(db, replace(batch[1], source_key=None))

    def plain(one: Survey) -> Survey:
        lines = tuple(replace(s, id="", survey_id="", version=0) for s in one.sightings)
        return replace(one, id="", version=0, sightings=lines)

    assert plain(found) == plain(single)
    assert await surveys.known_source_keys(db, ["row-1", "row-9"]) == {"row-1"}
    assert await surveys.find_survey_by_source(db, "row-9") is None
    assert await counts.wrong_daily_counts(db) == []


async def test_seasons_are_told_latest_first(db: Database) -> None:
    await stored(
        db,
        survey(day=date(2025, 8, 20)),
        survey(day=date(2025, 4, 20)),
        survey(day=date(2026, 4, 20)),
        survey(day=date(2026, 1, 20)),
    )
    assert await counts.seasons(db) == ["2026-spring", "2025-autumn", "2025-spring"]


async def test_an_edited_survey_of_an_import_is_still_known_by_its_key(db: Database) -> None:
    (imported,) = await stored(db, survey(sighting("grekno", 5), key="row-1"))
    async with writing(db) as tx:
        await surveys.replace_survey(tx, imported.id, survey(sighting("grekno", 3)))
    found = await surveys.find_survey_by_source(db, "row-1")
    assert found is not None
    assert (found.id, [s.best for s in found.sightings]) == (imported.id, [3])
    async with writing(db) as tx:
        await surveys.delete_survey(tx, imported.id)
    assert await surveys.known_source_keys(db, ["row-1"]) == set()
