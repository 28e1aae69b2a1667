from __future__ import annotations

import base64
import csv
import io
import json

import httpx
import pytest

from birdwatch.api.counts import NAMED_IN_TABLE
from birdwatch.domain.summary import RULE
from birdwatch.exchange.csv import LIST_SEPARATOR
from tests.api.asking import DUNLIN, GREAT_KNOT, OTHER_SITE, SITE, send_survey, survey
from tests.service import Service

pytestmark = pytest.mark.anyio
SPRING = "/api/v1/counts?season=2026-spring"


@pytest.fixture
async def li(service: Service) -> httpx.AsyncClient:
    return await service.token_client(await service.add_person("li"), "read", "count")


async def _spring(li: httpx.AsyncClient) -> dict[str, str]:
    """Two observers of one flock, another site, a later day, and low tide: by short names."""
    bodies = {
        "larger": survey("2026-04-12T06:00", grekno=1000, dunlin=300),
        "smaller": survey("2026-04-12T06:10", grekno=900),
        "other": survey("2026-04-12T06:00", site=OTHER_SITE, grekno=50),
        "low": survey("2026-04-12T13:00", tide="low", grekno=400),
        "later": survey("2026-04-20T06:00", grekno=2000),
    }
    return {name: str((await send_survey(li, body))["id"]) for name, body in bodies.items()}


async def test_observers_of_one_flock_are_not_added_and_sites_are(
    service: Service, li: httpx.AsyncClient
) -> None:
    ids = await _spring(li)
    answer = (await service.visitor.get(f"{SPRING}&species=great knot")).json()
    assert [(i["day"], i["species"], i["site"], i["count"]) for i in answer["items"]] == [
        ("2026-04-12", GREAT_KNOT, None, 1050),
        ("2026-04-20", GREAT_KNOT, None, 2000),
    ]
    first = answer["items"][0]
    assert set(first["surveys"]) == {ids["larger"], ids["other"]}
    assert ids["smaller"] in first["set_aside"]
    assert "dekad" not in first
    assert answer["rule"] == RULE.en
    assert answer["window"] == {
        "id": "spring-peak",
        "name": "Spring peak",
        "start": "2026-04-01",
        "end": "2026-05-10",
        "source": "Caption of the founding photograph of the Daliao River mouth:"
        " early April to early May",
    }
    assert answer["dataset_version"] == await service.archive.db.dataset_version()
    assert (answer["surveys_used"], answer["next"]) == (3, None)


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("by=dekad", [("2026-04-2", 2000, "2026-04-20")]),
        ("by=season", [("2026-spring", 2000, "2026-04-20")]),
        ("by=season&tide=low", [("2026-spring", 400, "2026-04-12")]),
        ("by=season&to=2026-04-15", [("2026-spring", 1050, "2026-04-12")]),
        ("by=season&from=2026-04-21", []),
    ],
)
async def test_peak_of_a_dekad_and_a_season(
    service: Service,
    li: httpx.AsyncClient,
    query: str,
    expected: list[tuple[str, int, str]],
) -> None:
    await _spring(li)
    items = (await service.visitor.get(f"{SPRING}&species=grekno&{query}")).json()["items"]
    found = [(i.get("dekad", i.get("season")), i["count"], i["peak_day"]) for i in items]
    assert found == expected


async def test_sites_are_told_apart_when_asked(service: Service, li: httpx.AsyncClient) -> None:
    await _spring(li)
    url = f"{SPRING}&species=grekno&to=2026-04-15&per=site"
    items = (await service.visitor.get(url)).json()["items"]
    assert sorted((i["site"], i["count"]) for i in items) == [(SITE, 1000), (OTHER_SITE, 50)]
    one = (await service.visitor.get(f"{SPRING}&site={OTHER_SITE}")).json()["items"]
    assert [i["count"] for i in one] == [50]


async def test_species_may_be_several(service: Service, li: httpx.AsyncClient) -> None:
    await _spring(li)
    url = f"{SPRING}&species=大滨鹬&species=Dunlin&by=season"
    items = (await service.visitor.get(url)).json()["items"]
    assert [(i["species"], i["count"]) for i in items] == [(DUNLIN, 300), (GREAT_KNOT, 2000)]


async def test_rule_and_window_are_told_in_the_language_of_the_reader(
    service: Service, li: httpx.AsyncClient
) -> None:
    answer = (await service.visitor.get(f"{SPRING}&lang=zh")).json()
    assert (answer["rule"], answer["window"]["name"]) == (RULE.zh, "春季高峰")


async def test_cursor_walks_over_all_counts(service: Service, li: httpx.AsyncClient) -> None:
    for day in range(1, 8):
        await send_survey(li, survey(f"2026-04-{day:02}T06:00", grekno=day, dunlin=day))
    whole = (await service.visitor.get(SPRING)).json()["items"]
    assert len(whole) == 14
    walked: list[dict[str, object]] = []
    url = f"{SPRING}&limit=3"
    while url:
        response = await service.visitor.get(url)
        walked += response.json()["items"]
        url = response.links["next"]["url"] if response.json()["next"] else ""
    assert walked == whole


