from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator
from pathlib import Path
from types import SimpleNamespace

import pytest
from starlette.responses import Response, StreamingResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from birdwatch.http.caching import AnswerCache, matches
from tests.service import running

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize(
    ("header", "is_match"),
    [
        ("", False),
        ('"7-abc"', True),
        ('W/"7-abc"', True),
        ('"6-abc", "7-abc"', True),
        ('"7-abcd"', False),
        ("*", True),
    ],
)
def test_if_none_match_is_compared_weakly(header: str, is_match: bool) -> None:
    assert matches(header, '"7-abc"') is is_match


class Counting:
    """An application that says how often it was asked; its database has a version we set."""

    def __init__(self, body: bytes = b"", headers: dict[str, str] | None = None) -> None:
        self.asked = 0
        self.version = 1
        self.body = body
        self.headers = {"Cache-Control": "public, no-cache", "ETag": '"1"'} | (headers or {})

    def cached_version(self) -> int:
        return self.version

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.asked += 1
        body = self.body or f"answer {self.asked}".encode()
        await Response(body, headers=self.headers)(scope, receive, send)


async def _ask(
    app: ASGIApp,
    counting: Counting,
    *,
    path: str = "/api/v1/counts",
    method: str = "GET",
    query: bytes = b"",
    headers: dict[str, str] | None = None,
) -> tuple[int, bytes]:
    sent: list[Message] = []

    async def receive() -> Message:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Message) -> None:
        sent.append(message)

    state = SimpleNamespace(archive=SimpleNamespace(db=counting))
    scope = {
        "type": "http",
        "method": method,
        "path": path,
        "query_string": query,
        "headers": [(k.encode(), v.encode()) for k, v in (headers or {}).items()],
        "app": SimpleNamespace(state=state),
        "asgi": {"version": "3.0", "spec_version": "2.4"},
    }
    await app(scope, receive, send)
    return sent[0]["status"], b"".join(message.get("body", b"") for message in sent[1:])


async def test_answer_is_kept_while_the_version_stands() -> None:
    counting = Counting()
    cache = AnswerCache(counting)
    assert await _ask(cache, counting) == (200, b"answer 1")
    assert await _ask(cache, counting) == (200, b"answer 1")
    counting.version = 2
    assert await _ask(cache, counting) == (200, b"answer 2")
    assert counting.asked == 2


async def test_answers_differ_by_address_language_and_format() -> None:
    counting = Counting()
    cache = AnswerCache(counting)
    answers = [
        await _ask(cache, counting),
        await _ask(cache, counting, query=b"by=dekad"),
        await _ask(cache, counting, path="/api/v1/counts.csv"),
        await _ask(cache, counting, headers={"accept": "text/csv"}),
        await _ask(cache, counting, headers={"accept-language": "en"}),
        await _ask(cache, counting, headers={"cookie": "locale=en"}),
    ]
    assert [body for _, body in answers] == [b"answer %d" % n for n in range(1, 7)]


@pytest.mark.parametrize(
    "headers", [{"cookie": "locale=en; birdwatch_session=abc"}, {"authorization": "Bearer abc"}]
)
async def test_answers_to_signed_in_readers_are_not_kept(headers: dict[str, str]) -> None:
    counting = Counting()
    cache = AnswerCache(counting)
    await _ask(cache, counting, headers=headers)
    await _ask(cache, counting, headers=headers)
    assert counting.asked == 2


@pytest.mark.parametrize(
    "headers",
    [{"Cache-Control": "private, no-cache"}, {"Cache-Control": "no-store"}, {"Set-Cookie": "a=b"}],
)
async def test_answers_that_are_not_public_are_not_kept(headers: dict[str, str]) -> None:
    counting = Counting(headers=headers)
    cache = AnswerCache(counting)
    await _ask(cache, counting)
    await _ask(cache, counting)
    assert counting.asked == 2


async def test_other_paths_and_methods_pass_through() -> None:
    counting = Counting()
    cache = AnswerCache(counting)
    for path, method in (("/gallery", "GET"), ("/api/v1/counts", "POST")):
        await _ask(cache, counting, path=path, method=method)
        await _ask(cache, counting, path=path, method=method)
    assert counting.asked == 4


async def test_kept_answer_gives_304_and_an_empty_head() -> None:
    counting = Counting()
    cache = AnswerCache(counting)
    await _ask(cache, counting)
    assert await _ask(cache, counting, headers={"if-none-match": '"1"'}) == (304, b"")
    assert await _ask(cache, counting, headers={"if-none-match": '"0"'}) == (200, b"answer 1")
    assert await _ask(cache, counting, method="HEAD") == (200, b"")
    assert counting.asked == 1


async def test_memory_has_a_bound_and_the_least_used_answer_goes_first() -> None:
    counting = Counting(body=b"x" * 400)
    cache = AnswerCache(counting, max_bytes=1000)
    for query in (b"a=1", b"a=2", b"a=1", b"a=3", b"a=1", b"a=2"):
        await _ask(cache, counting, query=query)
    assert counting.asked == 4
    assert cache._bytes == 800


async def test_answer_read_before_a_write_is_not_kept_for_after_it() -> None:
    class Writing(Counting):
        async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
            await super().__call__(scope, receive, send)
            self.version += 1 if self.asked == 1 else 0

    counting = Writing()
    cache = AnswerCache(counting)
    await _ask(cache, counting)
    assert await _ask(cache, counting) == (200, b"answer 2")
    assert await _ask(cache, counting) == (200, b"answer 2")


async def test_public_answer_without_etag_gets_one_of_its_bytes() -> None:
    class Page(Counting):
        async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
            self.asked += 1
            headers = {"Cache-Control": "public, no-cache"}
            await Response(b"<p>spring", headers=headers)(scope, receive, send)

    counting = Page()
    cache = AnswerCache(counting)
    etag = f'"{hashlib.sha256(b"<p>spring").hexdigest()[:24]}"'
    for path in ("/seasons/2026-spring", "/seasons/2025-spring"):
        first = await _ask(cache, counting, path=path, headers={"if-none-match": etag})
        assert first == (304, b"")
    assert await _ask(cache, counting, path="/seasons/2026-spring") == (200, b"<p>spring")
    assert counting.asked == 2


async def test_answer_in_parts_passes_through_whole() -> None:
    class Streaming(Counting):
        async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
            self.asked += 1

            async def parts() -> AsyncIterator[bytes]:
                yield b"one "
                yield b"two"

            await StreamingResponse(parts(), headers=self.headers)(scope, receive, send)

    counting = Streaming()
    cache = AnswerCache(counting)
    assert await _ask(cache, counting) == (200, b"one two")
    assert await _ask(cache, counting) == (200, b"one two")
    assert counting.asked == 2


async def test_archive_is_told_from_another_at_the_same_address(tmp_path: Path) -> None:
    keys = []
    for home in ("a", "a", "b"):
        async with running(tmp_path / home, "") as service:
            keys.append(service.app.state.archive_key)
    assert keys[0] == keys[1]
    assert keys[0] != keys[2]
