"""What follows from a photo's new facts: its season, its standing, and the count that rests on it.

Every way of putting a photo right ends here, be it one photo by hand or three hundred by a clock.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from birdwatch.domain.errors import BirdwatchError, InvalidInputError
from birdwatch.domain.photo import Photo, PhotoFacts
from birdwatch.domain.policy import Actor
from birdwatch.domain.review import ReviewTerms
from birdwatch.domain.season import Window
from birdwatch.domain.survey import NewSurvey, Survey
from birdwatch.intake.checking import is_judged, judged_by, judged_photo, review_terms
from birdwatch.intake.photo_sorting import in_season, survey_start
from birdwatch.intake.tides import with_tide
from birdwatch.storage import photos as photo_rows
from birdwatch.storage.corrections import Correction, write_corrections
from birdwatch.storage.db import Write
from birdwatch.storage.surveys import find_survey, find_surveys, replace_survey

AT_ONCE = 200  # photos in one batch of statements
FOLLOWED = ("time", "site", "species", "status", "embargo_until")


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


async def write_all_corrected(
    tx: Write,
    given: Sequence[tuple[Photo, PhotoFacts]],
    windows: Sequence[Window],
    *,
    detail: dict[str, object],
) -> list[tuple[str, int]]:
    """As write_corrected, for thousands of photos as they are under the lock, in few statements.

    Gives the photos that changed, with their new versions. Inside `recounted_once`, so that what
    they are checked against stands still.
    """
    wanted = [
        (before, facts)
        for before, facts in ((before, in_season(facts, windows)) for before, facts in given)
        if facts != before.facts
    ]
    judge = await _judge(tx, wanted)
    versions: list[tuple[str, int]] = []
    for some in _pages(wanted):
        ids = [one.facts.survey_id for one, _ in some if one.facts.survey_id]
        surveys = await find_surveys(tx, ids)
        corrections: list[Correction] = []
        for before, facts in some:
            judged = judge.judged(before, facts)
            survey = surveys.get(_followed(before.facts, judged) or "")
            new = await _in_step(tx, survey, before.facts, judged)
            count = (survey, new) if survey and new else None
            judge.note(before, judged, count)
            corrections.append(Correction(before, judged, count))
        versions += await write_corrections(tx, corrections, detail=detail)
    return versions


@dataclass(slots=True)
class _Judge:
    """Checks one correction after the other, by what was read before the first.

    What they themselves change of it, the number of published records, is reckoned along.
    """

    actor: Actor
    terms: ReviewTerms | None

    def judged(self, before: Photo, facts: PhotoFacts) -> PhotoFacts:
        if self.terms is None or not is_judged(self.actor, before):
            return facts
        return judged_by(self.terms, facts, self.actor, before=before)

    def note(
        self, before: Photo, after: PhotoFacts, count: tuple[Survey, NewSurvey] | None
    ) -> None:
        """This is about to be written."""
        changes = [(before.owner_id, before.facts.status, after.status)]
        if count is not None:
            changes.append((count[0].owner_id, count[0].status, count[1].status))
        for owner_id, was, becomes in changes:
            if self.terms is not None and owner_id == self.actor.person_id:
                more = (becomes == "published") - (was == "published")
                self.terms = replace(self.terms, published=self.terms.published + more)


async def _judge(tx: Write, wanted: Sequence[tuple[Photo, PhotoFacts]]) -> _Judge:
    if not any(is_judged(tx.actor, before) for before, _ in wanted):
        return _Judge(tx.actor, None)
    codes = {facts.species for _, facts in wanted if facts.species}
    return _Judge(tx.actor, await review_terms(tx, codes, tx.actor))


def _pages(
    wanted: Sequence[tuple[Photo, PhotoFacts]],
) -> Iterator[list[tuple[Photo, PhotoFacts]]]:
    """In order; a survey with several photos is once in a page, so that each finds it as it is."""
    page: list[tuple[Photo, PhotoFacts]] = []
    seen: set[str] = set()
    for one in wanted:
        survey_id = one[0].facts.survey_id
        if len(page) == AT_ONCE or survey_id in seen:
            yield page
            page, seen = [], set()
        page.append(one)
        if survey_id is not None:
            seen.add(survey_id)
    if page:
        yield page


async def keep_survey_in_step(tx: Write, before: PhotoFacts, after: PhotoFacts) -> None:
    """A count made from this photo follows its time, site, species and standing; others do not."""
    survey_id = _followed(before, after)
    survey = await find_survey(tx, survey_id) if survey_id else None
    new = await _in_step(tx, survey, before, after)
    if survey is not None and new is not None:
        await replace_survey(tx, survey.id, new, sets_standing=True)


def _followed(before: PhotoFacts, after: PhotoFacts) -> str | None:
    """The survey that may have to follow."""
    if before.survey_id is None or after.survey_id is None:
        return None
    same = all(getattr(before, name) == getattr(after, name) for name in FOLLOWED)
    return None if same else before.survey_id


async def _in_step(
    tx: Write, survey: Survey | None, before: PhotoFacts, after: PhotoFacts
) -> NewSurvey | None:
    """What becomes of the survey; None: it does not follow."""
    if survey is None or survey.protocol != "photo":
        return None
    if after.site is None or after.species is None or after.time.wall is None:
        raise _count_rests_on_it(survey)
    new = _following(survey, before, after)
    if survey.tide_source and (new.site, new.start) != (survey.site, survey.start):
        new = await with_tide(tx, new)
    return new


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
