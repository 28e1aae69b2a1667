"""A photo's way in: what is kept, what is refused, and that nothing is left of what is refused."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path

import anyio
import pytest

from birdwatch.domain.credit import Credit
from birdwatch.domain.errors import (
    BirdwatchError,
    ForbiddenError,
    InvalidInputError,
    TooLargeError,
    UnavailableError,
    UnsupportedMediaError,
)
from birdwatch.domain.photo import PhotoFilter, SettledTime
from birdwatch.domain.place import Point, SettledPlace
from birdwatch.domain.policy import VISITOR, Actor
from birdwatch.domain.survey import SurveyFilter
from birdwatch.domain.text import Text
from birdwatch.intake.archive import Archive
from birdwatch.intake.photo_intake import PhotoRequest, Receipt, receive_photo
from birdwatch.storage.counts import daily_counts
from birdwatch.storage.db import Write
from birdwatch.storage.jobs import pending
from birdwatch.storage.photos import list_photos
from birdwatch.storage.surveys import list_surveys
from tests.intake.archives import NOW, SIDAOGOU, chunks_of, files, opened, person, send
from tests.pictures import Tags, ascii_entry, make_image, make_jpeg, rational_entry
from tests.storage.makers import EVERYTHING

pytestmark = pytest.mark.anyio
PHOTO = make_jpeg(600, 400, gps=SIDAOGOU)
SYSTEM_ACTOR = Actor(None, "admin", None, "system")
COUNTED = PhotoRequest(file_name="flock.jpg", species="大滨鹬", best="3200")


def original(home: Path, data: bytes) -> Path:
    sha256 = hashlib.sha256(data).hexdigest()
    return home / "originals" / sha256[:2] / sha256[2:4] / sha256


async def state(archive: Archive) -> tuple[int, int, int, int]:
    """Photos, surveys, jobs and the dataset version."""
    photos = await list_photos(archive.db, PhotoFilter(), reader=EVERYTHING, limit=50)
    surveys = await list_surveys(archive.db, SurveyFilter(), limit=50)
    jobs = await pending(archive.db)
    return len(photos.items), len(surveys.items), jobs, await archive.db.dataset_version()


async def refusal(
    archive: Archive, home: Path, data: bytes, request: PhotoRequest | None = None
) -> BirdwatchError:
    """The error of a file that is not taken; nothing of it may be left."""
    before = await state(archive), files(home)
    with pytest.raises(BirdwatchError) as caught:
        await send(archive, data, request)
    assert (await state(archive), files(home)) == before
    assert caught.value.text.zh
    assert caught.value.text.en
    return caught.value


async def test_photo_is_kept_with_its_time_place_and_season(archive: Archive, home: Path) -> None:
    actor = await person(archive, "lin")
    request = PhotoRequest(
        file_name="DSC_0001.JPG",
        caption=Text("鸟浪", "Bird wave"),
        credit="文/徐鑫 摄/国颖",
        license="cc-by-4.0",
        species="Great Knot",
    )
    receipt = await send(archive, PHOTO, request, actor=actor)
    photo, facts = receipt.photo, receipt.photo.facts
    assert (receipt.is_duplicate, receipt.survey) == (False, None)
    assert (photo.format, photo.width, photo.height) == ("jpeg", 600, 400)
    assert (photo.sha256, photo.size_bytes) == (hashlib.sha256(PHOTO).hexdigest(), len(PHOTO))
    assert (photo.state, photo.owner_id, photo.received_at) == ("received", actor.person_id, NOW)
    assert photo.original_name == "DSC_0001.JPG"
    wall = datetime(2026, 4, 25, 18, 21, 7)  # noqa: DTZ001  wall time as shot
    instant = datetime(2026, 4, 25, 10, 21, 7, tzinfo=UTC)
    assert facts.time == SettledTime(instant, wall, 480, "exif_offset", "high")
    assert facts.place is not None
    place = replace(facts.place, point=Point(*SIDAOGOU))
    assert facts.place.point.lat == pytest.approx(SIDAOGOU[0], abs=1e-6)
    assert facts.place.point.lon == pytest.approx(SIDAOGOU[1], abs=1e-6)
    assert place == SettledPlace(Point(*SIDAOGOU), "gps", "high")
    assert (facts.site, facts.is_outside) == ("sidaogou", False)
    assert (facts.season, facts.phase, facts.dekad) == ("2026-spring", "peak", "2026-04-3")
    assert (facts.species, facts.caption) == ("grekno", Text("鸟浪", "Bird wave"))
    assert facts.credit == Credit((("text", "徐鑫"), ("photo", "国颖")))
    assert facts.license == "CC-BY-4.0"
    assert photo.original == facts
    assert original(home, PHOTO).read_bytes() == PHOTO
    assert original(home, PHOTO).stat().st_mode & 0o777 == 0o444
    assert files(home) == [str(original(home, PHOTO).relative_to(home))]
    assert await pending(archive.db) == 1


async def test_license_is_reserved_unless_given(archive: Archive) -> None:
    receipt = await send(archive, PHOTO)
    assert receipt.photo.facts.license == "all-rights-reserved"


async def test_same_bytes_twice_are_one_photo(archive: Archive, home: Path) -> None:
    first = await send(archive, PHOTO)
    before = await state(archive), files(home)
    second = await send(archive, PHOTO, PhotoRequest(file_name="other name.jpg"))
    assert (second.is_duplicate, second.photo) == (True, first.photo)
    assert (await state(archive), files(home)) == before


async def test_same_bytes_at_once_are_one_photo(archive: Archive, home: Path) -> None:
    receipts = []

    async def upload() -> None:
        receipts.append(await send(archive, PHOTO))

    async with anyio.create_task_group() as tasks:
        for _ in range(5):
            tasks.start_soon(upload)
    assert sorted(receipt.is_duplicate for receipt in receipts) == [False, True, True, True, True]
    assert len({receipt.photo.id for receipt in receipts}) == 1
    assert (await state(archive))[:3] == (1, 0, 1)
    assert files(home) == [str(original(home, PHOTO).relative_to(home))]


@pytest.mark.parametrize("damaged", [PHOTO[:-9], PHOTO[:300] + b"?" + PHOTO[301:], b""])
async def test_duplicate_heals_a_damaged_original(
    archive: Archive, home: Path, caplog: pytest.LogCaptureFixture, damaged: bytes
) -> None:
    first = await send(archive, PHOTO)
    path = archive.blobs.original_path(first.photo.sha256)
    path.chmod(0o644)
    path.write_bytes(damaged)
    second = await send(archive, PHOTO)
    assert (second.is_duplicate, second.photo.id) == (True, first.photo.id)
    assert path.read_bytes() == PHOTO
    assert path.stat().st_mode & 0o777 == 0o444
    assert [one.read_bytes() for one in home.glob("set-aside/**/*") if one.is_file()] == [damaged]
    assert f"event=original_healed photo={first.photo.id}" in caplog.messages
    assert list((home / "incoming").iterdir()) == []


async def test_what_is_recorded_with_a_photo_is_there_with_it_or_neither_is(
    archive: Archive, home: Path
) -> None:
    async def broken(tx: Write, receipt: Receipt) -> None:
        assert not receipt.is_duplicate
        raise UnavailableError("storage.busy", zh="忙。", en="Busy.")

    with pytest.raises(UnavailableError):
        await receive_photo(
            archive,
            chunks_of(PHOTO),
            PhotoRequest(),
            actor=SYSTEM_ACTOR,
            now=NOW,
            on_record=broken,
        )
    assert files(home) == []
    assert await archive.db.rows("SELECT id FROM photo") == []


async def test_duplicate_brings_back_a_lost_original(archive: Archive, home: Path) -> None:
    first = await send(archive, PHOTO)
    original(home, PHOTO).unlink()
    second = await send(archive, PHOTO)
    assert (second.is_duplicate, second.photo.id) == (True, first.photo.id)
    assert original(home, PHOTO).read_bytes() == PHOTO


async def test_disconnect_in_the_middle_leaves_nothing(archive: Archive, home: Path) -> None:
    class GoneError(Exception):
        """The sender is gone."""

    async def broken() -> AsyncIterator[bytes]:
        yield PHOTO[:5000]
        raise GoneError

    before = await state(archive)
    with pytest.raises(GoneError):
        await receive_photo(archive, broken(), PhotoRequest(), actor=SYSTEM_ACTOR, now=NOW)
    assert (await state(archive), files(home)) == (before, [])


async def test_cancelled_upload_leaves_nothing(archive: Archive, home: Path) -> None:
    started = anyio.Event()

    async def endless() -> AsyncIterator[bytes]:
        yield PHOTO[:5000]
        started.set()
        await anyio.sleep_forever()

    async def upload() -> None:
        await receive_photo(archive, endless(), PhotoRequest(), actor=SYSTEM_ACTOR, now=NOW)

    before = await state(archive)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(upload)
        await started.wait()
        tasks.cancel_scope.cancel()
    assert (await state(archive), files(home)) == (before, [])


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (b"just some words", UnsupportedMediaError),
        (b"<html><script>alert(1)</script></html>", UnsupportedMediaError),
        (b'<svg xmlns="http://www.w3.org/2000/svg"/>', UnsupportedMediaError),
        (b"%PDF-1.7\n%\xe2\xe3", UnsupportedMediaError),
        (b"", InvalidInputError),
        (PHOTO[: len(PHOTO) // 2], InvalidInputError),
        (b"\xff\xd8\xff\xe0" + b"\0" * 500, InvalidInputError),
    ],
    ids=["text", "html", "svg", "pdf", "empty", "truncated", "broken"],
)
async def test_file_that_is_no_picture_is_refused(
    archive: Archive, home: Path, data: bytes, kind: type[BirdwatchError]
) -> None:
    assert type(await refusal(archive, home, data)) is kind


async def test_file_above_the_limit_is_refused(home: Path, database_url: str) -> None:
    async with opened(home, database_url, max_photo_bytes=20_000) as archive:
        data = make_jpeg(2000, 1500)
        assert len(data) > 20_000
        assert type(await refusal(archive, home, data)) is TooLargeError


async def test_too_many_pixels_are_refused(home: Path, database_url: str) -> None:
    async with opened(home, database_url, max_photo_pixels=200_000) as archive:
        assert type(await refusal(archive, home, PHOTO)) is TooLargeError


@pytest.mark.parametrize("format_", ["png", "webp", "tiff", "heif", "avif", "mpo"])
async def test_every_format_is_taken_whatever_its_name(archive: Archive, format_: str) -> None:
    receipt = await send(archive, make_image(format_, 300, 200), PhotoRequest(file_name="x.gif"))  # type: ignore[arg-type]
    photo = receipt.photo
    assert photo.format == ("jpeg" if format_ == "mpo" else format_)
    assert (photo.width, photo.height) == (300, 200)


@pytest.mark.parametrize(
    ("name", "kept"),
    [
        ("../../etc/passwd.jpg", "passwd.jpg"),
        ("C:\\photos\\DSC_1.JPG", "DSC_1.JPG"),
        ("a\x00b.jpg", "ab.jpg"),
        ("evil\u202egpj.exe", "evilgpj.exe"),
        ("鸟浪 日落.jpg", "鸟浪 日落.jpg"),
        ("x" * 300 + ".jpeg", "x" * 195 + ".jpeg"),
        ("y" * 300, "y" * 200),
        ("..", ""),
        ("line\nbreak.jpg", "line break.jpg"),
        ("", ""),
    ],
    ids=["path", "windows", "nul", "rtl", "chinese", "long", "long-bare", "dots", "break", "none"],
)
async def test_file_name_is_kept_safe(archive: Archive, name: str, kept: str) -> None:
    receipt = await send(archive, PHOTO, PhotoRequest(file_name=name))
    assert receipt.photo.original_name == kept


@pytest.mark.parametrize(
    "tags",
    [
        {"taken": "171546:04:25 18:21:07"},
        {"taken": "0000:00:00 00:00:00", "offset": None},
        {"taken": b"\0" * 19},
        {"taken": b"2026:02:30 10:00:00"},
        {"more": Tags(gps=(ascii_entry(1, "N"), rational_entry(2, (0, 0), (0, 0), (0, 0))))},
        {"more": Tags(gps=(ascii_entry(1, "N"), rational_entry(2, (200, 1), (0, 1), (0, 1))))},
        {"gps": (0.0, 0.0)},
    ],
    ids=["year", "zero", "nul", "30-february", "0/0", "latitude-200", "null-island"],
)
async def test_strange_metadata_never_refuses_a_photo(
    archive: Archive, tags: dict[str, object]
) -> None:
    receipt = await send(archive, make_jpeg(300, 200, **tags))  # type: ignore[arg-type]
    facts = receipt.photo.facts
    is_known = facts.time.instant is not None
    assert is_known is ("taken" not in tags)
    assert facts.place is None


async def test_position_in_africa_is_kept_and_flagged(archive: Archive) -> None:
    receipt = await send(archive, make_jpeg(300, 200, gps=(-1.2921, 36.8219)))
    facts = receipt.photo.facts
    assert (facts.place is not None, facts.site, facts.is_outside) == (True, None, True)


async def test_photo_with_number_makes_its_sighting(archive: Archive) -> None:
    actor = await person(archive, "lin")
    receipt = await send(archive, PHOTO, replace(COUNTED, low="3000", high=3500), actor=actor)
    survey = receipt.survey
    assert survey is not None
    assert (survey.site, survey.protocol, survey.complete) == ("sidaogou", "photo", False)
    assert survey.start == datetime(2026, 4, 25, 10, 21, 7, tzinfo=UTC)
    assert (survey.day, survey.source, survey.observers) == (date(2026, 4, 25), "photo", ("lin",))
    (sighting,) = survey.sightings
    assert (sighting.species, sighting.method) == ("grekno", "from_photo")
    assert (sighting.low, sighting.best, sighting.high) == (3000, 3200, 3500)
    assert sighting.photos == (receipt.photo.id,)
    facts = receipt.photo.facts
    assert (facts.survey_id, facts.sighting_id) == (survey.id, sighting.id)
    counted = await daily_counts(archive.db, season="2026-spring")
    assert [(c.site, c.species, c.day, c.count) for c in counted] == [
        ("sidaogou", "grekno", date(2026, 4, 25), 3200)
    ]


async def test_given_site_stands_where_the_photo_has_no_position(archive: Archive) -> None:
    data = make_jpeg(300, 200)
    receipt = await send(archive, data, replace(COUNTED, site="盖州西海"))
    assert receipt.survey is not None
    assert (receipt.survey.site, receipt.photo.facts.site) == ("gaizhou-xihai", "gaizhou-xihai")


async def test_number_without_a_place_is_refused(archive: Archive, home: Path) -> None:
    error = await refusal(archive, home, make_jpeg(300, 200), COUNTED)
    assert [field.field for field in error.errors] == ["site"]


async def test_number_without_a_day_is_refused(archive: Archive, home: Path) -> None:
    data = make_jpeg(300, 200, taken=None, offset=None, gps=SIDAOGOU)
    error = await refusal(archive, home, data, COUNTED)
    assert [field.field for field in error.errors] == ["species"]


@pytest.mark.parametrize(
    ("request_", "fields"),
    [
        (PhotoRequest(species="大滨鸟"), ["species"]),
        (PhotoRequest(species="grekno", best=-1), ["best"]),
        (PhotoRequest(species="grekno", best="1000000000"), ["best"]),
        (PhotoRequest(species="grekno", best="3.5"), ["best"]),
        (PhotoRequest(best="12"), ["species"]),
        (PhotoRequest(site="nowhere"), ["site"]),
        (PhotoRequest(license="mine"), ["license"]),
        (PhotoRequest(credit="摄/" + "长" * 300), ["credit"]),
        (PhotoRequest(caption=Text(zh="字" * 2001)), ["caption"]),
        (PhotoRequest(species="nope", site="nowhere", license="x"), ["license", "species", "site"]),
    ],
    ids=["species", "minus", "1e9", "half", "bare", "site", "license", "credit", "caption", "all"],
)
async def test_wrong_words_are_found_before_bytes_are_taken(
    archive: Archive, home: Path, request_: PhotoRequest, fields: list[str]
) -> None:
    taken = []

    async def chunks() -> AsyncIterator[bytes]:
        taken.append(1)
        yield PHOTO

    before = await state(archive)
    with pytest.raises(InvalidInputError) as caught:
        await receive_photo(archive, chunks(), request_, actor=SYSTEM_ACTOR, now=NOW)
    assert [error.field for error in caught.value.errors] == fields
    assert (taken, await state(archive), files(home)) == ([], before, [])


async def test_unknown_species_names_near_matches(archive: Archive) -> None:
    with pytest.raises(InvalidInputError) as caught:
        await send(archive, PHOTO, PhotoRequest(species="大宾鹬"))
    assert "大滨鹬" in caught.value.text.zh


async def test_visitor_may_not_upload(archive: Archive, home: Path) -> None:
    with pytest.raises(ForbiddenError):
        await receive_photo(archive, chunks_of(PHOTO), PhotoRequest(), actor=VISITOR, now=NOW)
    assert files(home) == []
