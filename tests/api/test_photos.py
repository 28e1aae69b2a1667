from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator
from pathlib import Path

import anyio
import httpx
import pytest
from starlette.types import Message

from birdwatch.worker.loop import drain
from tests.api.asking import GREAT_KNOT, SITE, send_photo
from tests.pictures import make_jpeg
from tests.service import Service

pytestmark = pytest.mark.anyio
ON_THE_FLATS = (40.66, 122.11)


@pytest.fixture
async def li(service: Service) -> httpx.AsyncClient:
    person = await service.add_person("li")
    return await service.token_client(person, "read", "upload", "count")


async def test_photo_tells_its_exact_position_to_its_owner_alone(
    service: Service, li: httpx.AsyncClient
) -> None:
    sent = await send_photo(li, make_jpeg(64, 48, gps=(40.671234, 122.123456)))
    path = f"/api/v1/photos/{sent['id']}"
    own = (await li.get(path)).json()["position"]
    assert (round(own["latitude"], 6), round(own["longitude"], 6)) == (40.671234, 122.123456)
    public = (await service.visitor.get(path)).json()["position"]
    assert (public["latitude"], public["longitude"]) == (40.67, 122.12)


async def test_photo_is_answered_with_the_names_promised(
    service: Service, li: httpx.AsyncClient
) -> None:
    jpeg = make_jpeg(64, 48, gps=ON_THE_FLATS)
    sent = await send_photo(li, jpeg, caption_zh="鸟浪", caption_en="A wave", credit="摄/国颖")
    public = (await service.visitor.get(f"/api/v1/photos/{sent['id']}")).json()
    for name in ("received_at", "version", "thumbhash", "renditions", "state"):
        public.pop(name)
    latitude, longitude = ON_THE_FLATS
    assert public.pop("position") == {
        "latitude": round(latitude, 2),
        "longitude": round(longitude, 2),
        "source": "gps",
        "confidence": "high",
    }
    camera = public.pop("camera")
    assert (camera["make"], camera["model"]) == ("Canon", "EOS R5")
    assert public == {
        "id": sent["id"],
        "taken_at": "2026-04-25T18:21:07+08:00",
        "time_source": "exif_offset",
        "time_confidence": "high",
        "is_outside": False,
        "site": SITE,
        "season": "2026-spring",
        "phase": "peak",
        "dekad": "2026-04-3",
        "species": None,
        "survey": None,
        "sighting": None,
        "burst": None,
        "caption": {"zh": "鸟浪", "en": "A wave"},
        "credit": "Photo: 国颖",
        "level": "0.01",
        "view": "public",
        "status": "published",
        "embargo_until": None,
        "license": "all-rights-reserved",
        "width": 64,
        "height": 48,
    }


async def test_sha256_and_file_name_are_for_the_owner_alone(
    service: Service, li: httpx.AsyncClient
) -> None:
    jpeg = make_jpeg(64, 48)
    sent = await send_photo(li, jpeg)
    path = f"/api/v1/photos/{sent['id']}"
    other = await service.token_client(await service.add_person("wang"), "read")
    admin = await service.token_client(await service.add_person("chief", "admin"), "read")
    seen = {
        name: (await client.get(path)).json().get("sha256")
        for name, client in {
            "visitor": service.visitor,
            "other": other,
            "owner": li,
            "admin": admin,
        }.items()
    }
    digest = hashlib.sha256(jpeg).hexdigest()
    assert seen == {"visitor": None, "other": None, "owner": digest, "admin": digest}
    for client in (service.visitor, other):
        text = (await client.get("/api/v1/photos")).text + (await client.get(path)).text
        assert "knots.jpg" not in text
        assert digest not in text


async def test_upload_answers_201_and_the_same_bytes_200(
    service: Service, li: httpx.AsyncClient
) -> None:
    jpeg = make_jpeg(64, 48)
    files = {"photo": ("knots.jpg", jpeg, "image/jpeg")}
    first = await li.post("/api/v1/photos", files=files)
    assert (first.status_code, first.json()["duplicate"]) == (201, False)
    assert first.headers["location"] == f"/api/v1/photos/{first.json()['id']}"
    other = await service.token_client(await service.add_person("wang"), "upload")
    second = await other.post("/api/v1/photos", files=files)
    assert (second.status_code, second.json()["duplicate"]) == (200, True)
    assert second.json()["id"] == first.json()["id"]
    assert "sha256" not in second.json()


