"""How much one reader may ask in a minute, told to them and shared by all processes.

Writes of people are counted one by one in the database. Reads are counted in memory: a read must
not cost a write. Every few seconds each process adds to the common table what the busy ones read,
those past a twentieth of their limit, and learns what they read elsewhere. So an ordinary reader
never causes a write, and with n processes nobody gets more than n twentieths beyond the limit, and
what they can read in those seconds. Visitors' writes are counted as reads are: a flood of them
must not become a flood of transactions.
"""

from __future__ import annotations

import ipaddress
import math
import time
from collections import OrderedDict
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import Literal

import anyio
from limits import RateLimitItemPerMinute
from limits.aio.strategies import FixedWindowRateLimiter
from starlette.requests import Request

from birdwatch.domain.errors import TooManyError
from birdwatch.http.hashing import hash_secret
from birdwatch.http.limits import TableStorage
from birdwatch.http.recurring import repeat
from birdwatch.http.security import SAFE_METHODS
from birdwatch.settings import Settings
from birdwatch.storage.db import Database
from birdwatch.storage.requests import hashed, hit

Kind = Literal["reads", "writes"]
WINDOW_S = 60
PAUSE_S = 2.0
SHARED_FROM = 20  # of a limit, the part that is told to the others
MAX_KEPT = 20_000
PIECES = "/api/v1/uploads/"
PIECE_BYTES = 1024 * 1024
UNCOUNTED = ("/healthz", "/readyz", "/static/")
IPV6_PREFIX = 64  # one household's: it may take any address in it


@dataclass(frozen=True, slots=True)
class Rate:
    """Where a reader stands: what is left of the limit, and for how long."""

    kind: Kind
    limit: int
    left: int
    ends_in_s: float

    @property
    def headers(self) -> dict[str, str]:
        """As draft-ietf-httpapi-ratelimit-headers writes them."""
        return {
            "RateLimit-Policy": f'"{self.kind}";q={self.limit};w={WINDOW_S}',
            "RateLimit": f'"{self.kind}";r={self.left};t={max(0, math.ceil(self.ends_in_s))}',
        }


class RateExceededError(TooManyError):
    """This minute's requests are used up (429)."""

    def __init__(self, rate: Rate) -> None:
        wait_s = max(1, math.ceil(rate.ends_in_s))
        super().__init__(
            f"rate.{rate.kind}",
            zh=f"请求过于频繁：每分钟最多 {rate.limit} 次。请在 {wait_s} 秒后重试。",
            en=f"Too many requests: at most {rate.limit} a minute. Try again in {wait_s} s.",
            retry_after_s=wait_s,
        )
        self.rate = rate


@dataclass(slots=True)
class _Window:
    until: float  # seconds of the wall clock, which all processes share
    limit: int
    shared: int = 0
    own: int = 0


