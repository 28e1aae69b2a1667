"""Answers that cost nothing while nothing has changed.

Everything published is a function of the dataset version, the address, the language and the reader.
So an ETag needs no look at the data, and the answers that summarise many rows are kept as the bytes
that were sent, until the version moves on.
"""

from __future__ import annotations

import hashlib
import time
from collections import OrderedDict
from dataclasses import dataclass
from datetime import UTC, datetime

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from birdwatch import __version__
from birdwatch.domain.policy import lens_of
from birdwatch.http.sessions import COOKIE
from birdwatch.storage.db import Database
from birdwatch.storage.identity import archive_id

CACHED_PREFIXES = ("/api/v1/counts", "/api/v1/seasons/", "/seasons/", "/species")
MAX_BYTES = 32 * 1024 * 1024
MAX_ANSWER_BYTES = 4 * 1024 * 1024
MAX_AGE_S = 60.0  # pages name today's date
VARY = "Accept, Accept-Language, Cookie, Authorization"
_KEYED = frozenset({b"accept", b"accept-language", b"cookie", b"host"})
OWN = frozenset({b"ratelimit", b"ratelimit-policy"})
_SESSION = COOKIE.encode() + b"="  # the end of the secure cookie's name too


async def archive_key(db: Database) -> str:
    """Tells this archive and this release from others that reach the same dataset version."""
    name = await archive_id(db, datetime.now(UTC))
    return hashlib.sha256(f"{__version__} {name}".encode()).hexdigest()[:12]


def etag_of(request: Request, version: int, kind: str = "") -> str:
    """A strong ETag of this address at this dataset version, for this reader and language.

    `kind` tells representations of one address apart, and whatever else the answer depends on.
    """
    state = request.state
    parts = (
        request.app.state.archive_key,
        request.scope["path"],
        request.scope.get("query_string", b"").decode("latin-1"),
        state.locale,
        state.actor.person_id or "",
        state.actor.role or "",
        lens_of(state.actor, state.now).view,  # a grant ends without a write
        ",".join(sorted(state.actor.scopes or ())),
        state.csrf,
        kind,
    )
    digest = hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16]
    return f'"{version}-{digest}"'


def cache_headers(request: Request, etag: str) -> dict[str, str]:
    """Headers by which a copy may be kept but must be asked about before it is used."""
    shared = "public" if request.state.actor.role is None else "private"
    return {"ETag": etag, "Cache-Control": f"{shared}, no-cache", "Vary": VARY}


def not_modified(request: Request, etag: str) -> Response | None:
    """The 304 answer when the reader's copy is this one, else None."""
    if request.method not in ("GET", "HEAD"):
        return None
    if not matches(request.headers.get("if-none-match", ""), etag):
        return None
    return Response(status_code=304, headers=cache_headers(request, etag))


def matches(if_none_match: str, etag: str) -> bool:
    """Weak comparison, as If-None-Match asks for (RFC 9110, 13.1.2)."""
    if not if_none_match:
        return False
    wanted = etag.removeprefix("W/")
    given = [tag.strip().removeprefix("W/") for tag in if_none_match.split(",")]
    return wanted in given or given == ["*"]


@dataclass(frozen=True, slots=True)
class Answer:
    """A whole answer as it was sent, and when it is out of date."""

    version: int
    until: float
    start: Message
    body: bytes
    etag: str
    not_modified: Message


