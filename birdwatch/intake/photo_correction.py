"""What a photo's owner may put right. Corrections are new versions; the original stays."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from birdwatch.domain.credit import Credit
from birdwatch.domain.datum import Datum, read_datum, to_wgs84
from birdwatch.domain.embargo import read_embargo
from birdwatch.domain.errors import FieldError, InvalidInputError, NotFoundError
from birdwatch.domain.photo import Photo, PhotoFacts, SettledTime
from birdwatch.domain.place import Point, SettledPlace, Site, is_outside, site_at
from birdwatch.domain.policy import Actor, may
from birdwatch.domain.species import SpeciesIndex
from birdwatch.domain.text import Text
from birdwatch.domain.time_ladder import UNKNOWN_TIME, correct_time
from birdwatch.domain.written import Refusal
from birdwatch.intake.archive import Archive
from birdwatch.intake.photo_following import write_corrected
from birdwatch.intake.photo_sorting import DEFAULT_OFFSET_MIN
from birdwatch.intake.undoing import undo_last
from birdwatch.intake.words import (
    DEFAULT_LICENSE,
    clean_caption,
    clean_credit,
    clean_license,
    collect,
    find_site,
    find_species,
    invalid,
    invalid_fields,
)
from birdwatch.storage import photos as photo_rows
from birdwatch.storage.db import Source
from birdwatch.storage.sites import load_sites
from birdwatch.storage.species import load_species
from birdwatch.storage.windows import load_windows

EARLIEST_YEAR = 1900
MAX_REASON_CHARS = 500
MAX_LAT, MAX_LON = 90, 180


@dataclass(frozen=True, slots=True)
class Terms:
    """What the values of a correction are read against."""

    species: SpeciesIndex
    sites: Mapping[str, Site]
    now: datetime


async def correct_photo(
    archive: Archive,
    photo_id: str,
    changes: Mapping[str, object],
    *,
    actor: Actor,
    now: datetime,
) -> Photo:
    """Put right taken_at, position, site, species, caption, credit or license; null clears.

    Season, phase, dekad and site follow, and so does a count that was made from this photo.
    Raises NotFoundError, ForbiddenError, or InvalidInputError with a field error per wrong value.
    """
    await _editable(archive.db, photo_id, actor)
    terms = Terms(await load_species(archive.db), await load_sites(archive.db), now)
    edits = _read_changes(changes, terms)
    windows = await load_windows(archive.db)
    async with archive.db.write(actor, now) as tx:
        await tx.lock()
        before = await _editable(tx, photo_id, actor)
        facts = before.facts
        for edit in edits:
            facts = edit(facts)
        return await write_corrected(tx, before, _in_site(facts, changes, terms.sites), windows)


async def undo_correction(archive: Archive, photo_id: str, *, actor: Actor, now: datetime) -> Photo:
    """Take back the last change that stands; doing so twice brings it back.

    Raises NotFoundError, InvalidInputError when there is nothing to undo, or ConflictError.
    """
    await _editable(archive.db, photo_id, actor)
    async with archive.db.write(actor, now) as tx:
        await tx.lock()
        await _editable(tx, photo_id, actor)
        if await undo_last(tx, "photo", photo_id) is None:
            raise InvalidInputError(
                "photo.nothing_to_undo",
                zh="这张照片没有可以撤销的更正。",
                en="This photo has no correction that could be undone.",
            )
        return await _editable(tx, photo_id, actor)


async def withdraw_photo(
    archive: Archive, photo_id: str, reason: str, *, actor: Actor, now: datetime
) -> None:
    """Take a photo out of every list; its address says when and why. It can be undone.

    Raises NotFoundError, or InvalidInputError without a reason.
    """
    told = reason.strip()
    if not told or len(told) > MAX_REASON_CHARS:
        raise invalid(
            "reason",
            f"请写明撤下的原因，最多 {MAX_REASON_CHARS} 字；它会公开显示。",
            f"Say why it is withdrawn, in {MAX_REASON_CHARS} characters at most; readers see it.",
        )
    async with archive.db.write(actor, now) as tx:
        await tx.lock()
        await _editable(tx, photo_id, actor)
        await photo_rows.withdraw_photo(tx, photo_id, told)


async def _editable(db: Source, photo_id: str, actor: Actor) -> Photo:
    photo = await photo_rows.find_photo(db, photo_id)
    if photo is None:
        raise NotFoundError(
            "photo.not_found",
            zh="没有这张照片。请检查地址，或从图库里找。",
            en="There is no such photo. Check the address, or look in the gallery.",
        )
    if not may(actor, "edit", photo.thing):
        raise NotFoundError(
            "photo.not_yours",
            zh="没有这张照片，或它不属于您。请检查地址。",
            en="There is no such photo of yours. Check the address.",
        )
    return photo


Edit = Callable[[PhotoFacts], PhotoFacts]
Reader = Callable[[object, Terms], Edit]


def _read_changes(changes: Mapping[str, object], terms: Terms) -> list[Edit]:
    """One edit per change. Raises InvalidInputError that names every wrong field at once."""
    errors: list[FieldError] = []
    edits: list[Edit] = []
    no_edit: Edit = _unchanged
    for name, value in changes.items():
        read = READERS.get(name)
        if read is None:
            errors.append(_unknown_field(name))
            continue
        edits.append(collect(errors, name, _reading(read, value, terms), no_edit))
    if errors:
        raise invalid_fields(tuple(errors))
    return edits


def _reading(read: Reader, value: object, terms: Terms) -> Callable[[], Edit]:
    return lambda: read(value, terms)


def _unchanged(facts: PhotoFacts) -> PhotoFacts:
    return facts


def _unknown_field(name: str) -> FieldError:
    known = ", ".join(READERS)
    return FieldError(
        name,
        Text(
            f"照片没有可更正的字段“{name[:40]}”。可更正：{known}。",
            f"A photo has no field “{name[:40]}” to correct. Use one of {known}.",
        ),
        "unknown_field",
    )


def _read_taken_at(value: object, terms: Terms) -> Edit:
    text = _text("taken_at", value)
    if not text:
        return lambda facts: replace(facts, time=UNKNOWN_TIME)
    time = _parse_time(text)
    instant = time.instant
    if time.wall is None or time.wall.year < EARLIEST_YEAR:
        raise _bad_time(text)
    if instant is not None and instant > terms.now + timedelta(minutes=5):
        raise invalid(
            "taken_at",
            f"拍摄时间 {text} 在将来。请检查日期。",
            f"The time {text} is in the future. Check the date.",
        )
    return lambda facts: facts if _is_same_time(facts.time, text) else replace(facts, time=time)


def _is_same_time(known: SettledTime, text: str) -> bool:
    """Whether a form only gives back what it showed: then how the time is known must not change."""
    if known.wall is None:
        return False
    shown = datetime.fromisoformat(text)
    offset = shown.utcoffset()
    if offset is not None and int(offset.total_seconds() // 60) != known.offset_min:
        return False
    wall = known.wall.replace(microsecond=0)
    minute = wall.replace(second=0)
    return shown.replace(tzinfo=None, microsecond=0) in (wall, minute)


def _parse_time(text: str) -> SettledTime:
    """RFC 3339, or a local date and time, which is then taken as the estuary's own (+08:00)."""
    try:
        given = datetime.fromisoformat(text)
    except ValueError:
        raise _bad_time(text) from None
    has_time_of_day = "T" in text.upper() or " " in text
    if not has_time_of_day:
        raise _bad_time(text)
    offset = given.utcoffset()
    minutes = DEFAULT_OFFSET_MIN if offset is None else int(offset.total_seconds() // 60)
    try:
        return correct_time(given.replace(tzinfo=None), minutes)
    except OverflowError:
        raise _bad_time(text) from None


def _bad_time(text: str) -> InvalidInputError:
    return invalid(
        "taken_at",
        f"读不懂拍摄时间“{text[:40]}”。请写成 2026-04-16T05:40 或 2026-04-16T05:40:00+08:00。",
        f"The time “{text[:40]}” cannot be read."
        " Write 2026-04-16T05:40 or 2026-04-16T05:40:00+08:00.",
    )


def _read_position(value: object, terms: Terms) -> Edit:
    del terms
    if value is None or value == "":
        return lambda facts: replace(facts, place=None, is_outside=False)
    if not isinstance(value, Mapping) or set(value) - {"crs"} != {"latitude", "longitude"}:
        raise invalid(
            "position",
            "位置要写成 {latitude, longitude} 两个数（度），可加 crs：wgs84、gcj02 或 bd09。",
            "A position is {latitude, longitude}, two numbers in degrees, and crs if it is not"
            " WGS-84: gcj02 or bd09.",
        )
    told = Point(
        _degrees("latitude", value["latitude"], MAX_LAT),
        _degrees("longitude", value["longitude"], MAX_LON),
    )
    point = to_wgs84(told, _datum(value.get("crs")))
    place = SettledPlace(point, "user_correction", "high")

    def edit(facts: PhotoFacts) -> PhotoFacts:
        known = facts.place.point if facts.place else None
        is_same = known is not None and _rounded(known) == _rounded(point)
        return facts if is_same else replace(facts, place=place)

    return edit


def _datum(value: object) -> Datum:
    """The datum a position is told in; without a word it is WGS-84."""
    name = _text("position.crs", value)
    datum = read_datum(name) if name else "wgs84"
    if datum is None:
        raise invalid(
            "position.crs",
            f"没有坐标系“{name[:20]}”。可用：wgs84（GPS）、gcj02（高德、腾讯）、bd09（百度）。",
            f"There is no datum “{name[:20]}”. Use wgs84 (GPS), gcj02 (AMap, Tencent) or bd09"
            " (Baidu).",
        )
    return datum


def _rounded(point: Point) -> tuple[float, float]:
    """To a decimetre, as pages show it."""
    return round(point.lat, 6), round(point.lon, 6)


def _degrees(name: str, value: object, most: int) -> float:
    try:
        number = math.nan if isinstance(value, bool) else float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError, OverflowError):
        number = math.nan
    if not -most <= number <= most:
        names = {"latitude": "纬度", "longitude": "经度"}
        raise invalid(
            f"position.{name}",
            f"{names[name]}要是 -{most} 到 {most} 之间的数。",
            f"The {name} is a number from -{most} to {most}.",
        )
    return number


