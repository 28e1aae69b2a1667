from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime, timedelta

import pytest

from birdwatch.domain.credit import Credit
from birdwatch.domain.errors import MalformedError, NotFoundError
from birdwatch.domain.photo import Photo, PhotoFilter, PublicValues, Rendition
from birdwatch.domain.place import Point, SettledPlace
from birdwatch.domain.policy import FULL, PUBLIC, VISITOR, Lens, Reader
from birdwatch.domain.text import Text
from birdwatch.storage import ledger, photos
from birdwatch.storage.db import Database
from birdwatch.storage.surveys import insert_survey
from birdwatch.storage.transactions import Write
from tests.storage.makers import (
    EVERYTHING,
    NOW,
    dated,
    facts,
    photo,
    sighting,
    survey,
    undo_last,
    writing,
)

pytestmark = pytest.mark.anyio
MORNING = datetime(2026, 4, 14, 6, 30)  # noqa: DTZ001 (wall time)


async def stored(db: Database, *new: photos.NewPhoto) -> list[Photo]:
    async with writing(db) as tx:
        return [await photos.insert_photo(tx, one) for one in new]


async def ids_of(db: Database, where: PhotoFilter, reader: Reader = EVERYTHING) -> list[str]:
    page = await photos.list_photos(db, where, reader=reader, limit=100)
    return [one.id for one in page.items]


async def test_photo_comes_back_as_it_went_in(db: Database) -> None:
    new = photo(
        1,
        replace(
            facts(),
            place=SettledPlace(Point(40.66, 122.11), "gps", "high", 4.5, 270.0),
            site="liaobin",
            species="grekno",
        ),
    )
    (found,) = await stored(db, new)
    placed = replace(new.facts, season="2026-spring", phase="peak", dekad="2026-04-2")
    assert found == Photo(
        id=new.id,
        sha256=new.sha256,
        format="jpeg",
        width=6000,
        height=4000,
        size_bytes=9_000_000,
        received_at=NOW,
        owner_id="li",
        original_name="DSC1.JPG",
        state="received",
        camera=new.camera,
        facts=placed,
        original=placed,
        version=await db.dataset_version(),
        tags={"EXIF Model": "EOS R5"},
        # The site does not hold the whole cell of the public point, so only one of them is told.
        public=PublicValues(None, "liaobin", date(2026, 4, 14), "2026-04-2", "peak"),
    )
    assert await photos.find_photo(db, new.id) == found
    assert await photos.find_photo_by_sha256(db, new.sha256) == found
    assert await photos.find_photo(db, "nothing") is None


async def test_photo_name_with_nul_and_half_a_character_is_kept_readable(db: Database) -> None:
    (found,) = await stored(db, replace(photo(), original_name="a\0b\udcff.jpg"))
    assert found.original_name == "ab?.jpg"


async def test_correction_is_a_version_and_undo_another(db: Database) -> None:
    (first,) = await stored(db, photo())
    changed = replace(first.facts, caption=Text("更正", "Corrected"))
    async with writing(db, NOW + timedelta(hours=1)) as tx:
        second = await photos.correct_photo(tx, first.id, changed)
    async with writing(db, NOW + timedelta(hours=2)) as tx:
        third = await undo_last(tx, first.id)
    assert (second.facts, second.original) == (changed, first.facts)
    assert third.facts == first.facts
    history = await photos.photo_history(db, first.id)
    assert [(v.since, v.until, v.action, v.facts) for v in history] == [
        (first.version, second.version, "create", first.facts),
        (second.version, third.version, "correct", changed),
        (third.version, None, "undo", first.facts),
    ]
    assert [(v.at, v.actor_id, v.actor_name) for v in history] == [
        (NOW + timedelta(hours=hour), "li", "Li") for hour in range(3)
    ]


async def test_undo_twice_brings_the_correction_back(db: Database) -> None:
    (first,) = await stored(db, photo())
    changed = replace(first.facts, species="dunlin")
    async with writing(db) as tx:
        await photos.correct_photo(tx, first.id, changed)
        await undo_last(tx, first.id)
        again = await undo_last(tx, first.id)
    assert again.facts == changed


async def test_correction_that_changes_nothing_writes_nothing(db: Database) -> None:
    (first,) = await stored(db, photo())
    async with writing(db) as tx:
        same = await photos.correct_photo(tx, first.id, first.facts)
    assert same == first
    assert await db.dataset_version() == first.version


