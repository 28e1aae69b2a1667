from __future__ import annotations

import anyio
import pytest

from birdwatch.domain.text import LOCALES, Locale
from birdwatch.storage.jobs import pending
from birdwatch.worker.loop import drain
from tests.pictures import make_jpeg
from tests.service import Service
from tests.web.conftest import Member, sign_in
from tests.web.pages import faults_of

pytestmark = pytest.mark.anyio
LANGS = {"zh": "zh-CN", "en": "en"}
PUBLIC = (
    "/", "/?day=2026-04-25", "/gallery", "/gallery?species=%E5%A4%A7%E6%BB%A8%E9%B9%AC&phase=peak",
    "/seasons", "/seasons/2026-spring", "/seasons/2025-autumn", "/days/2026-04-25", "/species",
    "/species?q=dby", "/species/grekno", "/sites", "/surveys", "/sign-in",
)  # fmt: skip
OWN = ("/upload", "/surveys/new", "/account")
SURVEY = {
    "date": "2026-04-25",
    "start": "17:30",
    "end": "18:50",
    "observers": "国颖、徐鑫",
    "protocol": "stationary",
    "tide": "high",
    "complete": "1",
    "s0-species": "大滨鹬",
    "s0-low": "28000",
    "s0-best": "32000",
    "s0-high": "36000",
    "s0-method": "counted",
    "s4-species": "Far Eastern Curlew",
    "s4-best": "0",
    "s4-method": "counted",
}


async def first_site(service: Service) -> str:
    answer = await service.visitor.get("/api/v1/sites")
    found: str = next(one["id"] for one in answer.json()["items"] if not one["is_outline"])
    return found


async def add_survey(service: Service, member: Member) -> str:
    data = {**SURVEY, "site": await first_site(service)}
    answer = await member.post("/surveys/new", data)
    assert answer.status_code == 303, answer.text
    return answer.headers["location"].split("?")[0]


async def send_photo(
    member: Member, name: str, picture: bytes, data: dict[str, str] | None = None
) -> None:
    """A photo that is published at once."""
    answer = await member.browser.post(
        "/api/v1/photos",
        data=data or {},
        files={"photo": (name, picture, "image/jpeg")},
        headers={"X-CSRF-Token": member.csrf},
    )
    assert answer.status_code == 201, answer.text


async def add_photo(
    service: Service, member: Member, data: dict[str, str] | None = None, name: str = "a.jpg"
) -> str:
    await send_photo(member, name, make_jpeg(900, 600), data)
    while await pending(service.archive.db):  # the service's own worker may have one
        await drain(service.archive)
        await anyio.sleep(0.02)
    listed = (await service.visitor.get("/api/v1/photos")).json()["items"]
    return f"/photos/{listed[0]['id']}"


@pytest.mark.parametrize("locale", LOCALES)
async def test_pages_of_an_empty_archive_are_whole(service: Service, locale: Locale) -> None:
    faults = {}
    for path in PUBLIC:
        answer = await service.visitor.get(path, params=None, headers={"Accept-Language": locale})
        found = faults_of(answer.text, LANGS[locale])
        if answer.status_code != 200 or found:
            faults[path] = [answer.status_code, *found]
    assert faults == {}


@pytest.mark.parametrize("locale", LOCALES)
async def test_pages_of_a_filled_archive_are_whole(
    service: Service, member: Member, locale: Locale
) -> None:
    site = await first_site(service)
    paths = [
        await add_survey(service, member),
        await add_photo(service, member, {"species": "大滨鹬", "best": "320", "site": site}),
        f"/sites/{site}",
        *PUBLIC,
        *OWN,
    ]
    faults = {}
    for path in paths:
        answer = await member.browser.get(path, headers={"Accept-Language": locale})
        found = faults_of(answer.text, LANGS[locale])
        if answer.status_code != 200 or found:
            faults[path] = [answer.status_code, *found]
    assert faults == {}


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/nothing", 404),
        ("/photos/0000000000000000", 404),
        ("/species/nosuch", 404),
        ("/sites/nosuch", 404),
        ("/surveys/0000000000000000", 404),
        ("/?day=2026-02-30", 404),
        ("/?day=2026-12-24", 404),
        ("/days/yesterday", 404),
        ("/seasons/2026-winter", 422),
        ("/gallery?cursor=forged", 400),
        ("/upload", 401),
        ("/surveys/new", 401),
        ("/account", 401),
    ],
)
async def test_error_pages_say_what_is_wrong(service: Service, path: str, status: int) -> None:
    answer = await service.visitor.get(path)
    assert (answer.status_code, faults_of(answer.text, "en")) == (status, [])


