"""The words of the feed of changes and of the history of one thing."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta, Struct

from birdwatch.api.contract import PageQuery

LAST_VERSION = 2**53 - 1  # what every reader of JSON holds exactly


class ChangesQuery(PageQuery, kw_only=True, frozen=True):
    """What changed after the dataset version `since`; follow `next` as `cursor` to the end."""

    since: Annotated[int, Meta(ge=0, le=LAST_VERSION)] = 0


class PublicChange(Struct, frozen=True):
    """The last change of one thing that everyone may see, or could: read it again by its `id`.

    `tombstone`: it was public and no longer is; drop it. Versions may have gaps. A `species`,
    `site` or `window` with id `*` stands for the whole list.
    """

    version: int
    at: str
    action: Literal["create", "edit", "delete"]
    noun: Literal["photo", "survey", "species", "site", "window"]
    id: str
    tombstone: bool


class PublicChanges(Struct, frozen=True):
    """Each thing once, in the order of versions. `latest`: begin there the next time, as `since`."""

    items: list[PublicChange]
    next: str | None
    latest: int


class HistoryEntry(Struct, kw_only=True):
    """One change of a photo or survey. `changed` names what it set; `undoes` the version it undid."""

    version: int
    at: str
    actor: str
    action: str
    noun: str
    changed: tuple[str, ...]
    undoes: int | None
    is_undone: bool
    can_undo: bool
    reason: str


class History(Struct, frozen=True):
    """Every change, oldest first, for the owner and reviewers."""

    items: list[HistoryEntry]
    next: str | None


class Undone(Struct, frozen=True):
    """What undoing made of the thing: `exists` false, it is withdrawn."""

    version: int
    noun: Literal["photo", "survey"]
    id: str
    exists: bool
