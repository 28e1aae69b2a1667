from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime

import pytest

from birdwatch.domain.errors import InvalidInputError, NotFoundError
from birdwatch.domain.photo import PhotoFilter
from birdwatch.domain.place import Point, SettledPlace, Site
from birdwatch.domain.survey import SurveyFilter
from birdwatch.domain.text import Text
from birdwatch.storage import ledger, photos, surveys
from birdwatch.storage.db import Database
from birdwatch.storage.sites import load_sites, put_sites
from birdwatch.storage.windows import edit_window, load_windows
from tests.storage.makers import (
    EVERYTHING,
    dated,
    facts,
    photo,
    sighting,
    survey,
    undo_last,
    writing,
)

pytestmark = pytest.mark.anyio
APRIL = datetime(2026, 4, 14, 6, 30)  # noqa: DTZ001
MAY = datetime(2026, 5, 20, 6, 30)  # noqa: DTZ001


async def filled(db: Database) -> None:
    async with writing(db) as tx:
        await photos.insert_photo(tx, dated(1, APRIL))
        await photos.insert_photo(tx, dated(2, MAY))
        await photos.insert_photo(tx, photo(3, facts(None)))
        await surveys.insert_survey(tx, survey(sighting(), day=APRIL.date()))
        await surveys.insert_survey(tx, survey(sighting(), day=MAY.date()))


async def phases(db: Database) -> tuple[list[str], list[str], list[str]]:
    shown = await photos.list_photos(
        db, PhotoFilter(), reader=EVERYTHING, limit=9, newest_first=False
    )
    visits = await surveys.list_surveys(db, SurveyFilter(), limit=9)
    birds = await surveys.list_sightings(db, SurveyFilter(), limit=9)
    return (
        [one.facts.phase for one in shown.items],
        [one.phase for one in visits.items],
        [one.phase for one in birds.items],
    )


async def test_moved_window_sorts_photos_surveys_and_sightings_anew(db: Database) -> None:
    await filled(db)
    # By time: the April photo, the one without a time at its arrival in April, the May photo.
    assert await phases(db) == (["peak", "unknown", "after"], ["after", "peak"], ["after", "peak"])
    before = await db.dataset_version()
    async with writing(db) as tx:
        edited = await edit_window(
            tx, "spring-peak", start=(5, 1), end=(5, 25), source=Text("新", "new")
        )
    assert await phases(db) == (["before", "unknown", "peak"], ["peak", "before"],
                                ["peak", "before"])  # fmt: skip
    assert (await load_windows(db))[0] == edited
    assert (edited.start, edited.end, edited.source) == ((5, 1), (5, 25), Text("新", "new"))
    (change,) = await ledger.changes(db, before)
    assert (change.action, change.noun, change.noun_id) == ("edit", "window", "spring-peak")


async def test_undo_after_a_moved_window_sorts_by_the_window_of_now(db: Database) -> None:
    await filled(db)
    async with writing(db) as tx:
        first = await photos.find_photo(tx, photo(1).id)
        assert first is not None
        await photos.correct_photo(tx, first.id, replace(first.facts, species="grekno"))
        await edit_window(tx, "spring-peak", start=(5, 1), end=(5, 25))
        undone = await undo_last(tx, first.id)
    assert (undone.facts.species, undone.facts.phase) == (None, "before")


async def test_window_outside_its_season_is_refused_and_nothing_moves(db: Database) -> None:
    await filled(db)
    before = await phases(db)
    for start, end in (((1, 1), (2, 1)), ((5, 10), (4, 1)), ((4, 31), (5, 1))):
        with pytest.raises(InvalidInputError):
            async with writing(db) as tx:
                await edit_window(tx, "spring-peak", start=start, end=end)
    with pytest.raises(NotFoundError):
        async with writing(db) as tx:
            await edit_window(tx, "winter", start=(4, 1), end=(5, 1))
    assert await phases(db) == before


async def test_redrawn_site_places_photos_anew(db: Database) -> None:
    here = SettledPlace(Point(10.5, 20.5), "gps", "high")
    async with writing(db) as tx:
        await photos.insert_photo(tx, dated(1, APRIL, place=here, is_outside=True))
        await photos.insert_photo(tx, dated(2, APRIL, site="liaobin"))
    square = [[[20.0, 10.0], [21.0, 10.0], [21.0, 11.0], [20.0, 11.0], [20.0, 10.0]]]
    shape: dict[str, object] = {"type": "Polygon", "coordinates": square}
    site = Site("square", Text("方", "Square"), shape, source="drawn")
    async with writing(db) as tx:
        assert await put_sites(tx, [site]) == 1
    assert (await load_sites(db))["square"] == site
    inside = await photos.list_photos(db, PhotoFilter(site="square"), reader=EVERYTHING, limit=9)
    assert [one.id for one in inside.items] == [photo(1).id]
    chosen = await photos.list_photos(db, PhotoFilter(site="liaobin"), reader=EVERYTHING, limit=9)
    assert [one.id for one in chosen.items] == [photo(2).id]


async def test_photo_of_the_last_day_of_a_window_is_in_it(db: Database) -> None:
    last = datetime(2026, 5, 10, 23, 59)  # noqa: DTZ001
    async with writing(db) as tx:
        found = await photos.insert_photo(tx, dated(1, last))
    assert (found.facts.day, found.facts.phase) == (date(2026, 5, 10), "peak")
