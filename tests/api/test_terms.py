"""Species, sites and windows: the terms that everything else is told in."""

from __future__ import annotations

import httpx
import pytest
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from birdwatch.http.sessions import start_session
from birdwatch.storage.people import find_login
from tests.api.asking import GREAT_KNOT, SITE, send_photo, send_survey, survey
from tests.service import Service

pytestmark = pytest.mark.anyio


async def test_species_is_told_by_code(service: Service) -> None:
    species = (await service.visitor.get(f"/api/v1/species/{GREAT_KNOT}")).json()
    assert (species["code"], species["scientific_name"], species["name"]) == (
        GREAT_KNOT,
        "Calidris tenuirostris",
        {"zh": "大滨鹬", "en": "Great Knot"},
    )
    assert (await service.visitor.get("/api/v1/species/dodo")).status_code == 404


@pytest.mark.parametrize("typed", ["大滨", "dby", "great kn", "calidris ten", "GREKNO"])
async def test_species_is_found_while_its_name_is_typed(service: Service, typed: str) -> None:
    response = await service.visitor.get("/api/v1/species", params={"q": typed, "limit": 5})
    assert GREAT_KNOT in [item["code"] for item in response.json()["items"]]


async def test_species_are_listed_in_order_page_by_page(service: Service) -> None:
    walked: list[str] = []
    url = "/api/v1/species?limit=40&shorebird=1&fields=code,is_shorebird"
    while url:
        response = await service.visitor.get(url)
        walked += [item["code"] for item in response.json()["items"]]
        assert {item["is_shorebird"] for item in response.json()["items"]} == {True}
        url = response.links["next"]["url"] if response.json()["next"] else ""
    assert GREAT_KNOT in walked
    assert len(walked) == len(set(walked)) > 50


async def test_sites_come_with_their_outlines(service: Service) -> None:
    sites = (await service.visitor.get("/api/v1/sites")).json()["items"]
    assert len([site for site in sites if not site["is_outline"]]) >= 6
    one = (await service.visitor.get(f"/api/v1/sites/{SITE}")).json()
    assert one in sites
    assert one["geometry"]["type"] == "Polygon"
    assert one["is_approximate"] is True
    assert (await service.visitor.get("/api/v1/sites/atlantis")).status_code == 404


async def test_windows_are_listed_with_their_sources(service: Service) -> None:
    windows = (await service.visitor.get("/api/v1/windows")).json()["items"]
    assert sorted((w["id"], w["start"], w["end"], w["sets_phase"]) for w in windows) == [
        ("autumn-wave", "08-15", "09-15", True),
        ("spring-peak", "04-01", "05-10", True),
        ("spring-viewing", "04-14", "05-19", False),
    ]
    assert all(window["source"]["zh"] and window["source"]["en"] for window in windows)


async def _session_of(service: Service, login: str) -> httpx.AsyncClient:
    """A signed-in browser of this person, with the header its scripts send."""

    async def enter(request: Request) -> Response:
        found = await find_login(service.archive.db, login)
        assert found is not None
        response = PlainTextResponse("")
        await start_session(request, response, found[0])
        return response

    async def csrf(request: Request) -> Response:
        return PlainTextResponse(request.state.csrf)

    service.app.router.routes[:0] = [Route("/test/enter", enter), Route("/test/csrf", csrf)]
    client = service.client()
    await client.get("/test/enter")
    client.headers["X-CSRF-Token"] = (await client.get("/test/csrf")).text
    return client


async def test_window_is_edited_by_admins_and_everything_is_sorted_again(
    service: Service,
) -> None:
    li = await service.token_client(await service.add_person("li"), "upload", "count")
    sent = await send_survey(li, survey("2026-04-12T06:00", grekno=5))
    photo = await send_photo(li)
    assert (sent["phase"], photo["phase"]) == ("peak", "peak")
    await service.add_person("chief", "admin")
    chief = await _session_of(service, "chief")
    response = await chief.patch(
        "/api/v1/windows/spring-peak",
        json={"start": "04-20", "source": {"zh": "新资料", "en": "newer counts"}},
    )
    assert response.status_code == 200, response.text
    window = response.json()
    assert (window["start"], window["end"]) == ("04-20", "05-10")
    assert window["source"] == {"zh": "新资料", "en": "newer counts"}
    again = (await service.visitor.get(f"/api/v1/surveys/{sent['id']}")).json()
    assert again["phase"] == "before"
    listed = (await service.visitor.get("/api/v1/photos?phase=peak&fields=id")).json()
    assert listed["items"] == [{"id": photo["id"]}]


async def test_window_is_not_edited_by_others(service: Service) -> None:
    chief = await service.add_person("chief", "admin")
    token = await service.token_client(chief, "read", "upload", "count")
    await service.add_person("li")
    li = await _session_of(service, "li")
    changes = {"start": "04-20"}
    path = "/api/v1/windows/spring-peak"
    statuses = [
        (await client.patch(path, json=changes)).status_code
        for client in (service.visitor, li, token)
    ]
    assert statuses == [401, 403, 403]


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"start": "13-01"}, "start"),
        ({"start": "02-30"}, "start"),
        ({"start": "June"}, "start"),
        ({"start": 401}, "start"),
        ({"end": "03-01"}, "end"),
        ({"source": {}}, "source"),
        ({"name": "x"}, "name"),
    ],
)
async def test_window_dates_that_do_not_fit_are_told(
    service: Service, changes: dict[str, object], field: str
) -> None:
    await service.add_person("chief", "admin")
    chief = await _session_of(service, "chief")
    response = await chief.patch("/api/v1/windows/spring-peak", json=changes)
    assert response.status_code == 422, response.text
    assert [error["field"] for error in response.json()["errors"]] == [field]
