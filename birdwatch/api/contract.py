"""The words of the JSON interface: every struct here is a promise, and makes the OpenAPI document.

Structs that end in `In` are what callers send, in `Query` what they may ask; the others are
answers. Values made for the owner alone are UNSET, and so absent, for everyone else.
"""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any, Literal

from msgspec import UNSET, Meta, Struct, UnsetType, field

from birdwatch.api.burst_contract import Burst
from birdwatch.domain.daily_count import Audience
from birdwatch.domain.paging import DEFAULT_LIMIT, MAX_LIMIT
from birdwatch.domain.photo import PhotoState, TimeSource
from birdwatch.domain.place import Confidence, PositionSource
from birdwatch.domain.policy import Status, View
from birdwatch.domain.season import HalfYear, Phase
from birdwatch.domain.sensitivity import Behaviour, Level
from birdwatch.domain.summary import By, TideChoice
from birdwatch.domain.survey import Method, Protocol, Tide
from birdwatch.domain.text import Locale

ShortText = Annotated[str, Meta(max_length=200)]
Limit = Annotated[int, Meta(ge=1, le=MAX_LIMIT)]
MonthDay = Annotated[str, Meta(pattern=r"^\d\d-\d\d$", examples=["04-01"])]


class Text(Struct, frozen=True):
    """A sentence or name in both languages; either may be empty."""

    zh: str = ""
    en: str = ""


class Position(Struct, frozen=True):
    """Degrees, WGS-84, and how they are known; for others than the owner on a grid of 0.01°."""

    latitude: float
    longitude: float
    source: PositionSource
    confidence: Confidence


class Camera(Struct, frozen=True):
    """The camera and its settings as it wrote them; empty where it did not."""

    make: str
    model: str
    lens: str
    exposure_s: str
    f_number: str
    iso: str
    focal_mm: str


class Photo(Struct, kw_only=True):
    """One picture. `taken_at` is RFC 3339 with the offset of the place, or null if unknown."""

    id: str
    state: PhotoState
    taken_at: str | None
    time_source: TimeSource
    time_confidence: Confidence
    position: Position | None
    is_outside: bool
    site: str | None
    season: str | None
    phase: Phase
    dekad: str | None
    camera: Camera
    species: str | None
    survey: str | None
    sighting: str | None
    burst: Burst | None
    caption: Text
    credit: str
    license: str
    width: int
    height: int
    renditions: dict[str, str]
    thumbhash: str | None
    received_at: str | None
    version: int
    level: Level
    view: View
    status: Status
    embargo_until: str | None
    sha256: str | UnsetType = UNSET
    original_name: str | UnsetType = UNSET
    failure: str | UnsetType | None = UNSET


class ReceivedPhoto(Photo, kw_only=True):
    """The answer to an upload. `duplicate`: the same bytes were here already."""

    duplicate: bool


class PhotoVersion(Struct, kw_only=True):
    """One state of a photo's facts, from dataset version `since` until another took its place."""

    since: int
    until: int | None
    at: str
    actor: str
    action: str
    taken_at: str | None
    time_source: TimeSource
    time_confidence: Confidence
    position: Position | None
    site: str | None
    season: str | None
    phase: Phase
    dekad: str | None
    species: str | None
    caption: Text
    credit: str
    license: str


class PositionIn(Struct):
    """A position as given by hand, in degrees. `crs`: wgs84, or gcj02 or bd09 off a Chinese map."""

    latitude: float
    longitude: float
    crs: str | UnsetType | None = UNSET


class PhotoChangesIn(Struct):
    """What a correction may change; null clears, what is not named stays."""

    taken_at: str | UnsetType | None = UNSET
    position: PositionIn | UnsetType | None = UNSET
    site: str | UnsetType | None = UNSET
    species: str | UnsetType | None = UNSET
    caption: Text | UnsetType | None = UNSET
    credit: str | UnsetType | None = UNSET
    license: str | UnsetType | None = UNSET
    embargo_until: str | UnsetType | None = UNSET


class WithdrawQuery(Struct):
    """Why something is withdrawn; readers of its address see it."""

    reason: str = ""


class Sighting(Struct, kw_only=True):
    """One species in one survey. `best` 0: looked for and not found; null: seen, not counted."""

    id: str
    species: str
    low: int | None
    best: int | None
    high: int | None
    method: Method
    note: str
    photos: tuple[str, ...]
    behaviour: Behaviour
    status: Status
    flags: tuple[str, ...] | UnsetType = UNSET


class ListedSighting(Sighting, kw_only=True):
    """A sighting outside its survey, with where and when it was made."""

    survey: str
    site: str
    day: date | None
    season: str | None
    phase: Phase
    dekad: str | None


