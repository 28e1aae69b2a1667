"""One effect, however often a write is sent: what a phone on the mudflat needs to try again.

Follows draft-ietf-httpapi-idempotency-key-header. The first request with a key works and its answer
is kept for a day; the same request again gets that answer. Between the effect and the keeping of
its answer a crash leaves the key to its lease: after that the request works anew. Not so for new
surveys, where a second effect would be birds counted twice: their key is written with the survey,
in one transaction, and stays as long as it does (see storage/survey_keys.py).
"""

from __future__ import annotations

import hashlib
import re
import secrets
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from email.message import Message as Header

from anyio import CancelScope
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from birdwatch.domain.errors import ConflictError, MalformedError
from birdwatch.domain.once import Once, reused_key
from birdwatch.http.errors import is_api
from birdwatch.storage.db import Database
from birdwatch.storage.requests import (
    KeptAnswer,
    claim_key,
    free_key,
    hashed,
    hold_key,
    keep_answer,
)

HEADER = "idempotency-key"
REPLAYED = (b"idempotent-replayed", b"true")
WRITES = frozenset({"POST", "PUT", "PATCH", "DELETE"})
KEY = re.compile(r'"([ !#-~]{1,255})"|([!#-~]{1,255})')  # as the draft quotes it, or bare
KEEP_S = 24 * 3600.0
LEASE_S = 120.0  # held anew while a body comes in; the rest of a write takes seconds
MAX_KEPT_BYTES = 1024 * 1024
RETRY_S = 1
TOO_MANY, FAULT = 429, 500
KEPT_WITH_EFFECT = frozenset({("POST", "/api/v1/surveys")})
ONCE_FIELD = "once"
ONCE = re.compile(r"[A-Za-z0-9_-]{22}")


class StillRunningError(ConflictError):
    """The first request with this key has not been answered yet (409)."""

    retry_after_s = RETRY_S


