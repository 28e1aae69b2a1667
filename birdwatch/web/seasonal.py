"""A season as pages show it: its summary, its strip in three sizes, and a day of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from starlette.requests import Request

from birdwatch.domain.daily_count import LEFT_OUT, Audience
from birdwatch.domain.errors import NotFoundError
from birdwatch.domain.photo import Photo, PhotoFilter
from birdwatch.domain.policy import lens_of, may
from birdwatch.domain.season import season_of, season_span
from birdwatch.domain.summary import CountItem, SeasonSummary, SpeciesSummary, day_items
from birdwatch.domain.survey import Sighting
from birdwatch.storage import counts, photos
from birdwatch.storage.photo_sightings import sightings_of_photos
from birdwatch.storage.windows import load_windows
from birdwatch.web.keeping import keep
from birdwatch.web.reading import archive_of, reader_of, today_of
from birdwatch.web.strip import (
    OPEN,
    PHONE,
    SMALL,
    Strip,
    StripDay,
    draw_strip,
    neighbours,
    open_dekad,
)

DAY_PHOTOS = 48
LATEST_PHOTOS = 24


@dataclass(frozen=True, slots=True)
class Strips:
    """The same season drawn wide, for a phone with one dekad open, and small."""

    wide: Strip
    phone: Strip
    opened: tuple[StripDay, ...]
    small: Strip


@dataclass(frozen=True, slots=True)
class DayView:
    """One day: its numbers by species, its pictures, and the days beside it."""

    day: date
    items: tuple[CountItem, ...]  # species, largest first
    total: CountItem | None
    photos: tuple[Photo, ...]
    sightings: Mapping[str, Sighting]  # by photo
    photo_counts: Mapping[str, int]  # photos of the day by species
    before: date | None
    after: date | None


def sees_exact_counts(request: Request) -> bool:
    """Whether this reader's numbers rest on embargoed and protected records too."""
    reader = reader_of(request)
    return may(reader.actor, "see-exact-counts", now=reader.now)


def audience_values(request: Request) -> dict[str, object]:
    """What a page of numbers has to say of whom they are for."""
    audience: Audience = "exact" if sees_exact_counts(request) else "public"
    return {"audience": audience, "left_out": LEFT_OUT}


async def season_summary(
    request: Request, season: str, *, species: str | None = None, site: str | None = None
) -> SeasonSummary:
    """The summary of a season, of everything or of one species or site."""
    db = archive_of(request).db

    async def make(version: int) -> SeasonSummary:
        windows = await load_windows(db)
        return await counts.season_summary(
            db,
            season,
            windows,
            version=version,
            species=species,
            site=site,
            exact=sees_exact_counts(request),
        )

    return await keep(request, ("season", season, species, site), make)


async def known_seasons(request: Request) -> list[str]:
    """Every season with anything counted, the latest first."""

    async def make(_version: int) -> list[str]:
        return await counts.seasons(archive_of(request).db, exact=sees_exact_counts(request))

    return await keep(request, "seasons", make)


async def photo_days(request: Request, summary: SeasonSummary) -> dict[date, int]:
    """How many photos each day of the season has."""
    first, last = summary.first, summary.last

    async def make(_version: int) -> dict[date, int]:
        return await photos.photos_by_day(
            archive_of(request).db, first, last, reader=reader_of(request)
        )

    return await keep(request, ("photo days", first, last), make)


def draw_strips(
    summary: SeasonSummary, *, today: date, selected: date | None, pictures: Mapping[date, int]
) -> Strips:
    """All drawings of a season at once."""
    wide = draw_strip(summary, today=today, selected=selected, photos=pictures)
    phone = draw_strip(summary, today=today, selected=selected, photos=pictures, frame=PHONE)
    small = draw_strip(summary, today=today, selected=selected, photos=pictures, frame=SMALL)
    return Strips(wide, phone, open_dekad(phone), small)