async def test_correction_of_an_unknown_photo_is_refused(db: Database) -> None:
    with pytest.raises(NotFoundError):
        async with writing(db) as tx:
            await photos.correct_photo(tx, "nothing", facts())


async def test_correction_of_time_places_the_photo_in_its_new_season(db: Database) -> None:
    (first,) = await stored(db, photo())
    autumn = facts(datetime(2025, 8, 20, 7))  # noqa: DTZ001
    async with writing(db) as tx:
        found = await photos.correct_photo(tx, first.id, autumn)
    assert (found.facts.season, found.facts.phase, found.facts.dekad) == (
        "2025-autumn",
        "peak",
        "2025-08-2",
    )


@pytest.mark.parametrize("newest_first", [True, False])
async def test_pages_cover_every_photo_once_over_ties(db: Database, newest_first: bool) -> None:
    walls = [MORNING, MORNING, MORNING, MORNING + timedelta(days=1), MORNING, None, None]
    await stored(db, *(dated(n, wall) for n, wall in enumerate(walls)))
    seen: list[str] = []
    cursor = None
    while True:
        page = await photos.list_photos(
            db,
            PhotoFilter(),
            reader=EVERYTHING,
            limit=2,
            cursor=cursor,
            newest_first=newest_first,
        )
        seen += [one.id for one in page.items]
        cursor = page.next
        if cursor is None:
            break
    # Photos without a time stand at their arrival, which is after both mornings.
    order = [0, 1, 2, 4, 3, 5, 6]
    expected = [photo(n).id for n in order]
    assert seen == (expected[::-1] if newest_first else expected)


async def test_a_broken_cursor_is_refused(db: Database) -> None:
    with pytest.raises(MalformedError):
        await photos.list_photos(db, PhotoFilter(), reader=EVERYTHING, limit=2, cursor="photo")


async def test_filters_narrow_to_what_they_say(db: Database) -> None:
    evening = datetime(2026, 4, 14, 23, 50)  # noqa: DTZ001
    await stored(
        db,
        dated(1, MORNING, species="grekno", site="liaobin", survey_id="s1"),
        dated(2, evening, credit=Credit((("photo", "李"),))),
        dated(3, datetime(2026, 3, 5, 0, 10)),  # noqa: DTZ001
        photo(4, facts(None), owner="wang"),
    )
    one, two, three, four = (photo(n).id for n in (1, 2, 3, 4))
    day = date(2026, 4, 14)
    expected = {
        PhotoFilter(): [four, two, one, three],
        PhotoFilter(day=day): [two, one],
        PhotoFilter(day_from=day): [two, one],
        PhotoFilter(day_to=date(2026, 3, 5)): [three],
        PhotoFilter(day_from=date(2026, 3, 6), day_to=date(2026, 4, 13)): [],
        PhotoFilter(species="grekno"): [one],
        PhotoFilter(site="liaobin", season="2026-spring"): [one],
        PhotoFilter(season="2026-spring"): [two, one, three],
        PhotoFilter(season="2026-spring", phase="before"): [three],
        PhotoFilter(species="grekno", site="liaobin", dekad="2026-04-2", phase="peak"): [one],
        PhotoFilter(species="grekno", season="2025-spring"): [],
        PhotoFilter(day=day, day_to=date(2026, 4, 13)): [],
        PhotoFilter(phase="unknown"): [four],
        PhotoFilter(dekad="2026-04-2"): [two, one],
        PhotoFilter(photographer="李"): [two],
        PhotoFilter(owner_id="wang"): [four],
        PhotoFilter(survey_id="s1"): [one],
    }
    assert {where: await ids_of(db, where) for where in expected} == expected
    visitor = Reader(VISITOR, NOW)
    assert {where: await ids_of(db, where, visitor) for where in expected} == expected
    assert await photos.photographers(db, reader=EVERYTHING) == ["国颖", "李"]
    assert await photos.photos_by_day(
        db, date(2026, 3, 1), date(2026, 5, 31), reader=EVERYTHING
    ) == {
        date(2026, 3, 5): 1,
        day: 2,
    }


async def test_neighbours_are_the_photos_before_and_after(db: Database) -> None:
    first, second, third = await stored(
        db, dated(1, MORNING), dated(2, MORNING), dated(3, MORNING + timedelta(hours=1))
    )
    assert await photos.neighbours(db, first, EVERYTHING) == (None, second.id)
    assert await photos.neighbours(db, second, EVERYTHING) == (first.id, third.id)
    assert await photos.neighbours(db, third, EVERYTHING) == (second.id, None)


