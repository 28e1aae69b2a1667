"""Around every request: who asks, in which language, on which database; headers and log after it.

Pure ASGI, so that bodies stream and the database context reaches the handler.
"""

from __future__ import annotations

import logging
import re
import secrets
import time
from contextlib import suppress
from datetime import UTC, datetime
from urllib.parse import quote, urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from birdwatch.domain.errors import BirdwatchError, ForbiddenError, NotSignedInError, TooLargeError
from birdwatch.domain.gpx import MAX_GPX_BYTES
from birdwatch.domain.policy import VISITOR
from birdwatch.http.accounts import require_csrf, token_actor
from birdwatch.http.caching import VARY
from birdwatch.http.errors import is_api, on_unexpected, respond_to
from birdwatch.http.hashing import hash_secret
from birdwatch.http.negotiation import choose_locale
from birdwatch.http.rates import RateExceededError, Rates
from birdwatch.http.security import DATA_HEADERS, HSTS, PAGE_HEADERS, SAFE_METHODS, check_request
from birdwatch.http.sessions import actor_of, cookie_name, find_session, is_secure
from birdwatch.settings import Settings
from birdwatch.storage.failing import translated

log = logging.getLogger("birdwatch.http")
FILES_PER_FORM = 50
FORM_SLACK_BYTES = 1024 * 1024
SECRET_PATHS = frozenset({"invitations", "reset"})
REQUEST_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")