async def test_survey_form_makes_a_survey_with_its_zero(service: Service, member: Member) -> None:
    path = await add_survey(service, member)
    survey = (await service.visitor.get(f"/api/v1{path}")).json()
    assert [survey[name] for name in ("start", "end", "observers", "complete", "tide")] == [
        "2026-04-25T17:30:00+08:00",
        "2026-04-25T18:50:00+08:00",
        ["国颖", "徐鑫"],
        True,
        "high",
    ]
    assert [
        (one["species"], one["low"], one["best"], one["high"]) for one in survey["sightings"]
    ] == [
        ("grekno", 28000, 32000, 36000),
        ("faecur", 0, 0, 0),
    ]


async def test_survey_form_gives_back_what_was_typed_with_the_mistake_beside_it(
    service: Service, member: Member
) -> None:
    data = {**SURVEY, "site": await first_site(service), "s4-species": "大鸟", "note": "风大"}
    answer = await member.post("/surveys/new", data)
    assert answer.status_code == 422
    assert 'value="大鸟"' in answer.text
    assert 'id="s1-species-wrong"' in answer.text
    assert "风大</textarea>" in answer.text
    assert faults_of(answer.text, "en") == []
    assert (await service.visitor.get("/api/v1/surveys")).json()["items"] == []


async def test_survey_form_adds_a_row_without_script(service: Service, member: Member) -> None:
    answer = await member.post("/surveys/new", {**SURVEY, "add": "1"})
    assert answer.status_code == 200
    assert answer.text.count('class="sighting"') == 3
    assert 'value="32000"' in answer.text


async def test_upload_form_answers_for_every_file(service: Service, member: Member) -> None:
    picture = make_jpeg(900, 600)
    files = [
        ("files", ("one.jpg", picture, "image/jpeg")),
        ("files", ("again.jpg", picture, "image/jpeg")),
        ("files", ("page.jpg", b"<html>no picture</html>", "image/jpeg")),
    ]
    answer = await member.post("/upload", files=files)
    outcomes = [
        part.split('"')[0]
        for part in answer.text.split('<td class="')[1:]
        if part.startswith(("accepted", "duplicate", "refused"))
    ]
    assert (answer.status_code, outcomes) == (200, ["accepted", "duplicate", "refused"])
    assert answer.text.count("data-draft=") == 1
    assert (await service.visitor.get("/api/v1/photos")).json()["items"] == []


async def test_draft_of_what_will_wait_for_review_says_so(service: Service, member: Member) -> None:
    far = make_jpeg(64, 48, gps=(48.2, 16.37))  # outside the estuary
    answer = await member.post("/upload", files=[("files", ("far.jpg", far, "image/jpeg"))])
    assert answer.text.count('<span class="flag">') == 1
    draft = answer.text.split('data-draft="')[1].split('"')[0]
    told = await member.post("/upload/drafts", {"id": draft, "do": "publish"})
    assert told.headers["location"] == "/upload?done=publish&n=1&waiting=1#drafts"
    page = (await member.browser.get(told.headers["location"])).text
    assert "1 sent in. 1 of them wait for a reviewer." in page


async def test_draft_pages_are_whole_also_when_something_is_wrong(
    service: Service, member: Member
) -> None:
    files = [("files", (f"{n}.jpg", make_jpeg(64, 40 + n), "image/jpeg")) for n in range(2)]
    await member.post("/upload", files=files)
    for data, status in (
        ({"which": "all", "do": "set", "best": "many"}, 422),
        ({"do": "publish"}, 422),
        ({"id": "nothing", "do": "publish"}, 422),
        ({"id": "nothing", "do": "set", "species": "Roc"}, 422),
        ({"id": "nothing", "do": "remove", "reason": "blurred"}, 422),
    ):
        answer = await member.post("/upload/drafts", data)
        assert (answer.status_code, faults_of(answer.text, "en")) == (status, []), data
        assert 'role="alert"' in answer.text
    page = (await member.browser.get("/upload?done=gone&n=1")).text
    assert "data-said" not in page


async def test_upload_without_files_says_so(service: Service, member: Member) -> None:
    answer = await member.post("/upload", files={"files": ("", b"")})
    assert "No file was chosen" in answer.text


async def test_photo_page_shows_the_chain_from_photo_to_season(
    service: Service, member: Member
) -> None:
    site = await first_site(service)
    path = await add_photo(
        service,
        member,
        {
            "species": "大滨鹬",
            "low": "300",
            "best": "320",
            "high": "340",
            "site": site,
            "credit": "文/徐鑫 摄/国颖",
            "caption_en": "Great Knots leave the flats.",
        },
    )
    text = (await service.visitor.get(path)).text
    for said in ("320 (300–340)", "Great Knots leave the flats", "Copy caption and credit"):
        assert said in text
    assert text.count('<li class="gap">') == 0
    assert "国颖" in text


async def test_photo_page_hides_the_position_and_the_form_from_others(
    service: Service, member: Member
) -> None:
    path = await add_photo(service, member)
    other = await sign_in(service, "xuxin")
    for reader in (service.visitor, other.browser):
        text = (await reader.get(path)).text
        assert 'id="correct"' not in text
        assert "/original" not in text
    assert 'id="correct"' in (await member.browser.get(path)).text


