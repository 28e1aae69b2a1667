"""Sending what was asked for: JSON or CSV, all fields or some, and 304 when nothing has changed."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import TypeVar
from urllib.parse import quote

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from birdwatch.api.contract import Query
from birdwatch.api.query import read_fields
from birdwatch.api.tables import write_csv
from birdwatch.http.caching import cache_headers, etag_of, not_modified
from birdwatch.http.negotiation import wants_csv
from birdwatch.storage.db import Database

Item = TypeVar("Item", bound=msgspec.Struct)
Make = Callable[[int], Awaitable[msgspec.Struct]]


async def send_list(
    request: Request,
    query: Query,
    kind: type[Item],
    make: Make,
    shortened: Callable[[Item], Item] | None = None,
) -> Response:
    """A list made by `make(dataset_version)`: a struct with `items` of this kind and `next`.

    `shortened`: what an item says in a table.
    """
    fields = read_fields(query.fields, kind)
    is_csv = wants_csv(request)
    etag = etag_of(request, await _database(request).dataset_version(), "csv" if is_csv else "json")
    if (unchanged := not_modified(request, etag)) is not None:
        return unchanged
    answer = await _database(request).at_one_version(make)
    headers = cache_headers(request, etag) | _links(request, answer)
    if is_csv:
        items: Sequence[Item] = answer.items  # type: ignore[attr-defined]
        if shortened is not None:
            items = [shortened(item) for item in items]
        return _csv(request, write_csv(kind, items, fields, bom=query.bom), headers)
    if fields is None:
        return _json(msgspec.json.encode(answer), headers)
    body = msgspec.to_builtins(answer)
    body["items"] = [_select(item, fields) for item in body["items"]]
    return _json(msgspec.json.encode(body), headers)


async def send_one(
    request: Request,
    query: Query,
    kind: type[msgspec.Struct],
    make: Make,
    *,
    table: tuple[type[msgspec.Struct], Callable[[msgspec.Struct], list[msgspec.Struct]]]
    | None = None,
) -> Response:
    """One thing made by `make(dataset_version)`. `table`: the rows it has as CSV, and their kind."""
    is_csv = wants_csv(request)
    row_kind, rows = table or (kind, lambda answer: [answer])
    fields = read_fields(query.fields, row_kind if is_csv else kind)
    etag = etag_of(request, await _database(request).dataset_version(), "csv" if is_csv else "json")
    if (unchanged := not_modified(request, etag)) is not None:
        return unchanged
    answer = await _database(request).at_one_version(make)
    headers = cache_headers(request, etag)
    if is_csv:
        return _csv(request, write_csv(row_kind, rows(answer), fields, bom=query.bom), headers)
    if fields is None:
        return _json(msgspec.json.encode(answer), headers)
    return _json(msgspec.json.encode(_select(msgspec.to_builtins(answer), fields)), headers)


def send_written(answer: msgspec.Struct, status: int = 200, location: str = "") -> Response:
    """The answer to a write: the thing as it is now."""
    headers = {"Cache-Control": "no-store"}
    if location:
        headers["Location"] = location
    return _json(msgspec.json.encode(answer), headers, status)


def _database(request: Request) -> Database:
    db: Database = request.app.state.archive.db
    return db


def _select(item: Mapping[str, object], fields: tuple[str, ...]) -> dict[str, object]:
    return {name: item[name] for name in fields if name in item}


def _links(request: Request, answer: msgspec.Struct) -> dict[str, str]:
    cursor = getattr(answer, "next", None)
    if not cursor:
        return {}
    url = request.url.include_query_params(cursor=cursor)
    return {"Link": f'<{url.path}?{url.query}>; rel="next"'}


def _json(body: bytes, headers: Mapping[str, str], status: int = 200) -> Response:
    return Response(body, status, headers, "application/json")


def _csv(request: Request, body: bytes, headers: Mapping[str, str]) -> Response:
    name = "-".join(request.url.path.removesuffix(".csv").split("/")[3:])
    disposition = {"Content-Disposition": f'attachment; filename="{quote(name)}.csv"'}
    return Response(body, 200, {**headers, **disposition}, "text/csv; charset=utf-8")