class Rates:
    """The counts of one process, and its part in those of all."""

    def __init__(self, settings: Settings) -> None:
        self._limits: dict[Kind, int] = {
            "reads": settings.rate_reads,
            "writes": settings.rate_writes,
        }
        self._windows: OrderedDict[str, _Window] = OrderedDict()

    async def admit(self, request: Request) -> Rate | None:
        """Count this request. Raises RateExceededError when it is one too many."""
        kind: Kind = "reads" if request.method in SAFE_METHODS else "writes"
        limit = self._limits[kind]
        if not limit or request.scope["path"].startswith(UNCOUNTED):
            return None
        key = hashed(kind, _who(request, kind))
        if _is_piece(request):
            self._refuse_closed(key, limit, time.time())
            return None
        if kind == "writes" and request.state.actor.person_id is not None:
            rate = await self._count_write(request.app.state.archive.db, key, limit)
        else:
            rate = self._count(kind, key, limit, time.time())
        return rate

    async def settle(self, request: Request, received_bytes: int) -> None:
        """Count a piece whose bytes were announced and did not come: it was let in uncounted."""
        limit = self._limits["writes"]
        if not limit or received_bytes >= PIECE_BYTES or not _is_piece(request):
            return
        key = hashed("writes", _who(request, "writes"))
        with suppress(RateExceededError):  # the answer is out; the next one hears of it
            await self._count_write(request.app.state.archive.db, key, limit)

    def _count(self, kind: Kind, key: str, limit: int, now_s: float) -> Rate:
        window = self._windows.get(key)
        if window is None or window.until <= now_s:
            window = self._windows[key] = _Window(now_s + WINDOW_S, limit)
            self._windows.move_to_end(key)
            if len(self._windows) > MAX_KEPT:
                self._windows.popitem(last=False)
        used = window.shared + window.own
        rate = Rate(kind, limit, max(0, limit - used - 1), window.until - now_s)
        if used >= limit:
            raise RateExceededError(rate)
        window.own += 1
        return rate

    async def _count_write(self, db: Database, key: str, limit: int) -> Rate:
        """One by one; who is over the limit costs no more transactions."""
        now_s = time.time()
        self._refuse_closed(key, limit, now_s)
        storage = TableStorage(db)
        limiter, item = FixedWindowRateLimiter(storage), RateLimitItemPerMinute(limit)
        is_allowed = await limiter.hit(item, key)
        stats = await limiter.get_window_stats(item, key)
        rate = Rate("writes", limit, stats.remaining, stats.reset_time - now_s)
        if not is_allowed:
            self._windows[key] = _Window(stats.reset_time, limit, shared=limit)
            raise RateExceededError(rate)
        return rate

    def _refuse_closed(self, key: str, limit: int, now_s: float) -> None:
        closed = self._windows.get(key)
        if closed is not None and closed.until > now_s:
            raise RateExceededError(Rate("writes", limit, 0, closed.until - now_s))

    async def share(self, db: Database) -> None:
        """Add what busy readers read here to what they read elsewhere."""
        now = datetime.now(UTC)
        busy = {
            key: (window, window.own)
            for key, window in self._windows.items()
            if window.own * SHARED_FROM >= window.limit and window.until > now.timestamp()
        }
        if not busy:
            return
        told = [(key, own) for key, (_, own) in busy.items()]
        for (window, own), total in zip(
            busy.values(), await hit(db, told, now, WINDOW_S), strict=True
        ):
            window.own -= own  # more may have come meanwhile
            window.shared = total.count
            window.until = total.until.timestamp()

    async def run(self, db: Database, stop: anyio.Event) -> None:
        """Share every few seconds until told to stop."""
        await repeat(partial(self.share, db), stop, pause_s=PAUSE_S, name="rates")


def _is_piece(request: Request) -> bool:
    """A large piece of an upload: its beginning was counted, and its bytes are the quota's matter.

    So it says itself, by the length it announces; `settle` looks whether they came.
    """
    length = request.headers.get("content-length", "")
    return (
        request.method == "PATCH"
        and request.scope["path"].startswith(PIECES)
        and request.state.actor.person_id is not None
        and length.isdecimal()
        and int(length) >= PIECE_BYTES
    )


def _who(request: Request, kind: Kind) -> str:
    """Whose requests these are: a token's, a person's, or an address's."""
    actor = request.state.actor
    if actor.person_id is None:
        return f"address {address_of(request)}"
    authorization = request.headers.get("authorization")
    if authorization and kind == "reads":
        return f"token {hash_secret(authorization)}"
    return f"person {actor.person_id}"


def address_of(request: Request) -> str:
    """The address that asks; of IPv6 the network that one household has."""
    host = request.client.host if request.client else ""
    try:
        address = ipaddress.ip_address(host.split("%")[0])
    except ValueError:
        return host
    if isinstance(address, ipaddress.IPv4Address):
        return str(address)
    if address.ipv4_mapped is not None:
        return str(address.ipv4_mapped)
    return str(ipaddress.ip_network((address, IPV6_PREFIX), strict=False))
