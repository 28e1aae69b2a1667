"""The pages of clocks and times: shown first, applied as shown, undone as one; without JavaScript."""

from __future__ import annotations

import re

import pytest

from birdwatch.storage.photos import find_photo
from tests.intake.archives import send
from tests.pictures import Tags, ascii_entry, make_jpeg
from tests.service import Service
from tests.web.conftest import Member, sign_in
from tests.web.pages import faults_of
from tests.web.test_review import join

pytestmark = pytest.mark.anyio


async def shot(member: Member, wall: str) -> str:
    data = make_jpeg(
        60, 40, taken=wall, offset=None, more=Tags(exif=(ascii_entry(0xA431, "2001234"),))
    )
    answer = await member.browser.post(
        "/api/v1/photos",
        files={"photo": ("a.jpg", data, "image/jpeg")},
        headers={"X-CSRF-Token": member.csrf},
    )
    assert answer.status_code == 201, answer.text
    return str(answer.json()["id"])


async def wall_of(service: Service, photo_id: str) -> str:
    photo = await find_photo(service.archive.db, photo_id)
    assert photo is not None
    return f"{photo.facts.time.wall:%m-%d %H:%M:%S}"


def seen_in(html: str) -> str:
    found = re.search(r'name="seen" value="([0-9a-f]+)"', html)
    assert found, html
    return found[1]


async def test_clock_is_put_right_on_the_page_and_undone(service: Service, member: Member) -> None:
    one, two = [await shot(member, f"2026:04:14 {at}") for at in ("05:40:00", "23:30:00")]
    form = await member.browser.get(f"/account/clocks/mark?photo={one}")
    assert faults_of(form.text, "en") == []
    assert "2026-04-14 05:40:00" in form.text
    typed = {"photo_1": f"http://birds.test/photos/{one}", "true_1": "2026-04-14T06:40"}
    shown = await member.post("/account/clocks/mark", {**typed, "do": "preview"})
    assert shown.status_code == 200
    assert faults_of(shown.text, "en") == []
    assert "2 photos would change." in shown.text
    assert "2026-04-15 00:30:00 +08:00" in shown.text
    assert await wall_of(service, two) == "04-14 23:30:00"
    done = await member.post(
        "/account/clocks/mark", {**typed, "do": "apply", "seen": seen_in(shown.text)}
    )
    assert (done.status_code, done.headers["location"]) == (303, "/account/clocks?done=2")
    assert await wall_of(service, two) == "04-15 00:30:00"
    listed = await member.browser.get("/account/clocks?done=2")
    assert faults_of(listed.text, "en") == []
    assert "2 photos were changed." in listed.text
    assert "2001234" in listed.text
    undo = re.search(r'action="(/account/adjustments/[^"]+/undo)"', listed.text)
    assert undo
    back = await member.post(undo[1])
    assert back.headers["location"] == "/account/clocks?undone=2&kept=0"
    assert await wall_of(service, two) == "04-14 23:30:00"
    again = await member.post(undo[1])
    assert (again.status_code, "taken back already" in again.text) == (409, True)


async def test_times_are_moved_on_the_page(service: Service, member: Member) -> None:
    photo = await shot(member, "2026:04:14 05:40:00")
    listed = await member.browser.get("/account/times?day=2026-04-14")
    assert faults_of(listed.text, "en") == []
    typed = {"photos": photo, "shift": "-0:03:20", "day": "2026-04-14"}
    shown = await member.post("/account/times", {**typed, "do": "preview"})
    assert faults_of(shown.text, "en") == []
    assert "2026-04-14 05:36:40 +08:00" in shown.text
    assert 'value="-0:03:20"' in shown.text
    done = await member.post(
        "/account/times", {**typed, "do": "apply", "seen": seen_in(shown.text)}
    )
    assert done.status_code == 303
    assert await wall_of(service, photo) == "04-14 05:36:40"


@pytest.mark.parametrize("lang", ["zh", "en"])
async def test_mistakes_come_back_with_what_was_typed(service: Service, lang: str) -> None:
    member = await sign_in(service, "wu")
    photo = await shot(member, "2026:04:14 05:40:00")
    typed = {"photo_1": photo, "true_1": "2126-04-14T06:40", "zone": "+08:00"}
    page = await member.post(f"/account/clocks/mark?lang={lang}", {**typed, "do": "preview"})
    assert page.status_code == 422
    assert 'value="2126-04-14T06:40"' in page.text
    page = await member.post("/account/times", {"photos": photo, "shift": "soon"})
    assert (page.status_code, 'value="soon"' in page.text) == (422, True)
    page = await member.post("/account/times", {"shift": "1:00"})
    assert page.status_code == 422
    assert faults_of(page.text, "en") == []


async def test_nothing_there_yet_is_said(member: Member) -> None:
    for path in ("/account/clocks", "/account/clocks/mark", "/account/times"):
        page = await member.browser.get(path)
        assert (page.status_code, faults_of(page.text, "en")) == (200, [])


async def test_somebody_elses_photo_cannot_be_marked(service: Service, member: Member) -> None:
    photo = await shot(member, "2026:04:14 05:40:00")
    wu = await sign_in(service, "wu")
    assert (await wu.browser.get(f"/account/clocks/mark?photo={photo}")).status_code == 404
    typed = {"photo_1": photo, "true_1": "2026-04-14T06:40"}
    assert (await wu.post("/account/clocks/mark", typed)).status_code == 404
    assert (await wu.post("/account/times", {"photos": photo, "shift": "1:00"})).status_code == 404


async def test_administrator_sees_and_sets_the_clocks_of_photos_that_nobody_sent(
    service: Service, member: Member
) -> None:
    chief = await join(service, "chief", "admin")
    more = Tags(exif=(ascii_entry(0xA431, "31"),))
    data = make_jpeg(60, 40, taken="2026:04:14 05:40:00", offset=None, more=more)
    photo = (await send(service.archive, data)).photo.id
    listed = await chief.browser.get("/account/clocks")
    assert faults_of(listed.text, "en") == []
    assert "Cameras of photos that nobody sent" in listed.text
    assert "nobody sent" not in (await member.browser.get("/account/clocks")).text
    link = f"/account/clocks/mark?photo={photo}"
    assert link in (await chief.browser.get(f"/photos/{photo}")).text
    assert (await member.browser.get(link)).status_code == 404
    typed = {"photo_1": photo, "true_1": "2026-04-14T06:40", "do": "apply"}
    shown = await chief.post("/account/clocks/mark", {**typed, "do": "preview"})
    done = await chief.post("/account/clocks/mark", {**typed, "seen": seen_in(shown.text)})
    assert done.headers["location"] == "/account/clocks?done=1"
    assert await wall_of(service, photo) == "04-14 06:40:00"
    back = re.findall(
        r'action="(/account/adjustments/[^"]+)"', (await chief.browser.get("/account/clocks")).text
    )
    assert (await chief.post(back[0])).headers["location"].startswith("/account/clocks?undone=1")
    assert await wall_of(service, photo) == "04-14 05:40:00"
