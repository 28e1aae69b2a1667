"""The server's reading of requests, with an end to it.

uvicorn keeps whatever headers come, for as long as they keep coming; what the application says of
them it can say only once they are whole. Here their size and their time have a bound.
"""

from __future__ import annotations

import asyncio

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

MAX_HEAD_BYTES = 64 * 1024  # above what the application takes, so that it answers in its own shape
HEAD_TIMEOUT_S = 30.0
TOO_LARGE = (
    "请求行和请求头超过 64 KB。请缩短地址，或清除本站的 Cookie。\n"
    "The request line and its headers are larger than 64 KB. Shorten the address, or clear the"
    " cookies of this site.\n"
).encode()


class BoundedHttp(HttpToolsProtocol):
    """Closes a connection whose request does not begin to make sense in time."""

    _head_bytes = 0
    _is_in_head = False
    _timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._start_timer()

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_timer()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if not self._is_in_head or self.transport.is_closing():
            return
        self._head_bytes += len(data)
        if self._head_bytes > MAX_HEAD_BYTES:
            self._refuse()

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._is_in_head, self._head_bytes = True, 0
        self._start_timer()

    def on_headers_complete(self) -> None:
        self._is_in_head = False
        self._stop_timer()
        super().on_headers_complete()

    def _refuse(self) -> None:
        lines = (
            b"HTTP/1.1 431 Request Header Fields Too Large",
            b"content-type: text/plain; charset=utf-8",
            b"content-length: %d" % len(TOO_LARGE),
            b"connection: close",
            b"",
            TOO_LARGE,
        )
        self.transport.write(b"\r\n".join(lines))
        self.transport.close()

    def _start_timer(self) -> None:
        self._stop_timer()
        self._timer = self.loop.call_later(HEAD_TIMEOUT_S, self.transport.close)

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
