from __future__ import annotations

import httpx
import pytest

from tests.api.asking import DUNLIN, GREAT_KNOT, send_photo, send_survey, survey
from tests.service import Service

pytestmark = pytest.mark.anyio


async def people(service: Service) -> tuple[httpx.AsyncClient, httpx.AsyncClient]:
    """A contributor who is not trusted, and a reviewer."""
    wang = await service.add_person("wang", "contributor", "checked")
    chen = await service.add_person("chen", "reviewer", "checked")
    return (
        await service.token_client(wang, "read", "upload", "count"),
        await service.token_client(chen, "read", "upload", "count", "review"),
    )


async def test_queue_lists_what_waits_and_why(service: Service) -> None:
    wang, chen = await people(service)
    made = await send_survey(wang, survey("2026-04-20T06:00", grekno=320))
    listed = (await chen.get("/api/v1/review?species=大滨鹬")).json()
    assert listed == {
        "items": [
            {
                "noun": "survey",
                "id": made["id"],
                "version": made["version"],
                "status": "pending",
                "flags": ["new_contributor"],
                "person": listed["items"][0]["person"],
                "survey": None,
            }
        ],
        "next": None,
    }
    none = (await chen.get("/api/v1/review?flag=place_outside")).json()
    assert none["items"] == []
    odd = await chen.get("/api/v1/review?flag=x")
    assert odd.status_code == 422


async def test_queue_is_for_reviewers(service: Service) -> None:
    wang, chen = await people(service)
    assert (await service.visitor.get("/api/v1/review")).status_code == 401
    assert (await service.visitor.post("/api/v1/review", json={})).status_code == 401
    assert (await wang.get("/api/v1/review")).status_code == 403
    refused = await wang.post("/api/v1/review", json={"items": [], "status": "published"})
    assert refused.status_code == 403
    reader = await service.add_person("zhou", "reviewer")
    narrow = await service.token_client(reader, "read")
    assert (await narrow.get("/api/v1/review")).status_code == 403
    assert (await chen.get("/api/v1/review")).status_code == 200


async def test_decisions_are_all_or_none(service: Service) -> None:
    wang, chen = await people(service)
    first = await send_survey(wang, survey("2026-04-20T06:00", grekno=320))
    second = await send_survey(wang, survey("2026-04-21T06:00", dunlin=9))
    items = [
        {"noun": "survey", "id": first["id"], "version": first["version"]},
        {"noun": "survey", "id": second["id"], "version": 1},
    ]
    body = {"items": items, "status": "published"}
    stale = await chen.post("/api/v1/review", json=body)
    assert (stale.status_code, stale.json()["type"]) == (409, "/api/v1/docs#review.changed")
    assert (await service.visitor.get("/api/v1/counts?season=2026-spring")).json()["items"] == []
    items[1]["version"] = second["version"]
    done = await chen.post("/api/v1/review", json=body)
    assert (done.status_code, done.json()) == (200, {"status": "published", "decided": 2})
    told = (await service.visitor.get("/api/v1/counts?by=day&season=2026-spring")).json()["items"]
    assert {one["species"] for one in told} >= {GREAT_KNOT, DUNLIN}


async def test_rejection_takes_a_survey_out_of_the_counts(service: Service) -> None:
    _, chen = await people(service)
    li = await service.add_person("li")
    sender = await service.token_client(li, "read", "upload", "count")
    made = await send_survey(sender, survey("2026-04-20T06:00", grekno=320))
    url = "/api/v1/counts?by=day&season=2026-spring"
    assert (await service.visitor.get(url)).json()["items"] != []
    item = {"noun": "survey", "id": made["id"]}
    for body, status in (
        ({"items": [item], "status": "rejected"}, 422),
        ({"items": [item], "status": "pending"}, 422),
        ({"items": [], "status": "published"}, 422),
        ({"items": "x", "status": "published"}, 422),
        ({"items": [{**item, "version": "1"}], "status": "published"}, 422),
        ({"items": [{"noun": "survey", "id": "x"}], "status": "published"}, 404),
        ({"items": [item], "status": "rejected", "reason": "counted twice"}, 200),
    ):
        answer = await chen.post("/api/v1/review", json=body)
        assert answer.status_code == status, body
    assert (await service.visitor.get(url)).json()["items"] == []
    said = (await sender.get(f"/api/v1/surveys/{made['id']}/messages")).json()["items"]
    assert [(one["text"], one["person"]) for one in said] == [("counted twice", "chen")]


async def test_messages_are_between_owner_and_reviewers(service: Service) -> None:
    wang, chen = await people(service)
    made = await send_survey(wang, survey("2026-04-20T06:00", grekno=320))
    url = f"/api/v1/surveys/{made['id']}/messages"
    item = {"noun": "survey", "id": made["id"]}
    body = {"items": [item], "status": "queried", "reason": "Which tide?"}
    assert (await chen.post("/api/v1/review", json=body)).status_code == 200
    said = await wang.post(url, json={"text": "High."})
    assert (said.status_code, said.json()["text"]) == (201, "High.")
    queue = (await chen.get("/api/v1/review")).json()["items"]
    assert [one["status"] for one in queue] == ["pending"]
    listed = (await chen.get(url)).json()["items"]
    assert [one["text"] for one in listed] == ["Which tide?", "High."]
    zhao = await service.token_client(await service.add_person("zhao"), "read", "count")
    assert (await zhao.get(url)).status_code == 404
    assert (await zhao.post(url, json={"text": "x"})).status_code == 404
    assert (await service.visitor.get(url)).status_code == 401
    assert (await wang.post(url, json={"text": " "})).status_code == 422


async def test_name_is_proposed_and_settled(service: Service) -> None:
    wang, chen = await people(service)
    li = await service.add_person("li")
    owner = await service.token_client(li, "read", "upload")
    photo = await send_photo(owner)
    url = f"/api/v1/photos/{photo['id']}/identifications"
    made = await wang.post(url, json={"species": "大滨鹬", "note": "bill"})
    assert (made.status_code, made.json()["species"]) == (201, GREAT_KNOT)
    again = await wang.post(url, json={"species": GREAT_KNOT})
    assert again.json()["id"] == made.json()["id"]
    assert (await wang.post(url, json={"species": "dodo"})).status_code == 422
    assert (await wang.get(url)).status_code == 404
    assert (await service.visitor.post(url, json={"species": GREAT_KNOT})).status_code == 401
    settle = f"/api/v1/identifications/{made.json()['id']}"
    assert (await wang.post(settle, json={"outcome": "accepted"})).status_code == 404
    assert (await chen.post(settle, json={"outcome": "perhaps"})).status_code == 422
    done = await owner.post(settle, json={"outcome": "accepted"})
    assert done.json() == {"photo": photo["id"], "species": GREAT_KNOT}
    other = await wang.post(url, json={"species": DUNLIN})
    settle = f"/api/v1/identifications/{other.json()['id']}"
    done = await chen.post(settle, json={"outcome": "dismissed"})
    assert done.json() == {"photo": photo["id"], "species": GREAT_KNOT}
    listed = (await owner.get(url)).json()["items"]
    assert [(one["species"], one["open"]) for one in listed] == [
        (GREAT_KNOT, False),
        (DUNLIN, False),
    ]
