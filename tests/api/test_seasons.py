from __future__ import annotations

import csv
import io

import httpx
import pytest

from tests.api.asking import DUNLIN, GREAT_KNOT, send_survey, survey
from tests.service import Service

pytestmark = pytest.mark.anyio


@pytest.fixture
async def li(service: Service) -> httpx.AsyncClient:
    return await service.token_client(await service.add_person("li"), "read", "count")


async def _three_springs(li: httpx.AsyncClient) -> list[str]:
    bodies = [
        survey("2026-03-20T06:00", grekno=100, dunlin=0),
        survey("2026-04-12T06:00", grekno=1000),
        survey("2026-05-20T06:00", dunlin=50),
        survey("2025-04-12T06:00", grekno=800),
        survey("2023-04-12T06:00", grekno=600),
        survey("2025-08-20T06:00", grekno=70),
    ]
    return [str((await send_survey(li, body))["id"]) for body in bodies]


async def test_season_tells_peak_days_and_share_by_species(
    service: Service, li: httpx.AsyncClient
) -> None:
    ids = await _three_springs(li)
    season = (await service.visitor.get("/api/v1/seasons/2026-spring")).json()
    assert (season["season"], season["first"], season["last"]) == (
        "2026-spring",
        "2026-03-01",
        "2026-05-31",
    )
    assert (season["window"]["start"], season["window"]["end"]) == ("2026-04-01", "2026-05-10")
    knot = next(line for line in season["species"] if line["species"] == GREAT_KNOT)
    assert (knot["peak"], knot["peak_day"], knot["peak_surveys"]) == (1000, "2026-04-12", [ids[1]])
    assert knot["name"]["zh"] == "大滨鹬"
    assert (knot["first_day"], knot["last_day"]) == ("2026-03-20", "2026-04-12")
    assert (season["total"]["species"], season["total"]["peak"]) == (None, 1000)
    assert season["surveys_used"] == sorted(ids[:3])
    assert len(season["days"]) == 92
    counted = {day["day"]: day["count"] for day in season["days"] if day["counted"]}
    assert counted == {"2026-03-20": 100, "2026-04-12": 1000, "2026-05-20": 50}
    assert season["dataset_version"] == await service.archive.db.dataset_version()


async def test_earlier_years_stand_beside_a_season(service: Service, li: httpx.AsyncClient) -> None:
    await _three_springs(li)
    season = (await service.visitor.get("/api/v1/seasons/2026-spring")).json()
    beside = [(e["season"], e["total"]["peak"], e["window"]["start"]) for e in season["earlier"]]
    assert beside == [("2025-spring", 800, "2025-04-01"), ("2023-spring", 600, "2023-04-01")]


async def test_seasons_that_hold_anything_are_listed(
    service: Service, li: httpx.AsyncClient
) -> None:
    await _three_springs(li)
    seasons = (await service.visitor.get("/api/v1/seasons")).json()
    assert sorted(season["id"] for season in seasons["items"]) == [
        "2023-spring",
        "2025-autumn",
        "2025-spring",
        "2026-spring",
    ]


async def test_season_as_csv_has_the_total_and_a_row_per_species(
    service: Service, li: httpx.AsyncClient
) -> None:
    await _three_springs(li)
    response = await service.visitor.get("/api/v1/seasons/2026-spring.csv")
    assert response.headers["content-disposition"] == (
        'attachment; filename="seasons-2026-spring.csv"'
    )
    rows = list(csv.DictReader(io.StringIO(response.text)))
    assert [(row["species"], row["name_en"], row["peak"]) for row in rows] == [
        ("", "", "1000"),
        (GREAT_KNOT, "Great Knot", "1000"),
        (DUNLIN, "Dunlin", "50"),
    ]


async def test_season_without_counts_is_empty_and_what_is_no_season_is_not_found(
    service: Service,
) -> None:
    empty = (await service.visitor.get("/api/v1/seasons/2030-autumn?fields=season,species")).json()
    assert empty == {"season": "2030-autumn", "species": []}
    for name in ("2026-winter", "spring", "2026", "26-spring", "2026-spring%0A", "９９９９-spring"):
        response = await service.visitor.get(f"/api/v1/seasons/{name}")
        assert (name, response.status_code) == (name, 404)


async def test_season_is_revalidated(service: Service, li: httpx.AsyncClient) -> None:
    first = await service.visitor.get("/api/v1/seasons/2026-spring")
    etag = {"If-None-Match": first.headers["etag"]}
    again = await service.visitor.get("/api/v1/seasons/2026-spring", headers=etag)
    assert again.status_code == 304
    await send_survey(li, survey("2026-04-12T06:00", grekno=1000))
    changed = await service.visitor.get("/api/v1/seasons/2026-spring", headers=etag)
    assert (changed.status_code, changed.json()["total"]["peak"]) == (200, 1000)
