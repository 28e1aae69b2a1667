"""A name that somebody proposes for the bird in a photo, until it is accepted or dismissed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal

Outcome = Literal["accepted", "dismissed"]
OUTCOMES: tuple[Outcome, ...] = ("accepted", "dismissed")
MAX_OPEN: Final = 20  # proposals of one photo that wait at a time
NOTE_CHARS: Final = 500


@dataclass(frozen=True, slots=True)
class Identification:
    """One proposal. `until` None: open. Open ones count for the photo's level, closed ones not."""

    id: str
    photo_id: str
    species: str
    note: str
    person_id: str | None
    person_name: str
    at: datetime
    since: int
    until: int | None = None
