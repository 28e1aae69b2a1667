"""What waits, is embargoed or protected is told to those who may know, and nobody else."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import httpx
import pytest

from birdwatch.domain.daily_count import LEFT_OUT
from tests.api.asking import send_survey, survey
from tests.service import Service

pytestmark = pytest.mark.anyio
PROTECTED = "saugul2"  # 黑嘴鸥, class I


@pytest.fixture
async def li(service: Service) -> httpx.AsyncClient:
    return await service.token_client(await service.add_person("li"), "count", "read")


async def listed(client: httpx.AsyncClient, path: str) -> list[str]:
    return [one["id"] for one in (await client.get(f"/api/v1/{path}")).json()["items"]]


async def counted(client: httpx.AsyncClient) -> tuple[str, list[tuple[str, int]]]:
    answer = (await client.get("/api/v1/counts?season=2026-spring")).json()
    return answer["audience"], [(one["species"], one["count"]) for one in answer["items"]]


async def test_survey_of_a_new_person_waits_and_is_in_no_list_and_no_count(
    service: Service, li: httpx.AsyncClient
) -> None:
    await send_survey(li, survey("2026-04-12T06:00", grekno=5))
    person = await service.add_person("wang", trust="checked")
    wang = await service.token_client(person, "count", "read")
    sent = await send_survey(wang, survey("2026-04-13T06:00", grekno=9))
    assert (sent["status"], sent["flags"]) == ("pending", ["new_contributor"])
    path = f"/api/v1/surveys/{sent['id']}"
    for other in (service.visitor, li):
        assert (await other.get(path)).status_code == 404
        assert sent["id"] not in await listed(other, "surveys")
        assert await counted(other) == ("public", [("grekno", 5)])
        assert len(await listed(other, "sightings")) == 1
    assert (await wang.get(path)).json() == sent
    reviewer = await service.token_client(await service.add_person("zhao", "reviewer"), "read")
    assert sent["id"] in await listed(reviewer, "surveys")
    answer = (await service.visitor.get("/api/v1/seasons/2026-spring")).json()
    assert answer["waiting"] == {"surveys": 1, "sightings": 0}
    assert answer["total"]["peak"] == 5
    assert (await service.visitor.delete(path)).status_code == 401
    assert (await li.delete(path)).status_code in (403, 404)


async def test_embargoed_survey_is_told_to_its_owner_press_and_exact_counts_only(
    service: Service, li: httpx.AsyncClient
) -> None:
    until = (datetime.now(UTC) + timedelta(days=3)).isoformat(timespec="seconds")
    sent = await send_survey(li, {**survey("2026-04-12T06:00", grekno=5), "embargo_until": until})
    assert datetime.fromisoformat(str(sent["embargo_until"])) == datetime.fromisoformat(until)
    path = f"/api/v1/surveys/{sent['id']}"
    press = await service.token_client(await service.add_person("news", "press"), "read")
    reviewer = await service.token_client(await service.add_person("zhao", "reviewer"), "read")
    assert (await service.visitor.get(path)).status_code == 404
    assert await listed(service.visitor, "surveys") == []
    assert (await press.get(path)).json()["view"] == "press"
    assert await listed(press, "surveys") == [sent["id"]]
    assert await counted(press) == ("public", [])
    assert await counted(reviewer) == ("exact", [("grekno", 5)])
    kept = await li.put(path, json=survey("2026-04-12T06:00", grekno=6))
    assert kept.json()["embargo_until"] == sent["embargo_until"]
    ended = await li.put(path, json={**survey("2026-04-12T06:00", grekno=6), "embargo_until": None})
    assert ended.json()["embargo_until"] is None
    assert await counted(service.visitor) == ("public", [("grekno", 6)])


@pytest.mark.parametrize("until", ["2020-01-01T00:00", "2999-01-01", "soon"])
async def test_embargo_that_cannot_be_is_refused(li: httpx.AsyncClient, until: str) -> None:
    body = {**survey("2026-04-12T06:00", grekno=5), "embargo_until": until}
    refused = await li.post("/api/v1/surveys", json=body)
    assert refused.status_code == 422
    assert [error["field"] for error in refused.json()["errors"]] == ["embargo_until"]


async def test_protected_species_is_in_no_public_list_count_or_filter(
    service: Service, li: httpx.AsyncClient
) -> None:
    sent = await send_survey(li, survey("2026-04-12T06:00", grekno=5, saugul2=40))
    reviewer = await service.token_client(await service.add_person("zhao", "reviewer"), "read")
    shown = (await service.visitor.get(f"/api/v1/surveys/{sent['id']}")).json()
    assert [one["species"] for one in shown["sightings"]] == ["grekno"]
    assert await listed(service.visitor, f"surveys?species={PROTECTED}") == []
    assert await listed(service.visitor, f"sightings?species={PROTECTED}") == []
    assert await listed(reviewer, f"surveys?species={PROTECTED}") == [sent["id"]]
    assert await counted(service.visitor) == ("public", [("grekno", 5)])
    assert sorted((await counted(reviewer))[1]) == [("grekno", 5), (PROTECTED, 40)]
    answer = (await service.visitor.get("/api/v1/seasons")).json()
    assert (answer["audience"], answer["left_out"]) == ("public", LEFT_OUT.en)


async def test_nest_of_a_listed_species_is_kept_back_by_its_behaviour(
    service: Service, li: httpx.AsyncClient
) -> None:
    body = survey("2026-04-12T06:00")
    body["sightings"] = [{"species": "grekno", "best": 2, "behaviour": "营巢"}]
    sent = await li.post("/api/v1/surveys", json=body)
    (sighting,) = sent.json()["sightings"]
    assert sighting["behaviour"] == "nest"
    assert await listed(service.visitor, "sightings") == []
    body["sightings"] = [{"species": "grekno", "best": 2, "behaviour": "swimming"}]
    refused = await li.post("/api/v1/surveys", json=body)
    assert [error["field"] for error in refused.json()["errors"]] == ["sightings[0].behaviour"]


async def test_withdrawn_survey_leaves_its_reason(service: Service, li: httpx.AsyncClient) -> None:
    sent = await send_survey(li, survey("2026-04-12T06:00", grekno=5))
    path = f"/api/v1/surveys/{sent['id']}"
    assert (await li.delete(path, params={"reason": "counted twice"})).status_code == 204
    gone = await service.visitor.get(path)
    assert gone.status_code == 410
    assert "counted twice" in gone.json()["detail"]
