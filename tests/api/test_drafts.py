from __future__ import annotations

import httpx
import pytest

from tests.api.asking import GREAT_KNOT, SITE, send_photo
from tests.pictures import make_jpeg
from tests.service import Service

pytestmark = pytest.mark.anyio


async def member(service: Service, login: str = "li") -> httpx.AsyncClient:
    person = await service.add_person(login)
    return await service.token_client(person, "read", "upload")


async def drafts(client: httpx.AsyncClient, number: int, **words: str) -> list[str]:
    sent = [
        await send_photo(client, make_jpeg(64, 48, seed=seed + 1), draft="true", **words)
        for seed in range(number)
    ]
    return [str(one["id"]) for one in sent]


async def test_drafts_are_listed_edited_and_published(service: Service) -> None:
    li = await member(service)
    ids = await drafts(li, 3)
    listed = (await li.get("/api/v1/drafts")).json()
    assert [(one["id"], one["status"], one["number"]) for one in listed["items"]] == [
        (one, "draft", None) for one in sorted(ids)
    ]
    changes = {"species": GREAT_KNOT, "site": SITE, "best": 40, "caption": {"en": "Knots"}}
    edited = await li.post("/api/v1/photos/edit", json={"ids": ids, "changes": changes})
    assert (edited.status_code, edited.json()["done"], edited.json()["refused"]) == (200, 3, 0)
    numbers = [one["number"] for one in (await li.get("/api/v1/drafts")).json()["items"]]
    assert numbers == [{"low": 40, "best": 40, "high": 40, "method": "from_photo", "note": ""}] * 3
    assert (await service.visitor.get("/api/v1/sightings")).json()["items"] == []
    answer = (await li.post("/api/v1/photos/publish", json={"ids": ids})).json()
    assert [(one["id"], one["photo"]["status"]) for one in answer["items"]] == [
        (one, "published") for one in ids
    ]
    sightings = (await service.visitor.get("/api/v1/sightings")).json()["items"]
    assert [one["best"] for one in sightings] == [40] * 3
    assert (await li.get("/api/v1/drafts")).json()["items"] == []


async def test_batch_answers_for_each_photo(service: Service) -> None:
    li, wang = await member(service), await member(service, "wang")
    mine = await drafts(li, 2, species=GREAT_KNOT, best="4")
    other = str((await send_photo(wang, make_jpeg(50, 40, seed=9), draft="true"))["id"])
    site = {"ids": [mine[0], other, "nothing"], "changes": {"site": SITE, "best": 5}}
    answer = (await li.post("/api/v1/photos/edit", json=site)).json()
    told = [one["problem"]["status"] if one["problem"] else 200 for one in answer["items"]]
    assert (told, answer["done"], answer["refused"]) == ([200, 404, 404], 1, 2)
    assert (await wang.get("/api/v1/drafts")).json()["items"][0]["number"] is None
    answer = (await li.post("/api/v1/photos/publish", json={"ids": [*mine, other]})).json()
    told = [one["problem"]["status"] if one["problem"] else 200 for one in answer["items"]]
    assert told == [200, 422, 404]
    assert answer["items"][1]["problem"]["errors"] == [
        {"field": "site", "message": "A number needs the site. Give it, or take the number away."}
    ]


async def test_number_of_a_draft_is_taken_away_again(service: Service) -> None:
    li = await member(service)
    (one,) = await drafts(li, 1, species=GREAT_KNOT, best="4", site=SITE)
    await li.post("/api/v1/photos/edit", json={"ids": [one], "changes": {"best": None}})
    assert (await li.get("/api/v1/drafts")).json()["items"][0]["number"] is None
    (done,) = (await li.post("/api/v1/photos/publish", json={"ids": [one]})).json()["items"]
    assert done["photo"]["survey"] is None
    again = await li.post("/api/v1/photos/edit", json={"ids": [one], "changes": {"best": 7}})
    assert again.json()["items"][0]["problem"]["status"] == 422


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"ids": [], "changes": {"site": SITE}}, "ids"),
        ({"ids": ["a"] * 2 + [str(n) for n in range(500)], "changes": {"site": SITE}}, "ids"),
        ({"ids": "a", "changes": {"site": SITE}}, "ids"),
        ({"ids": [1], "changes": {"site": SITE}}, "ids"),
        ({"ids": ["a"], "changes": {}}, "changes"),
        ({"ids": ["a"]}, "changes"),
        ({"ids": ["a"], "changes": {"wings": 2}}, "changes.wings"),
        ({"ids": ["a"], "changes": {"best": -1}}, "best"),
        ({"ids": ["a"], "changes": {"best": "many"}}, "best"),
        ({"ids": ["a"], "changes": {"low": 9, "best": 4}}, "low"),
    ],
)
async def test_batch_that_makes_no_sense_is_refused(
    service: Service, body: dict[str, object], field: str
) -> None:
    li = await member(service)
    answer = await li.post("/api/v1/photos/edit", json=body)
    assert answer.status_code == 422, answer.text
    assert [one["field"] for one in answer.json()["errors"]] == [field]


async def test_draft_is_not_there_for_others(service: Service) -> None:
    li, wang = await member(service), await member(service, "wang")
    (one,) = await drafts(li, 1)
    assert [(await asker.get(f"/api/v1/photos/{one}")).status_code for asker in (li, wang)] == [
        200,
        404,
    ]
    assert (await wang.get("/api/v1/drafts")).json()["items"] == []
    changes = (await service.visitor.get("/api/v1/changes")).json()["items"]
    assert [entry for entry in changes if entry["noun"] == "photo"] == []
