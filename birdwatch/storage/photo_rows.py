"""A photo's rows: the received part, and one row for every version of its facts."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from datetime import date, datetime
from functools import lru_cache

from birdwatch.domain.clock import camera_key, clock_reading
from birdwatch.domain.credit import Credit, photographer
from birdwatch.domain.photo import Camera, Photo, PhotoFacts, PublicValues, Rendition, SettledTime
from birdwatch.domain.place import Point, SettledPlace
from birdwatch.domain.season import season_span
from birdwatch.domain.sensitivity import is_protected
from birdwatch.domain.text import Text
from birdwatch.storage.columns import (
    Row,
    clean,
    from_instant,
    from_json,
    instant_or_none,
    start_of_day,
    text_of,
    time_or_none,
    to_day,
    to_instant,
    to_json,
)
from birdwatch.storage.windows import Calendar

PHOTO_COLUMNS = (
    "id", "sha256", "format", "width", "height", "size_bytes", "received_at", "owner_id",
    "original_name", "camera", "tags", "first_version", "state", "failure_zh", "failure_en",
    "thumbhash", "renditions", "camera_serial", "camera_key", "clock_at",
)  # fmt: skip
FACT_COLUMNS = (
    "id", "since", "until", "sort_key", "taken_at", "wall", "offset_min", "time_source",
    "time_confidence", "clock_error_s", "lat", "lon", "place_source", "place_confidence",
    "accuracy_m", "direction_deg", "site", "is_outside", "day", "season", "phase", "dekad",
    "species", "caption_zh", "caption_en", "credit", "photographer", "license", "sighting_id",
    "survey_id", "owner_id", "status", "flags", "embargo_until", "level", "is_public",
    "is_embargoed", "public_sort", "public_lat", "public_lon", "public_site", "public_day",
    "public_dekad", "public_phase", "public_survey_id", "gap_s",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class NewPhoto:
    """A photo as received and settled, not recorded yet."""

    id: str
    sha256: str
    format: str
    width: int
    height: int
    size_bytes: int
    received_at: datetime
    owner_id: str | None
    original_name: str
    camera: Camera
    facts: PhotoFacts
    tags: dict[str, str]


def placed(facts: PhotoFacts, calendar: Calendar) -> PhotoFacts:
    """The facts with season, phase and dekad by the windows of now."""
    place = calendar.place(facts.day)
    return replace(facts, season=place.season, phase=place.phase, dekad=place.dekad)


def photo_values(new: NewPhoto, version: int) -> tuple[object, ...]:
    """The row of `photo`, in the order of PHOTO_COLUMNS."""
    return (
        new.id, new.sha256, new.format, new.width, new.height, new.size_bytes,
        to_instant(new.received_at), new.owner_id, clean(new.original_name),
        _camera_json(new.camera), to_json(new.tags), version, "received", None, None, None,
        "[]", new.camera.serial or None, camera_key(new.camera),
        instant_or_none(clock_reading(new.tags)),
    )  # fmt: skip


def _camera_json(camera: Camera) -> str:
    """Without the serial number: it has a column, which an older process does not stumble over."""
    values = asdict(camera)
    del values["serial"]
    return to_json(values)


def fact_values(  # noqa: PLR0917 (a row is written from what it holds)
    photo_id: str,
    owner_id: str | None,
    received_at: datetime,
    facts: PhotoFacts,
    public: PublicValues,
    version: int,
) -> tuple[object, ...]:
    """The row of `photo_fact`, in the order of FACT_COLUMNS.

    Without a time the photo sorts by its arrival.
    """
    time, place = facts.time, facts.place
    sort_key = to_instant(time.instant or received_at)
    return (
        photo_id, version, None, sort_key,
        instant_or_none(time.instant), None if time.wall is None else time.wall.isoformat(),
        time.offset_min, time.source, time.confidence, time.clock_error_s,
        place.point.lat if place else None, place.point.lon if place else None,
        place.source if place else None, place.confidence if place else None,
        place.accuracy_m if place else None, place.direction_deg if place else None,
        facts.site, facts.is_outside, to_day(facts.day), facts.season, facts.phase, facts.dekad,
        facts.species, clean(facts.caption.zh), clean(facts.caption.en),
        to_json(facts.credit.parts), clean(photographer(facts.credit)), clean(facts.license),
        facts.sighting_id, facts.survey_id, owner_id, facts.status, to_json(facts.flags),
        instant_or_none(facts.embargo_until), facts.level,
        *public_columns(facts, public, sort_key), place.gap_s if place else None,
    )  # fmt: skip


def public_columns(facts: PhotoFacts, public: PublicValues, sort_key: int) -> tuple[object, ...]:
    """The derived columns, from `is_public` to `public_survey_id`, in the order of FACT_COLUMNS.

    A protected photo sorts at the start of its season, where its day is told by nothing.
    """
    is_told = facts.status == "published" and facts.level != "withhold"
    if is_protected(facts.level):
        sort_key = start_of_day(season_span(facts.season)[0]) if facts.season else 0
    return (
        is_told and facts.embargo_until is None, is_told and facts.embargo_until is not None,
        sort_key, public.point.lat if public.point else None,
        public.point.lon if public.point else None, public.site, to_day(public.day),
        public.dekad, public.phase, public.survey_id,
    )  # fmt: skip


def facts_of(row: Row) -> PhotoFacts:
    """The facts in a row with the columns of `photo_fact`."""
    wall = row["wall"]
    return PhotoFacts(
        time=SettledTime(
            instant=time_or_none(row["taken_at"]),
            wall=None if wall is None else datetime.fromisoformat(wall),
            offset_min=row["offset_min"],
            source=row["time_source"],
            confidence=row["time_confidence"],
            clock_error_s=row["clock_error_s"],
        ),
        place=_place_of(row),
        site=row["site"],
        is_outside=bool(row["is_outside"]),
        season=row["season"],
        phase=row["phase"],
        dekad=row["dekad"],
        species=row["species"],
        caption=text_of(row, "caption"),
        credit=_credit_of(row["credit"]),
        license=row["license"],
        sighting_id=row["sighting_id"],
        survey_id=row["survey_id"],
        status=row["status"],
        flags=_flags_of(row["flags"]),
        embargo_until=time_or_none(row["embargo_until"]),
        level=row["level"],
    )


def photo_of(row: Row, original: PhotoFacts | None) -> Photo:
    """The photo in a row with the columns of both tables; `original` None: never corrected."""
    facts = facts_of(row)
    return Photo(
        id=row["id"],
        sha256=row["sha256"],
        format=row["format"],
        width=row["width"],
        height=row["height"],
        size_bytes=row["size_bytes"],
        received_at=from_instant(row["received_at"]),
        owner_id=row["owner_id"],
        original_name=row["original_name"],
        state=row["state"],
        camera=camera_of(row["camera"], row["camera_serial"] or ""),
        facts=facts,
        original=original or facts,
        version=row["since"],
        failure=_failure_of(row),
        thumbhash=row["thumbhash"],
        renditions=_renditions_of(row["renditions"]),
        tags=from_json(row["tags"]),
        public=_public_of(row),
    )


def _public_of(row: Row) -> PublicValues:
    lat, day = row["public_lat"], row["public_day"]
    return PublicValues(
        point=None if lat is None else Point(lat, row["public_lon"]),
        site=row["public_site"],
        day=None if day is None else date.fromisoformat(day),
        dekad=row["public_dekad"],
        phase=row["public_phase"],
        survey_id=row["public_survey_id"],
    )


def _place_of(row: Row) -> SettledPlace | None:
    if row["lat"] is None:
        return None
    return SettledPlace(
        point=Point(row["lat"], row["lon"]),
        source=row["place_source"],
        confidence=row["place_confidence"],
        accuracy_m=row["accuracy_m"],
        direction_deg=row["direction_deg"],
        gap_s=row["gap_s"],
    )


@lru_cache(maxsize=256)
def _flags_of(text: str) -> tuple[str, ...]:
    return tuple(from_json(text))


# The same few cameras, credits and sizes stand in most rows of a page.
@lru_cache(maxsize=2048)
def _credit_of(text: str) -> Credit:
    return Credit(tuple((role, name) for role, name in from_json(text)))


@lru_cache(maxsize=2048)
def camera_of(text: str, serial: str) -> Camera:
    """The camera in these two columns."""
    return Camera(**from_json(text), serial=serial)


@lru_cache(maxsize=2048)
def _renditions_of(text: str) -> tuple[Rendition, ...]:
    return tuple(Rendition(**entry) for entry in from_json(text))


def _failure_of(row: Row) -> Text | None:
    return None if row["failure_en"] is None else text_of(row, "failure")
