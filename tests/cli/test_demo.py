"""What the demonstration promises: enough to see, the same each time, true in its metadata."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from birdwatch.cli.demo import make_accounts
from birdwatch.cli.demo_counts import COURSES, HIGHEST, surveys
from birdwatch.cli.demo_pictures import BIRDS, FOUNDING_CREDIT, pictures
from birdwatch.domain.policy import PUBLIC
from birdwatch.domain.survey import SurveyFilter, check_survey
from birdwatch.imaging.probe import probe
from birdwatch.imaging.scenery import paint, write_picture
from birdwatch.intake.survey_intake import receive_survey
from birdwatch.storage.people import find_person
from birdwatch.storage.sites import load_sites
from birdwatch.storage.species import load_species
from birdwatch.storage.surveys import list_surveys
from tests.intake.archives import opened, send

pytestmark = pytest.mark.anyio


def test_pictures_are_many_distinct_and_of_three_springs() -> None:
    drawn = pictures()
    assert len(drawn) >= 60
    assert len({picture.name for picture in drawn}) == len(drawn)
    assert len({picture.scene.seed for picture in drawn}) == len(drawn)
    assert {picture.shot.taken.year for picture in drawn} == {2024, 2025, 2026}
    assert len({picture.scene.light for picture in drawn}) == 8
    assert [picture.credit for picture in drawn].count(FOUNDING_CREDIT) == 1
    assert all(picture.caption.zh and picture.caption.en for picture in drawn)


def test_picture_says_truly_when_where_and_with_what_it_was_taken(tmp_path: Path) -> None:
    picture = pictures()[0]
    path = tmp_path / picture.name
    write_picture(replace(picture.scene, width=600, height=400), picture.shot, path)
    found = probe(path)
    assert (found.format, found.width, found.height) == ("jpeg", 600, 400)
    assert found.camera == picture.shot.camera
    evidence = found.time_evidence
    assert evidence.date_time_original == f"{picture.shot.taken:%Y:%m:%d %H:%M:%S}"
    assert evidence.offset_time_original == "+08:00"


def test_same_scene_is_the_same_picture_and_another_is_not() -> None:
    first, second = (replace(p.scene, width=360, height=240) for p in pictures()[:2])
    assert paint(first).tobytes() == paint(first).tobytes()
    assert paint(first).tobytes() != paint(second).tobytes()


async def test_every_picture_lies_in_its_site(tmp_path: Path, database_url: str) -> None:
    async with opened(tmp_path / "home", database_url) as archive:
        for picture in (pictures()[0], pictures()[-1]):
            path = tmp_path / picture.name
            write_picture(replace(picture.scene, width=300, height=200), picture.shot, path)
            receipt = await send(archive, path.read_bytes(), now=datetime(2026, 6, 1, tzinfo=UTC))
            facts = receipt.photo.facts
            assert facts.site == picture.name.partition("_")[2].partition("_")[2][:-4]
            assert facts.time.instant == picture.shot.taken.astimezone(UTC)
            assert (facts.time.source, facts.time.confidence) == ("exif_offset", "high")


async def test_what_the_demonstration_sends_in_is_there_for_visitors(
    tmp_path: Path, database_url: str
) -> None:
    async with opened(tmp_path / "home", database_url) as archive:
        actor = (await make_accounts(archive))["lin"]
        now, raw = next(iter(surveys()))
        sent = await receive_survey(archive, raw, source="demo", actor=actor, now=now)
        shown = await list_surveys(archive.db, SurveyFilter(), limit=10, lens=PUBLIC)
        assert [survey.id for survey in shown.items] == [sent.id]


async def test_accounts_are_one_for_every_role_and_stay(tmp_path: Path, database_url: str) -> None:
    home = tmp_path / "home"
    async with opened(home, database_url) as archive:
        cast = await make_accounts(archive)
        assert {login: (one.role, one.trust) for login, one in cast.items()} == {
            "lin": ("contributor", "trusted"),
            "su": ("contributor", "checked"),
            "jiang": ("press", "trusted"),
            "ye": ("researcher", "trusted"),
            "shen": ("reviewer", "trusted"),
            "admin": ("admin", "trusted"),
        }
        told = (home / "demo-accounts.txt").read_text("utf-8")
        assert await make_accounts(archive) == cast
        ends = (await find_person(archive.db, cast["ye"].person_id or "")).grant_until  # type: ignore[union-attr]
        assert ends is not None
        assert ends > datetime.now(UTC)
    assert (home / "demo-accounts.txt").read_text("utf-8") == told
    assert (home / "demo-accounts.txt").stat().st_mode & 0o777 == 0o600
    lines = [line.split() for line in told.splitlines()]
    assert [(line[0], *line[2:]) for line in lines] == [
        ("lin", "contributor"),
        ("su", "contributor", "checked"),
        ("jiang", "press"),
        ("ye", "researcher"),
        ("shen", "reviewer"),
        ("admin", "admin"),
    ]


async def test_surveys_are_acceptable_and_peak_when_they_should(
    tmp_path: Path, database_url: str
) -> None:
    async with opened(tmp_path / "home", database_url) as archive:
        species, sites = await load_species(archive.db), await load_sites(archive.db)
    assert all(species.get(code) for code in [*BIRDS, *(course.species for course in COURSES)])
    largest: dict[tuple[object, ...], int] = {}
    made = list(surveys())
    for sent, raw in made:
        new = check_survey(raw, species=species, sites=sites, now=sent, source="demo")
        assert new.end is not None
        assert new.start < new.end < sent < new.start + timedelta(hours=8)
        for sighting in new.sightings:
            if new.tide == "high":
                key = (new.start.date(), new.site, sighting.species)
                largest[key] = max(largest.get(key, 0), sighting.best or 0)
    totals: defaultdict[object, int] = defaultdict(int)
    for (day, _, _), best in largest.items():
        totals[day] += best
    assert max(totals, key=lambda day: totals[day]) == HIGHEST
    assert 45_000 < totals[HIGHEST] < 52_000
    assert [sum(raw_year(raw) == year for _, raw in made) >= 45 for year in (2024, 2025, 2026)] == [
        True, True, True,
    ]  # fmt: skip


def raw_year(raw: dict[str, object]) -> int:
    return datetime.fromisoformat(str(raw["start"])).year
