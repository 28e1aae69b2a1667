"""One archive as seen over the line: what it answers, what it refuses, and how long to try again.

A line that is cut, a server that is overloaded or restarts, and a limit of requests are waited for;
everything else that an archive refuses is told in its own sentence.
"""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AsyncExitStack
from types import TracebackType
from typing import Any, Self, TypeVar

import anyio
import httpx

T = TypeVar("T")
API = "/api/v1"
# To be asked again: what is busy, restarting, behind a proxy that is, or held by an older line.
PASSING = frozenset({408, 423, 425, 429, 460, 500, 502, 503, 504})
FIRST_PAUSE_S = 0.5
LONGEST_PAUSE_S = 30.0
TIMEOUT = httpx.Timeout(60, connect=20, read=180, pool=None)


class Refusal(Exception):  # noqa: N818  a refusal is an answer, not a fault
    """What the archive does not do, in its own words."""

    def __init__(self, status: int, code: str, sentence: str, wait_s: float | None = None) -> None:
        super().__init__(sentence)
        self.status = status
        self.code = code
        self.sentence = sentence
        self.wait_s = wait_s  # what Retry-After said

    @property
    def is_passing(self) -> bool:
        """Whether the same may be asked again soon."""
        return self.status in PASSING and (self.wait_s or 0) <= LONGEST_PAUSE_S * 2


class Cut(Exception):  # noqa: N818
    """The line broke, or there is none."""


class Patience:
    """How long to go on trying without getting any further."""

    def __init__(self, patience_s: float, first_pause_s: float = FIRST_PAUSE_S) -> None:
        self.patience_s = patience_s
        self.first_pause_s = first_pause_s
        self._pause_s = first_pause_s
        self._since: float | None = None
        self._furthest = 0

    def reached(self, at: int) -> None:
        """Who gets further is given short pauses and all the time again."""
        if at > self._furthest:
            self._furthest, self._pause_s, self._since = at, self.first_pause_s, None

    def start_over(self) -> None:
        """The next byte is the first again."""
        self._furthest = 0

    async def wait(self, error: Cut | Refusal) -> None:
        """Pause, each time longer. Raises the error once it has taken too long."""
        if isinstance(error, Refusal) and not error.is_passing:
            raise error
        now = anyio.current_time()
        self._since = now if self._since is None else self._since
        if now - self._since > self.patience_s:
            raise error
        asked = error.wait_s if isinstance(error, Refusal) and error.wait_s else 0.0
        await anyio.sleep(max(asked, self._pause_s * random.uniform(0.6, 1.0)))  # noqa: S311
        self._pause_s = min(self._pause_s * 2, LONGEST_PAUSE_S)


class Connection:
    """An archive at an address, with a token. Use it as `async with`."""

    def __init__(
        self,
        base: str,
        token: str,
        *,
        language: str = "en",
        patience_s: float = 300.0,
        first_pause_s: float = FIRST_PAUSE_S,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        self.base = base.rstrip("/")
        self._patience = (patience_s, first_pause_s)
        self._http = httpx.AsyncClient(
            base_url=self.base,
            headers={
                "Authorization": f"Bearer {token}",
                "Accept-Language": language,
                "Accept": "application/json",
            },
            timeout=TIMEOUT,
            limits=httpx.Limits(max_connections=None, max_keepalive_connections=16),
            follow_redirects=False,  # the token is for this address and no other
            transport=transport,
        )
        self._open = AsyncExitStack()

    async def __aenter__(self) -> Self:
        await self._open.enter_async_context(self._http)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._open.__aexit__(kind, error, trace)

    def patience(self) -> Patience:
        """All the time there is, for one piece of work."""
        return Patience(*self._patience)

    async def ask(
        self,
        method: str,
        path: str,
        *,
        headers: Mapping[str, str] | None = None,
        content: Any = None,
        json: Any = None,
    ) -> httpx.Response:
        """Ask once. Raises Cut where no answer came, Refusal where it was no."""
        try:
            answer = await self._http.request(
                method, path, headers=headers, content=content, json=json
            )
        except (httpx.TransportError, httpx.DecodingError) as error:
            raise Cut(str(error) or type(error).__name__) from error
        if answer.is_success:
            return answer
        raise _refusal(answer)

    async def ask_json(self, method: str, path: str, *, json: Any = None) -> dict[str, Any]:
        """Ask once for an object. What is none, as from a login page on the way, is a Cut."""
        answer = await self.ask(method, path, json=json)
        try:
            told = answer.json()
        except ValueError:
            told = None
        if not isinstance(told, dict):
            raise Cut("not an answer of the archive")
        return told

    async def ask_until(self, work: Callable[[], Awaitable[T]]) -> T:
        """Do this until it is answered, or patience ends."""
        patience = self.patience()
        while True:
            try:
                return await work()
            except (Cut, Refusal) as error:
                await patience.wait(error)


def _refusal(answer: httpx.Response) -> Refusal:
    code = sentence = ""
    if "json" in answer.headers.get("content-type", ""):
        try:
            problem = answer.json()
        except ValueError:
            problem = None
        if isinstance(problem, dict):
            code = str(problem.get("type", "")).rpartition("#")[2]
            sentence = str(problem.get("detail") or problem.get("title") or "")
    if not sentence:
        elsewhere = answer.headers.get("location", "")
        sentence = f"HTTP {answer.status_code} {answer.reason_phrase} {elsewhere}".strip()
    return Refusal(answer.status_code, code, sentence, _seconds(answer.headers.get("retry-after")))


def _seconds(text: str | None) -> float | None:
    return float(text) if text and text.isascii() and text.isdigit() else None
