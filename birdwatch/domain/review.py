"""Why a record waits for a reviewer: the automatic checks, each with its code and its sentence.

A record of a trusted person without any flag is published at once; everything else waits. What the
command line imports is published unchecked: whoever may use it answers for the table.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, time, timedelta
from typing import Final, Literal, get_args

from astral import Observer
from astral.sun import elevation

from birdwatch.domain.errors import FieldError, InvalidInputError
from birdwatch.domain.photo import PhotoFacts
from birdwatch.domain.place import Point, Site, middle_of
from birdwatch.domain.policy import SYSTEM, Actor, Status
from birdwatch.domain.season import SPANS, HalfYear, Window, window_dates
from birdwatch.domain.sighting import NewSighting
from birdwatch.domain.species import SpeciesIndex
from birdwatch.domain.survey import NewSurvey
from birdwatch.domain.text import Text

Flag = Literal[
    "new_contributor",
    "number_above_range",
    "date_outside_range",
    "place_outside",
    "name_not_listed",
    "time_near_window_edge",
    "night_but_bright",
    "zero_against_present",
]
FLAGS: Final[tuple[Flag, ...]] = get_args(Flag)
FLAG_TEXTS: Final[dict[str, Text]] = {
    "new_contributor": Text(
        "提交者还是新人，先核对再发布。", "The sender is new here: look before it is published."
    ),
    "number_above_range": Text(
        "数量超过本地已知最大值的三倍。请核对是否多写了一位。",
        "The number is more than three times the largest known here. Check for a digit too many.",
    ),
    "date_outside_range": Text(
        "日期比本地已知的最早或最晚日期差 15 天以上。请核对日期和物种。",
        "The date is more than 15 days outside those known here. Check the date and the species.",
    ),
    "place_outside": Text(
        "位置在河口之外。请核对坐标。",
        "The position is outside the estuary. Check the coordinates.",
    ),
    "name_not_listed": Text(
        "没有鉴定到种，或名录里没有这个名字。",
        "Not identified to a species, or the name is not in the list.",
    ),
    "time_near_window_edge": Text(
        "时区是推定的，而时间离季节窗口的边界不到 8 小时，可能算错了窗口。",
        "The time zone is assumed, and the time is within 8 hours of the edge of a season window:"
        " the record may belong to the other side.",
    ),
    "night_but_bright": Text(
        "按时间和地点当时是夜里，而画面明亮。相机的时钟或时区可能不对。",
        "By time and place it was night, yet the picture is bright. The camera's clock or zone may"
        " be wrong.",
    ),
    "zero_against_present": Text(
        "写了 0，而同日同地的照片或另一次调查见到过。",
        "It says 0, while a photo or another survey of the same site and day says present.",
    ),
}
NEW_BELOW: Final = 5  # published records, below which a person who is not trusted is new
ENOUGH_RECORDS: Final = 5  # fewer make no known range
TIMES_LARGEST: Final = 3
DAYS_OUTSIDE: Final = 15
EDGE: Final = timedelta(hours=8)
NIGHT_DEG: Final = -6.0  # civil twilight has ended
BRIGHT: Final = 0.4  # mean lightness, 0 to 1; pictures by moonlight and lamps stay well below
LISTED_RANKS: Final = frozenset({"species", "issf"})
ESTUARY: Final = Point(40.66, 122.14)  # where no site says better
LEAP_YEAR: Final = 2000
REASON_CHARS: Final = 1000


@dataclass(frozen=True, slots=True)
class KnownRange:
    """What the archive's published counts of a species in one half of the year hold."""

    largest: int | None  # None: never counted, only seen
    first: tuple[int, int]  # month, day
    last: tuple[int, int]
    records: int  # days at a site


Ranges = Mapping[tuple[str, HalfYear], KnownRange]


@dataclass(frozen=True, slots=True)
class ReviewTerms:
    """What a record is checked against. `present`: species seen at the record's site and day."""

    species: SpeciesIndex
    sites: Mapping[str, Site] = field(default_factory=dict)
    windows: Sequence[Window] = ()
    ranges: Ranges = field(default_factory=dict)
    present: frozenset[str] = frozenset()
    published: int = 0  # records of this person that are published


