"""Small work beside the answers, again and again: what is lost of it is not worth an error."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable

import anyio

from birdwatch.domain.errors import BirdwatchError

log = logging.getLogger("birdwatch.http")


async def repeat(
    work: Callable[[], Awaitable[None]], stop: anyio.Event, *, pause_s: float, name: str
) -> None:
    """Do the work every `pause_s` seconds until told to stop, and once more then."""
    while not stop.is_set():
        with anyio.move_on_after(pause_s):
            await stop.wait()
        try:
            await work()
        except BirdwatchError as error:  # busy or full: the next time will do
            log.warning("event=not_written work=%s code=%s", name, error.code)
