"""The interface described by itself: the OpenAPI 3.1 document and a page to read it on."""

from __future__ import annotations

import re
from collections.abc import Sequence
from html import escape

import msgspec
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from birdwatch import __version__
from birdwatch.api.operations import PREFIX, Handler, Operation
from birdwatch.domain.text import Locale, Text
from birdwatch.http.caching import cache_headers, etag_of, not_modified
from birdwatch.http.errors import DETAILS, TITLES, Problem
from birdwatch.http.security import hash_of_style, page_policy

REF = "#/components/schemas/{name}"
Json = dict[str, object]
PHOTO_TYPES = (
    *("image/jpeg", "image/heic", "image/png", "image/webp", "image/tiff", "image/avif"),
    *("image/x-canon-cr2", "image/x-canon-cr3", "image/x-nikon-nef"),
    *("image/x-sony-arw", "image/x-adobe-dng", "image/x-fuji-raf"),
)
ABOUT = Text(
    "辽河口鸻鹬类迁徙观测与照片档案的 JSON 接口。读取无需账号；写入需要访问令牌"
    "（Authorization: Bearer）。失败一律以 application/problem+json 回答。",
    "The JSON interface of the observation and photo archive of the shorebird migration at the"
    " Liao River estuary. Reading needs no account; writing needs an access token"
    " (Authorization: Bearer). Every failure is answered as application/problem+json.",
)
PARAMETERS: dict[str, Text] = {
    "lang": Text("回答中句子的语言", "language of sentences in the answer"),
    "fields": Text("只要这些字段，以逗号分隔", "only these fields, separated by commas"),
    "bom": Text("CSV 前加 BOM，便于 Excel 打开", "begin CSV with a BOM, for Excel"),
    "cursor": Text("上一页的 next", "`next` of the page before"),
    "limit": Text("每页条数", "items per page"),
    "from": Text("起始日（当地，含）", "first local day, inclusive"),
    "to": Text("结束日（当地，含）", "last local day, inclusive"),
    "day": Text("当地日期", "local day"),
    "species": Text("代码或任何名称", "code or any known name"),
    "season": Text("如 2026-spring", "such as 2026-spring"),
    "dekad": Text("如 2026-04-1（4月上旬）", "such as 2026-04-1 (1 to 10 April)"),
    "site": Text("地点编号", "identifier of a site"),
    "days": Text("天数", "number of days"),
    "by": Text("时间单位", "unit of time"),
    "per": Text("site：每个地点分列", "site: each site on its own"),
    "tide": Text(
        "one：取合计较大的潮位；all：不分潮位", "one: the tide with the larger total; all: either"
    ),
    "total": Text("把所有物种合计", "all species together"),
    "q": Text("任何名称的开头", "beginning of any name"),
}


def describe(operations: Sequence[Operation]) -> Handler:
    """The handler that sends the OpenAPI document."""

    async def send(request: Request) -> Response:
        etag = etag_of(request, 0, __version__)
        if (unchanged := not_modified(request, etag)) is not None:
            return unchanged
        body = msgspec.json.encode(document(operations, request.state.locale))
        return Response(body, 200, cache_headers(request, etag), "application/json")

    return send


def document(operations: Sequence[Operation], locale: Locale) -> Json:
    """The OpenAPI 3.1 document of these operations."""
    kinds: set[type[msgspec.Struct]] = {Problem}
    for operation in operations:
        kinds |= {kind for kind in (operation.answer, operation.body) if kind is not None}
    _, schemas = msgspec.json.schema_components(
        sorted(kinds, key=lambda kind: kind.__name__), ref_template=REF
    )
    paths: dict[str, Json] = {}
    for operation in operations:
        described = _operation(operation, locale)
        paths.setdefault(PREFIX + operation.path, {})[operation.method.lower()] = described
        if operation.is_table:
            # The .csv twin is one more address of the same answer.
            twin = {**described, "operationId": f"{described['operationId']}_csv"}
            paths.setdefault(f"{PREFIX}{operation.path}.csv", {})["get"] = twin
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "birdwatch",
            "version": __version__,
            "description": ABOUT.get(locale),
            "license": {"name": "MIT", "identifier": "MIT"},
        },
        "paths": paths,
        "components": {
            "schemas": schemas,
            "securitySchemes": {
                "token": {"type": "http", "scheme": "bearer"},
                "session": {"type": "apiKey", "in": "cookie", "name": "birdwatch_session"},
            },
        },
    }


