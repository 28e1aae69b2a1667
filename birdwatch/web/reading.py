"""What handlers read from a request: the archive, the clock, and values of the address checked."""

from __future__ import annotations

from datetime import date, datetime

from starlette.requests import Request

from birdwatch.domain.errors import NotFoundError
from birdwatch.domain.policy import Reader
from birdwatch.domain.season import PHASES, Phase
from birdwatch.intake.archive import Archive
from birdwatch.web.figures import ESTUARY_ZONE


def archive_of(request: Request) -> Archive:
    """The archive this process has open."""
    archive: Archive = request.app.state.archive
    return archive


def reader_of(request: Request) -> Reader:
    """Who reads, and when: what lists and photos are seen by."""
    return Reader(request.state.actor, request.state.now)


def now_of(request: Request) -> datetime:
    """When the request came."""
    now: datetime = request.state.now
    return now


def today_of(request: Request) -> date:
    """The date on the estuary's calendar."""
    return now_of(request).astimezone(ESTUARY_ZONE).date()


def query_text(request: Request, name: str) -> str | None:
    """A query value without its blanks; None where it is missing or empty."""
    return request.query_params.get(name, "").strip() or None


def query_day(request: Request, name: str = "day") -> date | None:
    """A day of the address. Raises NotFoundError for what is no date."""
    text = query_text(request, name)
    return parse_day(text) if text else None


def parse_day(text: str) -> date:
    """2026-04-25 as a date. Raises NotFoundError for anything else."""
    try:
        if len(text) == len("2026-04-25"):
            return date.fromisoformat(text)
    except ValueError:
        pass
    raise NotFoundError(
        "day.invalid",
        zh="没有这一天。日期请写成 2026-04-25 的形式。",
        en="There is no such day. Write dates as 2026-04-25.",
    )


def query_phase(request: Request) -> Phase | None:
    """A phase of the address; anything that is none is left out."""
    text = query_text(request, "phase")
    return next((phase for phase in PHASES if phase == text), None)
