"""The rows of surveys and sightings: versioned, with the place in the season beside the day."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from datetime import date

from birdwatch.domain.season import SeasonDay
from birdwatch.domain.sensitivity import Behaviour, Level, is_protected
from birdwatch.domain.survey import NewSighting, NewSurvey, Sighting, Survey
from birdwatch.storage.columns import (
    Row,
    clean,
    from_instant,
    from_json,
    instant_or_none,
    offset_of,
    time_or_none,
    to_day,
    to_instant,
    to_json,
)
from birdwatch.storage.sql import insert

SURVEY_COLUMNS = (
    "id", "since", "until", "site", "start_at", "start_offset_min", "end_at", "end_offset_min",
    "has_time", "observers", "protocol", "complete", "tide", "note", "owner_id", "source",
    "source_key", "has_birds", "day", "season", "phase", "dekad", "status", "flags",
    "embargo_until", "is_public", "is_embargoed", "tide_source",
)  # fmt: skip
SIGHTING_COLUMNS = (
    "id", "since", "until", "survey_id", "line", "species", "low", "best", "high", "method",
    "note", "photos", "day", "behaviour", "status", "flags", "level", "is_public",
)  # fmt: skip
INSERT_SURVEY = insert("survey", SURVEY_COLUMNS)
INSERT_SIGHTING = insert("sighting", SIGHTING_COLUMNS)
LINK_PHOTO = insert("sighting_photo", ("photo_id", "sighting_id", "survey_id"))
OF_SIGHTING = "s.*, v.site, v.season, v.phase, v.dekad"


def day_of(new: NewSurvey) -> date:
    """The local calendar date of the visit, by which it is sorted."""
    return new.start.date()


def finds_birds(sightings: Sequence[NewSighting]) -> bool:
    """Whether any bird was found: a number above zero, or presence without a number."""
    return any(s.best is None or s.best > 0 for s in sightings)


def survey_values(
    survey_id: str, version: int, new: NewSurvey, owner_id: str | None, place: SeasonDay
) -> tuple[object, ...]:
    """The row of `survey`, in the order of SURVEY_COLUMNS."""
    return (
        survey_id, version, None, new.site, to_instant(new.start), offset_of(new.start),
        instant_or_none(new.end), offset_of(new.end), new.has_time,
        to_json([clean(name) for name in new.observers]), new.protocol, new.complete, new.tide,
        clean(new.note), owner_id, new.source, new.source_key, finds_birds(new.sightings),
        to_day(day_of(new)), place.season, place.phase, place.dekad, new.status,
        to_json(new.flags), instant_or_none(new.embargo_until),
        new.status == "published" and new.embargo_until is None,
        new.status == "published" and new.embargo_until is not None, new.tide_source,
    )  # fmt: skip


def sighting_values(  # noqa: PLR0917 (called a million times in an import)
    sighting_id: str,
    version: int,
    survey_id: str,
    line: int,
    day: str,
    new: NewSighting,
    level: Level,
) -> tuple[object, ...]:
    """The row of `sighting`, in the order of SIGHTING_COLUMNS; its level is settled here."""
    return (
        sighting_id, version, None, survey_id, line, new.species, new.low, new.best, new.high,
        new.method, clean(new.note) if new.note else "",
        to_json(new.photos) if new.photos else "[]", day, new.behaviour, new.status,
        to_json(new.flags) if new.flags else "[]", level,
        new.status == "published" and not is_protected(level),
    )  # fmt: skip


def behaviours_of(new: NewSighting) -> tuple[Behaviour, ...]:
    """What the bird did, as the rules of sensitivity ask for it."""
    return (new.behaviour,) if new.behaviour else ()


def survey_of(row: Row, sightings: Sequence[Sighting]) -> Survey:
    """The survey in a row of `survey`, with its sightings."""
    return Survey(
        id=row["id"],
        site=row["site"],
        start=from_instant(row["start_at"], row["start_offset_min"]),
        end=time_or_none(row["end_at"], row["end_offset_min"]),
        has_time=bool(row["has_time"]),
        observers=tuple(from_json(row["observers"])),
        protocol=row["protocol"],
        complete=bool(row["complete"]),
        tide=row["tide"],
        note=row["note"],
        owner_id=row["owner_id"],
        source=row["source"],
        sightings=tuple(sightings),
        day=date.fromisoformat(row["day"]),
        season=row["season"],
        phase=row["phase"],
        dekad=row["dekad"],
        version=row["since"],
        status=row["status"],
        flags=tuple(from_json(row["flags"])),
        embargo_until=time_or_none(row["embargo_until"]),
        tide_source=row["tide_source"],
    )


def sighting_of(row: Row) -> Sighting:
    """The sighting in a row of OF_SIGHTING."""
    return Sighting(
        id=row["id"],
        survey_id=row["survey_id"],
        species=row["species"],
        low=row["low"],
        best=row["best"],
        high=row["high"],
        method=row["method"],
        note=row["note"],
        photos=tuple(from_json(row["photos"])),
        site=row["site"],
        day=date.fromisoformat(row["day"]),
        season=row["season"],
        phase=row["phase"],
        dekad=row["dekad"],
        version=row["since"],
        behaviour=row["behaviour"],
        status=row["status"],
        flags=tuple(from_json(row["flags"])),
        level=row["level"],
    )


def kept_ids(new: Sequence[NewSighting], old: Sequence[Sighting]) -> Iterator[str | None]:
    """For each new sighting the id it keeps: the one it names, else that of its species."""
    known = {sighting.id for sighting in old}
    named = {s.id for s in new if s.id in known}
    free: dict[str, deque[str]] = {}
    for sighting in old:
        if sighting.id not in named:
            free.setdefault(sighting.species, deque()).append(sighting.id)
    for wanted in new:
        if wanted.id in named:
            named.discard(wanted.id)
            yield wanted.id
        else:
            queue = free.get(wanted.species)
            yield queue.popleft() if queue else None