def _operation(operation: Operation, locale: Locale) -> Json:
    described: Json = {
        "operationId": operation.handler.__name__,
        "summary": operation.summary.get(locale),
        "tags": [operation.path.split("/")[1]],
        "parameters": [
            *_path_parameters(operation),
            *_query_parameters(operation, locale),
            *_header_parameters(operation, locale),
        ],
        "responses": {str(operation.status): _success(operation), "default": _failure(locale)},
    }
    if operation.takes_photo:
        described["requestBody"] = _photo_body(operation)
    elif operation.takes_bytes:
        described["requestBody"] = {"content": {operation.takes_bytes: {"schema": {}}}}
    elif operation.body is not None:
        content = {"application/json": {"schema": _ref(operation.body)}}
        described["requestBody"] = {"required": True, "content": content}
    if operation.needs_admin:
        described["security"] = [{"session": []}]
    elif operation.scope is not None:
        described["security"] = [{"token": []}, {"session": []}]
        described["x-scope"] = operation.scope
    return described


def _path_parameters(operation: Operation) -> list[Json]:
    return [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
        for name in re.findall(r"\{(\w+)\}", operation.path)
    ]


def _query_parameters(operation: Operation, locale: Locale) -> list[Json]:
    if operation.query is None:
        return []
    schema = _inline_schema(operation.query)
    parameters: list[Json] = []
    for name, inner in schema["properties"].items():  # type: ignore[attr-defined]
        parameter: Json = {"name": name, "in": "query", "schema": inner}
        if name in PARAMETERS:
            parameter["description"] = PARAMETERS[name].get(locale)
        parameters.append(parameter)
    return parameters


def _header_parameters(operation: Operation, locale: Locale) -> list[Json]:
    if operation.method in ("GET", "OPTIONS"):
        return []
    about = Text(
        "同一个键的同一请求只生效一次；24 小时内重发得到同样的回答",
        "the same request with the same key takes effect once; sent again within 24 hours it gets"
        " the same answer",
    )
    schema = {"type": "string", "maxLength": 255}
    name = "Idempotency-Key"
    return [{"name": name, "in": "header", "schema": schema, "description": about.get(locale)}]


def _inline_schema(kind: type[msgspec.Struct]) -> Json:
    _, schemas = msgspec.json.schema_components([kind], ref_template=REF)
    schema: Json = schemas[kind.__name__]
    return schema


def _success(operation: Operation) -> Json:
    if operation.answer is None:
        return {"description": operation.summary.en}
    content: Json = {"application/json": {"schema": _ref(operation.answer)}}
    if operation.is_table:
        content["text/csv"] = {"schema": {"type": "string"}}
    success: Json = {"description": operation.answer.__doc__ or operation.summary.en}
    success["content"] = content
    if operation.method == "GET":
        success["headers"] = {"ETag": {"schema": {"type": "string"}}}
    return success


def _failure(locale: Locale) -> Json:
    return {
        "description": Text("问题说明（RFC 9457）", "A problem (RFC 9457)").get(locale),
        "content": {"application/problem+json": {"schema": _ref(Problem)}},
    }


def _photo_body(operation: Operation) -> Json:
    words = _inline_schema(operation.query)["properties"] if operation.query else {}
    form = {
        "type": "object",
        "required": ["photo"],
        "properties": {"photo": {"contentMediaType": "application/octet-stream"}, **words},  # type: ignore[dict-item]
    }
    content: Json = {"multipart/form-data": {"schema": form}}
    content |= {kind: {"schema": {}} for kind in PHOTO_TYPES}
    return {"required": True, "content": content}


def _ref(kind: type[msgspec.Struct]) -> Json:
    return {"$ref": REF.format(name=kind.__name__)}


def show_docs(operations: Sequence[Operation]) -> Handler:
    """The handler that sends the page: no script, nothing from elsewhere."""

    async def send(request: Request) -> Response:
        etag = etag_of(request, 0, f"{__version__} docs")
        if (unchanged := not_modified(request, etag)) is not None:
            return unchanged
        page = _page(operations, request.state.locale)
        headers = cache_headers(request, etag) | {"Content-Security-Policy": POLICY}
        return HTMLResponse(page, headers=headers)

    return send


