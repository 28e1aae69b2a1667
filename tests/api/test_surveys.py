from __future__ import annotations

import csv
import io

import httpx
import pytest

from tests.api.asking import DUNLIN, GREAT_KNOT, OTHER_SITE, SITE, send_survey, survey
from tests.service import Service

pytestmark = pytest.mark.anyio


@pytest.fixture
async def li(service: Service) -> httpx.AsyncClient:
    person = await service.add_person("li")
    return await service.token_client(person, "read", "upload", "count")


async def test_survey_is_answered_with_the_names_promised(
    service: Service, li: httpx.AsyncClient
) -> None:
    body = survey("2026-04-12T06:00") | {
        "end": "2026-04-12T07:30",
        "sightings": [
            {"species": "大滨鹬", "low": 900, "best": 1000, "high": 1200, "method": "estimated"},
            {"species": DUNLIN, "best": 0, "note": "none on the bar"},
        ],
    }
    response = await li.post("/api/v1/surveys", json=body)
    assert response.status_code == 201, response.text
    answer = response.json()
    path = f"/api/v1/surveys/{answer['id']}"
    assert response.headers["location"] == path
    assert (await li.get(path)).json() == answer
    ids = [sighting.pop("id") for sighting in answer["sightings"]]
    assert len(set(ids)) == 2
    answer.pop("version")
    assert answer == {
        "id": answer["id"],
        "site": SITE,
        "start": "2026-04-12T06:00:00+08:00",
        "end": "2026-04-12T07:30:00+08:00",
        "observers": ["Li"],
        "protocol": "stationary",
        "complete": True,
        "tide": "high",
        "note": "",
        "source": "api",
        "day": "2026-04-12",
        "season": "2026-spring",
        "phase": "peak",
        "dekad": "2026-04-2",
        "view": "full",
        "status": "published",
        "embargo_until": None,
        "tide_source": None,
        "flags": [],
        "sightings": [
            {
                "species": GREAT_KNOT,
                "low": 900,
                "best": 1000,
                "high": 1200,
                "method": "estimated",
                "note": "",
                "photos": [],
                "behaviour": "",
                "status": "published",
                "flags": [],
            },
            {
                "species": DUNLIN,
                "low": 0,
                "best": 0,
                "high": 0,
                "method": "counted",
                "note": "none on the bar",
                "photos": [],
                "behaviour": "",
                "status": "published",
                "flags": [],
            },
        ],
    }


async def test_start_is_a_date_where_the_time_is_not_known(li: httpx.AsyncClient) -> None:
    answer = await send_survey(li, survey("2026-04-12", grekno=5))
    assert (answer["start"], answer["end"]) == ("2026-04-12", None)


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"site": "atlantis"}, "site"),
        ({"start": "2026-02-30T06:00"}, "start"),
        ({"start": "2999-01-01T06:00"}, "start"),
        ({"start": None}, "start"),
        ({"end": "2026-04-11T06:00"}, "end"),
        ({"protocol": "guess"}, "protocol"),
        ({"sightings": [{"species": "dodo", "best": 1}]}, "sightings[0].species"),
        ({"sightings": [{"species": GREAT_KNOT, "best": -1}]}, "sightings[0].best"),
        ({"sightings": [{"species": GREAT_KNOT, "best": 1e9}]}, "sightings[0].best"),
        ({"sightings": [{"species": GREAT_KNOT, "best": 10**30}]}, "sightings[0].best"),
        ({"sightings": [{"species": GREAT_KNOT, "best": 1.5}]}, "sightings[0].best"),
        ({"sightings": [{"species": GREAT_KNOT, "best": 5, "low": 9}]}, "sightings[0].low"),
        (
            {"sightings": [{"species": GREAT_KNOT, "best": 0, "method": "present"}]},
            "sightings[0].best",
        ),
        ({"sightings": [{"species": GREAT_KNOT, "count": 3}]}, "sightings[0].count"),
        ({"weather": "fog"}, "weather"),
        ({"note": "a\x00b"}, "note"),
        ({"sightings": "many"}, "sightings"),
    ],
)
async def test_survey_that_does_not_fit_names_its_field(
    service: Service, li: httpx.AsyncClient, changes: dict[str, object], field: str
) -> None:
    body = survey("2026-04-12T06:00", grekno=5) | changes
    response = await li.post("/api/v1/surveys", json=body)
    assert response.status_code == 422, response.text
    assert [error["field"] for error in response.json()["errors"]] == [field]
    assert (await service.visitor.get("/api/v1/surveys")).json()["items"] == []


async def test_unknown_species_names_near_ones(li: httpx.AsyncClient) -> None:
    body = survey("2026-04-12T06:00") | {"sightings": [{"species": "Great Knob", "best": 1}]}
    problem = (await li.post("/api/v1/surveys", json=body)).json()
    assert "Great Knot" in problem["errors"][0]["message"]


@pytest.mark.parametrize(
    ("content", "content_type", "status", "code"),
    [
        (b"{", "application/json", 400, "body.json"),
        (b"[]", "application/json", 400, "body.object"),
        (b'{"best": NaN}', "application/json", 400, "body.json"),
        (b'{"note": "\xff\xfe"}', "application/json", 400, "body.json"),
        (b'{"note": "\\ud800"}', "application/json", 400, "body.json"),
        (b"[" * 30_000, "application/json", 400, "body.json"),
        (b'{"note":' * 7_000 + b"1" + b"}" * 7_000, "application/json", 400, "body.json"),
        (b"site=a", "application/x-www-form-urlencoded", 415, "body.not_json"),
        (b"{}", "", 415, "body.not_json"),
    ],
)
async def test_unreadable_body_is_a_problem(
    li: httpx.AsyncClient, content: bytes, content_type: str, status: int, code: str
) -> None:
    headers = {"Content-Type": content_type} if content_type else {}
    response = await li.post("/api/v1/surveys", content=content, headers=headers)
    assert (response.status_code, response.json()["type"]) == (status, f"/api/v1/docs#{code}")


