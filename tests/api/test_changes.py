"""The feed of changes, as a mirror follows it, and undoing by those who may."""

from __future__ import annotations

from datetime import UTC, datetime

import httpx
import pytest

from birdwatch.domain.policy import SYSTEM
from birdwatch.domain.sensitivity import SensitivityRule
from birdwatch.storage.photos import find_photo
from birdwatch.storage.review import set_photo_status
from birdwatch.storage.sensitivity_rules import put_rule
from tests.api.asking import DUNLIN, GREAT_KNOT, send_photo, send_survey, survey
from tests.pictures import make_jpeg
from tests.service import Service

pytestmark = pytest.mark.anyio
CHANGES = "/api/v1/changes"


async def _contributor(service: Service, login: str = "li") -> httpx.AsyncClient:
    person = await service.add_person(login)
    return await service.token_client(person, "upload", "count", "read")


async def _followed(service: Service, since: int, **asked: object) -> list[dict[str, object]]:
    """Everything a mirror reads from this version on, page after page."""
    found: list[dict[str, object]] = []
    params: dict[str, object] = {"since": since, **asked}
    while True:
        answer = (await service.visitor.get(CHANGES, params=params)).json()  # type: ignore[arg-type]
        found += answer["items"]
        if answer["next"] is None:
            return found
        params["cursor"] = answer["next"]


async def _latest(service: Service) -> int:
    return int((await service.visitor.get(CHANGES, params={"limit": 1})).json()["latest"])


def _told(items: list[dict[str, object]]) -> list[tuple[object, object, object]]:
    return [(item["noun"], item["id"], item["action"]) for item in items]


def _refusal(response: httpx.Response) -> tuple[int, str]:
    return response.status_code, response.json()["type"].partition("#")[2]


async def test_changes_of_a_new_archive_name_its_tables(service: Service) -> None:
    items = await _followed(service, 0)
    assert {(item["noun"], item["id"]) for item in items} == {
        ("species", "*"), ("site", "*"), ("window", "*"),
    }  # fmt: skip


async def test_changes_tell_what_came_was_corrected_and_went(service: Service) -> None:
    li = await _contributor(service)
    since = await _latest(service)
    one = await send_survey(li, survey("2026-04-14T06:00", grekno=5))
    photo = await send_photo(li)
    items = await _followed(service, since)
    assert ("survey", one["id"], "create") in _told(items)
    assert {item["id"] for item in items} == {one["id"], photo["id"]}
    middle = await _latest(service)
    await li.put(f"/api/v1/surveys/{one['id']}", json=survey("2026-04-14T06:00", grekno=7))
    assert ("survey", one["id"], "edit") in _told(await _followed(service, middle))
    await li.delete(f"/api/v1/surveys/{one['id']}")
    await li.delete(f"/api/v1/photos/{photo['id']}", params={"reason": "blurred"})
    items = await _followed(service, middle)
    assert [item["tombstone"] for item in items] == [True, True]
    assert set(items[0]) == {"version", "at", "action", "noun", "id", "tombstone"}


async def test_changes_are_paged_and_are_a_table(service: Service) -> None:
    li = await _contributor(service)
    since = await _latest(service)
    sent = [
        (await send_survey(li, survey(f"2026-04-{day}T06:00", grekno=5)))["id"]
        for day in range(10, 15)
    ]
    assert [item["id"] for item in await _followed(service, since, limit=2)] == sent
    table = await service.visitor.get(f"{CHANGES}.csv", params={"since": since})
    lines = table.text.splitlines()
    assert lines[0] == "version,at,action,noun,id,tombstone"
    assert len(lines) == 6


async def test_what_never_was_public_is_never_told(service: Service) -> None:
    person = await service.add_person("new", trust="checked")
    newcomer = await service.token_client(person, "upload", "count", "read")
    since = await _latest(service)
    waiting = await send_survey(newcomer, survey("2026-04-14T06:00", grekno=5))
    assert waiting["status"] == "pending"
    photo = await send_photo(newcomer)
    await newcomer.patch(f"/api/v1/photos/{photo['id']}", json={"species": DUNLIN})
    await newcomer.delete(f"/api/v1/surveys/{waiting['id']}")
    await newcomer.delete(f"/api/v1/photos/{photo['id']}", params={"reason": "blurred"})
    assert await _followed(service, since) == []


async def test_what_is_held_back_later_becomes_a_tombstone(service: Service) -> None:
    li = await _contributor(service)
    photo = await send_photo(li)
    since = await _latest(service)
    async with service.archive.db.write(SYSTEM, datetime.now(UTC)) as tx:
        found = await find_photo(tx, str(photo["id"]))
        assert found is not None
        await set_photo_status(tx, found, "rejected", (), action="review", reason="no bird")
    assert _told(await _followed(service, since)) == [("photo", photo["id"], "delete")]
    async with service.archive.db.write(SYSTEM, datetime.now(UTC)) as tx:
        found = await find_photo(tx, str(photo["id"]))
        assert found is not None
        await set_photo_status(tx, found, "published", (), action="review", reason="")
    assert _told(await _followed(service, since)) == [("photo", photo["id"], "edit")]


