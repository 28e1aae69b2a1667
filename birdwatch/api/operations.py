"""What an operation of the API is: the route table is made of these, and so is its description."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from birdwatch.domain.policy import Scope
from birdwatch.domain.text import Text

PREFIX = "/api/v1"
Handler = Callable[[Request], Awaitable[Response]]


@dataclass(frozen=True, slots=True)
class Operation:
    """One method of one path. `scope` is what a token needs; None: everyone may.

    `is_table`: the answer is to be had as CSV too, by Accept or at the path with `.csv`.
    """

    method: str
    path: str
    handler: Handler
    summary: Text
    answer: type[msgspec.Struct] | None = None
    query: type[msgspec.Struct] | None = None
    body: type[msgspec.Struct] | None = None
    status: int = 200
    scope: Scope | None = None
    needs_admin: bool = False
    is_table: bool = False
    takes_photo: bool = False
    takes_bytes: str = ""  # the media type of a body that is no JSON


def routes_of(operations: Iterable[Operation]) -> list[Route]:
    """One route per path, so that a wrong method is answered with all that the path takes."""
    by_path: dict[str, dict[str, Handler]] = {}
    for operation in operations:
        paths = [operation.path]
        if operation.is_table:
            # Before the path itself: `/seasons/{id}` would take the ending for part of the id.
            paths.insert(0, operation.path + ".csv")
        for path in paths:
            by_path.setdefault(PREFIX + path, {})[operation.method] = operation.handler
    return [Route(path, _dispatch(by_path[path]), methods=[*by_path[path]]) for path in by_path]


def _dispatch(handlers: dict[str, Handler]) -> Handler:
    async def endpoint(request: Request) -> Response:
        method = "GET" if request.method == "HEAD" else request.method
        return await handlers[method](request)

    return endpoint