async def test_survey_is_replaced_and_withdrawn_by_its_owner(
    service: Service, li: httpx.AsyncClient
) -> None:
    first = await send_survey(li, survey("2026-04-12T06:00", grekno=5))
    path = f"/api/v1/surveys/{first['id']}"
    other = await service.token_client(await service.add_person("wang"), "count")
    body = survey("2026-04-13T06:00", site=OTHER_SITE, dunlin=7)
    assert (await other.put(path, json=body)).status_code == 404
    assert (await service.visitor.delete(path)).status_code == 401
    replaced = (await li.put(path, json=body)).json()
    assert (replaced["id"], replaced["site"], replaced["day"]) == (
        first["id"],
        OTHER_SITE,
        "2026-04-13",
    )
    counts = (await service.visitor.get("/api/v1/counts?season=2026-spring")).json()["items"]
    assert [(c["day"], c["species"], c["count"]) for c in counts] == [("2026-04-13", DUNLIN, 7)]
    gone = await li.delete(path)
    assert (gone.status_code, gone.content) == (204, b"")
    assert (await service.visitor.get(path)).status_code == 410
    assert (await service.visitor.get("/api/v1/counts")).json()["items"] == []


async def test_survey_cannot_be_replaced_by_one_with_a_photo_nobody_has(
    service: Service, li: httpx.AsyncClient
) -> None:
    first = await send_survey(li, survey("2026-04-12T06:00", grekno=5))
    path = f"/api/v1/surveys/{first['id']}"
    body = survey("2026-04-12T06:00", grekno=6)
    body["sightings"] = [{"species": GREAT_KNOT, "best": 6, "photos": ["0" * 16]}]
    refused = await li.put(path, json=body)
    assert (refused.status_code, [e["field"] for e in refused.json()["errors"]]) == (
        422,
        ["sightings[0].photos"],
    )
    assert (await li.get(path)).json() == first


async def test_sightings_are_listed_with_their_survey(
    service: Service, li: httpx.AsyncClient
) -> None:
    sent = await send_survey(li, survey("2026-04-12T06:00", grekno=5, dunlin=0))
    items = (await service.visitor.get("/api/v1/sightings")).json()["items"]
    assert sorted((s["species"], s["best"], s["survey"], s["site"], s["day"]) for s in items) == [
        (DUNLIN, 0, sent["id"], SITE, "2026-04-12"),
        (GREAT_KNOT, 5, sent["id"], SITE, "2026-04-12"),
    ]
    only = await service.visitor.get("/api/v1/sightings?species=Dunlin&fields=species,best")
    assert only.json()["items"] == [{"species": DUNLIN, "best": 0}]


async def test_surveys_are_narrowed_by_each_filter(service: Service, li: httpx.AsyncClient) -> None:
    a = (await send_survey(li, survey("2026-04-12T06:00", grekno=5)))["id"]
    b = (await send_survey(li, survey("2025-04-20T06:00", site=OTHER_SITE, dunlin=3)))["id"]
    asked = {
        "": [a, b],
        "season=2025-spring": [b],
        f"site={SITE}": [a],
        "species=黑腹滨鹬": [b],
        "from=2026-01-01": [a],
        "to=2026-01-01": [b],
    }
    answered = {}
    for query in asked:
        response = await service.visitor.get(f"/api/v1/surveys?{query}")
        answered[query] = [item["id"] for item in response.json()["items"]]
    assert answered == asked


async def test_cursor_walks_over_surveys_of_the_same_start(
    service: Service, li: httpx.AsyncClient
) -> None:
    sent = [
        str((await send_survey(li, survey("2026-04-12T06:00", grekno=n)))["id"]) for n in range(5)
    ]
    for noun, per_page in (("surveys", 2), ("sightings", 2)):
        walked: list[str] = []
        url = f"/api/v1/{noun}?limit={per_page}"
        while url:
            response = await service.visitor.get(url)
            walked += [item.get("survey", item["id"]) for item in response.json()["items"]]
            url = response.links["next"]["url"] if response.json()["next"] else ""
        assert sorted(walked) == sorted(sent)


async def test_sightings_as_csv(service: Service, li: httpx.AsyncClient) -> None:
    body = survey("2026-04-12T06:00", grekno=5)
    body["sightings"] = [{"species": GREAT_KNOT, "best": 5, "note": '=1+1, "quoted"\nline'}]
    sent = await send_survey(li, body)
    response = await service.visitor.get(
        "/api/v1/sightings.csv?fields=species,best,note,day,survey&bom=1"
    )
    assert response.headers["content-type"] == "text/csv; charset=utf-8"
    assert response.headers["content-disposition"] == 'attachment; filename="sightings.csv"'
    assert response.content.startswith(b"\xef\xbb\xbf")
    rows = list(csv.reader(io.StringIO(response.content.decode("utf-8-sig"), newline="")))
    assert rows == [
        ["species", "best", "note", "day", "survey"],
        [GREAT_KNOT, "5", '\'=1+1, "quoted"\nline', "2026-04-12", str(sent["id"])],
    ]
