"""That nothing public depends on where a protected bird was: two archives, the same but for that.

In the one the bird was at one site, on one day, at one time; in the other elsewhere, within the
same cell of the public grid. Whatever is asked, both must answer alike: then no number of
questions places the bird better than the grid does.
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta
from pathlib import Path
from urllib.parse import urlencode

import pytest

from birdwatch.domain.burst import Frame
from birdwatch.domain.photo import PhotoFacts
from birdwatch.domain.place import Point, SettledPlace
from birdwatch.domain.policy import SYSTEM
from birdwatch.domain.sensitivity import SensitivityRule
from birdwatch.storage.bursts import keep_fingerprint, put_kin
from birdwatch.storage.photos import NewPhoto, insert_photo, record_renditions
from birdwatch.storage.sensitivity_rules import put_rule
from birdwatch.storage.surveys import insert_survey
from birdwatch.storage.transactions import Write
from tests.access.cast import ORDINARY, PROTECTED, UNLIMITED, WITHHELD, keep_files
from tests.service import Service, running
from tests.storage.makers import CHINA, NOW, facts, photo, sighting, survey

pytestmark = pytest.mark.anyio
QUESTIONS, FEW = 2000, 200
SITES = ("liaobin", "honghaitan", "sidaogou", "bayuquan", "nowhere")
DAYS = [str(date(2026, 3, 1) + timedelta(days=number)) for number in range(92)]
LIMITS, PHASES = ("1", "2", "5", "100"), ("before", "peak", "after", "unknown")
BOXES = tuple(
    f"{121.7 + east / 50:.2f},{40.5 + north / 50:.2f},{121.9 + east / 50:.2f},{40.6 + north / 50:.2f}"
    for east in range(16)
    for north in range(16)
)
DEKADS = ("2026-04-1", "2026-04-2", "2026-05-1")
OPTIONS: dict[str, dict[str, Sequence[str]]] = {
    "/api/v1/photos": {
        "bbox": BOXES,
        "sort": ("newest", "oldest"),
        "day": DAYS, "phase": PHASES, "dekad": DEKADS, "limit": LIMITS, "from": DAYS, "to": DAYS,
    },
    "/api/v1/counts": {
        "by": ("day", "dekad", "season"), "per": ("site",), "total": ("true",),
        "from": DAYS, "to": DAYS, "tide": ("one", "all"),
    },
    "/api/v1/sightings": {"limit": LIMITS, "from": DAYS, "to": DAYS},
    "/api/v1/surveys": {"limit": LIMITS, "from": DAYS, "to": DAYS},
    "/gallery": {"day": DAYS, "phase": PHASES},
}  # fmt: skip
LISTS = tuple(OPTIONS)
CAREFREE = ("ruff", "rudtur")
Where = tuple[Point, str, datetime, date]
DRAWN = re.compile(
    r"\b(?!ph0t0)[0-9a-hjkmnp-tv-z]{16}\b|v=[0-9a-f]{10}|cursor=[^\"&]+|\"next\":\"[^\"]+\""
)
SPECIES = (ORDINARY, PROTECTED, WITHHELD, "grekno")
ONE: Where = (
    Point(40.7316429, 122.0147153),
    "liaobin",
    datetime(2026, 4, 14, 6, 31),  # noqa: DTZ001 (wall time)
    date(2026, 4, 14),
)
ELSEWHERE: Where = (
    Point(40.6984517, 121.9712683),
    "sidaogou",
    datetime(2026, 5, 3, 17, 2),  # noqa: DTZ001 (wall time)
    date(2026, 5, 3),
)


def named(number: int, given: PhotoFacts | None = None) -> NewPhoto:
    """A photo with a name that addresses take, told from those drawn at random."""
    return replace(photo(number, given), id=f"ph0t0{number:011}")


async def build(service: Service, where: Where, birds: tuple[str, str]) -> None:
    """Ordinary photos and surveys, and two birds whose place is `where`."""
    point, site, wall, day = where
    async with service.archive.db.write(SYSTEM, NOW) as tx:
        await put_rule(tx, SensitivityRule(WITHHELD, "withhold"))
        for number in range(1, 13):
            taken = datetime(2026, 4, 10 + number, 7, number, tzinfo=CHINA)
            given = replace(
                facts(taken.replace(tzinfo=None)),
                place=SettledPlace(Point(40.70 + number / 1000, 122.0), "gps", "high"),
                site="liaobin",
                species=ORDINARY,
            )
            await insert_photo(tx, named(number, given))
        for number, species in zip((20, 21), birds, strict=True):
            given = replace(
                facts(wall), place=SettledPlace(point, "gps", "high"), site=site, species=species
            )
            await insert_photo(tx, named(number, given))
            await record_renditions(tx, named(number).id, [], None)
        await burst_with(tx, wall)
        draft = replace(
            facts(wall), place=SettledPlace(point, "gps", "high"), site=site, status="draft"
        )
        await insert_photo(tx, named(30, replace(draft, species=ORDINARY)))
    # One public sighting in each survey, and a moment for each: order is then not drawn at random.
    visits = [
        (date(2026, 4, 14) + timedelta(days=offset), place, species)
        for offset in (0, 19)
        for place in ("liaobin", "sidaogou")
        for species in (ORDINARY, "grekno")
    ]
    for number, (at, place, species) in enumerate(visits, 1):
        seen = [sighting(species, 50 + number)]
        if (place, at, species) == (site, day, ORDINARY):
            seen += [sighting(bird, 3) for bird in birds]
        moment = NOW + timedelta(seconds=number)
        async with service.archive.db.write(SYSTEM, moment) as tx:
            await insert_survey(tx, survey(*seen, site=place, day=at, hour=5 + number))
    for number in (20, 21):
        await keep_files(service, named(number))


async def burst_with(tx: Write, wall: datetime) -> None:
    """Two public frames of the first of the days, four seconds apart; a hidden one between them.

    Elsewhere the bird was there on another day, so that nothing joins the two.
    """
    start = ONE[2]
    frames = []
    for number, second in ((40, -2), (41, 2)):
        at = start + timedelta(seconds=second)
        said = {"EXIF DateTimeOriginal": f"{at:%Y:%m:%d %H:%M:%S}"}
        new = replace(named(number, replace(facts(at), species=ORDINARY)), tags=said)
        await insert_photo(tx, new)
        await keep_fingerprint(tx, new.id, "0" * 16)
        frames.append(Frame(new.id, at.replace(tzinfo=CHINA), "0" * 16))
    hidden = [Frame(named(n).id, wall.replace(tzinfo=CHINA), "0" * 16) for n in (20, 21)]
    for one in hidden:
        await keep_fingerprint(tx, one.photo_id, "0" * 16)
    burst = [frames[0], *hidden, frames[1]] if wall == start else hidden
    await put_kin(tx, [*frames, *hidden], [burst])


def questions(count: int) -> Iterator[str]:
    """Addresses an attacker would try: every filter against every other, then every page."""
    chance = random.Random(20260414)
    for _ in range(count):
        path = chance.choice(LISTS)
        yield f"{path}?{urlencode(asked_of(path, chance))}"
    for number in (20, 21):
        name = named(number).id
        yield from (f"/photos/{name}", f"/api/v1/photos/{name}", f"/api/v1/photos/{name}/history")
        yield from (f"/media/{name}/320.webp", f"/media/{name}/original")
    yield from ("/", "/seasons/2026-spring", "/api/v1/seasons/2026-spring", "/sites", "/species")
    yield from (f"/{road}/{named(40).id}" for road in ("photos", "api/v1/photos"))
    yield from (f"/{road}/{named(30).id}" for road in ("photos", "api/v1/photos"))
    yield from (f"/api/v1/tides?from={day}" for day in DAYS[::7])
    yield from (f"/sites/{site}" for site in SITES)
    yield from (f"/species/{species}" for species in SPECIES)
    yield from (f"/days/{day}" for day in DAYS)


def asked_of(path: str, chance: random.Random) -> dict[str, str]:
    """A question to this list: some filters, each with one of its values."""
    options = {
        "species": SPECIES,
        "site": SITES,
        "season": ("2026-spring",),
        **OPTIONS[path],
    }
    asked = {
        name: chance.choice(values) for name, values in options.items() if chance.random() < 0.4
    }
    if "from" in options and chance.random() < 0.4:
        asked["from"], asked["to"] = sorted(chance.sample(DAYS, 2))
    else:
        asked.pop("from", None)
        asked.pop("to", None)
    return asked


async def answers(
    home: Path, where: Where, birds: tuple[str, str] = (PROTECTED, WITHHELD), count: int = QUESTIONS
) -> list[str]:
    """Status and body of every question, with what is drawn at random struck out."""
    async with running(home, f"sqlite://{home}.db", **UNLIMITED) as service:
        await build(service, where, birds)
        told = []
        for path in questions(count):
            answer = await service.visitor.get(path)
            assert answer.status_code < 500, path
            told.append(f"{path} {answer.status_code} {_struck(answer.text)}")
    return told


def _struck(text: str) -> str:
    """Ids of surveys, and what is made of them, are drawn at random in each archive."""
    return DRAWN.sub("ID", text)


async def test_no_answer_depends_on_where_a_protected_bird_was(tmp_path: Path) -> None:
    one = await answers(tmp_path / "one", ONE)
    other = await answers(tmp_path / "two", ELSEWHERE)
    assert [a for a, b in zip(one, other, strict=True) if a != b] == []
    assert len(one) > QUESTIONS


def test_both_places_have_the_same_public_point() -> None:
    assert {(round(p.lat, 1), round(p.lon, 1)) for p, *_ in (ONE, ELSEWHERE)} == {(40.7, 122.0)}


async def test_the_same_questions_find_a_bird_that_asks_for_no_care(tmp_path: Path) -> None:
    one = await answers(tmp_path / "one", ONE, CAREFREE, FEW)
    other = await answers(tmp_path / "two", ELSEWHERE, CAREFREE, FEW)
    assert len([a for a, b in zip(one, other, strict=True) if a != b]) > FEW / 20
