"""A withheld and a protected bird with positions of unique digits, looked for on every road.

Also what is on its way to the archive: drafts, uploads in pieces, tracks, files set aside, clocks.
"""

from __future__ import annotations

import hashlib
import logging
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
from tests.api.tus import TUS, UPLOADS, metadata, place_of
from tests.domain.test_track import gpx
from tests.pictures import Tags, ascii_entry, make_jpeg
from tests.service import Service
from tests.web.test_quarantine import set_aside

pytestmark = pytest.mark.anyio
LAT, LON = 40.7316429, 122.0147153
FILE_NAME = "CANARY-7316429.JPG"
ROOTS = (
    "/", "/gallery", "/surveys", "/species", "/sites", "/seasons", "/account", "/review",
    "/api/v1/photos", "/api/v1/surveys", "/api/v1/sightings", "/api/v1/seasons", "/api/v1/changes",
    "/api/v1/counts?by=day&season=2026-spring", "/api/v1/photos.csv", "/api/v1/sightings.csv",
    "/api/v1/photos?day=2026-04-14", "/api/v1/photos?site=liaobin", "/api/v1/openapi.json",
    f"/species/{WITHHELD}", f"/species/{PROTECTED}", "/days/2026-04-14", "/healthz", "/readyz",
    "/upload", "/tracks", "/account/clocks", "/account/clocks/mark", "/account/times?day=2026-04-14",
    "/account/quarantine", "/admin/quarantine", "/admin/jobs", "/surveys/field",
    "/surveys/field/session", "/surveys/worker.js", "/surveys/manifest.webmanifest",
    "/api/v1/drafts", "/api/v1/uploads", "/api/v1/tracks", "/api/v1/cameras", "/api/v1/adjustments",
    "/api/v1/quarantine", "/api/v1/jobs", "/api/v1/tides?from=2026-04-14",
)  # fmt: skip
MOST_PAGES = 120
SERIAL = "7316429000147153"
LINK = re.compile(r"""(?:href|src)="(/[^"#]*)"|"(/(?:media|photos|surveys)/[^"#]+)\"""")
SEES_EXACT = {"granted", "reviewer", "admin", "owner", "reading token"}


def needles() -> list[bytes]:
    """What must not be found."""
    found = [form for degrees in (LAT, LON) for form in forms_of(degrees)]
    return [*found, geohash(LAT, LON, 6), SERIAL.encode(), b"CANARY"]


async def send_canaries(service: Service, owner: Reader) -> dict[str, str]:
    """Two photos with GPS in their bytes; their ids by species."""
    sent = {}
    for seed, species in enumerate((WITHHELD, PROTECTED), 50):
        picture = shot(seed)
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


def shot(seed: int) -> bytes:
    camera = Tags(exif=(ascii_entry(0xA431, SERIAL),))
    return make_jpeg(taken="2026:04:14 06:31:00", gps=(LAT, LON), seed=seed, more=camera)


async def send_what_waits(service: Service, owner: Reader) -> dict[str, str]:
    """What is the owner's alone, by kind: addresses that tell it to the owner."""
    said = {"X-CSRF-Token": owner.csrf}
    draft = await owner.client.post(
        "/api/v1/photos?draft=true&species=dunlin&site=liaobin",
        files={"photo": (FILE_NAME, shot(60), "image/jpeg")},
        data={"draft": "true"},
        headers=said,
    )
    assert draft.status_code == 201, draft.text
    words = metadata(filename=FILE_NAME, species=WITHHELD, site="liaobin")
    upload = await owner.client.post(
        UPLOADS, headers={**TUS, **said, "Upload-Length": "9", "Upload-Metadata": words}
    )
    assert upload.status_code == 201, upload.text
    walk = gpx([(0, LAT, LON), (60, LAT, LON + 0.0001)])
    track = await owner.client.post(
        f"/api/v1/tracks?file_name={FILE_NAME}.gpx", content=walk, headers=said
    )
    assert track.status_code == 201, track.text
    person = (await owner.client.get("/surveys/field/session")).json()["person"]
    held = await set_aside(service, person, shot(61), FILE_NAME)
    return {
        "draft": f"/api/v1/photos/{draft.json()['id']}",
        "draft page": f"/photos/{draft.json()['id']}",
        "picture": f"/media/{draft.json()['id']}/original",
        "upload": place_of(upload),
        "track": f"/tracks/{track.json()['id']}",
        "quarantine": f"/api/v1/quarantine/{held}",
    }


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
    waiting = await send_what_waits(service, cast.readers["owner"])
    found: list[tuple[str, str, bytes]] = []
    visited = 0
    for name, reader in cast.readers.items():
        if name in SEES_EXACT:
            continue
        # A token that sends goes on with its person's uploads, by the words they were begun with.
        sends = (UPLOADS, waiting["upload"]) if name == "uploading token" else ()
        roads = [one for one in (*ROOTS, *waiting.values()) if one not in sends]
        roads += [f"/photos/{one}" for one in sent.values()]
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


async def test_what_waits_is_refused_to_everyone_else_as_if_it_were_not(service: Service) -> None:
    cast = await gather(service)
    waiting = await send_what_waits(service, cast.readers["owner"])
    hashes = [hashlib.sha256(shot(seed)).hexdigest() for seed in (60, 61)]
    for name, reader in cast.readers.items():
        if name in {"owner", "admin", "reading token", "uploading token"}:
            continue
        told = {one: await reader.client.get(path) for one, path in waiting.items()}
        seen = {one for one, answer in told.items() if answer.status_code == 200}
        assert seen - ({"track"} if name == "reviewer" else set()) == set(), name
        made_up = await reader.client.get("/api/v1/photos/0123456789abcdef")
        assert told["draft"].status_code == made_up.status_code
        if name != "visitor":
            known = await reader.client.post(
                f"{UPLOADS}/known", json={"sha256": hashes}, headers={"X-CSRF-Token": reader.csrf}
            )
            assert known.json() == {"known": {}}


async def test_nothing_of_what_waits_is_in_the_log(
    service: Service, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    cast = await gather(service)
    for path in (await send_what_waits(service, cast.readers["owner"])).values():
        for name in ("owner", "other", "visitor"):
            await cast.readers[name].client.get(path)
    ours = "\n".join(r.getMessage() for r in caplog.records if r.name.startswith("birdwatch"))
    assert [one for one in needles() if one in ours.encode()] == []


async def test_canary_is_found_by_those_who_may_see_it(service: Service) -> None:
    """The test above can fail: its needles are in what the owner and reviewers read."""
    cast = await gather(service)
    sent = await send_canaries(service, cast.readers["owner"])
    for name in ("owner", "reviewer", "admin", "granted"):
        answer = await cast.readers[name].client.get(f"/api/v1/photos/{sent[PROTECTED]}")
        assert [form in answer.content for form in (b"40.7316", b"122.0147")] == [True, True]


async def test_what_waits_is_told_to_its_owner(service: Service) -> None:
    """The tests above can fail: their needles are in what the owner reads."""
    cast = await gather(service)
    owner = cast.readers["owner"]
    waiting = await send_what_waits(service, owner)
    for one, path in waiting.items():
        if one != "quarantine":
            assert (await owner.client.get(path)).status_code == 200, one
    for path in ("/upload", "/tracks", "/account/quarantine", "/api/v1/uploads", "/api/v1/tracks"):
        assert FILE_NAME.encode() in (await owner.client.get(path)).content, path
    assert SERIAL.encode() in (await owner.client.get("/api/v1/cameras")).content
    assert b"40.7316" in (await owner.client.get("/api/v1/drafts")).content