class Survey(Struct, kw_only=True):
    """One visit. `start` is a date alone where the time of day is not known.

    `tide_source`: the table that `tide` was taken from; null where the observers said it.
    """

    id: str
    site: str
    start: str
    end: str | None
    observers: tuple[str, ...]
    protocol: Protocol
    complete: bool
    tide: Tide
    note: str
    source: str
    day: date
    season: str | None
    phase: Phase
    dekad: str
    version: int
    view: View
    status: Status
    embargo_until: str | None
    sightings: tuple[Sighting, ...]
    flags: tuple[str, ...] | UnsetType = UNSET
    tide_source: str | None = None


class SightingIn(Struct, kw_only=True):
    """`species` is a code or any known name. `id` keeps a sighting when a survey is replaced."""

    species: str
    id: str | None = None
    low: int | None = None
    best: int | None = None
    high: int | None = None
    method: Method = "counted"
    note: str = ""
    photos: list[str] = []
    behaviour: Behaviour = ""


TideIn = Literal["high", "low", "rising", "falling", "unknown", "table"]


class SurveyIn(Struct, kw_only=True):
    """A visit and what was found. A `start` without offset is local time of the estuary.

    `tide` as `table`: what the tide table of the site says for the middle of the visit.
    """

    site: str
    start: str
    end: str | None = None
    observers: list[str] | str = []
    protocol: Protocol = "stationary"
    complete: bool = False
    tide: TideIn = "unknown"
    note: str = ""
    embargo_until: str | None = None
    sightings: list[SightingIn] = []


class Waiting(Struct, frozen=True):
    """Records that wait for a reviewer, and are in no count yet."""

    surveys: int
    sightings: int


class CountWindow(Struct, frozen=True):
    """The window by which before, peak and after are told, with its source.

    Dates where the answer is about one season, month and day (04-01) otherwise.
    """

    id: str
    name: str
    start: str
    end: str
    source: str


class CountItem(Struct, kw_only=True):
    """Birds of a species under the rule: never a sum of records.

    `site` null: all sites together. `count` null: seen, not counted. For dekads and seasons it is
    the largest day, `peak_day`. `surveys` are those the number rests on, `set_aside` the others;
    `n_surveys` and `n_set_aside` say how many. CSV names them only while they are few, or where
    `fields` asks for them.
    """

    species: str | None
    site: str | None
    day: date | UnsetType = UNSET
    dekad: str | UnsetType = UNSET
    season: str | UnsetType = UNSET
    count: int | None
    low: int | None
    high: int | None
    peak_day: date | UnsetType | None = UNSET
    bird_days: float | UnsetType | None = UNSET
    n_surveys: int
    n_set_aside: int
    surveys: tuple[str, ...]
    set_aside: tuple[str, ...]


class Counts(Struct, kw_only=True):
    """Counts with the rule they were made by. `window` null: the answer spans spring and autumn."""

    items: list[CountItem]
    rule: str
    window: CountWindow | None
    tide: TideChoice
    dataset_version: int
    surveys_used: int
    surveys_set_aside: int
    next: str | None
    audience: Audience
    waiting: Waiting
    left_out: str


class SeasonSpecies(Struct, kw_only=True):
    """One line of a season; `species` null is the total of all species."""

    species: str | None
    name: Text | None
    peak: int | None
    peak_day: date | None
    peak_surveys: tuple[str, ...]
    first_day: date | None
    last_day: date | None
    bird_days: float
    share_in_peak: float | None
    days_counted: int
    surveys: int
    zeros: int


class SeasonDay(Struct, frozen=True):
    """One day of a season; `count` null and `counted` false: nobody looked.

    `partial`: only incomplete lists were kept, so that the number is none of the whole estuary.
    """

    day: date
    counted: bool
    count: int | None
    species: int
    surveys: int
    partial: bool


class SeasonDekad(Struct, frozen=True):
    """One dekad of a season, all species together: its largest day and bird-days."""

    dekad: str
    count: int | None
    peak_day: date | None
    bird_days: float | None


class EarlierSeason(Struct, kw_only=True):
    """The same season of an earlier year, for comparison."""

    season: str
    window: CountWindow | None
    total: SeasonSpecies
    species: list[SeasonSpecies]
    dekads: list[SeasonDekad]


class Season(Struct, kw_only=True):
    """A season under the rule, with the same season of earlier years beside it."""

    season: str
    first: date
    last: date
    rule: str
    window: CountWindow | None
    dataset_version: int
    total: SeasonSpecies
    species: list[SeasonSpecies]
    days: list[SeasonDay]
    dekads: list[SeasonDekad]
    surveys_used: tuple[str, ...]
    surveys_set_aside: tuple[str, ...]
    earlier: list[EarlierSeason]
    audience: Audience
    waiting: Waiting
    left_out: str


class ListedSeason(Struct, frozen=True):
    """A season that holds anything, and its span."""

    id: str
    first: date
    last: date


