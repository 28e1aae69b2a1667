"""The automatic checks on the way in: what the archive knows is read, and the record is judged.

Called by photo and survey intake and by corrections, before the record is written.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import date, datetime

from birdwatch.domain.photo import Photo, PhotoFacts
from birdwatch.domain.policy import SYSTEM, Actor, may
from birdwatch.domain.review import (
    ReviewTerms,
    brightness_of,
    check_photo,
    judge_photo,
    judge_survey,
)
from birdwatch.domain.survey import NewSurvey, Survey
from birdwatch.intake.archive import Archive
from birdwatch.storage.photos import find_photo
from birdwatch.storage.review import known_ranges, present_at, records_of, set_photo_status
from birdwatch.storage.sites import load_sites
from birdwatch.storage.species import load_species
from birdwatch.storage.transactions import Source
from birdwatch.storage.windows import load_windows

NIGHT = "night_but_bright"


async def judged_survey(
    db: Source, new: NewSurvey, actor: Actor, *, before: Survey | None = None
) -> NewSurvey:
    """The survey with its flags and statuses; `before`: the one that this corrects.

    What a reviewer puts right in somebody's survey stays as published as it was.
    """
    if actor == SYSTEM:
        return new
    if before is not None and may(actor, "review", before.thing):
        return replace(new, status=before.status, flags=before.flags)
    codes = [sighting.species for sighting in new.sightings]
    terms = await review_terms(db, codes, actor)
    if any(sighting.best == 0 for sighting in new.sightings):
        besides = before.id if before else None
        day: date = new.start.date()
        terms = replace(terms, present=await present_at(db, new.site, day, besides=besides))
    return judge_survey(new, actor, terms, before=before.status if before else None)


async def judged_photo(
    db: Source,
    facts: PhotoFacts,
    actor: Actor,
    *,
    before: Photo | None = None,
    thumbhash: str | None = None,
) -> PhotoFacts:
    """The facts with flags and status; `before`: the photo whose facts these correct.

    `thumbhash`: of a photo that is judged for the first time with its pictures made already.
    """
    if not is_judged(actor, before):
        return facts
    terms = await review_terms(db, [facts.species] if facts.species else [], actor)
    return judged_by(terms, facts, actor, before=before, thumbhash=thumbhash)


def is_judged(actor: Actor, before: Photo | None) -> bool:
    """Whether what this actor says of a photo is checked; `before`: the one that is corrected."""
    return actor != SYSTEM and (before is None or not may(actor, "review", before.thing))


def judged_by(
    terms: ReviewTerms,
    facts: PhotoFacts,
    actor: Actor,
    *,
    before: Photo | None,
    thumbhash: str | None = None,
) -> PhotoFacts:
    """As judged_photo for what is judged, by terms that were read before."""
    return judge_photo(
        facts,
        actor,
        terms,
        before=before.facts.status if before else None,
        brightness=brightness_of(before.thumbhash if before else thumbhash),
    )


async def judged_arrival(
    db: Source,
    facts: PhotoFacts,
    survey: NewSurvey | None,
    actor: Actor,
    *,
    thumbhash: str | None = None,
) -> tuple[PhotoFacts, NewSurvey | None]:
    """A photo and the survey made from it: one record to a reviewer, so they wait together."""
    facts = await judged_photo(db, facts, actor, thumbhash=thumbhash)
    if survey is None:
        return facts, None
    survey = await judged_survey(db, survey, actor)
    of_sightings = [flag for sighting in survey.sightings for flag in sighting.flags]
    flags = tuple(dict.fromkeys((*facts.flags, *survey.flags, *of_sightings)))
    is_held = "pending" in (facts.status, survey.status) or bool(of_sightings)
    if not is_held:
        return facts, survey
    facts = replace(facts, status="pending", flags=flags)
    return facts, replace(survey, status="pending")


async def check_brightness(archive: Archive, photo_id: str, *, now: datetime) -> None:
    """Once its pictures are made: a published photo that is bright at night waits for a reviewer."""
    photo = await find_photo(archive.db, photo_id)
    if photo is None or not await _is_bright_at_night(archive.db, photo):
        return
    async with archive.db.write(SYSTEM, now) as tx:
        await tx.lock()
        photo = await find_photo(tx, photo_id)
        # A draft is judged with its pictures when it is published.
        if photo is None or NIGHT in photo.facts.flags:
            return
        if photo.facts.status in ("rejected", "draft"):
            return
        status = "pending" if photo.facts.status == "published" else photo.facts.status
        flags = (*photo.facts.flags, NIGHT)
        await set_photo_status(tx, photo, status, flags, action="review", reason="")


async def _is_bright_at_night(db: Source, photo: Photo) -> bool:
    brightness = brightness_of(photo.thumbhash)
    if brightness is None or photo.owner_id is None:  # the archive's own are published unchecked
        return False
    terms = ReviewTerms(await load_species(db), await load_sites(db))
    facts = replace(photo.facts, species=None)
    return NIGHT in check_photo(facts, terms, brightness=brightness)


async def review_terms(db: Source, codes: Iterable[str], actor: Actor) -> ReviewTerms:
    """What the records of this actor with these species are checked against, but for `present`."""
    return ReviewTerms(
        species=await load_species(db),
        sites=await load_sites(db),
        windows=await load_windows(db),
        ranges=await known_ranges(db, codes),
        published=(await records_of(db, actor.person_id)).published,
    )