class AnswerCache:
    """Outermost: answers visitors' summaries from memory while the dataset version stands.

    Nothing is kept for a reader with a session or a token, and the memory taken has a bound.
    """

    def __init__(self, app: ASGIApp, max_bytes: int = MAX_BYTES) -> None:
        self.app = app
        self.max_bytes = max_bytes
        self._answers: OrderedDict[tuple[object, ...], Answer] = OrderedDict()
        self._bytes = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if (
            scope["type"] != "http"
            or scope["method"] not in ("GET", "HEAD")
            or not scope["path"].startswith(CACHED_PREFIXES)
        ):
            await self.app(scope, receive, send)
            return
        key, if_none_match = _key(scope)
        if key is None:
            await self.app(scope, receive, send)
            return
        db: Database = scope["app"].state.archive.db
        version = db.cached_version()
        if version is None:
            with db.activate():
                version = await db.dataset_version()
        answer = self._answers.get(key)
        if answer is None or answer.version != version or answer.until < time.monotonic():
            keeping = _Keeping(self, key, version, if_none_match, send)
            is_get = scope["method"] == "GET"
            await self.app(scope, receive, keeping.send if is_get else send)
            return
        self._answers.move_to_end(key)
        await _send(answer, if_none_match, send, is_head=scope["method"] == "HEAD")

    def store(self, key: tuple[object, ...], answer: Answer) -> None:
        """Keep this answer; the least used go when the memory is full."""
        if len(answer.body) > MAX_ANSWER_BYTES:
            return
        old = self._answers.pop(key, None)
        if old is not None:
            self._bytes -= len(old.body)
        self._answers[key] = answer
        self._bytes += len(answer.body)
        while self._bytes > self.max_bytes:
            _, dropped = self._answers.popitem(last=False)
            self._bytes -= len(dropped.body)


def _key(scope: Scope) -> tuple[tuple[object, ...] | None, bytes]:
    """What the answer may depend on, and the reader's If-None-Match; None: do not keep."""
    keyed: list[bytes] = []
    if_none_match = b""
    for name, value in scope["headers"]:
        if name in _KEYED:
            if name == b"cookie" and _SESSION in value:
                return None, b""
            keyed.append(name + value)
        elif name == b"authorization":
            return None, b""
        elif name == b"if-none-match":
            if_none_match = value
    return (scope["path"], scope.get("query_string", b""), *keyed), if_none_match


class _Keeping:
    """Passes an answer on, and keeps it if it is whole and public."""

    def __init__(
        self,
        cache: AnswerCache,
        key: tuple[object, ...],
        version: int,
        if_none_match: bytes,
        send: Send,
    ) -> None:
        self._cache = cache
        self._key = key
        self._version = version
        self._if_none_match = if_none_match
        self._send = send
        self._start: Message | None = None

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self._start = message
            return
        start, self._start = self._start, None
        if start is None:
            await self._send(message)
            return
        answer = None if message.get("more_body") else _answer(self._version, start, message)
        if answer is None:
            await self._send(start)
            await self._send(message)
            return
        self._cache.store(self._key, answer)
        await _send(answer, self._if_none_match, self._send, is_head=False)


def _answer(version: int, start: Message, message: Message) -> Answer | None:
    """The answer to keep, with an ETag of its bytes where it has none; None: not for everyone."""
    headers = dict(start["headers"])
    if start["status"] != 200 or b"set-cookie" in headers:
        return None
    if b"public" not in headers.get(b"cache-control", b""):
        return None
    body = message.get("body", b"")
    # What is left of a limit is one reader's; an answer from memory counts for nobody.
    public = [(name, value) for name, value in start["headers"] if name not in OWN]
    start = {**start, "headers": public}
    if b"etag" not in headers:
        headers[b"etag"] = f'"{hashlib.sha256(body).hexdigest()[:24]}"'.encode()
        start = {**start, "headers": [*start["headers"], (b"etag", headers[b"etag"])]}
    kept = (b"etag", b"cache-control", b"vary")
    return Answer(
        version,
        time.monotonic() + MAX_AGE_S,
        start,
        body,
        headers[b"etag"].decode("latin-1"),
        {
            "type": "http.response.start",
            "status": 304,
            "headers": [(name, value) for name, value in start["headers"] if name in kept],
        },
    )


async def _send(answer: Answer, if_none_match: bytes, send: Send, *, is_head: bool) -> None:
    if if_none_match and answer.etag and matches(if_none_match.decode("latin-1"), answer.etag):
        await send(answer.not_modified)
        await send({"type": "http.response.body", "body": b""})
        return
    await send(answer.start)
    await send({"type": "http.response.body", "body": b"" if is_head else answer.body})
