"""A withheld and a protected bird with positions of unique digits, looked for on every road."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime

import anyio
import pytest

from birdwatch.domain.policy import SYSTEM
from birdwatch.intake.review import Decision, decide_many
from birdwatch.storage.photos import find_photo
from tests.access.cast import PROTECTED, WITHHELD, Cast, Reader, gather
from tests.access.forms import forms_of, geohash
from tests.pictures import make_jpeg
from tests.service import Service

pytestmark = pytest.mark.anyio
LAT, LON = 40.7316429, 122.0147153
FILE_NAME = "CANARY-7316429.JPG"
ROOTS = (
    "/", "/gallery", "/surveys", "/species", "/sites", "/seasons", "/account", "/review",
    "/api/v1/photos", "/api/v1/surveys", "/api/v1/sightings", "/api/v1/seasons", "/api/v1/changes",
    "/api/v1/counts?by=day&season=2026-spring", "/api/v1/photos.csv", "/api/v1/sightings.csv",
    "/api/v1/photos?day=2026-04-14", "/api/v1/photos?site=liaobin", "/api/v1/openapi.json",
    f"/species/{WITHHELD}", f"/species/{PROTECTED}", "/days/2026-04-14", "/healthz", "/readyz",
)  # fmt: skip
MOST_PAGES = 90
LINK = re.compile(r"""(?:href|src)="(/[^"#]*)"|"(/(?:media|photos|surveys)/[^"#]+)\"""")
SEES_EXACT = {"granted", "reviewer", "admin", "owner", "reading token"}


def needles() -> list[bytes]:
    """What must not be found."""
    found = [form for degrees in (LAT, LON) for form in forms_of(degrees)]
    return [*found, geohash(LAT, LON, 6), FILE_NAME.encode(), b"CANARY"]


async def send_canaries(service: Service, owner: Reader) -> dict[str, str]:
    """Two photos with GPS in their bytes; their ids by species."""
    sent = {}
    for seed, species in enumerate((WITHHELD, PROTECTED), 50):
        picture = make_jpeg(taken="2026:04:14 06:31:00", gps=(LAT, LON), seed=seed)
        answer = await owner.client.post(
            "/api/v1/photos",
            files={"photo": (FILE_NAME, picture, "image/jpeg")},
            data={"species": species, "count": "3", "site": "liaobin"},
            headers={"X-CSRF-Token": owner.csrf},
        )
        assert answer.status_code == 201, answer.text
        sent[species] = answer.json()["id"]
    with anyio.fail_after(60):
        for name in sent.values():
            while (photo := await find_photo(service.archive.db, name)) and not photo.renditions:
                await anyio.sleep(0.05)
    admin = replace(SYSTEM, person_id="admin")
    await decide_many(
        service.archive,
        [Decision("photo", name) for name in sent.values()],
        "published",
        "",
        actor=admin,
        now=datetime.now(UTC),
    )
    return sent


async def crawl(reader: Reader, roots: tuple[str, ...]) -> dict[str, bytes]:
    """Everything this reader reaches by links from these, headers and bytes."""
    waiting, seen = list(roots), dict[str, bytes]()
    while waiting and len(seen) < MOST_PAGES:
        path = waiting.pop(0)
        if path in seen or path.startswith("/static/"):
            continue
        answer = await reader.client.get(path)
        assert answer.status_code < 500, path
        seen[path] = str(answer.headers).encode() + answer.content
        if answer.headers.get("content-type", "").startswith(("text/html", "application/json")):
            waiting += links_in(answer.text)
    return seen


def links_in(text: str) -> Iterator[str]:
    for href, quoted in LINK.findall(text):
        yield (href or quoted).replace("&amp;", "&")


async def test_no_form_of_a_hidden_place_is_found_on_any_road(service: Service) -> None:
    cast: Cast = await gather(service)
    sent = await send_canaries(service, cast.readers["owner"])
    found: list[tuple[str, str, bytes]] = []
    visited = 0
    for name, reader in cast.readers.items():
        if name in SEES_EXACT:
            continue
        roads = (*ROOTS, *(f"/photos/{one}" for one in sent.values()))
        pages = await crawl(reader, (*roads, *(f"/api/v1/photos/{one}" for one in sent.values())))
        visited += len(pages)
        found += [
            (name, path, needle)
            for path, body in pages.items()
            for needle in needles()
            if needle in body
        ]
        withheld = sent[WITHHELD].encode()
        found += [
            (name, path, b"withheld")
            for path, body in pages.items()
            if withheld in body and sent[WITHHELD] not in path
        ]
    assert found == []
    assert visited > 300


async def test_canary_is_found_by_those_who_may_see_it(service: Service) -> None:
    """The test above can fail: its needles are in what the owner and reviewers read."""
    cast = await gather(service)
    sent = await send_canaries(service, cast.readers["owner"])
    for name in ("owner", "reviewer", "admin", "granted"):
        answer = await cast.readers[name].client.get(f"/api/v1/photos/{sent[PROTECTED]}")
        assert [form in answer.content for form in (b"40.7316", b"122.0147")] == [True, True]