def _read_species(value: object, terms: Terms) -> Edit:
    code = find_species(_text("species", value), terms.species)
    return lambda facts: replace(facts, species=code)


def _read_site(value: object, terms: Terms) -> Edit:
    site = find_site(_text("site", value), terms.sites)
    return lambda facts: replace(facts, site=site)


def _read_caption(value: object, terms: Terms) -> Edit:
    del terms
    if value is None:
        return lambda facts: replace(facts, caption=Text())
    if not isinstance(value, Mapping) or not set(value) <= {"zh", "en"} or not value:
        raise invalid(
            "caption",
            "图片说明要写成 {zh, en}，至少一种。",
            "A caption is {zh, en}, at least one of them.",
        )
    given = {
        language: clean_caption(Text(zh=_text("caption", text))) for language, text in value.items()
    }

    def edit(facts: PhotoFacts) -> PhotoFacts:
        zh = given["zh"].zh if "zh" in given else facts.caption.zh
        en = given["en"].zh if "en" in given else facts.caption.en
        return replace(facts, caption=Text(zh, en))

    return edit


def _read_credit(value: object, terms: Terms) -> Edit:
    del terms
    credit = Credit() if value is None else clean_credit(_text("credit", value))
    return lambda facts: replace(facts, credit=credit)


def _read_license(value: object, terms: Terms) -> Edit:
    del terms
    chosen = DEFAULT_LICENSE if value is None else clean_license(_text("license", value))
    return lambda facts: replace(facts, license=chosen)


