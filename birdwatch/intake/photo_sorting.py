"""What follows from a photo's time, place and words: its season, and the survey it stands for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta, timezone

from birdwatch.domain.photo import PhotoFacts
from birdwatch.domain.place import Site
from birdwatch.domain.season import Window, place_in_season
from birdwatch.domain.species import SpeciesIndex
from birdwatch.domain.survey import NewSurvey, check_survey
from birdwatch.intake.words import clean_line, invalid

DEFAULT_OFFSET_MIN = 480  # Asia/Shanghai, the zone of the estuary
Number = str | int | None


@dataclass(frozen=True, slots=True)
class PhotoCount:
    """A number as given with a photo: `best`, its bounds, how it was obtained, a note."""

    low: Number = None
    best: Number = None
    high: Number = None
    method: str = ""  # empty: from_photo
    note: str = ""


def in_season(facts: PhotoFacts, windows: Sequence[Window]) -> PhotoFacts:
    """The facts with season, phase and dekad of their local day."""
    placed = place_in_season(facts.day, windows)
    return replace(facts, season=placed.season, phase=placed.phase, dekad=placed.dekad)


def survey_start(facts: PhotoFacts) -> str:
    """The local time of a photo as a survey's start. Raises InvalidInputError without a time."""
    time = facts.time
    if time.wall is None:
        raise invalid(
            "species",
            "照片没有可用的拍摄时间，数量归不到任何一天。请先只上传照片并补上时间，再填写调查。",
            "The photo does not say when it was taken, so its number has no day. Upload it without"
            " number, set its time, then enter the count as a survey.",
        )
    minutes = DEFAULT_OFFSET_MIN if time.offset_min is None else time.offset_min
    zone = timezone(timedelta(minutes=minutes))
    return time.wall.replace(tzinfo=zone).isoformat(timespec="seconds")


def survey_of_photo(
    count: PhotoCount,
    *,
    code: str,
    site: str,
    start: str,
    observers: tuple[str, ...],
    species: SpeciesIndex,
    sites: Mapping[str, Site],
    now: datetime,
) -> NewSurvey:
    """The survey that a photo with species and number stands for: one species, no full list."""
    raw = {
        "site": site,
        "start": start,
        "observers": list(observers),
        "protocol": "photo",
        "complete": False,
        "tide": "unknown",
        "note": "",
        "sightings": [
            {
                "species": code,
                "low": count.low,
                "best": count.best,
                "high": count.high,
                "method": count.method or "from_photo",
                "note": clean_line(count.note),
            }
        ],
    }
    return check_survey(raw, species=species, sites=sites, now=now, source="photo")
