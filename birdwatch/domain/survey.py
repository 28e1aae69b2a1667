"""A survey and its sightings: what was looked for, by whom, how, and what was found."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Literal

from birdwatch.domain.season import Phase

Method = Literal["counted", "estimated", "from_photo", "present"]
METHODS: tuple[Method, ...] = ("counted", "estimated", "from_photo", "present")
Tide = Literal["high", "low", "rising", "falling", "unknown"]
TIDES: tuple[Tide, ...] = ("high", "low", "rising", "falling", "unknown")
Protocol = Literal["stationary", "traveling", "area", "roost", "photo", "incidental"]
PROTOCOLS: tuple[Protocol, ...] = (
    "stationary", "traveling", "area", "roost", "photo", "incidental",
)  # fmt: skip
MAX_COUNT = 2_000_000  # more than all shorebirds of the flyway's single largest gathering


@dataclass(frozen=True, slots=True)
class Sighting:
    """One species in one survey. `best` None with method `present`: seen, not counted.

    low <= best <= high. best 0: looked for and not found.
    """

    id: str
    survey_id: str
    species: str
    low: int | None
    best: int | None
    high: int | None
    method: Method
    note: str = ""
    photos: tuple[str, ...] = ()
    site: str = ""
    day: date | None = None
    season: str | None = None
    phase: Phase = "unknown"
    dekad: str | None = None
    version: int = 0


@dataclass(frozen=True, slots=True)
class Survey:
    """One visit. `start` and `end` are aware (with the local offset); `end` may be None."""

    id: str
    site: str
    start: datetime
    end: datetime | None
    has_time: bool  # False: only the date is known and `start` is local midnight
    observers: tuple[str, ...]
    protocol: Protocol
    complete: bool
    tide: Tide
    note: str
    owner_id: str | None
    source: str  # page, api, photo, or the name of an imported table
    sightings: tuple[Sighting, ...]
    day: date
    season: str | None
    phase: Phase
    dekad: str
    version: int = 0


@dataclass(frozen=True, slots=True)
class NewSighting:
    """A checked sighting, not stored yet. `id` None: a new one."""

    species: str
    low: int | None
    best: int | None
    high: int | None
    method: Method
    note: str = ""
    photos: tuple[str, ...] = ()
    id: str | None = None


@dataclass(frozen=True, slots=True)
class NewSurvey:
    """A checked survey, not stored yet. `source_key` makes an import repeatable: unique if set."""

    site: str
    start: datetime
    end: datetime | None
    has_time: bool
    observers: tuple[str, ...]
    protocol: Protocol
    complete: bool
    tide: Tide
    note: str
    source: str
    source_key: str | None
    sightings: tuple[NewSighting, ...]


@dataclass(frozen=True, slots=True)
class SurveyFilter:
    """What lists of surveys and sightings are narrowed to; None means any."""

    season: str | None = None
    site: str | None = None
    species: str | None = None
    day_from: date | None = None
    day_to: date | None = None
    owner_id: str | None = None
    photo_id: str | None = None
