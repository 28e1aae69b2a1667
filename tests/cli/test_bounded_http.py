"""Requests that no server should listen to for ever, over real sockets."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
import uvicorn

from birdwatch.app import create_app
from birdwatch.cli import bounded_http
from birdwatch.cli.bounded_http import BoundedHttp
from birdwatch.settings import Settings

pytestmark = pytest.mark.anyio


@dataclass(frozen=True)
class Server:
    """Where it listens."""

    port: int

    async def ask(self, *parts: bytes, pause_s: float = 0.0) -> bytes:
        """Everything that is answered to these bytes until the connection closes."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        try:
            for part in parts:
                writer.write(part)
                await asyncio.sleep(pause_s)
            answer = b""
            with contextlib.suppress(ConnectionResetError):  # closed with bytes of ours unread
                while chunk := await asyncio.wait_for(reader.read(65536), 10):
                    answer += chunk
            return answer
        finally:
            writer.close()


@asynccontextmanager
async def _serving(home: Path, **settings: object) -> AsyncIterator[Server]:
    app = create_app(Settings(home=home, **settings))  # type: ignore[arg-type]
    config = uvicorn.Config(app, port=0, http=BoundedHttp, log_level="error", access_log=False)
    server = uvicorn.Server(config)
    task = asyncio.create_task(server._serve())
    while not server.started:
        await asyncio.sleep(0.01)
    try:
        yield Server(server.servers[0].sockets[0].getsockname()[1])
    finally:
        server.should_exit = True
        await task


def _get(*lines: bytes, target: bytes = b"/api/v1/sites", host: bytes = b"birds.test") -> bytes:
    head = (b"GET %s HTTP/1.1" % target, b"Host: %s" % host, b"Connection: close", *lines)
    return b"\r\n".join((*head, b"", b""))


async def test_headers_without_end_are_refused(tmp_path: Path) -> None:
    async with _serving(tmp_path) as server:
        endless = [b"GET / HTTP/1.1\r\n", *(b"X-%d: %s\r\n" % (n, b"a" * 8000) for n in range(9))]
        answer = await server.ask(*endless, pause_s=0.02)
        assert answer.startswith(b"HTTP/1.1 431 ")
        assert "请求头超过".encode() in answer
        assert b"clear the cookies" in answer
        whole = await server.ask(_get(b"X-Long: " + b"a" * 20_000))
        assert whole.startswith(b"HTTP/1.1 431 ")
        assert b"application/problem+json" in whole


async def test_ordinary_requests_pass(tmp_path: Path) -> None:
    async with _serving(tmp_path) as server:
        assert (await server.ask(_get())).startswith(b"HTTP/1.1 200 ")
        first = _get().replace(b"Connection: close\r\n", b"")
        assert (await server.ask(first + _get())).count(b"HTTP/1.1 200 ") == 2
        large = b"POST /api/v1/surveys HTTP/1.1\r\nHost: a\r\nConnection: close\r\n"
        large += b"Content-Length: 300000\r\n\r\n" + b" " * 300_000
        assert (await server.ask(large)).startswith(b"HTTP/1.1 401 ")


async def test_silence_ends(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bounded_http, "HEAD_TIMEOUT_S", 0.3)
    async with _serving(tmp_path) as server:
        assert await server.ask(b"") == b""
        assert await server.ask(b"GET / HTTP/1.1\r\nHost: a\r\n") == b""


async def test_host_of_an_absolute_target_counts_for_nothing(tmp_path: Path) -> None:
    async with _serving(tmp_path, trusted_hosts=("birds.example",)) as server:
        ours = await server.ask(
            _get(target=b"http://evil.example/api/v1/sites", host=b"birds.example")
        )
        assert ours.startswith(b"HTTP/1.1 200 ")
        assert b"evil" not in ours
        theirs = await server.ask(
            _get(target=b"http://birds.example/api/v1/sites", host=b"evil.example")
        )
        assert theirs.startswith(b"HTTP/1.1 400 ")
        without = await server.ask(b"GET /api/v1/sites HTTP/1.0\r\n\r\n")
        assert without.startswith(b"HTTP/1.1 400 ")