def status_for(actor: Actor, flags: Iterable[str]) -> Status:
    """What a new record of this actor is: published, or waiting for a reviewer."""
    if actor == SYSTEM:
        return "published"
    return "published" if actor.trust == "trusted" and not tuple(flags) else "pending"


def check_person(actor: Actor, terms: ReviewTerms) -> tuple[str, ...]:
    """Whether the sender is new."""
    is_new = actor.trust != "trusted" and terms.published < NEW_BELOW
    return ("new_contributor",) if is_new else ()


def check_photo(
    facts: PhotoFacts, terms: ReviewTerms, *, brightness: float | None = None
) -> tuple[str, ...]:
    """The flags of a photo; `brightness` 0 to 1 once its pictures are made."""
    found: list[Flag] = []
    if facts.species is not None:
        found += _name_flags(facts.species, terms)
        if facts.day is not None and _is_date_outside(facts.species, facts.day, terms):
            found.append("date_outside_range")
    if facts.is_outside:
        found.append("place_outside")
    if facts.time.source == "exif_site_zone" and is_near_edge(facts.time.wall, terms.windows):
        found.append("time_near_window_edge")
    if brightness is not None and is_night_but_bright(facts, brightness, terms.sites):
        found.append("night_but_bright")
    return tuple(found)


def check_survey(
    new: NewSurvey, terms: ReviewTerms
) -> tuple[tuple[str, ...], tuple[tuple[str, ...], ...]]:
    """The flags of a survey itself, and those of each of its sightings in their order."""
    site = terms.sites.get(new.site)
    is_unplaced = bool(terms.sites) and (site is None or site.is_outline)
    flags: tuple[str, ...] = ("place_outside",) if is_unplaced else ()
    day = new.start.date()
    return flags, tuple(_sighting_flags(one, day, terms) for one in new.sightings)


def judge_survey(
    new: NewSurvey, actor: Actor, terms: ReviewTerms, *, before: Status | None = None
) -> NewSurvey:
    """The survey with its flags and status, and those of its sightings.

    A sighting waits on its own only for flags of its own; else it goes with its survey.
    """
    if actor == SYSTEM:
        return new
    flags, of_each = check_survey(new, terms)
    flags = (*check_person(actor, terms), *flags)
    sightings = tuple(
        replace(one, flags=own, status=_kept(one.status, "pending" if own else "published"))
        for one, own in zip(new.sightings, of_each, strict=True)
    )
    status = _after(before, status_for(actor, flags))
    return replace(new, flags=flags, status=status, sightings=sightings)


def judge_photo(
    facts: PhotoFacts,
    actor: Actor,
    terms: ReviewTerms,
    *,
    before: Status | None = None,
    brightness: float | None = None,
) -> PhotoFacts:
    """The facts with flags and status; `before`: the status of what these facts correct."""
    if actor == SYSTEM:
        return facts
    flags = (*check_person(actor, terms), *check_photo(facts, terms, brightness=brightness))
    return replace(facts, flags=flags, status=_after(before, status_for(actor, flags)))


def checked_reason(status: Status, reason: str) -> str:
    """The reviewer's reason. Raises InvalidInputError: to query or reject needs one."""
    text = reason.strip()
    if status in ("rejected", "queried") and not text:
        message = Text("请写一句原因，提交者会看到它。", "Give a reason: the sender will read it.")
        raise InvalidInputError(
            "review.reason",
            zh=message.zh,
            en=message.en,
            errors=(FieldError("reason", message, "review.reason"),),
        )
    if len(text) > REASON_CHARS:
        message = Text(
            f"最多 {REASON_CHARS} 字。请写得短一些。",
            f"At most {REASON_CHARS} characters. Make it shorter.",
        )
        raise InvalidInputError(
            "review.reason_length",
            zh=message.zh,
            en=message.en,
            errors=(FieldError("reason", message, "review.reason_length"),),
        )
    return text


