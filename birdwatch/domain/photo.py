"""A photo: what was received, what its time and place are settled to be, and how we know."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Literal

from birdwatch.domain.credit import Credit
from birdwatch.domain.place import Box, Confidence, Point, SettledPlace
from birdwatch.domain.policy import Status, Thing, View
from birdwatch.domain.season import Phase
from birdwatch.domain.sensitivity import Level
from birdwatch.domain.text import Text

TimeSource = Literal[
    "user_correction",
    "bulk_shift",  # many moved alike by a person
    "clock_calibration",  # the camera's clock, put right by a marked frame
    "exif_offset",  # DateTimeOriginal + OffsetTimeOriginal
    "exif_gps_difference",  # DateTimeOriginal + zone from the GPS clock
    "exif_gps_place",  # DateTimeOriginal + zone of the GPS position
    "exif_offset_modified",  # DateTimeOriginal + OffsetTime (belongs to DateTime)
    "exif_site_zone",  # DateTimeOriginal + assumed Asia/Shanghai
    "xmp",
    "exif_digitized",
    "gps_clock",
    "file_name",
    "unknown",
]
PhotoState = Literal["received", "ready", "failed"]
RENDITION_SIZES: tuple[int, ...] = (320, 800, 1600, 2048)


@dataclass(frozen=True, slots=True)
class SettledTime:
    """When the shutter opened. `instant` is aware UTC; `wall` is the naive local time as shot."""

    instant: datetime | None
    wall: datetime | None
    offset_min: int | None
    source: TimeSource
    confidence: Confidence
    clock_error_s: int | None = None  # camera clock minus GPS clock, where both are known

    @property
    def day(self) -> date | None:
        """The local calendar date, by which seasons are told."""
        return self.wall.date() if self.wall else None


@dataclass(frozen=True, slots=True)
class Camera:
    """What took the picture, and how it was set; empty where the file does not say."""

    make: str = ""
    model: str = ""
    lens: str = ""
    exposure_s: str = ""  # as written on cameras: 1/1000
    f_number: str = ""
    iso: str = ""
    focal_mm: str = ""
    serial: str = ""  # private: it tells two photographers of one model apart

    @property
    def name(self) -> str:
        """Make and model; many models begin with their make, which is then not said twice."""
        if self.make.casefold() in self.model.casefold():
            return self.model
        return f"{self.make} {self.model}".strip()


@dataclass(frozen=True, slots=True)
class Rendition:
    """A picture made from the original: `key` is the nominal size, width and height the real one."""

    key: str
    width: int
    height: int
    format: str  # webp, jpeg
    size_bytes: int
    sha256: str = ""  # of its bytes; empty for one made before hashes were kept


@dataclass(frozen=True, slots=True)
class PhotoFacts:
    """What may be corrected, and is versioned: every correction is a new row with an author."""

    time: SettledTime
    place: SettledPlace | None
    site: str | None = None
    is_outside: bool = False  # a position that lies outside the estuary
    season: str | None = None
    phase: Phase = "unknown"
    dekad: str | None = None
    species: str | None = None
    caption: Text = Text()
    credit: Credit = Credit()
    license: str = ""
    sighting_id: str | None = None
    survey_id: str | None = None
    status: Status = "published"
    flags: tuple[str, ...] = ()  # codes of domain.review: why it waits
    embargo_until: datetime | None = None
    level: Level = "0.01"  # the coarsest of all its names

    @property
    def day(self) -> date | None:
        return self.time.day


@dataclass(frozen=True, slots=True)
class PublicValues:
    """What everyone may know of when and where; None where nobody may."""

    point: Point | None = None
    site: str | None = None
    day: date | None = None
    dekad: str | None = None
    phase: Phase = "unknown"
    survey_id: str | None = None


@dataclass(frozen=True, slots=True)
class Photo:
    """One picture as received; its original never changes. `facts` is the open version."""

    id: str
    sha256: str
    format: str  # jpeg, heif, png, webp, tiff, avif, cr2, cr3, nef, arw, dng, raf
    width: int  # upright, in pixels; of a raw file, of the JPEG in it
    height: int
    size_bytes: int
    received_at: datetime
    owner_id: str | None
    original_name: str  # private
    state: PhotoState
    camera: Camera
    facts: PhotoFacts
    original: PhotoFacts  # as settled at intake
    version: int  # dataset version that wrote `facts`
    failure: Text | None = None
    thumbhash: str | None = None  # base64
    renditions: tuple[Rendition, ...] = ()
    tags: dict[str, str] = field(default_factory=dict)  # raw, private
    public: PublicValues = PublicValues()
    view: View = "full"  # how much of it this value holds: see domain.publication

    @property
    def thing(self) -> Thing:
        """What the policy has to know."""
        return Thing(
            self.owner_id,
            self.facts.status,
            self.facts.embargo_until,
            is_withheld=self.facts.level == "withhold",
        )


@dataclass(frozen=True, slots=True)
class PhotoVersion:
    """One row of a photo's history."""

    since: int
    until: int | None
    at: datetime
    actor_id: str | None
    actor_name: str
    action: str
    facts: PhotoFacts


@dataclass(frozen=True, slots=True)
class PhotoFilter:
    """What a list of photos is narrowed to; None means any. Days are local and inclusive."""

    day: date | None = None
    day_from: date | None = None
    day_to: date | None = None
    species: str | None = None
    site: str | None = None
    season: str | None = None
    phase: Phase | None = None
    dekad: str | None = None
    photographer: str | None = None
    owner_id: str | None = None
    status: Status | None = None
    survey_id: str | None = None
    box: Box | None = None


EXTENSIONS = {"webp": "webp", "jpeg": "jpg"}


def rendition_url(photo_id: str, rendition: Rendition) -> str:
    """The public address of a rendition's bytes; they never change under it."""
    return f"/media/{photo_id}/{rendition.key}.{EXTENSIONS[rendition.format]}"