class Idempotency:
    """Inside the request's context: it needs to know who asks."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] not in WRITES or not is_api(scope["path"]):
            await self.app(scope, receive, send)
            return
        request = Request(scope)
        given = request.headers.get(HEADER)
        if given is None or request.state.actor.person_id is None:
            await self.app(scope, receive, send)
            return
        key = _key(request, given)
        if (scope["method"], scope["path"]) in KEPT_WITH_EFFECT:
            request.state.once = body = _Body(request, receive, key, is_leased=False)
            await self.app(scope, body.receive, send)
            return
        body = _Body(request, receive, key)
        now = request.state.now
        found = await claim_key(body.db, key, body.attempt, now, lease_s=LEASE_S, keep_s=KEEP_S)
        if found is False:
            raise _still_running()
        if isinstance(found, KeptAnswer):
            await _send_again(found, body, send)
            return
        await self._work(scope, body, send)

    async def _work(self, scope: Scope, body: _Body, send: Send) -> None:
        """Do it, keep the answer, and only then send it."""
        answer = _Answer()
        try:
            await self.app(scope, body.receive, answer.send)
            await body.drain()
        except BaseException:
            with CancelScope(shield=True):
                await free_key(body.db, body.key, body.attempt, datetime.now(UTC))
            raise
        kept = answer.kept(body)
        now = datetime.now(UTC)
        with CancelScope(shield=True):
            if kept is None:
                await free_key(body.db, body.key, body.attempt, now)
            else:
                await keep_answer(body.db, body.key, body.attempt, kept, now)
        for message in answer.messages:
            await send(message)


def _key(request: Request, given: str) -> str:
    """One key of this sender for this method and address."""
    found = KEY.fullmatch(given)
    if found is None:
        raise MalformedError(
            "idempotency.key",
            zh="Idempotency-Key 须为 1 到 255 个可见 ASCII 字符，可加双引号。",
            en="The Idempotency-Key must be 1 to 255 visible ASCII characters, in double quotes or"
            " without.",
        )
    return hashed(
        request.state.actor.person_id,
        request.headers.get("authorization", ""),
        request.method,
        request.scope["path"],
        found[1] or found[2],
    )


class _Body:
    """The body on its way to the handler, and the fingerprint of what went by.

    A client that sends a form again draws a new boundary, so that boundaries are left out.
    """

    def __init__(
        self, request: Request, receive: Receive, key: str, *, is_leased: bool = True
    ) -> None:
        self.db: Database = request.app.state.archive.db
        self.key = key
        self.attempt = secrets.token_hex(8)
        self.is_whole = False
        self._is_leased = is_leased
        self._receive = receive
        self._is_gone = False
        self._held = time.monotonic()
        kind, self._boundary = _content_type(request.headers.get("content-type", ""))
        self._tail = b""
        self._hash = hashlib.sha256(request.scope.get("query_string", b"") + b"\n" + kind + b"\n")

    async def receive(self) -> Message:
        message = await self._receive()
        if message["type"] != "http.request":
            self._is_gone = True
            return message
        self._feed(message.get("body", b""))
        self.is_whole = not message.get("more_body", False)
        if self._is_leased and time.monotonic() - self._held > LEASE_S / 3:
            self._held = time.monotonic()
            await hold_key(self.db, self.key, self.attempt, datetime.now(UTC), LEASE_S)
        return message

    async def drain(self) -> None:
        """Read what the handler had no need of: the fingerprint is of the whole."""
        while not (self.is_whole or self._is_gone):
            await self.receive()

    def fingerprint(self) -> str:
        whole = self._hash.copy()
        whole.update(self._tail)
        return whole.hexdigest()

    def _feed(self, chunk: bytes) -> None:
        if not self._boundary:
            self._hash.update(chunk)
            return
        held = (self._tail + chunk).replace(self._boundary, b"")
        split = max(0, len(held) - len(self._boundary) + 1)
        self._hash.update(held[:split])
        self._tail = held[split:]


def _content_type(text: str) -> tuple[bytes, bytes]:
    """The content type as it counts for the fingerprint, and the boundary to leave out."""
    header = Header()
    header["Content-Type"] = "".join(c for c in text if c.isprintable())
    boundary = header.get_boundary("")
    if header.get_content_maintype() == "multipart" and boundary:
        return header.get_content_type().encode(), boundary.encode("latin-1", "replace")
    return text.encode("latin-1", "replace"), b""


class _Answer:
    """What the handler sends, held back until it is kept."""

    def __init__(self) -> None:
        self.messages: list[Message] = []

    async def send(self, message: Message) -> None:
        self.messages.append(message)

    def kept(self, body: _Body) -> KeptAnswer | None:
        """The answer to keep; None for a fault, a refusal for now, or one that is too large."""
        if not self.messages or not body.is_whole:
            return None
        start, *parts = self.messages
        whole = b"".join(part.get("body", b"") for part in parts)
        status = start["status"]
        if status >= FAULT or status == TOO_MANY or len(whole) > MAX_KEPT_BYTES:
            return None
        headers = tuple(
            (name.decode("latin-1"), value.decode("latin-1")) for name, value in start["headers"]
        )
        return KeptAnswer(body.fingerprint(), status, headers, whole)


async def _send_again(answer: KeptAnswer, body: _Body, send: Send) -> None:
    """The kept answer, when the request is the one it was given to."""
    await body.drain()
    if not body.is_whole:
        return  # the sender is gone
    if body.fingerprint() != answer.fingerprint:
        raise reused_key()
    headers = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in answer.headers]
    await send(
        {
            "type": "http.response.start",
            "status": answer.status,
            "headers": [*headers, REPLAYED],
        }
    )
    await send({"type": "http.response.body", "body": answer.body})


def new_once() -> str:
    """What a form carries in its field `once`, so that two presses of its button are one."""
    return secrets.token_urlsafe(16)


def once_of(request: Request) -> Once | None:
    """The key this survey came with, once its body is read; None: it came without."""
    body: _Body | None = getattr(request.state, "once", None)
    return None if body is None else Once(body.key, body.fingerprint())


def once_of_form(request: Request, fields: Mapping[str, str]) -> Once | None:
    """The key of a form by its field `once`.

    The fields are part of the key: a form that is changed and sent once more is another.
    """
    if not ONCE.fullmatch(fields.get(ONCE_FIELD, "")):
        return None
    told = "\n".join(f"{name}={value}" for name, value in sorted(fields.items()))
    return Once(hashed("form", request.state.actor.person_id or "", request.scope["path"], told))


def _still_running() -> StillRunningError:
    return StillRunningError(
        "idempotency.running",
        zh="带有这个 Idempotency-Key 的请求仍在处理。请稍后用同一个键重试。",
        en="The request with this Idempotency-Key is still being worked on. Try again shortly, with"
        " the same key.",
    )