async def test_raw_bytes_are_taken_with_words_in_the_query(
    service: Service, li: httpx.AsyncClient
) -> None:
    response = await li.post(
        "/api/v1/photos?caption_en=Dawn&species=大滨鹬&count=40&site=sidaogou",
        content=make_jpeg(64, 48),
        headers={
            "Content-Type": "image/jpeg",
            "Content-Disposition": "attachment; filename*=UTF-8''%E9%B8%9F%E6%B5%AA.jpg",
        },
    )
    assert response.status_code == 201, response.text
    photo = response.json()
    assert photo["original_name"] == "鸟浪.jpg"
    assert (photo["species"], photo["caption"]["en"]) == (GREAT_KNOT, "Dawn")
    survey = (await service.visitor.get(f"/api/v1/surveys/{photo['survey']}")).json()
    assert [(s["species"], s["best"], s["photos"]) for s in survey["sightings"]] == [
        (GREAT_KNOT, 40, [photo["id"]])
    ]
    assert (survey["protocol"], survey["complete"]) == ("photo", False)


async def test_renditions_appear_when_the_worker_has_made_them(
    service: Service, li: httpx.AsyncClient
) -> None:
    sent = await send_photo(li, make_jpeg(1000, 600))
    with service.archive.db.activate():
        await drain(service.archive)
    with anyio.fail_after(60):
        while True:
            photo = (await service.visitor.get(f"/api/v1/photos/{sent['id']}")).json()
            if len(photo["renditions"]) == 4:
                break
            await anyio.sleep(0.05)
    assert photo["state"] == "ready"
    assert photo["renditions"] == {
        key: f"/media/{sent['id']}/{key}.{'jpg' if key == '2048' else 'webp'}"
        for key in ("320", "800", "1600", "2048")
    }


@pytest.mark.parametrize(
    ("body", "content_type", "status"),
    [
        (b"", "image/jpeg", 422),
        (b"<html><script>alert(1)</script>", "image/jpeg", 415),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "image/jpeg", 415),
        (b"%PDF-1.7\n", "image/jpeg", 415),
        (make_jpeg(64, 48)[:300], "image/jpeg", 422),
        (b"hello", "text/plain", 415),
        (b"x" * 5_500_000, "image/jpeg", 413),
    ],
)
async def test_what_is_no_picture_is_refused_and_leaves_nothing(
    service: Service, li: httpx.AsyncClient, body: bytes, content_type: str, status: int
) -> None:
    response = await li.post("/api/v1/photos", content=body, headers={"Content-Type": content_type})
    assert (response.status_code, response.json()["status"]) == (status, status), response.text
    assert response.headers["content-type"] == "application/problem+json"
    assert _files(service.archive.settings.home) == []


def _files(home: Path) -> list[str]:
    """Picture files under the home, finished or not."""
    return sorted(
        str(path.relative_to(home))
        for folder in ("incoming", "originals", "renditions")
        for path in (home / folder).rglob("*")
        if path.is_file()
    )


@pytest.mark.parametrize(
    ("files", "data", "field"),
    [
        ([], {"caption_en": "x"}, "photo"),
        ([("file", ("a.jpg", b"x"))], {}, "photo"),
        ([("photo", ("a.jpg", b"x")), ("photo", ("b.jpg", b"y"))], {}, "photo"),
        ([("photo", ("a.jpg", b"x"))], {"colour": "red"}, "colour"),
        ([("photo", ("a.jpg", make_jpeg(64, 48)))], {"species": "dodo"}, "species"),
        ([("photo", ("a.jpg", make_jpeg(64, 48)))], {"species": GREAT_KNOT, "count": "-1"}, None),
        ([("photo", ("a.jpg", make_jpeg(64, 48)))], {"method": "guessed"}, "method"),
    ],
)
async def test_form_that_does_not_fit_is_told_by_field(
    li: httpx.AsyncClient,
    files: list[tuple[str, tuple[str, bytes]]],
    data: dict[str, str],
    field: str | None,
) -> None:
    response = await li.post("/api/v1/photos", files=[*files, ("note", (None, b""))], data=data)
    assert response.status_code == 422, response.text
    if field is not None:
        assert [error["field"] for error in response.json()["errors"]] == [field]