async def test_counts_are_revalidated_by_dataset_version(
    service: Service, li: httpx.AsyncClient
) -> None:
    await _spring(li)
    first = await service.visitor.get(SPRING)
    etag = first.headers["etag"]
    assert first.headers["cache-control"] == "public, no-cache"
    for client in (service.visitor, service.client()):
        unchanged = await client.get(SPRING, headers={"If-None-Match": etag})
        assert (unchanged.status_code, unchanged.content) == (304, b"")
        assert unchanged.headers["etag"] == etag
    chinese = await service.visitor.get(
        SPRING, headers={"If-None-Match": etag, "Accept-Language": "zh"}
    )
    assert chinese.status_code == 200
    await send_survey(li, survey("2026-04-21T06:00", grekno=3000))
    changed = await service.visitor.get(SPRING, headers={"If-None-Match": etag})
    assert changed.status_code == 200
    assert changed.json()["items"][-1]["count"] == 3000


async def test_counts_as_csv_by_path_and_by_accept(service: Service, li: httpx.AsyncClient) -> None:
    ids = await _spring(li)
    by_path = await service.visitor.get(
        "/api/v1/counts.csv?season=2026-spring&by=season&species=dunlin"
    )
    by_accept = await service.visitor.get(
        f"{SPRING}&by=season&species=dunlin", headers={"Accept": "text/csv"}
    )
    assert by_path.content == by_accept.content
    rows = list(csv.DictReader(io.StringIO(by_path.text)))
    assert len(rows) == 1
    expected = {"species": DUNLIN, "season": "2026-spring", "count": "300", "site": ""}
    assert {name: rows[0][name] for name in expected} == expected
    assert rows[0]["surveys"] == ids["larger"]


async def test_table_names_few_surveys_and_numbers_many(
    service: Service, li: httpx.AsyncClient
) -> None:
    times = [f"2026-04-{day:02}T06:00" for day in range(1, NAMED_IN_TABLE + 3)]
    bodies = [survey(at, dunlin=9 if at == times[0] else 5) for at in times]
    ids = [str((await send_survey(li, body))["id"]) for body in bodies]
    query = "season=2026-spring&by=season&species=dunlin"
    item = (await service.visitor.get(f"/api/v1/counts?{query}")).json()["items"][0]
    assert sorted(item["surveys"] + item["set_aside"]) == sorted(ids)
    numbers = {"n_surveys": len(item["surveys"]), "n_set_aside": len(item["set_aside"])}
    assert {name: item[name] for name in numbers} == numbers
    assert numbers == {"n_surveys": 1, "n_set_aside": NAMED_IN_TABLE + 1}

    async def row(more: str) -> dict[str, str]:
        table = await service.visitor.get(f"/api/v1/counts.csv?{query}{more}")
        return next(csv.DictReader(io.StringIO(table.text)))

    told = await row("")
    assert (told["surveys"], told["set_aside"]) == (ids[0], "")
    assert (told["n_surveys"], told["n_set_aside"]) == ("1", str(NAMED_IN_TABLE + 1))
    asked = await row("&fields=species,set_aside")
    assert asked["set_aside"].split(LIST_SEPARATOR) == item["set_aside"]


@pytest.mark.parametrize(
    ("query", "fields"),
    [
        ("colour=red", ["colour"]),
        ("by=week", ["by"]),
        ("from=2026-02-30", ["from"]),
        ("limit=0", ["limit"]),
        ("limit=501", ["limit"]),
        ("limit=99999999999999999999999", ["limit"]),
        ("limit=x", ["limit"]),
        ("tide=noon", ["tide"]),
        ("per=species", ["per"]),
        ("by=day&by=dekad", ["by"]),
        ("season=2026-winter", ["season"]),
        ("site=atlantis", ["site"]),
        ("species=dodo", ["species"]),
        ("fields=count,colour", ["fields"]),
        ("colour=red&size=1&by=week", ["colour", "size", "by"]),
    ],
)
async def test_query_that_does_not_fit_names_its_fields(
    service: Service, query: str, fields: list[str]
) -> None:
    response = await service.visitor.get(f"/api/v1/counts?{query}")
    assert response.status_code == 422, response.text
    assert [error["field"] for error in response.json()["errors"]] == fields


def _forged(noun: str) -> list[str]:
    """Cursors of the right form that hold what no database takes, and of another's form."""
    parts: dict[str, list[list[object]]] = {
        "counts": [["\ud800", "", ""], ["\x00", "", ""], [1]],
        "species": [["x"], [10**30]],
    }
    listed: list[list[object]] = [[10**30, "x"], [1, "\x00"], [1, "\ud800"], [1]]
    return [_encoded(key) for key in parts.get(noun, listed)]


def _encoded(key: list[object]) -> str:
    return base64.urlsafe_b64encode(json.dumps(key).encode()).rstrip(b"=").decode()


async def test_cursor_of_our_making_only(service: Service) -> None:
    for noun in ("counts", "photos", "surveys", "sightings", "species"):
        for cursor in ("x", "W10", "bnVsbA", *_forged(noun)):
            response = await service.visitor.get(f"/api/v1/{noun}?cursor={cursor}")
            found = (noun, cursor, response.status_code, response.json()["status"])
            assert found == (noun, cursor, 400, 400)


async def test_empty_value_counts_as_not_given(service: Service) -> None:
    response = await service.visitor.get("/api/v1/counts?species=&season=&by=&limit=")
    assert (response.status_code, response.json()["items"]) == (200, [])