class RequestContext:
    """Gives `request.state` now, locale, actor and csrf; turns refusals here into answers."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        request = Request(scope, receive)
        _prepare(request)
        response_headers = _HeaderWriter(request, send)
        with request.app.state.archive.db.activate():
            try:
                check_request(request)
                with translated():  # a database that broke off while something was read
                    await _admit(request)
                    limited = _limit_body(request, receive)
                    await self.app(scope, limited, response_headers.send)
            except BirdwatchError as error:
                if response_headers.status:
                    raise  # half an answer is out: the connection ends, and that says it
                if isinstance(error, RateExceededError):
                    request.state.rate = error.rate
                response = respond_to(request, error)
                await response(scope, receive, response_headers.send)
            except Exception as error:
                # A fault of ours: answered here, where headers are added; the server logs it.
                if not response_headers.status:
                    response = await on_unexpected(request, error)
                    await response(scope, receive, response_headers.send)
                raise
            finally:
                await _settle(request)
                _log(request, response_headers.status)


def _prepare(request: Request) -> None:
    state = request.state
    given = request.headers.get("x-request-id", "")
    state.request_id = given if REQUEST_ID.fullmatch(given) else secrets.token_hex(8)
    state.started = time.monotonic()
    state.now = datetime.now(UTC)
    state.locale = choose_locale(request.query_params, request.headers)
    state.actor = VISITOR
    state.csrf = ""
    state.error_code = ""
    state.rate = None
    state.received_bytes = 0


class _HeaderWriter:
    """Adds what every answer carries, unless its handler has decided otherwise."""

    def __init__(self, request: Request, send: Send) -> None:
        self._request = request
        self._send = send
        self.status = 0

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            headers = MutableHeaders(scope=message)
            is_page = headers.get("content-type", "").startswith("text/html")
            if self.status != 304:  # what it says replaces what the reader's copy was sent with
                for name, value in (PAGE_HEADERS if is_page else DATA_HEADERS).items():
                    headers.setdefault(name, value)
            rate = self._request.state.rate
            if rate is not None and (self.status == 429 or is_api(self._request.scope["path"])):
                headers.update(rate.headers)
            if is_secure(self._request):
                headers.setdefault("Strict-Transport-Security", HSTS)
            if is_page:
                # Pages are asked about every time; those of signed-in readers are theirs alone.
                shared = "public" if self._request.state.actor.role is None else "private"
                headers.setdefault("Cache-Control", f"{shared}, no-cache")
                headers.setdefault("Vary", VARY)
            if self.status >= 400:
                headers["X-Request-Id"] = self._request.state.request_id
        await self._send(message)


async def _admit(request: Request) -> None:
    """Find out who asks, and count it; a token that is none counts for its address."""
    rates: Rates = request.app.state.rates
    try:
        await _identify(request)
    except NotSignedInError:
        await rates.admit(request)
        raise
    request.state.rate = await rates.admit(request)


async def _settle(request: Request) -> None:
    """Count what was let in for bytes that did not come; a database that is away counts nothing."""
    rates: Rates = request.app.state.rates
    with suppress(BirdwatchError), translated():
        await rates.settle(request, request.state.received_bytes)


async def _identify(request: Request) -> None:
    """Find the actor by token or cookie, and refuse writes that another site made a browser send."""
    db = request.app.state.archive.db
    state = request.state
    authorization = request.headers.get("authorization")
    cookie = request.cookies.get(cookie_name(request))
    if authorization:
        secret = _bearer(authorization)
        state.actor = await token_actor(db, secret, state.now)
        request.app.state.seen.note("token", hash_secret(secret), state.now)
        return
    if cookie and (session := await find_session(db, cookie, state.now)):
        state.actor = actor_of(session.person)
        state.csrf = session.csrf
        request.app.state.seen.note("session", hash_secret(cookie), state.now)
    if request.method not in SAFE_METHODS:
        _require_same_origin(request)
        if is_api(request.scope["path"]):
            require_csrf(request)


def _bearer(authorization: str) -> str:
    scheme, _, secret = authorization.partition(" ")
    if scheme.lower() != "bearer" or not secret.strip():
        raise NotSignedInError(
            "token.scheme",
            zh="请以 “Authorization: Bearer 令牌” 的形式发送访问令牌。",
            en="Send the access token as “Authorization: Bearer TOKEN”.",
        )
    return secret.strip()


def _require_same_origin(request: Request) -> None:
    """Browsers name the page that sent a form; forms of other sites are not taken."""
    headers = request.headers
    origin = headers.get("origin")
    base_url: str = request.app.state.archive.settings.base_url
    own = {headers.get("host", "").lower(), urlsplit(base_url).netloc.lower()} - {""}
    is_foreign = origin is not None and urlsplit(origin).netloc.lower() not in own
    if is_foreign or headers.get("sec-fetch-site") == "cross-site":
        raise ForbiddenError(
            "csrf.origin",
            zh="请求来自其他网站，未被接受。请在本站页面上操作。",
            en="The request came from another site and was not taken. Use the pages of this site.",
        )


def body_limit(settings: Settings, path: str) -> int:
    """How many bytes a request to this path may carry."""
    if path.startswith("/api/v1/uploads") and path != "/api/v1/uploads/known":
        return settings.max_photo_bytes
    if path in ("/api/v1/photos", "/upload"):
        files = FILES_PER_FORM if path == "/upload" else 1
        return settings.max_photo_bytes * files + FORM_SLACK_BYTES
    if path in ("/tracks", "/api/v1/tracks"):
        return MAX_GPX_BYTES + FORM_SLACK_BYTES
    return settings.max_body_bytes


def _limit_body(request: Request, receive: Receive) -> Receive:
    limit = body_limit(request.app.state.archive.settings, request.scope["path"])
    announced = _content_length(request.headers)
    state = request.state

    async def limited() -> Message:
        if announced > limit:
            raise _too_large(limit)
        message = await receive()
        state.received_bytes += len(message.get("body", b""))
        if state.received_bytes > limit:
            raise _too_large(limit)
        return message

    return limited


def _content_length(headers: Headers) -> int:
    text = headers.get("content-length", "0")
    return int(text) if text.isascii() and text.isdigit() else 0


def _too_large(limit: int) -> TooLargeError:
    mebibytes = max(1, round(limit / (1024 * 1024)))
    return TooLargeError(
        "body.too_large",
        zh=f"请求内容超过上限（约 {mebibytes} MB）。请分批发送或减小文件。",
        en=f"The request is larger than the limit of about {mebibytes} MB."
        " Send it in parts, or a smaller file.",
    )


def _logged_path(path: str) -> str:
    """The path, without the secret that the links of invitations and resets end with."""
    first = path.split("/", 2)[1] if path.startswith("/") else ""
    return f"/{first}/…" if first in SECRET_PATHS else quote(path)


def _log(request: Request, status: int) -> None:
    """One line per failed request: never the query, which may hold positions or names."""
    if 0 < status < 400:
        return
    state = request.state
    log.log(
        logging.ERROR if status >= 500 or status == 0 else logging.WARNING,
        "request id=%s method=%s path=%s status=%d code=%s actor=%s ms=%d",
        state.request_id,
        quote(request.method),
        _logged_path(request.scope["path"]),
        status or 500,
        state.error_code or "-",
        state.actor.person_id or "-",
        (time.monotonic() - state.started) * 1000,
    )