async def test_broken_multipart_is_a_problem(li: httpx.AsyncClient) -> None:
    response = await li.post(
        "/api/v1/photos",
        content=b"--x\r\nnonsense",
        headers={"Content-Type": "multipart/form-data"},
    )
    assert (response.status_code, response.json()["status"]) == (400, 400)


async def test_disconnect_in_the_middle_leaves_nothing(
    service: Service, li: httpx.AsyncClient
) -> None:
    request = li.build_request("POST", "/api/v1/photos", headers={"Content-Type": "image/jpeg"})
    scope = {
        "type": "http",
        "http_version": "1.1",
        "method": "POST",
        "path": "/api/v1/photos",
        "raw_path": b"/api/v1/photos",
        "query_string": b"",
        "scheme": "http",
        "server": ("birds.test", 80),
        "client": ("127.0.0.1", 1),
        "root_path": "",
        "headers": [(k.lower(), v) for k, v in request.headers.raw],
    }
    messages: list[Message] = [
        {"type": "http.request", "body": make_jpeg(64, 48)[:500], "more_body": True},
        {"type": "http.disconnect"},
    ]

    async def receive() -> Message:
        return messages.pop(0)

    async def send(_message: Message) -> None:
        return None

    await service.app(scope, receive, send)
    assert _files(service.archive.settings.home) == []
    assert (await service.visitor.get("/api/v1/photos")).json() == {"items": [], "next": None}


async def test_upload_needs_an_account_and_its_scope(service: Service) -> None:
    files = {"photo": ("a.jpg", make_jpeg(64, 48), "image/jpeg")}
    assert (await service.visitor.post("/api/v1/photos", files=files)).status_code == 401
    reader = await service.token_client(await service.add_person("wang"), "read", "count")
    assert (await reader.post("/api/v1/photos", files=files)).status_code == 403


async def test_photo_too_large_is_refused(li: httpx.AsyncClient) -> None:
    async def chunks() -> AsyncIterator[bytes]:
        yield make_jpeg(64, 48)
        for _ in range(60):
            yield b"\0" * 100_000

    response = await li.post(
        "/api/v1/photos", content=chunks(), headers={"Content-Type": "image/jpeg"}
    )
    assert (response.status_code, response.json()["status"]) == (413, 413)


async def test_list_is_narrowed_by_each_filter(service: Service, li: httpx.AsyncClient) -> None:
    early = await send_photo(
        li, make_jpeg(64, 48, taken="2026:03:05 06:00:00", seed=1), credit="摄/国颖"
    )
    late = await send_photo(
        li, make_jpeg(64, 48, seed=2, gps=ON_THE_FLATS), species=GREAT_KNOT, credit="摄/Li"
    )
    asked = {
        "": [late["id"], early["id"]],
        "day=2026-03-05": [early["id"]],
        "from=2026-04-01": [late["id"]],
        "to=2026-04-01": [early["id"]],
        "species=great knot": [late["id"]],
        "species=dunlin": [],
        f"site={SITE}": [late["id"]],
        "season=2026-spring": [late["id"], early["id"]],
        "season=2025-spring": [],
        "phase=before": [early["id"]],
        "phase=peak": [late["id"]],
        "dekad=2026-03-1": [early["id"]],
        "photographer=国颖": [early["id"]],
    }
    answered = {
        query: [
            p["id"] for p in (await service.visitor.get(f"/api/v1/photos?{query}")).json()["items"]
        ]
        for query in asked
    }
    assert answered == asked


async def test_cursor_walks_over_photos_of_the_same_second(
    service: Service, li: httpx.AsyncClient
) -> None:
    sent = [str((await send_photo(li, make_jpeg(64, 48, seed=seed)))["id"]) for seed in range(5)]
    walked: list[str] = []
    url = "/api/v1/photos?limit=2&fields=id"
    pages = 0
    while url:
        response = await service.visitor.get(url)
        walked += [item["id"] for item in response.json()["items"]]
        cursor = response.json()["next"]
        url = response.links["next"]["url"] if cursor else ""
        pages += 1
    assert (sorted(walked), pages) == (sorted(sent), 3)


