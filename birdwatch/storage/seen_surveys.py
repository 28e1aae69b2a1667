"""Surveys and sightings as one reader may see them: rows, views and the pictures named beside them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import date

from birdwatch.domain.ids import is_id
from birdwatch.domain.paging import Page
from birdwatch.domain.policy import FULL, Lens, Reader, lens_of
from birdwatch.domain.publication import seen_survey
from birdwatch.domain.survey import Sighting, Survey, SurveyFilter
from birdwatch.storage import surveys
from birdwatch.storage.photo_sightings import told_photo_ids
from birdwatch.storage.transactions import Source


async def see_survey(db: Source, survey_id: str, reader: Reader) -> Survey | None:
    """The survey as this reader may see it; None: for them there is none."""
    found = await surveys.find_survey(db, survey_id) if is_id(survey_id) else None
    seen = await _seen(db, [found] if found else [], reader)
    return seen[0] if seen else None


async def seen_surveys(
    db: Source, where: SurveyFilter, reader: Reader, *, limit: int, cursor: str | None = None
) -> Page[Survey]:
    """One page of the surveys that this reader may see, the latest first."""
    lens = lens_of(reader.actor, reader.now, owner_id=where.owner_id)
    page = await surveys.list_surveys(db, where, limit=limit, cursor=cursor, lens=lens)
    return Page(tuple(await _seen(db, page.items, reader)), page.next)


async def seen_surveys_of_day(db: Source, day: date, reader: Reader) -> list[Survey]:
    """The surveys of one local day that this reader may see, in order of time."""
    return await _seen(db, await surveys.surveys_of_day(db, day), reader)


async def seen_sightings(
    db: Source, where: SurveyFilter, reader: Reader, *, limit: int, cursor: str | None = None
) -> Page[Sighting]:
    """One page of the sightings that this reader may see, the latest day first."""
    lens = lens_of(reader.actor, reader.now, owner_id=where.owner_id)
    page = await surveys.list_sightings(db, where, limit=limit, cursor=cursor, lens=lens)
    if lens == FULL:
        return page
    told = await told_photo_ids(db, _photos(page.items), lens)
    return Page(tuple(_told(one, told) for one in page.items), page.next)


async def _seen(db: Source, found: Iterable[Survey], reader: Reader) -> list[Survey]:
    several = [seen_survey(one, reader.actor, reader.now) for one in found]
    seen = [one for one in several if one is not None]
    told: dict[Lens, set[str]] = {}
    for lens in {Lens(one.view) for one in seen} - {FULL}:
        photos = [id_ for one in seen if one.view == lens.view for id_ in _photos(one.sightings)]
        told[lens] = await told_photo_ids(db, photos, lens)
    return [
        one
        if one.view == "full"
        else replace(one, sightings=tuple(_told(s, told[Lens(one.view)]) for s in one.sightings))
        for one in seen
    ]


def _photos(sightings: Iterable[Sighting]) -> list[str]:
    return [photo for sighting in sightings for photo in sighting.photos]


def _told(sighting: Sighting, photos: set[str]) -> Sighting:
    if not sighting.photos and not sighting.flags:
        return sighting
    kept = tuple(photo for photo in sighting.photos if photo in photos)
    return replace(sighting, photos=kept, flags=())
