"""The burst of a photo over the interface: told whole to who sees its frames, and no frame beyond."""

from __future__ import annotations

import httpx
import pytest

from birdwatch.domain.burst import Frame
from birdwatch.domain.policy import SYSTEM
from birdwatch.storage.bursts import put_kin
from tests.service import Service
from tests.web.test_bursts import NOW, keep_burst, taken

pytestmark = pytest.mark.anyio


async def bursts_seen(client: httpx.AsyncClient) -> dict[str, object]:
    listed = (await client.get("/api/v1/photos")).json()["items"]
    return {one["id"]: one["burst"] for one in listed}


async def test_burst_is_told_with_each_of_its_frames(service: Service) -> None:
    ids = await keep_burst(service, *(taken(second) for second in (2, 0, 1)))
    told = {"id": ids[1], "cover": ids[2], "frames": [ids[1], ids[2], ids[0]]}
    assert await bursts_seen(service.visitor) == dict.fromkeys(ids, told)
    one = (await service.visitor.get(f"/api/v1/photos/{ids[2]}")).json()
    assert one["burst"] == told
    table = (await service.visitor.get("/api/v1/photos.csv?fields=id,burst")).text
    assert table.splitlines()[0] == "id,burst_id,burst_cover,burst_frames"


async def test_hidden_frames_are_in_no_burst(service: Service) -> None:
    ids = await keep_burst(
        service,
        taken(0, status="pending"),
        taken(1, species="spbsan1"),  # protected
        taken(2),
        taken(3),
    )
    told = {"id": ids[2], "cover": ids[2], "frames": ids[2:]}
    assert await bursts_seen(service.visitor) == {ids[1]: None, ids[2]: told, ids[3]: told}
    reviewer = await service.token_client(await service.add_person("chief", "admin"), "read")
    assert (await reviewer.get(f"/api/v1/photos/{ids[1]}")).json()["burst"]["frames"] == ids


async def test_frame_whose_others_are_hidden_is_alone(service: Service) -> None:
    ids = await keep_burst(service, taken(0), taken(1, status="pending"))
    assert await bursts_seen(service.visitor) == {ids[0]: None}


async def test_answer_kept_from_before_a_burst_is_not_taken_for_the_new_one(
    service: Service,
) -> None:
    ids = await keep_burst(service, taken(0), taken(1))
    before = await service.visitor.get(f"/api/v1/photos/{ids[0]}")
    kept = {"If-None-Match": before.headers["etag"]}
    frames = [Frame(one, NOW, "0" * 16) for one in ids]
    async with service.archive.db.write(SYSTEM, NOW) as tx:
        await put_kin(tx, frames, [frames])
    same = await service.visitor.get(f"/api/v1/photos/{ids[0]}", headers=kept)
    assert same.status_code == 304
    async with service.archive.db.write(SYSTEM, NOW) as tx:
        await put_kin(tx, frames, [])
    after = await service.visitor.get(f"/api/v1/photos/{ids[0]}", headers=kept)
    assert (after.status_code, after.json()["burst"]) == (200, None)
