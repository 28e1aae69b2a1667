from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from birdwatch.domain.policy import SYSTEM
from birdwatch.intake.tides import TideRequest, import_tides
from tests.intake.test_tides import TABLE
from tests.service import Service

pytestmark = pytest.mark.anyio
PATH = "/api/v1/tides"


async def load(service: Service, folder: Path, *sites: str) -> None:
    path = folder / "tides.csv"
    path.write_text(TABLE, "utf-8")
    request = TideRequest("Port", source="Tables 2026", datum="TLT", sites=sites)
    await import_tides(service.archive, path, request, actor=SYSTEM, now=datetime.now(UTC))


async def test_days_tell_the_sun_of_every_site_and_no_tide_without_a_table(
    service: Service,
) -> None:
    answer = await service.visitor.get(PATH, params={"from": "2026-04-20", "days": 2})
    items = answer.json()["items"]
    sites = (await service.visitor.get("/api/v1/sites")).json()["items"]
    assert [(one["site"], one["day"]) for one in items] == [
        (site["id"], day)
        for site in sites
        if not site["is_outline"]
        for day in ("2026-04-20", "2026-04-21")
    ]
    assert {(one["station"], one["source"], tuple(one["waters"])) for one in items} == {
        (None, None, ())
    }
    assert items[0]["sunrise"].startswith("2026-04-20T05:0")
    assert items[0]["sunrise"].endswith("+08:00")


async def test_days_tell_the_waters_of_the_table_with_its_source(
    service: Service, tmp_path: Path
) -> None:
    await load(service, tmp_path, "liaobin")
    answer = await service.visitor.get(PATH, params={"from": "2026-04-20", "site": "liaobin"})
    (day,) = answer.json()["items"]
    assert (day["station"], day["source"], day["datum"]) == ("Port", "Tables 2026", "TLT")
    assert day["waters"] == [
        {"at": "2026-04-20T05:20+08:00", "kind": "high", "height_m": 3.9},
        {"at": "2026-04-20T11:50+08:00", "kind": "low", "height_m": 0.85},
        {"at": "2026-04-20T17:40+08:00", "kind": "high", "height_m": 3.55},
    ]
    other = await service.visitor.get(PATH, params={"from": "2026-04-20", "site": "bayuquan"})
    assert other.json()["items"][0]["station"] is None


async def test_import_of_a_table_changes_what_is_answered(service: Service, tmp_path: Path) -> None:
    query = {"from": "2026-04-20", "site": "liaobin"}
    before = await service.visitor.get(PATH, params=query)
    await load(service, tmp_path)
    after = await service.visitor.get(
        PATH, params=query, headers={"If-None-Match": before.headers["etag"]}
    )
    assert after.status_code == 200
    assert len(after.json()["items"][0]["waters"]) == 3


@pytest.mark.parametrize("query", [{}, {"from": "2026-04-20", "days": 32}, {"from": "yesterday"}])
async def test_days_that_cannot_be_read_are_refused(
    service: Service, query: dict[str, str]
) -> None:
    assert (await service.visitor.get(PATH, params=query)).status_code == 422


async def test_survey_sent_by_the_table_says_whose_it_is(service: Service, tmp_path: Path) -> None:
    await load(service, tmp_path)
    li = await service.token_client(await service.add_person("li"), "read", "count")
    body = {"site": "liaobin", "start": "2026-04-20T08:30", "tide": "table", "complete": True}
    made = (await li.post("/api/v1/surveys", json=body)).json()
    assert (made["tide"], made["tide_source"]) == ("falling", "Port, Tables 2026")