async def test_correction_keeps_the_original_in_sight_and_can_be_undone(
    service: Service, member: Member
) -> None:
    path = await add_photo(service, member)
    before = (await service.visitor.get(f"/api/v1{path}")).json()
    answer = await member.post(path, {"taken_at": "2026-04-20T06:30:00"})
    assert answer.status_code == 303
    after = (await service.visitor.get(f"/api/v1{path}")).json()
    assert (after["taken_at"], after["time_source"]) == (
        "2026-04-20T06:30:00+08:00",
        "user_correction",
    )
    assert "Was " in (await member.browser.get(path)).text
    assert "Was " not in (await service.visitor.get(path)).text
    assert (await member.post(f"{path}/undo")).status_code == 303
    undone = (await service.visitor.get(f"/api/v1{path}")).json()
    assert (undone["taken_at"], undone["time_source"]) == (
        before["taken_at"],
        before["time_source"],
    )


async def test_correction_with_a_mistake_gives_the_form_back(
    service: Service, member: Member
) -> None:
    path = await add_photo(service, member)
    answer = await member.post(path, {"species": "大鸟", "latitude": "200", "longitude": "122"})
    assert answer.status_code == 422
    assert 'value="大鸟"' in answer.text
    assert faults_of(answer.text, "en") == []


async def test_correction_by_another_person_is_refused(service: Service, member: Member) -> None:
    path = await add_photo(service, member)
    other = await sign_in(service, "xuxin")
    assert (await other.post(path, {"caption_en": "mine"})).status_code == 404
    assert (await other.post(f"{path}/undo")).status_code == 404
    assert (await service.visitor.post(path, data={"caption_en": "mine"})).status_code == 401


async def test_forms_without_their_token_are_refused(service: Service, member: Member) -> None:
    path = await add_photo(service, member)
    for target in (path, "/surveys/new", "/sign-out", "/account/tokens"):
        answer = await member.browser.post(target, data={"caption_en": "forged"})
        assert answer.status_code == 403


async def test_gallery_pages_run_on_by_a_real_link(service: Service, member: Member) -> None:
    for number in range(50):
        picture = make_jpeg(40, 30 + number, taken=f"2026:04:20 06:{number:02}:00")
        await send_photo(member, f"{number}.jpg", picture, {"credit": "摄/国颖"})
    first = (await service.visitor.get("/gallery?photographer=国颖")).text
    link = first.split('rel="next" data-more')[1].split('href="')[1].split('"')[0]
    second = (await service.visitor.get(link.replace("&amp;", "&"))).text
    assert (first.count('href="/photos/'), second.count('href="/photos/')) == (48, 2)
    assert "photographer=" in link
    assert 'rel="next" data-more' not in second


async def test_gallery_names_near_matches_for_an_unknown_bird(service: Service) -> None:
    text = (await service.visitor.get("/gallery?species=Great+Knott")).text
    assert "Did you mean" in text
    assert "species=grekno" in text


async def test_token_is_shown_once_and_can_be_revoked(service: Service, member: Member) -> None:
    answer = await member.post(
        "/account/tokens", {"name": "tablet", "scopes": "read", "days": "30"}
    )
    secret = answer.text.split('<code class="secret code">')[1].split("<")[0]
    reader = service.client(Authorization=f"Bearer {secret}")
    assert (await reader.get("/api/v1/species?limit=1")).status_code == 200
    page = (await member.browser.get("/account")).text
    assert secret not in page
    token = page.split("/account/tokens/")[1].split("/revoke")[0]
    assert (await member.post(f"/account/tokens/{token}/revoke")).status_code == 303
    assert (await reader.get("/api/v1/species?limit=1")).status_code == 401


async def test_sign_in_keeps_the_login_and_the_way_back(service: Service) -> None:
    data = {"login": "nobody", "password": "wrong", "next": "/upload"}
    answer = await service.visitor.post("/sign-in", data=data)
    assert answer.status_code == 422
    assert 'value="nobody"' in answer.text
    assert 'value="/upload"' in answer.text


async def test_language_is_remembered_and_leads_back(service: Service) -> None:
    reader = service.client()
    answer = await reader.post("/language", data={"lang": "zh", "next": "/gallery?phase=peak"})
    assert (answer.status_code, answer.headers["location"]) == (303, "/gallery?phase=peak")
    assert faults_of((await reader.get("/gallery")).text, "zh-CN") == []


async def test_language_never_leads_to_another_site(service: Service) -> None:
    answer = await service.visitor.post("/language", data={"lang": "zh", "next": "//evil.test/"})
    assert answer.headers["location"] == "/"


async def test_captions_are_escaped(service: Service, member: Member) -> None:
    path = await add_photo(service, member, {"caption_en": "<script>alert(1)</script>"})
    for page in (path, "/gallery"):
        assert "<script>alert" not in (await service.visitor.get(page)).text
