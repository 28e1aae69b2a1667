"""From what went wrong to an answer: the only place that knows HTTP statuses.

Under /api a failure is a problem document (RFC 9457), everywhere else the page that the web surface
draws. Both say the same sentence, in the reader's language.
"""

from __future__ import annotations

import html
from collections.abc import Mapping

import msgspec
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import HTMLResponse, Response

from birdwatch.domain.errors import (
    BirdwatchError,
    ChecksumError,
    ConflictError,
    FieldError,
    ForbiddenError,
    GoneError,
    InvalidInputError,
    LockedError,
    MalformedError,
    NotFoundError,
    NotSignedInError,
    TooLargeError,
    TooManyError,
    UnavailableError,
    UnsupportedMediaError,
    UnsupportedVersionError,
)
from birdwatch.domain.text import Text
from birdwatch.http.negotiation import locale_of
from birdwatch.http.security import HeadersTooLargeError

STATUSES: dict[type[BirdwatchError], int] = {
    MalformedError: 400,
    NotSignedInError: 401,
    ForbiddenError: 403,
    NotFoundError: 404,
    GoneError: 410,
    ConflictError: 409,
    UnsupportedVersionError: 412,
    TooLargeError: 413,
    UnsupportedMediaError: 415,
    InvalidInputError: 422,
    LockedError: 423,
    TooManyError: 429,
    HeadersTooLargeError: 431,
    ChecksumError: 460,
    UnavailableError: 503,
}
STORAGE_FULL = "storage.full"
TITLES: dict[int, Text] = {
    400: Text("请求无法读取", "The request cannot be read"),
    401: Text("需要登录", "Sign-in needed"),
    403: Text("没有权限", "Not allowed"),
    404: Text("没有找到", "Not found"),
    405: Text("不支持这种方法", "Method not allowed"),
    409: Text("与现有内容冲突", "Conflict"),
    410: Text("已失效", "No longer valid"),
    412: Text("版本不受支持", "Version not supported"),
    413: Text("内容过大", "Too large"),
    415: Text("不支持的格式", "Unsupported format"),
    422: Text("输入有误", "Invalid input"),
    423: Text("正在写入", "Being written"),
    429: Text("请求过多", "Too many requests"),
    431: Text("请求头过大", "Headers too large"),
    460: Text("校验和不符", "Checksum mismatch"),
    500: Text("服务器出错", "Server error"),
    503: Text("暂时不可用", "Unavailable for now"),
    507: Text("存储空间不足", "Storage is full"),
}
DETAILS: dict[int, Text] = {
    400: Text(
        "请求的格式无法读取。请检查后重新发送。",
        "The request is not in a form that can be read. Check it and send it again.",
    ),
    404: Text(
        "这个地址没有内容。请检查链接，或从首页开始查找。",
        "There is nothing at this address. Check the link, or start from the front page.",
    ),
    405: Text(
        "这个地址不支持该请求方法。可用的方法见 Allow 响应头。",
        "This address does not take that method. The Allow header names those it takes.",
    ),
    500: Text(
        "服务器遇到意外错误，已记录。请稍后重试。",
        "Something unexpected went wrong and has been recorded. Try again later.",
    ),
}
FORM_LIMITS = ("Too many ", "Part exceeded", "Field exceeded")  # as starlette says it
FORM_TOO_LARGE = Text(
    "表单的字段或文件过多，或某个字段过长。请分批发送，或缩短内容。",
    "The form has too many fields or files, or one of its fields is too long. Send it in parts, or"
    " shorten it.",
)
CHALLENGE = {"WWW-Authenticate": 'Bearer realm="birdwatch"'}


class FieldProblem(msgspec.Struct, frozen=True):
    """One field of the input and what is wrong with it."""

    field: str
    message: str


class Problem(msgspec.Struct, frozen=True):
    """A failure as every route of the API says it (RFC 9457)."""

    type: str
    title: str
    status: int
    detail: str
    errors: list[FieldProblem] = []


def status_of(error: BirdwatchError) -> int:
    """The HTTP status of a domain error."""
    if error.code == STORAGE_FULL:
        return 507
    return next(STATUSES[kind] for kind in type(error).__mro__ if kind in STATUSES)


def is_api(path: str) -> bool:
    """Whether this path belongs to the JSON surface."""
    return path.startswith("/api/") or path == "/api"


def respond(
    request: Request,
    status: int,
    code: str,
    detail: Text,
    *,
    errors: tuple[FieldError, ...] = (),
    headers: Mapping[str, str] | None = None,
) -> Response:
    """The answer to a failure: a problem document or a page."""
    request.state.error_code = code
    locale = locale_of(request)
    title = TITLES.get(status) or TITLES[500 if status >= 500 else 400]
    extra = {**(headers or {}), "Cache-Control": "no-store"}
    if is_api(request.scope["path"]):
        problem = Problem(
            f"/api/v1/docs#{code}",
            title.get(locale),
            status,
            detail.get(locale),
            [FieldProblem(e.field, e.message.get(locale)) for e in errors],
        )
        if status == 401:
            extra.update(CHALLENGE)
        body = msgspec.json.encode(problem)
        return Response(body, status, extra, "application/problem+json")
    response = _page(request, status, title, detail.get(locale))
    response.headers.update(extra)
    return response


def _page(request: Request, status: int, title: Text, detail: str) -> Response:
    render = getattr(request.app.state, "render_error", None)
    if render is None:
        heading = html.escape(title.get(locale_of(request)))
        return HTMLResponse(
            f"<!doctype html><meta charset=utf-8><title>{heading}</title>"
            f"<h1>{heading}</h1><p>{html.escape(detail)}</p>",
            status,
        )
    response: Response = render(request, status, title, detail)
    return response


def respond_to(request: Request, error: BirdwatchError) -> Response:
    """The answer to a domain error."""
    headers = None
    if error.retry_after_s is not None:
        headers = {"Retry-After": str(error.retry_after_s)}
    status = status_of(error)
    return respond(request, status, error.code, error.text, errors=error.errors, headers=headers)


async def on_birdwatch_error(request: Request, error: Exception) -> Response:
    """What our own rules refuse."""
    if not isinstance(error, BirdwatchError):
        raise error
    return respond_to(request, error)


async def on_http_exception(request: Request, error: Exception) -> Response:
    """What the framework itself refuses: unknown paths, wrong methods, unreadable forms."""
    if not isinstance(error, HTTPException):
        raise error
    status = error.status_code
    if status == 400 and str(error.detail).startswith(FORM_LIMITS):
        return respond(request, 413, "form.too_large", FORM_TOO_LARGE)
    detail = DETAILS.get(status, DETAILS[500 if status >= 500 else 400])
    return respond(request, status, f"http.{status}", detail, headers=error.headers)


async def on_disconnect(request: Request, _error: Exception) -> Response:
    """Nobody is left to answer; the status is for the log."""
    request.state.error_code = "http.disconnect"
    return Response(status_code=400)


async def on_unexpected(request: Request, _error: Exception) -> Response:
    """A fault of ours. The trace goes to the log, never to the reader."""
    return respond(request, 500, "http.500", DETAILS[500])


HANDLERS = {
    BirdwatchError: on_birdwatch_error,
    HTTPException: on_http_exception,
    ClientDisconnect: on_disconnect,
    Exception: on_unexpected,
}
