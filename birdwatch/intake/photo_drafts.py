"""Drafts: a photo that its owner looks over before it is sent in, and what publishing makes of it.

A number given with a draft is kept beside it. Publishing checks the photo like an arrival, makes the
survey of that number, and writes both in one transaction.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime

from birdwatch.domain.credit import photographer
from birdwatch.domain.errors import FieldError, InvalidInputError, NotFoundError
from birdwatch.domain.ids import is_id
from birdwatch.domain.photo import Photo, PhotoFacts
from birdwatch.domain.place import Site
from birdwatch.domain.policy import Action, Actor, may
from birdwatch.domain.species import SpeciesIndex
from birdwatch.domain.survey import NewSurvey
from birdwatch.domain.text import Text
from birdwatch.intake.archive import Archive
from birdwatch.intake.checking import judged_arrival
from birdwatch.intake.photo_sorting import PhotoCount, survey_of_photo, survey_start
from birdwatch.intake.words import invalid, invalid_fields
from birdwatch.storage import photos as photo_rows
from birdwatch.storage.db import Source, Write
from birdwatch.storage.drafts import DraftNumber, find_numbers, keep_number
from birdwatch.storage.sites import load_sites
from birdwatch.storage.species import load_species
from birdwatch.storage.surveys import insert_survey


async def publish_photo(archive: Archive, photo_id: str, *, actor: Actor, now: datetime) -> Photo:
    """Send in one's draft: published at once, or waiting for a reviewer. Twice changes nothing.

    Raises NotFoundError, or InvalidInputError where its number has no species, site or day.
    """
    species, sites = await load_species(archive.db), await load_sites(archive.db)
    async with archive.db.write(actor, now) as tx:
        await tx.lock()
        photo = await _photo_for(tx, photo_id, actor, "publish")
        if photo.facts.status != "draft":
            return photo
        number = (await find_numbers(tx, [photo.id])).get(photo.id)
        survey = None
        if number is not None:
            survey = _survey_of_draft(
                photo.facts, number, actor.name, species=species, sites=sites, now=now
            )
        return await _publish(tx, photo, survey, actor)


async def _photo_for(db: Source, photo_id: str, actor: Actor, action: Action) -> Photo:
    """The photo, whole, for the one who may do this. Raises NotFoundError for anyone else."""
    photo = await photo_rows.find_photo(db, photo_id) if is_id(photo_id) else None
    if photo is None or not may(actor, action, photo.thing):
        raise NotFoundError(
            "draft.not_found",
            zh=f"您没有编号为 {photo_id[:40]} 的照片，也可能它已被撤下。请刷新页面。",
            en=f"There is no photo {photo_id[:40]} of yours, or it was withdrawn. Reload the page.",
        )
    return photo


async def set_number(
    archive: Archive, photo_id: str, number: DraftNumber | None, *, actor: Actor, now: datetime
) -> None:
    """Keep this number for a draft.

    Raises NotFoundError, or InvalidInputError for a photo that is sent in already.
    """
    async with archive.db.write(actor, now) as tx:
        await tx.lock()
        photo = await _photo_for(tx, photo_id, actor, "edit")
        if photo.facts.status != "draft":
            raise _sent_in_already()
        await keep_number(tx, photo_id, number)


def _sent_in_already() -> InvalidInputError:
    """The number of a photo that is sent in is a survey, and is put right there."""
    return invalid(
        "best",
        "这张照片已经提交，数量记在它的调查里。请到调查页更正数量。",
        "This photo is sent in already, and its number is in a survey. Correct it on the survey's"
        " page.",
    )


def checked_number(
    count: PhotoCount, *, species: SpeciesIndex, sites: Mapping[str, Site], now: datetime
) -> DraftNumber:
    """The number as surveys hold it, checked before species, site and day are known.

    Raises InvalidInputError that names every wrong field at once.
    """
    stand_in = next(site.id for site in sites.values() if not site.is_outline)
    try:
        survey = survey_of_photo(
            count,
            code=next(iter(species)).code,
            site=stand_in,
            start=now.isoformat(timespec="seconds"),
            observers=("-",),
            species=species,
            sites=sites,
            now=now,
        )
    except InvalidInputError as error:
        raise invalid_fields(
            tuple(
                FieldError(one.field.removeprefix("sightings[0]."), one.message, one.code)
                for one in error.errors
            )
        ) from None
    one = survey.sightings[0]
    return DraftNumber(one.low, one.best, one.high, one.method, one.note)


def _survey_of_draft(
    facts: PhotoFacts,
    number: DraftNumber,
    actor_name: str,
    *,
    species: SpeciesIndex,
    sites: Mapping[str, Site],
    now: datetime,
) -> NewSurvey:
    if facts.species is None or facts.site is None or facts.time.wall is None:
        raise invalid_fields(tuple(_missing(facts)))
    name = photographer(facts.credit) or actor_name
    survey = survey_of_photo(
        PhotoCount(number.low, number.best, number.high, number.method, number.note),
        code=facts.species,
        site=facts.site,
        start=survey_start(facts),
        observers=(name,) if name else (),
        species=species,
        sites=sites,
        now=now,
    )
    return replace(survey, embargo_until=facts.embargo_until)


def _missing(facts: PhotoFacts) -> list[FieldError]:
    found = {
        "species": (facts.species, "物种", "species"),
        "site": (facts.site, "地点", "site"),
        "taken_at": (facts.time.wall, "拍摄时间", "time it was taken"),
    }
    return [
        FieldError(
            name,
            Text(
                f"有数量就要有{zh}。请填写{zh}，或去掉数量。",
                f"A number needs the {en}. Give it, or take the number away.",
            ),
            "missing",
        )
        for name, (value, zh, en) in found.items()
        if value is None
    ]


async def _publish(tx: Write, photo: Photo, survey: NewSurvey | None, actor: Actor) -> Photo:
    facts, survey = await judged_arrival(tx, photo.facts, survey, actor, thumbhash=photo.thumbhash)
    if survey is not None:
        sightings = tuple(replace(one, photos=(photo.id,)) for one in survey.sightings)
        written = await insert_survey(tx, replace(survey, sightings=sightings))
        facts = replace(facts, survey_id=written.id, sighting_id=written.sightings[0].id)
    published = await photo_rows.correct_photo(tx, photo.id, facts, action="publish")
    await keep_number(tx, photo.id, None)
    return published