def _read_embargo(value: object, terms: Terms) -> Edit:
    until = read_embargo(value, now=terms.now)
    if isinstance(until, Refusal):
        raise invalid("embargo_until", until.message.zh, until.message.en)
    return lambda facts: replace(facts, embargo_until=until)


READERS: dict[str, Reader] = {
    "taken_at": _read_taken_at,
    "position": _read_position,
    "site": _read_site,
    "species": _read_species,
    "caption": _read_caption,
    "credit": _read_credit,
    "license": _read_license,
    "embargo_until": _read_embargo,
}


def _text(name: str, value: object) -> str:
    if value is None:
        return ""
    if not isinstance(value, str):
        raise invalid(name, f"{name} 要是文字。", f"The value of {name} is a text.")
    return value.strip()


def _in_site(
    facts: PhotoFacts, changes: Mapping[str, object], sites: Mapping[str, Site]
) -> PhotoFacts:
    """The facts with the site of a new position, unless this correction names the site itself."""
    known = tuple(sites.values())
    point = facts.place.point if facts.place else None
    if "position" in changes or ("site" in changes and facts.site is None):
        named = facts.site if changes.get("site") else None
        site = named or (site_at(point, known) if point else None)
        facts = replace(facts, site=site)
    return replace(facts, is_outside=point is not None and is_outside(point, known))
