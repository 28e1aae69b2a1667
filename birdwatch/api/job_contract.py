"""The words of the work behind the pages, for administrators."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct

from birdwatch.api.contract import Limit, Text
from birdwatch.domain.paging import DEFAULT_LIMIT
from birdwatch.domain.text import Locale
from birdwatch.storage.jobs import State


class JobsQuery(Struct, kw_only=True, frozen=True):
    """Jobs in one state, those that have been in it longest first."""

    state: State = "dead"
    cursor: Annotated[str, Meta(max_length=500)] | None = None
    limit: Limit = DEFAULT_LIMIT
    lang: Locale | None = None


class Job(Struct, kw_only=True, frozen=True):
    """A piece of work. `since`: when it came into its state; `error`: what went wrong last."""

    id: str
    kind: str
    subject: str
    state: State
    rank: int
    attempts: int
    run_at: str
    since: str
    error: Text


class Turn(Struct, kw_only=True, frozen=True):
    """A piece of periodic work: when it last began and ended, and when it is due."""

    name: str
    started_at: str | None
    finished_at: str | None
    run_at: str
    is_running: bool
    error: Text


class Jobs(Struct, kw_only=True, frozen=True):
    """A page of jobs, how many there are in each state, and the periodic work."""

    items: list[Job]
    next: str | None
    waiting: int
    running: int
    dead: int
    schedule: list[Turn]


class Revived(Struct, frozen=True):
    """How many jobs wait again."""

    revived: int
