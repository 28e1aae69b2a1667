"""Every address, whatever goes wrong there, answers in the same shape."""

from __future__ import annotations

import pytest

from birdwatch.api.operations import PREFIX, Operation
from birdwatch.api.routes import OPERATIONS
from tests.service import Service

pytestmark = pytest.mark.anyio
WRITES = [operation for operation in OPERATIONS if operation.method not in ("GET", "OPTIONS")]
READS = [operation for operation in OPERATIONS if operation.method == "GET"]


def _name(operation: Operation) -> str:
    return f"{operation.method} {operation.path}"


def _is_problem(answer: dict[str, object], status: int) -> bool:
    return (
        set(answer) == {"type", "title", "status", "detail", "errors"}
        and answer["status"] == status
        and all(isinstance(answer[name], str) and answer[name] for name in ("type", "title"))
        and isinstance(answer["detail"], str)
        and answer["detail"] != ""
    )


@pytest.mark.parametrize("operation", OPERATIONS, ids=_name)
async def test_wrong_method_is_a_problem_that_names_the_right_ones(
    service: Service, operation: Operation
) -> None:
    path = PREFIX + operation.path.replace("{id}", "x")
    response = await service.visitor.request("PROPFIND", path)
    assert response.status_code == 405
    assert response.headers["content-type"] == "application/problem+json"
    assert _is_problem(response.json(), 405)
    allowed = {o.method for o in OPERATIONS if o.path == operation.path}
    assert set(response.headers["allow"].split(", ")) == allowed | (
        {"HEAD"} if "GET" in allowed else set()
    )


@pytest.mark.parametrize("operation", READS, ids=_name)
async def test_unknown_parameter_is_a_problem_that_names_it(
    service: Service, operation: Operation
) -> None:
    path = PREFIX + operation.path.replace("{id}", "2026-spring")
    response = await service.visitor.get(f"{path}?colour=red")
    assert response.status_code == 422
    assert response.headers["content-type"] == "application/problem+json"
    assert _is_problem(response.json(), 422)
    assert [error["field"] for error in response.json()["errors"]] == ["colour"]


@pytest.mark.parametrize("operation", WRITES, ids=_name)
async def test_write_of_a_visitor_is_a_problem(service: Service, operation: Operation) -> None:
    path = PREFIX + operation.path.replace("{id}", "0123456789abcdef")
    response = await service.visitor.request(operation.method, path, json={})
    assert response.status_code == 401  # whether there is such a thing or not
    assert response.headers["content-type"] == "application/problem+json"
    assert _is_problem(response.json(), 401)


@pytest.mark.parametrize(
    "path",
    [
        "/api/v1/nothing",
        "/api/v2/photos",
        "/api",
        "/api/v1/photos/0123456789abcdef",
        "/api/v1/photos/x",
        "/api/v1/photos/..%2f..%2fetc",
        "/api/v1/surveys/0123456789abcdef",
        "/api/v1/species/%F0%9F%90%A6",
        "/api/v1/sites/%ff%fe",
        "/api/v1/photos/" + "9" * 3000,
    ],
)
async def test_what_is_not_there_is_a_problem(service: Service, path: str) -> None:
    response = await service.visitor.get(path)
    assert response.status_code == 404
    assert response.headers["content-type"] == "application/problem+json"
    assert _is_problem(response.json(), 404)


async def test_problem_speaks_the_language_of_the_reader(service: Service) -> None:
    english = (await service.visitor.get("/api/v1/nothing")).json()
    chinese = (await service.visitor.get("/api/v1/nothing?lang=zh")).json()
    assert (english["title"], chinese["title"]) == ("Not found", "没有找到")


async def test_what_is_missing_elsewhere_is_a_page(service: Service) -> None:
    response = await service.visitor.get("/nothing")
    assert response.status_code == 404
    assert response.headers["content-type"] == "text/html; charset=utf-8"
