"""What a page computes from many rows is kept until the archive changes.

Everything published is a function of the dataset version, so a summary made once serves every
reader until the next write; then it is made anew, never patched.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Hashable
from typing import TypeVar

from starlette.requests import Request

from birdwatch.domain.policy import lens_of
from birdwatch.web.reading import archive_of, reader_of

T = TypeVar("T")
MOST_VALUES = 256


class Kept:
    """Values that hold for one dataset version, by key."""

    def __init__(self) -> None:
        self.version = -1
        self.values: dict[Hashable, object] = {}


async def keep(request: Request, key: Hashable, make: Callable[[int], Awaitable[T]]) -> T:
    """What `make(version)` gives, made again only when something in the archive has changed."""
    state = request.app.state
    if not hasattr(state, "kept_for_pages"):
        state.kept_for_pages = Kept()
    kept: Kept = state.kept_for_pages
    db = archive_of(request).db
    version = await db.dataset_version()
    if kept.version != version or len(kept.values) >= MOST_VALUES:
        kept.version, kept.values = version, {}
    values = kept.values
    reader = reader_of(request)
    key = (lens_of(reader.actor, reader.now), key)  # readers of one lens see the same
    if key not in values:
        made = await db.at_one_version(make)
        # Written to the version it was asked for: a later one has a dictionary of its own.
        values[key] = made
        return made
    found: T = values[key]  # type: ignore[assignment]
    return found
