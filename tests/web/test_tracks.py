"""Tracks on the page: sent, seen on a map that the server draws, applied as seen, deleted."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from birdwatch.domain.gpx import read_gpx
from birdwatch.domain.track import match
from birdwatch.storage.photos import find_photo
from birdwatch.web.track_map import HEIGHTS, WIDTH, draw_track
from tests.domain.test_track import Fix, at, gpx
from tests.pictures import make_jpeg
from tests.service import Service
from tests.web.conftest import Member, sign_in
from tests.web.pages import faults_of

pytestmark = pytest.mark.anyio
WALK: list[Fix] = [(0, 40.6648, 122.1412), (60, 40.6658, 122.1432), (30, 40.6650, 122.1420)]


async def send_track(member: Member, data: bytes) -> str:
    answer = await member.post("/tracks", files={"track": ("walk.gpx", data, "text/xml")})
    assert answer.status_code == 303, answer.text
    return answer.headers["location"]


async def shot(member: Member, clock: str) -> str:
    answer = await member.browser.post(
        "/api/v1/photos",
        files={"photo": ("a.jpg", make_jpeg(60, 40, taken=f"2026:04:14 {clock}"), "image/jpeg")},
        headers={"X-CSRF-Token": member.csrf},
    )
    assert answer.status_code == 201, answer.text
    return str(answer.json()["id"])


async def test_photo_is_placed_on_the_map_and_undone(service: Service, member: Member) -> None:
    photo_id = await shot(member, "05:45:30")
    path = await send_track(member, gpx(WALK))
    before = await member.browser.get(path)
    assert faults_of(before.text, "en") == []
    assert "The time of 1 point runs backwards" in before.text
    assert "0 photos would be placed." in before.text
    shown = await member.browser.get(f"{path}?offset=-300")
    assert faults_of(shown.text, "en") == []
    assert "1 photo would be placed." in shown.text
    assert len(re.findall(r"<circle", shown.text)) == 1
    seen = re.search(r'name="seen" value="([0-9a-f]+)"', shown.text)
    assert seen
    done = await member.post(path, {"offset": "-300", "seen": seen[1]})
    assert done.headers["location"] == "/account/clocks?done=1"
    photo = await find_photo(service.archive.db, photo_id)
    assert photo is not None
    assert photo.facts.place is not None
    assert (photo.facts.place.source, photo.facts.place.point.lat) == ("gpx", 40.6650)
    page = await member.browser.get(f"/photos/{photo_id}")
    assert "from a GPX track" in page.text
    gone = await member.post(f"{path}/delete")
    assert gone.headers["location"] == "/tracks?deleted=1"
    assert (await member.browser.get(path)).status_code == 404


async def test_file_that_is_no_track_is_said(member: Member) -> None:
    for files in (
        {"track": ("walk.gpx", b"<html/>", "text/xml")},
        {"track": ("bomb.gpx", b'<!DOCTYPE g [<!ENTITY a "b">]><gpx>&a;</gpx>', "text/xml")},
        {"other": ("walk.gpx", gpx(WALK), "text/xml")},
    ):
        answer = await member.post("/tracks", files=files)
        assert (answer.status_code, faults_of(answer.text, "en")) == (422, [])


async def test_offset_that_cannot_be_read_is_said(member: Member) -> None:
    path = await send_track(member, gpx(WALK))
    answer = await member.browser.get(f"{path}?offset=soon")
    assert (answer.status_code, faults_of(answer.text, "en")) == (422, [])
    stale = await member.post(path, {"offset": "0", "seen": "0" * 32})
    assert stale.status_code == 409


async def test_track_is_seen_by_nobody_else(service: Service, member: Member) -> None:
    path = await send_track(member, gpx(WALK))
    wu = await sign_in(service, "wu")
    for answer in (
        await wu.browser.get(path),
        await wu.post(path, {"offset": "0"}),
        await wu.post(f"{path}/delete"),
    ):
        assert answer.status_code == 404
    assert "walk.gpx" not in (await wu.browser.get("/tracks")).text
    assert (await service.visitor.get(path)).status_code == 401


@given(
    st.lists(st.tuples(st.integers(0, 300), st.floats(-89, 89), st.floats(-179, 179)), min_size=1)
)
def test_map_holds_the_whole_track(points: list[Fix]) -> None:
    track = read_gpx([gpx(points)])
    found = match(track, at(points[0][0]))
    assert found is not None
    drawn = draw_track(track, {"photo": found}, {})
    assert HEIGHTS[0] <= drawn.height <= HEIGHTS[1]
    numbers = [float(one) for line in drawn.lines for one in re.findall(r"-?[0-9.]+", line)]
    for x, y in zip(numbers[::2], numbers[1::2], strict=True):
        assert -0.2 <= x <= WIDTH + 0.2
        assert -0.2 <= y <= drawn.height + 0.2
    assert (drawn.metres > 0, 0 < drawn.bar <= WIDTH / 4 + 1) == (True, True)