class Species(Struct, kw_only=True):
    """One row of the taxonomy; `code` is the eBird code and the key everywhere."""

    code: str
    rank: str
    scientific_name: str
    name: Text
    aliases: tuple[str, ...]
    synonyms: tuple[str, ...]
    family: str
    family_zh: str
    order: str
    order_zh: str
    is_shorebird: bool
    iucn: str | None
    protection_cn: str | None
    one_percent: int | None
    one_percent_source: str | None


class Site(Struct, kw_only=True):
    """A named count sector. `geometry` is GeoJSON; `is_outline` marks the estuary itself."""

    id: str
    name: Text
    geometry: dict[str, Any] | None
    is_outline: bool
    is_approximate: bool
    source: str


class Window(Struct, kw_only=True):
    """A dated span of every year, with its source; month and day, both inclusive."""

    id: str
    half_year: HalfYear
    name: Text
    start: MonthDay
    end: MonthDay
    source: Text
    sets_phase: bool


class WindowChangesIn(Struct):
    """New dates of a window; every photo and survey is sorted again at once."""

    start: MonthDay | UnsetType = UNSET
    end: MonthDay | UnsetType = UNSET
    source: Text | UnsetType = UNSET


class Photos(Struct, frozen=True):
    """A page of photos, newest first."""

    items: list[Photo]
    next: str | None


class PhotoHistory(Struct, frozen=True):
    """All versions of a photo, oldest first."""

    items: list[PhotoVersion]
    next: str | None


class Surveys(Struct, frozen=True):
    """A page of surveys, newest first."""

    items: list[Survey]
    next: str | None


class Sightings(Struct, frozen=True):
    """A page of sightings, newest first."""

    items: list[ListedSighting]
    next: str | None


class Seasons(Struct, frozen=True):
    """All seasons that hold anything."""

    items: list[ListedSeason]
    next: str | None
    audience: Audience
    left_out: str


class SpeciesList(Struct, frozen=True):
    """A page of species."""

    items: list[Species]
    next: str | None


class Sites(Struct, frozen=True):
    """All count sites."""

    items: list[Site]
    next: str | None


class Windows(Struct, frozen=True):
    """All windows."""

    items: list[Window]
    next: str | None


class Query(Struct, kw_only=True, frozen=True):
    """What every address takes: the language of sentences, the fields wanted, a BOM for Excel."""

    lang: Locale | None = None
    fields: str | None = None
    bom: bool = False


class PageQuery(Query, kw_only=True, frozen=True):
    """What every list takes."""

    cursor: Annotated[str, Meta(max_length=500)] | None = None
    limit: Limit = DEFAULT_LIMIT


class PhotosQuery(PageQuery, kw_only=True, frozen=True):
    """What a list of photos may be narrowed to; days are local and inclusive."""

    day: date | None = None
    day_from: date | None = field(default=None, name="from")
    day_to: date | None = field(default=None, name="to")
    species: ShortText | None = None
    site: ShortText | None = None
    season: ShortText | None = None
    phase: Phase | None = None
    dekad: ShortText | None = None
    photographer: ShortText | None = None
    survey: ShortText | None = None
    bbox: ShortText | None = None
    sort: Literal["newest", "oldest"] = "newest"


class PhotoUploadQuery(Struct, kw_only=True, frozen=True):
    """What may come with the bytes of a photo: as form fields, or in the query with raw bytes."""

    file_name: str = ""
    caption_zh: str = ""
    caption_en: str = ""
    credit: str = ""
    license: str = ""
    species: str | None = None
    count: str | None = None
    low: str | None = None
    best: str | None = None
    high: str | None = None
    site: str | None = None
    method: Method | None = None
    note: str = ""
    draft: bool = False
    lang: Locale | None = None


class SurveysQuery(PageQuery, kw_only=True, frozen=True):
    """What lists of surveys and sightings may be narrowed to."""

    season: ShortText | None = None
    site: ShortText | None = None
    species: ShortText | None = None
    day_from: date | None = field(default=None, name="from")
    day_to: date | None = field(default=None, name="to")
    photo: ShortText | None = None


class CountsQuery(PageQuery, kw_only=True, frozen=True):
    """What is counted, over what, and by which unit of time."""

    by: By = "day"
    season: ShortText | None = None
    species: tuple[ShortText, ...] = ()
    site: ShortText | None = None
    day_from: date | None = field(default=None, name="from")
    day_to: date | None = field(default=None, name="to")
    tide: TideChoice = "one"
    per: Literal["site"] | None = None
    total: bool = False


class SpeciesQuery(PageQuery, kw_only=True, frozen=True):
    """`q` finds by the beginning of any name: Chinese, pinyin initials, English, scientific."""

    q: ShortText | None = None
    shorebird: bool | None = None
