"""What follows from a photo's new facts: its season, its standing, and the count that rests on it.

Every way of putting a photo right ends here, be it one photo by hand or three hundred by a clock.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from birdwatch.domain.errors import BirdwatchError, InvalidInputError
from birdwatch.domain.photo import Photo, PhotoFacts
from birdwatch.domain.season import Window
from birdwatch.domain.survey import NewSurvey, Survey
from birdwatch.intake.checking import judged_photo
from birdwatch.intake.photo_sorting import in_season, survey_start
from birdwatch.intake.tides import with_tide
from birdwatch.storage import photos as photo_rows
from birdwatch.storage.db import Write
from birdwatch.storage.surveys import find_survey, replace_survey


async def write_corrected(
    tx: Write,
    before: Photo,
    facts: PhotoFacts,
    windows: Sequence[Window],
    *,
    detail: dict[str, object] | None = None,
) -> Photo:
    """These facts as a new version, with all that follows; the same facts change nothing.

    Raises InvalidInputError where a count rests on what is cleared.
    """
    facts = in_season(facts, windows)
    if facts == before.facts:
        return before
    facts = await judged_photo(tx, facts, tx.actor, before=before)
    await keep_survey_in_step(tx, before.facts, facts)
    return await photo_rows.correct_photo(tx, before.id, facts, detail=detail)


async def keep_survey_in_step(tx: Write, before: PhotoFacts, after: PhotoFacts) -> None:
    """A count made from this photo follows its time, site, species and standing; others do not."""
    if before.survey_id is None or after.survey_id is None:
        return
    same = all(
        getattr(before, name) == getattr(after, name)
        for name in ("time", "site", "species", "status", "embargo_until")
    )
    survey = None if same else await find_survey(tx, before.survey_id)
    if survey is None or survey.protocol != "photo":
        return
    if after.site is None or after.species is None or after.time.wall is None:
        raise _count_rests_on_it(survey)
    new = _following(survey, before, after)
    if survey.tide_source and (new.site, new.start) != (survey.site, survey.start):
        new = await with_tide(tx, new)
    await replace_survey(tx, survey.id, new, sets_standing=True)


def _count_rests_on_it(survey: Survey) -> BirdwatchError:
    return InvalidInputError(
        "photo.count_rests_on_it",
        zh="这张照片带有数量，时间、地点和物种不能清空。请改成正确的值，或先删除这条数量"
        f"（调查 {survey.id}）。",
        en="A count rests on this photo, so its time, site and species cannot be cleared. Give the"
        f" right value, or delete the count first (survey {survey.id}).",
    )


def _following(survey: Survey, before: PhotoFacts, after: PhotoFacts) -> NewSurvey:
    new = survey.again()
    if after.site and after.site != before.site:
        new = replace(new, site=after.site)
    if after.time != before.time:
        start = datetime.fromisoformat(survey_start(after))
        new = replace(new, start=start, end=None, has_time=True)
    if after.status != before.status:
        new = replace(new, status=after.status)
    if after.embargo_until != before.embargo_until:
        new = replace(new, embargo_until=after.embargo_until)
    if not after.species:
        return new
    sightings = (
        replace(one, species=after.species) if one.species == before.species else one
        for one in new.sightings
    )
    return replace(new, sightings=tuple(sightings))