async def curve_values(request: Request, summary: SeasonSummary) -> dict[str, object]:
    """What a page needs to show a season's curve: its strips, and the other seasons to choose."""
    return {
        "summary": summary,
        "seasons": await known_seasons(request),
        "strips": draw_strips(
            summary,
            today=today_of(request),
            selected=summary.total.peak_day,
            pictures=await photo_days(request, summary),
        ),
        "open_frame": OPEN,
    }


async def season_now(request: Request) -> str:
    """The season to show unasked: the running one, else the latest with anything counted."""
    today = today_of(request)
    running = season_of(today)
    known = await known_seasons(request)
    if running and (running in known or not known):
        return running
    past = [season for season in known if season_span(season)[0] <= today]
    return next(iter(past or known), f"{today.year}-spring")


def day_to_show(summary: SeasonSummary, today: date) -> date:
    """The day to open unasked: the latest counted of a running season, the peak of a past one."""
    counted = [day.day for day in summary.days if day.is_counted and day.day <= today]
    if summary.first <= today <= summary.last and counted:
        return counted[-1]
    return summary.total.peak_day or (counted[-1] if counted else summary.peak_first)


def require_in_season(day: date) -> str:
    """The season a day belongs to. Raises NotFoundError between seasons."""
    season = season_of(day)
    if season is None:
        raise NotFoundError(
            "day.between-seasons",
            zh="这一天不在任何一季之内。春季为 3 月 1 日至 5 月 31 日，秋季为 7 月 15 日至 10 月 31 日。",
            en="That day is in no season. Spring is 1 March to 31 May, autumn 15 July to 31 October.",
        )
    return season


async def day_view(request: Request, day: date, strip: Strip | None = None) -> DayView:
    """Everything about one day."""
    db = archive_of(request).db
    exact = sees_exact_counts(request)
    daily = await counts.daily_counts(db, day_from=day, day_to=day, exact=exact)
    shown = await photos.list_photos(
        db, PhotoFilter(day=day), reader=reader_of(request), limit=DAY_PHOTOS, cursor=None
    )
    before, after = neighbours(strip.days, day) if strip else (None, None)
    total, items = day_items(daily)
    by_species = Counter(photo.facts.species for photo in shown.items if photo.facts.species)
    return DayView(
        day=day,
        items=tuple(items),
        total=total,
        photos=shown.items,
        sightings=await sightings_by_photo(request, shown.items),
        photo_counts=by_species,
        before=before,
        after=after,
    )


async def sightings_by_photo(request: Request, shown: Sequence[Photo]) -> dict[str, Sighting]:
    """The sighting each photo is evidence for."""
    told = [photo.id for photo in shown if photo.facts.survey_id or photo.facts.day]
    reader = reader_of(request)
    lens = lens_of(reader.actor, reader.now)
    return await sightings_of_photos(archive_of(request).db, told, lens)


async def strongest_photo(request: Request, summary: SeasonSummary) -> Photo | None:
    """The picture a season is shown by: of the largest sighting of its peak day, else the latest.

    Wide pictures go first, as this one runs across the page.
    """
    db = archive_of(request).db
    candidates: list[Photo] = []
    if peak_day := summary.total.peak_day:
        where = PhotoFilter(day=peak_day)
        best = await photos.list_photos(
            db, where, reader=reader_of(request), limit=DAY_PHOTOS, cursor=None
        )
        of = await sightings_by_photo(request, best.items)
        candidates = sorted(
            best.items, key=lambda photo: -(of[photo.id].best or 0) if photo.id in of else 1
        )
    where = PhotoFilter(season=summary.season)
    latest = await photos.list_photos(
        db, where, reader=reader_of(request), limit=LATEST_PHOTOS, cursor=None
    )
    ready = [photo for photo in (*candidates, *latest.items) if photo.renditions]
    wide = [photo for photo in ready if photo.width > photo.height]
    return next(iter(wide or ready), None)


def summaries_by_species(summary: SeasonSummary) -> dict[str, SpeciesSummary]:
    """The lines of a season's table by species code."""
    return {line.species: line for line in summary.species if line.species}
