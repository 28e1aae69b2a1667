"""Bursts on the pages: one cover with the number of its frames, and nothing told of the hidden."""

from __future__ import annotations

import os
import random
import re
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from birdwatch.domain.burst import Frame, bursts
from birdwatch.domain.photo import PhotoFacts
from birdwatch.domain.policy import SYSTEM
from birdwatch.intake.bursts import join_burst
from birdwatch.storage.bursts import keep_fingerprint, put_kin
from birdwatch.storage.photos import insert_photo
from tests.service import Service
from tests.storage.makers import facts, photo
from tests.web.pages import faults_of

pytestmark = pytest.mark.anyio
NOW = datetime(2026, 5, 2, 4, 0, tzinfo=UTC)


def taken(second: int, **changes: object) -> PhotoFacts:
    made = facts(datetime(2026, 4, 14, 6, 30, second))  # noqa: DTZ001 (wall time)
    return replace(made, **changes)  # type: ignore[arg-type]


HIDDEN: list[dict[str, object]] = [
    {"status": "draft"}, {"status": "pending"}, {"species": "spbsan1"},  # protected
]  # fmt: skip
LOOKS = [
    f"{(1 << bits) - 1:016x}" for bits in (0, 8, 16, 24, 60)
]  # alike: neighbours of the first four


async def told_to_visitor(service: Service) -> dict[str, object]:
    """The burst of each photo as a visitor is told it."""
    found = (await service.visitor.get("/api/v1/photos?limit=100")).json()["items"]
    return {one["id"]: one["burst"] for one in found}


async def add_frames(service: Service, frames: list[tuple[str, int, str, PhotoFacts]]) -> None:
    """Photos of one camera as they come in: id, second of the clock, looks, facts; each by the job."""
    owner = (await service.add_person("lin")).id
    async with service.archive.db.write(SYSTEM, NOW) as tx:
        for number, (name, second, looks, facts_of) in enumerate(frames, 1):
            clock = taken(second).time.wall
            said = {
                "EXIF DateTimeOriginal": f"{clock:%Y:%m:%d %H:%M:%S}",
                "EXIF BodySerialNumber": "77",
            }
            new = replace(photo(number, facts_of), id=name, tags=said, owner_id=owner)
            await insert_photo(tx, new)
            await keep_fingerprint(tx, name, looks)
    for name, *_ in frames:
        await join_burst(service.archive, name, now=NOW)


async def keep_burst(service: Service, *given: PhotoFacts) -> list[str]:
    ids: list[str] = []
    async with service.archive.db.write(SYSTEM, NOW) as tx:
        for number, one in enumerate(given, 1):
            said = {"EXIF DateTimeOriginal": f"{one.time.wall:%Y:%m:%d %H:%M:%S}"}
            new = replace(photo(number, one), id=f"{number:016}", tags=said)
            ids.append((await insert_photo(tx, new)).id)
            await keep_fingerprint(tx, new.id, "0" * 16)
        frames = [Frame(one, NOW, "0" * 16) for one in ids]
        await put_kin(tx, frames, [frames])
    return ids


def linked(html: str) -> set[str]:
    return set(re.findall(r'href="/photos/([^"/?]+)"', html))


async def test_gallery_shows_the_cover_with_its_frames(service: Service) -> None:
    ids = await keep_burst(service, *(taken(second) for second in range(3)))
    page = await service.visitor.get("/gallery")
    assert faults_of(page.text, "en") == []
    assert linked(page.text) == {ids[1]}
    assert "3 frames" in page.text
    behind = await service.visitor.get(f"/photos/{ids[1]}")
    assert faults_of(behind.text, "en") == []
    assert {ids[0], ids[2]} <= linked(behind.text)
    assert "One event, 3 frames" in behind.text


async def test_hidden_frames_are_neither_shown_nor_counted(service: Service) -> None:
    ids = await keep_burst(
        service,
        taken(0),
        taken(1, status="pending"),
        taken(2, species="spbsan1"),  # protected
        taken(2),
    )
    page = await service.visitor.get("/gallery")
    assert linked(page.text) == {ids[0], ids[2]}
    assert "2 frames" in page.text
    behind = (await service.visitor.get(f"/photos/{ids[0]}")).text
    assert "One event, 2 frames" in behind
    assert ids[1] not in behind
    protected = (await service.visitor.get(f"/photos/{ids[2]}")).text
    assert "One event" not in protected


async def test_frames_joined_by_a_hidden_one_alone_are_no_burst(service: Service) -> None:
    """Four seconds apart: only a frame between them can have made them one."""
    ids = await keep_burst(service, taken(0), taken(2, species="spbsan1"), taken(4))
    page = (await service.visitor.get("/gallery")).text
    assert linked(page) == {ids[0], ids[1], ids[2]}
    assert "frames" not in page
    assert "One event" not in (await service.visitor.get(f"/photos/{ids[0]}")).text


@pytest.mark.parametrize("seed", range(int(os.environ.get("BIRDWATCH_TEST_BURSTS", "4"))))
async def test_hidden_frames_change_nothing_that_a_visitor_sees(
    service: Service, seed: int
) -> None:
    """Frames of one camera, some hidden in one of three ways: told is what the others alone give."""
    chance = random.Random(seed)
    given: list[tuple[str, int, str, PhotoFacts]] = []
    for number in range(16):
        second, looks = chance.randrange(14), chance.choice(LOOKS)
        how = chance.choice([{}, {}, *HIDDEN])
        given.append((f"{number:016}", second, looks, taken(second, **how)))
    await add_frames(service, given)
    seen = [
        Frame(name, datetime(2026, 4, 14, 6, 30, second, tzinfo=UTC), looks)
        for name, second, looks, said in given
        if said.status == "published" and said.species is None
    ]
    told = await told_to_visitor(service)
    expected = [[frame.photo_id for frame in one] for one in bursts(seen)]
    bursts_told = {str(one["id"]): one["frames"] for one in told.values() if isinstance(one, dict)}
    assert sorted(bursts_told.values()) == sorted(expected)


async def test_frames_parted_by_a_hidden_one_are_still_one_burst(service: Service) -> None:
    """The hidden frame is like the last and later than the first, so the last would follow it."""
    hidden = taken(1, status="draft")
    await add_frames(
        service,
        [("a" * 16, 0, LOOKS[0], taken(0)), ("b" * 16, 1, LOOKS[2], hidden),
         ("c" * 16, 2, LOOKS[1], taken(2))],
    )  # fmt: skip
    told = await told_to_visitor(service)
    frames = ["a" * 16, "c" * 16]
    burst = {"id": frames[0], "cover": frames[0], "frames": frames}
    assert told == {frames[0]: burst, frames[1]: burst}