async def test_renditions_make_the_photo_ready_without_a_new_version(db: Database) -> None:
    (first,) = await stored(db, photo())
    made = (Rendition("320", 320, 213, "webp", 9_000),)
    async with writing(db) as tx:
        await photos.record_failure(tx, first.id, Text("坏", "broken"))
    failed = await photos.find_photo(db, first.id)
    assert failed == replace(first, state="failed", failure=Text("坏", "broken"))
    async with writing(db) as tx:
        await photos.record_renditions(tx, first.id, made, "hash")
    ready = await photos.find_photo(db, first.id)
    assert ready == replace(first, state="ready", renditions=made, thumbhash="hash")
    assert await db.dataset_version() == first.version + 2
    assert len(await photos.photo_history(db, first.id)) == 1


async def test_photos_of_a_survey_are_those_it_and_its_sightings_name(db: Database) -> None:
    async with writing(db) as tx:
        kept = await insert_survey(tx, survey(sighting(photos=(photo(2).id,))))
        await photos.insert_photo(tx, dated(1, MORNING, survey_id=kept.id))
        await photos.insert_photo(tx, dated(2, MORNING))
        await photos.insert_photo(tx, dated(3, MORNING))
    found = await photos.photos_of_survey(db, kept.id, reader=EVERYTHING)
    assert [one.id for one in found] == [photo(1).id, photo(2).id]


async def test_a_refused_write_leaves_no_photo_and_no_ledger_row(db: Database) -> None:
    before = await db.dataset_version()
    with pytest.raises(RuntimeError):
        await _write_and_break(db)
    assert await photos.find_photo(db, photo().id) is None
    assert await ledger.changes(db, before) == []


async def _write_and_break(db: Database) -> None:
    async with writing(db) as tx:
        assert isinstance(tx, Write)
        await photos.insert_photo(tx, photo())
        raise RuntimeError


@pytest.mark.parametrize(
    ("where", "index"),
    [
        (PhotoFilter(), "time (no bound)"),
        (PhotoFilter(species="grekno"), "species (species=?)"),
        (PhotoFilter(site="liaobin"), "site (site=?)"),
        (PhotoFilter(season="2026-spring"), "season (season=? AND sort_key>? AND sort_key<?)"),
        (
            PhotoFilter(season="2026-spring", phase="peak"),
            "season_phase (season=? AND phase=? AND sort_key>? AND sort_key<?)",
        ),
        (PhotoFilter(day=date(2026, 4, 14)), "day (day=? AND sort_key>? AND sort_key<?)"),
        (
            PhotoFilter(day_from=date(2026, 4, 1), day_to=date(2026, 5, 10)),
            "time (sort_key>? AND sort_key<?)",
        ),
        (
            PhotoFilter(species="grekno", season="2026-spring", phase="peak", site="liaobin"),
            "species (species=? AND sort_key>? AND sort_key<?)",
        ),
        (
            PhotoFilter(photographer="国颖", dekad="2026-04-1"),
            "photographer (photographer=? AND sort_key>? AND sort_key<?)",
        ),
    ],
)
@pytest.mark.parametrize("lens", [PUBLIC, FULL], ids=["public", "full"])
async def test_first_page_is_read_along_one_index(
    db: Database, where: PhotoFilter, index: str, lens: Lens
) -> None:
    if db.dialect != "sqlite":
        # PostgreSQL chooses by statistics, which an empty table has not; the indexes are the same.
        return
    narrowed = photos.narrow(where, lens)
    sort = "sort_key" if lens.is_exact else "public_sort"
    plan = await db.rows(
        f"EXPLAIN QUERY PLAN {photos.SELECT} WHERE {photos.JOINED} AND {narrowed.sql}"
        f" ORDER BY f.{sort} DESC, f.id DESC LIMIT 50",
        *narrowed.values,
    )
    steps = [row["detail"] for row in plan]
    name, _, bounds = index.partition(" ")
    prefix = "photo_fact" if lens.is_exact else "photo_public"
    if not lens.is_exact:
        bounds = bounds.replace("sort_key", "public_sort")
        for word in ("site=", "phase=", "day="):
            bounds = bounds.replace(f"({word}", f"(public_{word}").replace(
                f" {word}", f" public_{word}"
            )
    verb = "SCAN" if bounds == "(no bound)" else "SEARCH"
    expected = f"{verb} f USING INDEX {prefix}_{name}"
    assert steps[0] == (expected if verb == "SCAN" else f"{expected} {bounds}")
    assert not [step for step in steps if "TEMP B-TREE" in step]