async def test_correction_is_kept_beside_the_original_and_undone(
    service: Service, li: httpx.AsyncClient
) -> None:
    sent = await send_photo(li)
    path = f"/api/v1/photos/{sent['id']}"
    changed = await li.patch(
        path,
        json={
            "taken_at": "2026-05-20T05:40:00+08:00",
            "species": "Dunlin",
            "position": {"latitude": 40.66, "longitude": 122.11},
            "caption": {"zh": "黑腹滨鹬"},
        },
    )
    assert changed.status_code == 200, changed.text
    photo = changed.json()
    assert (photo["taken_at"], photo["time_source"], photo["phase"]) == (
        "2026-05-20T05:40:00+08:00",
        "user_correction",
        "after",
    )
    assert (photo["species"], photo["site"]) == ("dunlin", SITE)
    history = (await li.get(f"{path}/history")).json()["items"]
    assert [(v["action"], v["taken_at"], v["actor"]) for v in history] == [
        ("create", "2026-04-25T18:21:07+08:00", "li"),
        ("correct", "2026-05-20T05:40:00+08:00", "li"),
    ]
    assert (await service.visitor.get(f"{path}/history")).status_code == 401
    undone = (await li.post(f"{path}/undo")).json()
    assert (undone["taken_at"], undone["species"]) == (sent["taken_at"], None)


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"taken_at": "tomorrow"}, "taken_at"),
        ({"taken_at": "2999-01-01T00:00:00+08:00"}, "taken_at"),
        ({"taken_at": 5}, "taken_at"),
        ({"position": {"latitude": 200, "longitude": 1}}, "position.latitude"),
        ({"position": {"latitude": 40, "longitude": 122, "altitude": 3}}, "position.altitude"),
        ({"species": "dodo"}, "species"),
        ({"site": "atlantis"}, "site"),
        ({"colour": "red"}, "colour"),
        ({"caption": {"zh": "a\x00b"}}, "caption.zh"),
    ],
)
async def test_correction_that_does_not_fit_names_its_field(
    li: httpx.AsyncClient, changes: dict[str, object], field: str
) -> None:
    sent = await send_photo(li)
    response = await li.patch(f"/api/v1/photos/{sent['id']}", json=changes)
    assert response.status_code == 422, response.text
    assert [error["field"] for error in response.json()["errors"]] == [field]


async def test_only_the_owner_and_admins_correct(service: Service, li: httpx.AsyncClient) -> None:
    sent = await send_photo(li)
    path = f"/api/v1/photos/{sent['id']}"
    other = await service.token_client(await service.add_person("wang"), "upload")
    admin = await service.token_client(await service.add_person("chief", "admin"), "upload")
    changes = {"license": "CC-BY-4.0"}
    statuses = [
        (await client.patch(path, json=changes)).status_code
        for client in (service.visitor, other, li, admin)
    ]
    assert statuses == [401, 404, 200, 200]


async def test_box_narrows_by_the_public_point(service: Service, li: httpx.AsyncClient) -> None:
    sent = await send_photo(li, make_jpeg(64, 48, gps=(40.671234, 122.123456)))
    for box, found in (
        ("122.1,40.6,122.2,40.7", [sent["id"]]),
        ("122.12,40.67,122.12,40.67", [sent["id"]]),  # the corner of the grid
        ("122.123,40.671,122.124,40.672", []),  # the exact place
    ):
        listed = (await service.visitor.get("/api/v1/photos", params={"bbox": box})).json()
        assert [item["id"] for item in listed["items"]] == found


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("bbox", "1,2,3"),
        ("bbox", "122,41,121,40"),
        ("bbox", "nan,0,1,1"),
        ("bbox", "0,0,1,1) OR 1=1 --"),
        ("sort", "original_name"),
        ("sort", "newest; DROP TABLE photo"),
    ],
)
async def test_question_that_cannot_be_is_refused_by_its_name(
    service: Service, name: str, value: str
) -> None:
    answer = await service.visitor.get("/api/v1/photos", params={name: value})
    assert answer.status_code == 422
    assert [error["field"] for error in answer.json()["errors"]] == [name]
