"""The words of review in the JSON interface, as in `contract`: the queue, decisions, the dialogue."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct

from birdwatch.api.contract import PageQuery, ShortText
from birdwatch.domain.identification import Outcome
from birdwatch.domain.message import Noun
from birdwatch.domain.policy import Status
from birdwatch.domain.review import Flag


class QueueItem(Struct, kw_only=True):
    """One record that waits. `flags`: codes of why; `survey`: the one a sighting is in."""

    noun: Noun
    id: str
    version: int
    status: Status
    flags: list[str]
    person: str | None
    survey: str | None


class Queue(Struct):
    """What waits for a reviewer, longest first."""

    items: list[QueueItem]
    next: str | None


class QueueQuery(PageQuery, kw_only=True, frozen=True):
    """What the queue may be narrowed to."""

    species: ShortText | None = None
    person: ShortText | None = None
    flag: Flag | None = None
    noun: Noun | None = None


class DecisionIn(Struct, kw_only=True):
    """A record to decide on. `version`: the one that was looked at; another is refused (409)."""

    noun: Noun
    id: str
    version: int | None = None


class DecisionsIn(Struct, kw_only=True):
    """Records and what becomes of them: published, queried or rejected; the last two need a reason."""

    items: list[DecisionIn]
    status: Status
    reason: str = ""


class Decided(Struct):
    """How many records were decided, and what they are now."""

    status: Status
    decided: int


class Message(Struct):
    """One thing said of a record."""

    id: str
    text: str
    person: str
    at: str


class Messages(Struct):
    """The dialogue of a record, in order."""

    items: list[Message]
    next: str | None


class MessageIn(Struct):
    """What to say of a record."""

    text: Annotated[str, Meta(max_length=2000)]


class Identification(Struct, kw_only=True):
    """A name proposed for a photo; `open` until it is accepted or dismissed."""

    id: str
    photo: str
    species: str
    note: str
    person: str
    at: str
    open: bool


class Identifications(Struct):
    """Every name that was proposed for a photo, in order."""

    items: list[Identification]
    next: str | None


class IdentificationIn(Struct):
    """The name proposed, as any name of the species, and why."""

    species: str
    note: str = ""


class OutcomeIn(Struct):
    """What becomes of a proposed name: accepted or dismissed."""

    outcome: Outcome


class Settled(Struct):
    """The photo, and the species it now has."""

    photo: str
    species: str | None