async def test_what_becomes_protected_becomes_a_tombstone(service: Service) -> None:
    li = await _contributor(service)
    photo = await send_photo(li, make_jpeg(64, 48), species=DUNLIN)
    other = await send_photo(li, make_jpeg(48, 64), species=GREAT_KNOT)
    since = await _latest(service)
    async with service.archive.db.write(SYSTEM, datetime.now(UTC)) as tx:
        await put_rule(tx, SensitivityRule(DUNLIN, "0.1"))
    told = await _followed(service, since)  # beside what making the pictures adds
    assert ("photo", photo["id"], "delete") in _told(told)
    gone_at = [item["version"] for item in told if item["id"] == photo["id"]]
    await li.patch(f"/api/v1/photos/{photo['id']}", json={"caption": {"en": "Still here"}})
    later = await _followed(service, since)
    assert [item["version"] for item in later if item["id"] == photo["id"]] == gone_at
    assert ("photo", other["id"], "delete") not in _told(later)


async def test_undo_of_a_deletion_by_its_owner(service: Service) -> None:
    li = await _contributor(service)
    one = await send_survey(li, survey("2026-04-14T06:00", grekno=5))
    await li.delete(f"/api/v1/surveys/{one['id']}")
    history = (await li.get(f"/api/v1/surveys/{one['id']}/history")).json()["items"]
    assert [(entry["action"], entry["can_undo"]) for entry in history] == [
        ("create", False),
        ("delete", True),
    ]
    undone = await li.post(f"{CHANGES}/{history[1]['version']}/undo")
    assert undone.status_code == 200
    assert undone.json() == {
        "version": history[1]["version"] + 1, "noun": "survey", "id": one["id"], "exists": True,
    }  # fmt: skip
    back = (await li.get(f"/api/v1/surveys/{one['id']}")).json()
    assert [s["id"] for s in back["sightings"]] == [s["id"] for s in one["sightings"]]  # type: ignore[attr-defined]
    twice = await li.post(f"{CHANGES}/{history[1]['version']}/undo")
    assert _refusal(twice) == (409, "undo.already")


async def test_undo_by_others_is_as_if_there_were_nothing(service: Service) -> None:
    li = await _contributor(service)
    photo = await send_photo(li)
    await li.patch(f"/api/v1/photos/{photo['id']}", json={"species": DUNLIN})
    changes = (await li.get(f"/api/v1/photos/{photo['id']}/changes")).json()["items"]
    version = next(entry["version"] for entry in changes if entry["action"] == "correct")
    shen = await _contributor(service, "shen")
    for client, status in ((shen, 404), (service.visitor, 401)):
        assert (await client.post(f"{CHANGES}/{version}/undo")).status_code == status
        assert (await client.get(f"/api/v1/photos/{photo['id']}/changes")).status_code == status
    for unknown in ("999999", "x", "9" * 40, "-1", "1"):
        assert (await li.post(f"{CHANGES}/{unknown}/undo")).status_code == 404
    assert (await li.post(f"{CHANGES}/{version}/undo")).status_code == 200
    found = (await li.get(f"/api/v1/photos/{photo['id']}")).json()
    assert found["species"] is None


async def test_undo_does_not_publish_what_no_reviewer_saw(service: Service) -> None:
    person = await service.add_person("new", trust="checked")
    newcomer = await service.token_client(person, "upload", "read")
    photo = await send_photo(newcomer)
    await newcomer.patch(f"/api/v1/photos/{photo['id']}", json={"species": DUNLIN})
    changes = (await newcomer.get(f"/api/v1/photos/{photo['id']}/changes")).json()["items"]
    corrected = next(entry for entry in changes if entry["action"] == "correct")
    async with service.archive.db.write(SYSTEM, datetime.now(UTC)) as tx:
        found = await find_photo(tx, str(photo["id"]))
        assert found is not None
        await set_photo_status(tx, found, "published", (), action="review", reason="")
    decided = await service.archive.db.dataset_version()
    refused = await newcomer.post(f"{CHANGES}/{corrected['version']}/undo")
    assert _refusal(refused) == (409, "undo.reviewed")
    assert (await newcomer.post(f"{CHANGES}/{decided}/undo")).status_code == 404
    reviewer = await service.token_client(
        await service.add_person("rui", "reviewer"), "review", "upload", "read"
    )
    assert (await reviewer.post(f"{CHANGES}/{decided}/undo")).status_code == 200
    assert (await service.visitor.get(f"/api/v1/photos/{photo['id']}")).status_code == 404
