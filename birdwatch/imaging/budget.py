"""How many pixels may be in memory at once, over all decoders: one large picture at a time.

Each decoder says how large its picture is before it decodes it, and waits here. First come, first
served: a large picture is not overtaken for ever by small ones.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Condition


class PixelBudget:
    """So many pixels for all; used by threads."""

    def __init__(self, total: int) -> None:
        self._total = total
        self._free = total
        self._queue: deque[object] = deque()
        self._changed = Condition()

    @property
    def free(self) -> int:
        return self._free

    @contextmanager
    def hold(self, pixels: int) -> Iterator[None]:
        """Wait until so many are free, and hold them; all of them where more are asked for."""
        held = min(max(pixels, 0), self._total)
        turn = object()
        with self._changed:
            self._queue.append(turn)
            self._changed.wait_for(lambda: self._queue[0] is turn and self._free >= held)
            self._queue.popleft()
            self._free -= held
            self._changed.notify_all()
        try:
            yield
        finally:
            with self._changed:
                self._free += held
                self._changed.notify_all()