STYLE = """
:root{color-scheme:light dark;background:Canvas;color:CanvasText;--line:color-mix(in srgb,currentColor 18%,transparent)}
body{font:16px/1.6 system-ui,"Noto Sans CJK SC",sans-serif;max-width:60rem;margin:0 auto;
padding:1.5rem 1rem 4rem}
h1{font-weight:600}h2{margin:2.5rem 0 .5rem;border-bottom:1px solid var(--line)}
details{border-bottom:1px solid var(--line);padding:.5rem 0}
summary{cursor:pointer;display:flex;flex-wrap:wrap;gap:.2rem .8rem;align-items:baseline}
summary b{min-width:4.2rem;font-variant-numeric:tabular-nums}
code{font-family:ui-monospace,monospace;font-size:.92em;overflow-wrap:anywhere}
dl{display:grid;grid-template-columns:minmax(6rem,max-content) 1fr;gap:.2rem 1rem;margin:.6rem 0}
dd{margin:0}.quiet{opacity:.72}
"""
POLICY = page_policy(hash_of_style(STYLE))


def _page(operations: Sequence[Operation], locale: Locale) -> str:
    title = Text("birdwatch 数据接口", "The birdwatch API").get(locale)
    other = Text(
        f'<a href="{PREFIX}/docs?lang=en">English</a>', f'<a href="{PREFIX}/docs?lang=zh">中文</a>'
    )
    groups: dict[str, list[Operation]] = {}
    for operation in operations:
        groups.setdefault(operation.path.split("/")[1], []).append(operation)
    sections = "".join(
        f"<section><h2>{escape(name)}</h2>{''.join(_entry(o, locale) for o in group)}</section>"
        for name, group in groups.items()
    )
    lang = "zh-CN" if locale == "zh" else "en"
    return (
        f'<!doctype html><html lang="{lang}"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        f"<title>{title}</title><style>{STYLE}</style></head><body>"
        f"<h1>{title}</h1><p>{escape(ABOUT.get(locale))}</p>"
        f'<p><a href="{PREFIX}/openapi.json">openapi.json</a> · {other.get(locale)} · '
        f'<a href="/">{Text("首页", "Front page").get(locale)}</a></p>'
        f"{sections}{_problems(locale)}</body></html>"
    )


def _entry(operation: Operation, locale: Locale) -> str:
    path = f"{PREFIX}{operation.path}"
    notes = []
    if operation.needs_admin:
        notes.append(Text("需要管理员登录", "needs an administrator").get(locale))
    elif operation.scope:
        notes.append(Text("令牌权限：", "token scope: ").get(locale) + operation.scope)
    if operation.is_table:
        notes.append("JSON, CSV")
    return (
        f"<details><summary><b>{operation.method}</b><code>{escape(path)}</code>"
        f"<span>{escape(operation.summary.get(locale))}</span>"
        f'<span class="quiet">{escape(" · ".join(notes))}</span></summary>'
        f"{_definitions(operation, locale)}</details>"
    )


def _definitions(operation: Operation, locale: Locale) -> str:
    asked = [
        (name, PARAMETERS.get(name, Text()).get(locale))
        for name in (operation.query.__struct_encode_fields__ if operation.query else ())
    ]
    answered = operation.answer.__struct_encode_fields__ if operation.answer else ()
    sent = operation.body.__struct_encode_fields__ if operation.body else ()
    parts = []
    if asked:
        entries = "".join(
            f"<dt><code>{escape(name)}</code></dt><dd>{escape(words)}</dd>" for name, words in asked
        )
        parts.append(f"<h4>{Text('参数', 'Parameters').get(locale)}</h4><dl>{entries}</dl>")
    if sent:
        parts.append(_names(Text("发送", "Send"), sent, locale))
    if answered:
        parts.append(_names(Text("回答", "Answer"), answered, locale))
    return "".join(parts)


def _names(heading: Text, names: Sequence[str], locale: Locale) -> str:
    return f"<h4>{heading.get(locale)}</h4><p><code>{escape(' '.join(names))}</code></p>"


def _problems(locale: Locale) -> str:
    heading = Text("失败的回答", "Failures").get(locale)
    entries = "".join(
        f"<dt><code>{status}</code></dt><dd>{escape(title.get(locale))}"
        f'<br><span class="quiet">{escape(DETAILS.get(status, Text()).get(locale))}</span></dd>'
        for status, title in TITLES.items()
    )
    return f'<section id="problems"><h2>{heading}</h2><dl>{entries}</dl></section>'
