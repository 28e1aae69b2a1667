"""Corrections: what follows from them, what stays, and how they are taken back."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest

from birdwatch.domain.credit import Credit
from birdwatch.domain.errors import InvalidInputError, NotFoundError
from birdwatch.domain.photo import SettledTime
from birdwatch.domain.place import Point, SettledPlace
from birdwatch.domain.policy import SYSTEM
from birdwatch.domain.text import Text
from birdwatch.intake.archive import Archive
from birdwatch.intake.photo_intake import PhotoRequest, correct_photo, undo_correction
from birdwatch.storage.counts import daily_counts
from birdwatch.storage.embargo import lift_due, next_lift
from birdwatch.storage.photos import find_photo, photo_history
from birdwatch.storage.surveys import find_survey
from tests.intake.archives import NOW, SIDAOGOU, person, send
from tests.pictures import make_jpeg

pytestmark = pytest.mark.anyio
PHOTO = make_jpeg(300, 200, gps=SIDAOGOU)


async def test_time_is_corrected_and_the_season_follows(archive: Archive) -> None:
    actor = await person(archive, "lin")
    before = (await send(archive, PHOTO, actor=actor)).photo
    photo = await correct_photo(
        archive, before.id, {"taken_at": "2026-03-12T06:30"}, actor=actor, now=NOW
    )
    wall = datetime(2026, 3, 12, 6, 30)  # noqa: DTZ001  wall time as shot
    instant = datetime(2026, 3, 11, 22, 30, tzinfo=UTC)
    assert photo.facts.time == SettledTime(instant, wall, 480, "user_correction", "high")
    assert (photo.facts.season, photo.facts.phase) == ("2026-spring", "before")
    assert photo.facts.dekad == "2026-03-2"
    assert photo.original == before.facts
    history = await photo_history(archive.db, photo.id)
    assert sorted(version.action for version in history) == ["correct", "create"]


async def test_time_with_an_offset_keeps_it(archive: Archive) -> None:
    photo = (await send(archive, PHOTO)).photo
    changes = {"taken_at": "2026-04-25T19:21:07+09:00"}
    photo = await correct_photo(archive, photo.id, changes, actor=SYSTEM, now=NOW)
    assert (photo.facts.time.offset_min, photo.facts.time.source) == (540, "user_correction")
    assert photo.facts.time.instant == datetime(2026, 4, 25, 10, 21, 7, tzinfo=UTC)


@pytest.mark.parametrize("shown", ["2026-04-25T18:21", "2026-04-25T18:21:07+08:00"])
async def test_form_that_gives_back_what_it_showed_changes_nothing(
    archive: Archive, shown: str
) -> None:
    before = (await send(archive, PHOTO)).photo
    changes = {
        "taken_at": shown,
        "position": {"latitude": str(SIDAOGOU[0]), "longitude": str(SIDAOGOU[1])},
        "species": "",
        "caption": {"zh": "", "en": ""},
        "license": "all-rights-reserved",
    }
    after = await correct_photo(archive, before.id, changes, actor=SYSTEM, now=NOW)
    assert after == before


async def test_place_is_corrected_and_the_site_follows(archive: Archive) -> None:
    photo = (await send(archive, PHOTO)).photo
    changes = {"position": {"latitude": 40.4723, "longitude": 122.2214}}
    photo = await correct_photo(archive, photo.id, changes, actor=SYSTEM, now=NOW)
    assert photo.facts.place == SettledPlace(Point(40.4723, 122.2214), "user_correction", "high")
    assert (photo.facts.site, photo.facts.is_outside) == ("gaizhou-xihai", False)


@pytest.mark.parametrize(
    ("crs", "lat", "lon"),
    [
        ("gcj02", 40.6665063, 122.1465852),
        ("BD-09", 40.6727819, 122.1529798),
        ("wgs84", 40.6648, 122.1412),
    ],
)
async def test_place_read_off_a_chinese_map_is_converted(
    archive: Archive, crs: str, lat: float, lon: float
) -> None:
    photo = (await send(archive, make_jpeg(300, 200))).photo
    changes = {"position": {"latitude": lat, "longitude": lon, "crs": crs}}
    photo = await correct_photo(archive, photo.id, changes, actor=SYSTEM, now=NOW)
    place = photo.facts.place
    assert place is not None
    # within a metre of Sidaogou
    assert abs(place.point.lat - SIDAOGOU[0]) < 1e-5
    assert abs(place.point.lon - SIDAOGOU[1]) < 1.2e-5
    assert photo.facts.site == "sidaogou"


async def test_datum_nobody_knows_is_refused(archive: Archive) -> None:
    photo = (await send(archive, PHOTO)).photo
    changes = {"position": {"latitude": 40.66, "longitude": 122.14, "crs": "beijing54"}}
    with pytest.raises(InvalidInputError) as caught:
        await correct_photo(archive, photo.id, changes, actor=SYSTEM, now=NOW)
    assert [error.field for error in caught.value.errors] == ["position.crs"]


async def test_place_is_cleared_by_null(archive: Archive) -> None:
    photo = (await send(archive, PHOTO)).photo
    changes = {"position": None}
    photo = await correct_photo(archive, photo.id, changes, actor=SYSTEM, now=NOW)
    assert (photo.facts.place, photo.facts.site, photo.facts.is_outside) == (None, None, False)


async def test_words_are_corrected(archive: Archive) -> None:
    photo = (await send(archive, PHOTO, PhotoRequest(caption=Text("旧", "old")))).photo
    changes = {
        "species": "斑尾塍鹬",
        "caption": {"zh": "新"},
        "credit": "Photo: Guo Ying",
        "license": "cc0-1.0",
        "site": "Sidaogou",
    }
    photo = await correct_photo(archive, photo.id, changes, actor=SYSTEM, now=NOW)
    facts = photo.facts
    assert (facts.species, facts.caption) == ("batgod", Text("新", "old"))
    assert facts.credit == Credit((("photo", "Guo Ying"),))
    assert (facts.license, facts.site) == ("CC0-1.0", "sidaogou")


async def test_correction_is_undone(archive: Archive) -> None:
    before = (await send(archive, PHOTO)).photo
    await correct_photo(archive, before.id, {"species": "batgod"}, actor=SYSTEM, now=NOW)
    after = await undo_correction(archive, before.id, actor=SYSTEM, now=NOW)
    assert after.facts == before.facts
    assert after.version > before.version


async def test_nothing_to_undo_is_said(archive: Archive) -> None:
    photo = (await send(archive, PHOTO)).photo
    with pytest.raises(InvalidInputError) as caught:
        await undo_correction(archive, photo.id, actor=SYSTEM, now=NOW)
    assert caught.value.code == "photo.nothing_to_undo"


@pytest.mark.parametrize(
    ("changes", "fields"),
    [
        ({"taken_at": "yesterday"}, ["taken_at"]),
        ({"taken_at": "2026-02-30T10:00"}, ["taken_at"]),
        ({"taken_at": "2026-04-25"}, ["taken_at"]),
        ({"taken_at": "2027-04-25T10:00"}, ["taken_at"]),
        ({"taken_at": "0001-01-01T00:00+14:00"}, ["taken_at"]),
        ({"taken_at": 20260425}, ["taken_at"]),
        ({"position": {"latitude": 200, "longitude": 122}}, ["position.latitude"]),
        ({"position": {"latitude": float("nan"), "longitude": 122}}, ["position.latitude"]),
        ({"position": {"latitude": True, "longitude": 122}}, ["position.latitude"]),
        ({"position": {"latitude": 40, "longitude": "east"}}, ["position.longitude"]),
        ({"position": [40, 122]}, ["position"]),
        ({"position": {"latitude": 40}}, ["position"]),
        ({"species": "大滨鸟"}, ["species"]),
        ({"species": 7}, ["species"]),
        ({"caption": "words"}, ["caption"]),
        ({"caption": {"fr": "mots"}}, ["caption"]),
        ({"caption": {"zh": 3}}, ["caption"]),
        ({"license": "mine"}, ["license"]),
        ({"site": "nowhere"}, ["site"]),
        ({"sha256": "0"}, ["sha256"]),
        ({"species": "nope", "license": "mine"}, ["species", "license"]),
    ],
    ids=str,
)
async def test_wrong_value_changes_nothing(
    archive: Archive, changes: dict[str, object], fields: list[str]
) -> None:
    photo = (await send(archive, PHOTO)).photo
    version = await archive.db.dataset_version()
    with pytest.raises(InvalidInputError) as caught:
        await correct_photo(archive, photo.id, changes, actor=SYSTEM, now=NOW)
    assert [error.field for error in caught.value.errors] == fields
    assert await archive.db.dataset_version() == version


async def test_only_owner_and_admin_correct(archive: Archive) -> None:
    owner, other = await person(archive, "lin"), await person(archive, "shen")
    photo = (await send(archive, PHOTO, actor=owner)).photo
    with pytest.raises(NotFoundError):
        await correct_photo(archive, photo.id, {"species": None}, actor=other, now=NOW)
    with pytest.raises(NotFoundError):
        await undo_correction(archive, photo.id, actor=other, now=NOW)


async def test_unknown_photo_is_not_found(archive: Archive) -> None:
    with pytest.raises(NotFoundError):
        await correct_photo(archive, "0" * 16, {}, actor=SYSTEM, now=NOW)


async def test_count_of_a_photo_moves_with_it(archive: Archive) -> None:
    counted = PhotoRequest(species="grekno", best=900)
    receipt = await send(archive, PHOTO, counted)
    assert receipt.survey is not None
    changes = {"taken_at": "2026-04-26T07:00", "species": "redkno", "site": "yongyuanjiao"}
    await correct_photo(archive, receipt.photo.id, changes, actor=SYSTEM, now=NOW)
    survey = await find_survey(archive.db, receipt.survey.id)
    assert survey is not None
    assert (survey.day, survey.site) == (date(2026, 4, 26), "yongyuanjiao")
    assert [(s.species, s.best, s.photos) for s in survey.sightings] == [
        ("redkno", 900, (receipt.photo.id,))
    ]
    assert await numbers(archive) == [("yongyuanjiao", "redkno", date(2026, 4, 26), 900)]
    await undo_correction(archive, receipt.photo.id, actor=SYSTEM, now=NOW)
    assert await numbers(archive) == [("sidaogou", "grekno", date(2026, 4, 25), 900)]


async def test_count_of_an_embargoed_photo_waits_with_it(archive: Archive) -> None:
    receipt = await send(archive, PHOTO, PhotoRequest(species="grekno", best=900))
    until = NOW + timedelta(hours=2)
    changes = {"embargo_until": until.isoformat()}
    await correct_photo(archive, receipt.photo.id, changes, actor=SYSTEM, now=NOW)
    assert await numbers(archive) == []
    assert await lift_due(archive.db, until - timedelta(seconds=1)) == 0
    assert await next_lift(archive.db) == until
    assert await lift_due(archive.db, until) == 2
    assert await numbers(archive) == [("sidaogou", "grekno", date(2026, 4, 25), 900)]
    photo = await find_photo(archive.db, receipt.photo.id)
    assert photo is not None
    assert photo.facts.embargo_until is None
    assert await next_lift(archive.db) is None


@pytest.mark.parametrize("text", ["2020-01-01", "2030-01-01", "soon"])
async def test_embargo_that_cannot_be_is_refused(archive: Archive, text: str) -> None:
    receipt = await send(archive, PHOTO)
    changes = {"embargo_until": text}
    with pytest.raises(InvalidInputError) as caught:
        await correct_photo(archive, receipt.photo.id, changes, actor=SYSTEM, now=NOW)
    assert [error.field for error in caught.value.errors] == ["embargo_until"]


@pytest.mark.parametrize("field", ["taken_at", "species"])
async def test_what_a_count_rests_on_is_not_cleared(archive: Archive, field: str) -> None:
    receipt = await send(archive, PHOTO, PhotoRequest(species="grekno", best=900))
    with pytest.raises(InvalidInputError) as caught:
        await correct_photo(archive, receipt.photo.id, {field: None}, actor=SYSTEM, now=NOW)
    assert caught.value.code == "photo.count_rests_on_it"
    assert await numbers(archive) == [("sidaogou", "grekno", date(2026, 4, 25), 900)]


async def numbers(archive: Archive) -> list[tuple[str, str, date, int | None]]:
    counted = await daily_counts(archive.db, season="2026-spring")
    return [(c.site, c.species, c.day, c.count) for c in counted]
