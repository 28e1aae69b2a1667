"""Clocks over the wire: a calibration is shown, done, found again and taken back."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from tests.api.asking import send_photo
from tests.pictures import Tags, ascii_entry, make_jpeg
from tests.service import Service

pytestmark = pytest.mark.anyio


async def client_of(service: Service, login: str = "lin") -> httpx.AsyncClient:
    return await service.token_client(await service.add_person(login), "read", "upload")


async def shot(client: httpx.AsyncClient, wall: str) -> str:
    more = Tags(exif=(ascii_entry(0xA431, "2001234"),))
    data = make_jpeg(60, 40, taken=wall, offset=None, more=more)
    return str((await send_photo(client, data))["id"])


def calibration(photo: str, true: str, **more: object) -> dict[str, Any]:
    return {"marks": [{"photo": photo, "true_time": true}], **more}


async def test_calibration_is_shown_done_listed_and_undone(service: Service) -> None:
    lin = await client_of(service)
    one, two = [await shot(lin, f"2026:04:14 {time}") for time in ("05:40:00", "23:30:00")]
    body = calibration(one, "2026-04-14T06:40:00+08:00")
    shown = await lin.post("/api/v1/calibrations/preview", json=body)
    assert shown.status_code == 200, shown.text
    assert shown.json()["items"][1] == {
        "photo": two,
        "before": "2026-04-14T23:30:00+08:00",
        "after": "2026-04-15T00:30:00+08:00",
        "season": "2026-spring",
        "phase": "peak",
        "dekad": "2026-04-2",
    }
    done = await lin.post("/api/v1/calibrations", json={**body, "seen": shown.json()["digest"]})
    assert (done.status_code, done.json()["photos"]) == (201, 2)
    photo = (await lin.get(f"/api/v1/photos/{two}")).json()
    assert (photo["taken_at"], photo["time_source"]) == (
        "2026-04-15T00:30:00+08:00",
        "clock_calibration",
    )
    listed = (await lin.get("/api/v1/adjustments")).json()["items"]
    assert [(item["id"], item["kind"], item["photos"]) for item in listed] == [
        (done.json()["id"], "calibration", 2)
    ]
    back = await lin.post(f"/api/v1/adjustments/{done.json()['id']}/undo")
    assert back.json() == {"photos": 2, "kept": []}
    photo = (await lin.get(f"/api/v1/photos/{two}")).json()
    assert photo["taken_at"] == "2026-04-14T23:30:00+08:00"


async def test_cameras_are_told_to_their_owner_alone(service: Service) -> None:
    lin, wu = await client_of(service), await client_of(service, "wu")
    photo = await shot(lin, "2026:04:14 05:40:00")
    assert (await lin.get("/api/v1/cameras")).json()["items"] == [
        {
            "make": "Canon",
            "model": "EOS R5",
            "serial": "2001234",
            "photos": 1,
            "first": "2026-04-14T05:40:00+08:00",
            "last": "2026-04-14T05:40:00+08:00",
        }
    ]
    assert (await wu.get("/api/v1/cameras")).json()["items"] == []
    for client in (lin, wu, service.visitor):
        for path in (f"/api/v1/photos/{photo}", f"/photos/{photo}", "/api/v1/photos.csv"):
            assert "2001234" not in (await client.get(path)).text


async def test_shift_is_done_as_it_was_shown(service: Service) -> None:
    lin = await client_of(service)
    photo = await shot(lin, "2026:04:14 05:40:00")
    body = {"photos": [photo], "shift": "-0:03:20"}
    shown = (await lin.post("/api/v1/shifts/preview", json=body)).json()
    stale = await lin.post("/api/v1/shifts", json={**body, "seen": "0" * 32})
    assert stale.status_code == 409
    done = await lin.post("/api/v1/shifts", json={**body, "seen": shown["digest"]})
    assert done.status_code == 201
    photo_now = (await lin.get(f"/api/v1/photos/{photo}")).json()
    assert photo_now["taken_at"] == shown["items"][0]["after"] == "2026-04-14T05:36:40+08:00"


@pytest.mark.parametrize(
    ("path", "body", "field"),
    [
        ("calibrations", {"marks": "now"}, "marks"),
        ("calibrations", {"marks": ["now"]}, "marks"),
        ("calibrations", {"marks": []}, "marks"),
        ("calibrations", {"marks": [], "zone": 8}, "zone"),
        ("shifts", {"photos": "all"}, "photos"),
        ("shifts", {"photos": [], "shift": "1:00"}, "photos"),
        ("shifts", {"photos": [], "shift": 3600}, "shift"),
    ],
)
async def test_body_that_makes_no_sense_is_refused_by_field(
    service: Service, path: str, body: dict[str, object], field: str
) -> None:
    lin = await client_of(service)
    answer = await lin.post(f"/api/v1/{path}", json=body)
    assert answer.status_code == 422
    assert [one["field"] for one in answer.json()["errors"]] == [field]


async def test_mark_in_the_future_is_refused_in_words(service: Service) -> None:
    lin = await client_of(service)
    body = calibration(await shot(lin, "2026:04:14 05:40:00"), "2126-04-14T06:40:00")
    answer = await lin.post("/api/v1/calibrations/preview", json=body)
    assert answer.status_code == 422
    assert "in the future" in answer.json()["errors"][0]["message"]