def half_of(day: date) -> HalfYear:
    """Spring or autumn passage, also of a day outside both seasons."""
    return "spring" if day.month <= 6 else "autumn"


def is_near_edge(wall: datetime | None, windows: Sequence[Window]) -> bool:
    """Whether a local time lies within 8 hours of where a season or its peak begins or ends."""
    if wall is None:
        return False
    spans = [window_dates(window, wall.year) for window in windows if window.sets_phase]
    spans += [(date(wall.year, *first), date(wall.year, *last)) for first, last in SPANS.values()]
    return any(
        abs(wall.replace(tzinfo=None) - datetime.combine(edge, time.min)) <= EDGE
        for first, last in spans
        for edge in (first, last + timedelta(days=1))
    )


def is_night_but_bright(facts: PhotoFacts, brightness: float, sites: Mapping[str, Site]) -> bool:
    """Whether the sun was well down where and when the picture was taken, and yet it is bright."""
    if facts.time.instant is None or brightness < BRIGHT:
        return False
    return sun_elevation(_point_of(facts, sites), facts.time.instant) < NIGHT_DEG


def sun_elevation(point: Point, instant: datetime) -> float:
    """Degrees of the sun above the horizon, refraction left out."""
    return float(elevation(Observer(point.lat, point.lon), instant, with_refraction=False))


def brightness_of(thumbhash: str | None) -> float | None:
    """The mean lightness a thumbhash opens with, 0 to 1; None where there is none."""
    try:
        head = base64.b64decode(thumbhash or "", validate=True)
    except (binascii.Error, ValueError):
        return None
    return (head[0] & 63) / 63 if len(head) >= 3 else None


def _point_of(facts: PhotoFacts, sites: Mapping[str, Site]) -> Point:
    if facts.place is not None:
        return facts.place.point
    site = sites.get(facts.site) if facts.site else None
    return (middle_of(site.geometry) if site else None) or ESTUARY


def _sighting_flags(one: NewSighting, day: date, terms: ReviewTerms) -> tuple[str, ...]:
    found: list[Flag] = _name_flags(one.species, terms)
    is_present = one.best is None or one.best > 0
    if is_present and _is_number_above(one, day, terms):
        found.append("number_above_range")
    if is_present and _is_date_outside(one.species, day, terms):
        found.append("date_outside_range")
    if not is_present and one.species in terms.present:
        found.append("zero_against_present")
    return tuple(found)


def _name_flags(code: str, terms: ReviewTerms) -> list[Flag]:
    species = terms.species.get(code)
    is_listed = species is not None and species.rank in LISTED_RANKS
    return [] if is_listed else ["name_not_listed"]


def _is_number_above(one: NewSighting, day: date, terms: ReviewTerms) -> bool:
    known = _known(one.species, day, terms)
    number = max(one.best or 0, one.low or 0)
    return (
        known is not None
        and known.largest is not None
        and known.largest > 0
        and number > TIMES_LARGEST * known.largest
    )


def _is_date_outside(code: str, day: date, terms: ReviewTerms) -> bool:
    known = _known(code, day, terms)
    if known is None:
        return False
    wide = timedelta(days=DAYS_OUTSIDE)
    on = date(LEAP_YEAR, day.month, day.day)  # every month and day is a date of a leap year
    return not date(LEAP_YEAR, *known.first) - wide <= on <= date(LEAP_YEAR, *known.last) + wide


def _known(code: str, day: date, terms: ReviewTerms) -> KnownRange | None:
    known = terms.ranges.get((code, half_of(day)))
    return known if known is not None and known.records >= ENOUGH_RECORDS else None


def _after(before: Status | None, status: Status) -> Status:
    """A correction does not publish what a reviewer has held back: it comes before one again.

    Nor does it send in a draft.
    """
    if before == "draft":
        return "draft"
    return status if before in (None, "published") else "pending"


def _kept(before: Status, status: Status) -> Status:
    return before if before == "rejected" else status
