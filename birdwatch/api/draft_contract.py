"""The words of drafts in the JSON interface, as in `contract`: photos that only their owner sees."""

from __future__ import annotations

from typing import Annotated

from msgspec import UNSET, Meta, Struct, UnsetType

from birdwatch.api.contract import Limit, Photo, PhotoChangesIn
from birdwatch.domain.paging import DEFAULT_LIMIT
from birdwatch.domain.survey import Method
from birdwatch.domain.text import Locale
from birdwatch.http.errors import Problem


class DraftNumber(Struct):
    """The number given with a draft; its survey is made when it is published."""

    low: int | None
    best: int | None
    high: int | None
    method: Method
    note: str


class Draft(Photo, kw_only=True):
    """A photo that is not sent in yet, with its number if it has one."""

    number: DraftNumber | None
    flags: list[str]


class Drafts(Struct):
    """One's own drafts, by the time they were taken."""

    items: list[Draft]
    next: str | None


class DraftsQuery(Struct, kw_only=True, frozen=True):
    """Which page."""

    cursor: Annotated[str, Meta(max_length=500)] | None = None
    limit: Limit = DEFAULT_LIMIT
    lang: Locale | None = None


class BatchChangesIn(PhotoChangesIn):
    """As of a correction; of drafts the number too, all its words empty or null: none."""

    low: int | str | UnsetType | None = UNSET
    best: int | str | UnsetType | None = UNSET
    high: int | str | UnsetType | None = UNSET
    method: Method | UnsetType | None = UNSET
    note: str | UnsetType | None = UNSET


class EditManyIn(Struct):
    """At most 500 photos of one's own, and the same changes for each."""

    ids: list[str]
    changes: BatchChangesIn


class PublishManyIn(Struct):
    """At most 500 drafts of one's own to send in."""

    ids: list[str]


class PhotoAnswer(Struct):
    """What became of one photo: as it is now, or why it stayed as it was."""

    id: str
    photo: Photo | None
    problem: Problem | None


class PhotoAnswers(Struct):
    """An answer for each photo, in the order they were named."""

    items: list[PhotoAnswer]
    done: int
    refused: int
