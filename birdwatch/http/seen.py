"""When sessions and tokens were last used, written beside the answers and never in their way.

Requests only put a time into a dictionary; one task writes what came together every few seconds.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from functools import partial
from typing import Literal

import anyio

from birdwatch.domain.policy import SYSTEM
from birdwatch.http.recurring import repeat
from birdwatch.storage import people
from birdwatch.storage.db import Database

Kind = Literal["session", "token"]
PAUSE_S = 5.0
AT_MOST_EVERY = timedelta(minutes=1)
MAX_KEPT = 10_000


class Seen:
    """Uses of sessions and tokens, by the hashes of their secrets, that were not yet written."""

    def __init__(self) -> None:
        self._waiting: dict[Kind, dict[str, datetime]] = {"session": {}, "token": {}}
        self._written: dict[str, datetime] = {}

    def note(self, kind: Kind, secret_hash: str, now: datetime) -> None:
        """Remember one use, unless one of the last minute was written."""
        written = self._written.get(secret_hash)
        if written is None or now - written >= AT_MOST_EVERY:
            self._waiting[kind].setdefault(secret_hash, now)

    async def write(self, db: Database) -> None:
        """Write down what waits, in one transaction."""
        waiting, self._waiting = self._waiting, {"session": {}, "token": {}}
        times = {**waiting["session"], **waiting["token"]}
        if not times:
            return
        if len(self._written) + len(times) > MAX_KEPT:
            self._written.clear()
        self._written.update(times)
        async with db.write(SYSTEM, max(times.values())) as tx:
            await people.note_use(tx, waiting["session"], waiting["token"])

    async def run(self, db: Database, stop: anyio.Event) -> None:
        """Write every few seconds until told to stop, and once more then."""
        await repeat(partial(self.write, db), stop, pause_s=PAUSE_S, name="last use")
