"""Tracks over the wire: sent as they are, shown, applied, deleted."""

from __future__ import annotations

import pytest

from tests.api.asking import send_photo
from tests.domain.test_track import gpx
from tests.pictures import make_jpeg
from tests.service import Service

pytestmark = pytest.mark.anyio
WALK = gpx([(0, 40.6648, 122.1412), (60, 40.6658, 122.1412)])
GPX = {"Content-Type": "application/gpx+xml"}


async def test_track_is_sent_shown_applied_and_deleted(service: Service) -> None:
    lin = await service.token_client(await service.add_person("lin"), "read", "upload")
    photo = await send_photo(lin, make_jpeg(60, 40, taken="2026:04:14 05:41:30"))
    sent = await lin.post("/api/v1/tracks?file_name=walk.gpx", content=WALK, headers=GPX)
    assert sent.status_code == 201, sent.text
    track = sent.json()
    assert (track["name"], track["points"]) == ("walk.gpx", 2)
    assert (await lin.get("/api/v1/tracks")).json()["items"] == [track]
    path = f"/api/v1/tracks/{track['id']}"
    body = {"offset": "-0:01:00"}
    shown = (await lin.post(f"{path}/preview", json=body)).json()
    assert shown["items"] == [
        {
            "photo": photo["id"],
            "latitude": pytest.approx(40.6653),
            "longitude": 122.1412,
            "gap_s": 60.0,
            "confidence": "high",
            "site": "sidaogou",
        }
    ]
    done = await lin.post(f"{path}/apply", json={**body, "seen": shown["digest"]})
    assert (done.status_code, done.json()["photos"]) == (201, 1)
    after = (await lin.get(f"/api/v1/photos/{photo['id']}")).json()
    assert (after["position"]["source"], after["site"]) == ("gpx", "sidaogou")
    assert (await lin.delete(path)).status_code == 204
    assert (await lin.post(f"{path}/preview", json=body)).status_code == 404


async def test_file_that_is_no_track_is_refused_in_words(service: Service) -> None:
    lin = await service.token_client(await service.add_person("lin"), "read", "upload")
    answer = await lin.post("/api/v1/tracks", content=b"<html/>", headers=GPX)
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "track")
    sent = await lin.post("/api/v1/tracks", content=WALK, headers=GPX)
    path = f"/api/v1/tracks/{sent.json()['id']}/preview"
    for body, field in (({"overwrite": "yes"}, "overwrite"), ({"offset": "soon"}, "shift")):
        answer = await lin.post(path, json=body)
        assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, field)
