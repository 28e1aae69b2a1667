"""How often a password may be guessed, counted for all processes in one table.

A guess is counted before the password is looked at, so that many at once are no way around it, and
given back when it was right. Nobody is locked out: an account under attack still opens to the
right password from an address that has not guessed.
"""

from __future__ import annotations

import math
from datetime import UTC, datetime

from limits import RateLimitItem, RateLimitItemPerSecond
from limits.aio.storage import Storage
from limits.aio.strategies import FixedWindowRateLimiter

from birdwatch.domain.errors import TooManyError
from birdwatch.storage.db import Database
from birdwatch.storage.requests import forget_hits, give_back, hashed, hit, hits_of

WITHIN_S = 600
PER_ADDRESS = 5  # times as many for all accounts from one address: a household, a reserve's office
PER_ACCOUNT = 10  # times as many for one account from all addresses


class TooManyAttemptsError(TooManyError):
    """Wait before the next attempt (429)."""

    def __init__(self, wait_s: float) -> None:
        minutes = max(1, math.ceil(wait_s / 60))
        super().__init__(
            "sign_in.too_many",
            zh=f"登录失败次数过多。请在 {minutes} 分钟后重试。",
            en=f"Too many failed sign-ins. Try again in {minutes} min.",
            retry_after_s=max(1, math.ceil(wait_s)),
        )


class TableStorage(Storage):
    """The archive's database as a storage of the `limits` library: windows in one table."""

    STORAGE_SCHEME = ["birdwatch"]  # noqa: RUF012 (as the library declares it)

    def __init__(self, db: Database) -> None:
        super().__init__()
        self._db = db

    @property
    def base_exceptions(self) -> type[Exception]:
        return TooManyError  # none is wrapped: storage says itself what went wrong

    async def incr(self, key: str, expiry: int, amount: int = 1) -> int:
        found = await hit(self._db, [(hashed(key), amount)], datetime.now(UTC), expiry)
        return found[0].count

    async def get(self, key: str) -> int:
        found = await hits_of(self._db, hashed(key), datetime.now(UTC))
        return found.count if found else 0

    async def get_expiry(self, key: str) -> float:
        now = datetime.now(UTC)
        found = await hits_of(self._db, hashed(key), now)
        return (found.until if found else now).timestamp()

    async def decr(self, *keys: str) -> None:
        """Give back one of each."""
        await give_back(self._db, [hashed(key) for key in keys], datetime.now(UTC))

    async def check(self) -> bool:
        await self._db.dataset_version()
        return True

    async def reset(self) -> int | None:
        return None  # nobody forgets what all processes count

    async def clear(self, key: str) -> None:
        await forget_hits(self._db, [hashed(key)], datetime.now(UTC))


class Attempts:
    """Failed sign-ins of the last ten minutes: by account and address, by each alone."""

    def __init__(self, db: Database, allowed: int) -> None:
        self._storage = TableStorage(db)
        self._limiter = FixedWindowRateLimiter(self._storage)
        self._pair, self._address, self._account = (
            _limit(allowed * times, name)
            for times, name in ((1, "pair"), (PER_ADDRESS, "address"), (PER_ACCOUNT, "account"))
        )

    async def check(self, key: tuple[str, str]) -> None:
        """Count an attempt of this login and address. Raises TooManyAttemptsError."""
        login, address = key
        is_allowed = await self._limiter.hit(self._pair, login, address)
        if not is_allowed:
            await self._refuse(self._pair, login, address)
        if not await self._limiter.hit(self._address, address):
            await self._refuse(self._address, address)
        if not await self._limiter.hit(self._account, login):
            # Under attack from many places: one try for each, and the owner's is the right one.
            tried = await self._storage.get(self._pair.key_for(login, address))
            if tried > 1:
                await self._refuse(self._account, login)

    async def clear(self, key: tuple[str, str]) -> None:
        """Forget the attempts of somebody who got in."""
        login, address = key
        await self._limiter.clear(self._pair, login, address)
        await self._storage.decr(self._address.key_for(address), self._account.key_for(login))

    async def _refuse(self, limit: RateLimitItem, *names: str) -> None:
        until = await self._storage.get_expiry(limit.key_for(*names))
        raise TooManyAttemptsError(until - datetime.now(UTC).timestamp())


def _limit(amount: int, name: str) -> RateLimitItem:
    return RateLimitItemPerSecond(amount, WITHIN_S, f"sign-in-{name}")
