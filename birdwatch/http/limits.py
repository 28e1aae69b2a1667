"""How often a password may be guessed: a few times, then a wait. In memory, and bounded."""

from __future__ import annotations

import math
from collections import OrderedDict, deque

from birdwatch.domain.errors import TooManyError

MAX_FAILURES = 10
WITHIN_S = 600.0
MAX_KEYS = 10_000


class TooManyAttemptsError(TooManyError):
    """Wait before the next attempt (429)."""

    def __init__(self, wait_s: float) -> None:
        minutes = math.ceil(wait_s / 60)
        super().__init__(
            "sign_in.too_many",
            zh=f"登录失败次数过多。请在 {minutes} 分钟后重试。",
            en=f"Too many failed sign-ins. Try again in {minutes} min.",
            retry_after_s=math.ceil(wait_s),
        )


class Attempts:
    """Failures by login and address, of the last ten minutes."""

    def __init__(self) -> None:
        self._failures: OrderedDict[tuple[str, str], deque[float]] = OrderedDict()

    def check(self, key: tuple[str, str], now_s: float) -> None:
        """Raise TooManyAttemptsError when there were too many."""
        times = self._failures.get(key)
        while times and times[0] <= now_s - WITHIN_S:
            times.popleft()
        if times and len(times) >= MAX_FAILURES:
            raise TooManyAttemptsError(times[0] + WITHIN_S - now_s)

    def fail(self, key: tuple[str, str], now_s: float) -> None:
        """Remember one failure."""
        self._failures.setdefault(key, deque(maxlen=MAX_FAILURES)).append(now_s)
        self._failures.move_to_end(key)
        while len(self._failures) > MAX_KEYS:
            self._failures.popitem(last=False)

    def clear(self, key: tuple[str, str]) -> None:
        """Forget the failures of somebody who got in."""
        self._failures.pop(key, None)
