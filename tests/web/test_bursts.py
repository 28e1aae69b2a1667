"""Bursts on the pages: one cover with the number of its frames, and nothing told of the hidden."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from birdwatch.domain.burst import Frame
from birdwatch.domain.photo import PhotoFacts
from birdwatch.domain.policy import SYSTEM
from birdwatch.storage.bursts import keep_fingerprint, put_bursts
from birdwatch.storage.photos import insert_photo
from tests.service import Service
from tests.storage.makers import facts, photo
from tests.web.pages import faults_of

pytestmark = pytest.mark.anyio
NOW = datetime(2026, 5, 2, 4, 0, tzinfo=UTC)


def taken(second: int, **changes: object) -> PhotoFacts:
    made = facts(datetime(2026, 4, 14, 6, 30, second))  # noqa: DTZ001 (wall time)
    return replace(made, **changes)  # type: ignore[arg-type]


async def keep_burst(service: Service, *given: PhotoFacts) -> list[str]:
    ids: list[str] = []
    async with service.archive.db.write(SYSTEM, NOW) as tx:
        for number, one in enumerate(given, 1):
            said = {"EXIF DateTimeOriginal": f"{one.time.wall:%Y:%m:%d %H:%M:%S}"}
            new = replace(photo(number, one), id=f"{number:016}", tags=said)
            ids.append((await insert_photo(tx, new)).id)
            await keep_fingerprint(tx, new.id, "0" * 16)
        frames = [Frame(one, NOW, "0" * 16) for one in ids]
        await put_bursts(tx, frames, [frames])
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
