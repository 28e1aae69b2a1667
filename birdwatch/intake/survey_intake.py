"""A survey comes in: checked, then stored with its sums and its place in the ledger at once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from birdwatch.domain.errors import FieldError, GoneError, InvalidInputError
from birdwatch.domain.once import Once
from birdwatch.domain.policy import Actor, Reader
from birdwatch.domain.survey import NewSurvey, Survey, check_survey, refused_survey
from birdwatch.domain.text import Text
from birdwatch.domain.written import Moment, clean, read_moment
from birdwatch.intake.archive import Archive
from birdwatch.intake.checking import judged_survey
from birdwatch.intake.tides import with_tide
from birdwatch.storage.photos import see_photo
from birdwatch.storage.sites import load_sites
from birdwatch.storage.species import load_species
from birdwatch.storage.survey_keys import find_keyed_survey, keep_survey_key
from birdwatch.storage.surveys import delete_survey, find_survey, insert_survey, replace_survey
from birdwatch.storage.tombstones import refuse_withdrawn
from birdwatch.storage.transactions import Source

MAX_REASON: Final = 1000
BY_TABLE: Final = "table"  # as `tide`: what the tide table of the site says


@dataclass(frozen=True, slots=True)
class Received:
    """The survey that was sent. `is_again`: an earlier attempt under the same key had brought it."""

    survey: Survey
    is_again: bool = False


async def receive_survey(
    archive: Archive, raw: Mapping[str, object], *, source: str, actor: Actor, now: datetime
) -> Survey:
    """The survey in `raw` (the API's field names), stored; `source` is page or api.

    Raises InvalidInputError with every fault under its field's name.
    """
    return (await receive_once(archive, raw, None, source=source, actor=actor, now=now)).survey


async def receive_once(
    archive: Archive,
    raw: Mapping[str, object],
    once: Once | None,
    *,
    source: str,
    actor: Actor,
    now: datetime,
) -> Received:
    """As `receive_survey`; what came under this key before is given as it is now.

    The key is looked for before the survey is checked, since what was right when it came may be
    refused today, and again under the lock, where no other attempt can be between.
    Raises GoneError where what it made was withdrawn, InvalidInputError where it made another.
    """
    if once and (known := await find_keyed_survey(archive.db, once)):
        return Received(await _known(archive.db, known), is_again=True)
    new = await _checked(archive, raw, source=source, actor=actor, now=now)
    new = await judged_survey(archive.db, new, actor)
    async with archive.db.write(actor, now) as tx:
        await tx.lock()
        if once and (known := await find_keyed_survey(tx, once)):
            return Received(await _known(tx, known), is_again=True)
        survey = await insert_survey(tx, new)
        if once:
            await keep_survey_key(tx, once, survey.id)
        return Received(survey)


async def _known(db: Source, survey_id: str) -> Survey:
    survey = await find_survey(db, survey_id)
    if survey is None:
        await refuse_withdrawn(db, "survey", survey_id)
        raise GoneError(
            "survey.withdrawn",
            zh="这次调查已经收到，后来被撤下。无需再次发送。",
            en="This survey was received, and withdrawn later. There is no need to send it again.",
        )
    return survey


async def change_survey(
    archive: Archive,
    survey: Survey,
    raw: Mapping[str, object],
    *,
    actor: Actor,
    now: datetime,
) -> Survey:
    """The survey as its owner now says it was, as a new version; its source stays.

    So does its embargo where nothing is said of it. What a reviewer held back waits again.
    """
    embargo = survey.embargo_until
    stays = "embargo_until" not in raw or _is_same(raw["embargo_until"], embargo)
    if stays:
        raw = {**raw, "embargo_until": None}
    new = await _checked(archive, raw, source=survey.source, actor=actor, now=now, before=survey)
    if stays:
        new = replace(new, embargo_until=embargo)
    new = await judged_survey(archive.db, new, actor, before=survey)
    async with archive.db.write(actor, now) as tx:
        return await replace_survey(tx, survey.id, new, sets_standing=True)


def _is_same(value: object, embargo: datetime | None) -> bool:
    """Whether this says again what already holds: an embargo that just ended may be sent back."""
    moment = read_moment(value)
    return embargo is not None and isinstance(moment, Moment) and moment.at == embargo


async def withdraw_survey(
    archive: Archive, survey: Survey, *, reason: str, actor: Actor, now: datetime
) -> None:
    """Take the survey out of sight and of every count; when and why stays to be read."""
    text = reason.strip()
    if len(text) > MAX_REASON:
        message = Text(
            f"原因最多 {MAX_REASON} 字。请写得短一些。",
            f"A reason has at most {MAX_REASON} characters. Make it shorter.",
        )
        raise InvalidInputError(
            "survey.reason",
            zh=message.zh,
            en=message.en,
            errors=(FieldError("reason", message, "survey.reason"),),
        )
    async with archive.db.write(actor, now) as tx:
        await delete_survey(tx, survey.id, reason=text)


async def _checked(
    archive: Archive,
    raw: Mapping[str, object],
    *,
    source: str,
    actor: Actor,
    now: datetime,
    before: Survey | None = None,
) -> NewSurvey:
    is_by_table = clean(raw.get("tide"), 40) == BY_TABLE
    new = check_survey(
        {**raw, "tide": "unknown"} if is_by_table else raw,
        species=await load_species(archive.db),
        sites=await load_sites(archive.db),
        now=now,
        source=source,
    )
    if is_by_table and new.has_time:
        new = await with_tide(archive.db, new)
    named = {photo for sighting in before.sightings for photo in sighting.photos} if before else ()
    await _require_photos(archive.db, new, Reader(actor, now), known=frozenset(named))
    return new


async def _require_photos(
    db: Source, new: NewSurvey, reader: Reader, *, known: frozenset[str]
) -> None:
    """Raise InvalidInputError for a photo that is not there for this reader.

    Those that the survey has named already (`known`) may stay, also where they are held back.
    """
    errors: list[FieldError] = []
    for index, sighting in enumerate(new.sightings):
        for photo in sighting.photos:
            if photo not in known and await see_photo(db, photo, reader) is None:
                message = Text(
                    f"没有编号为 {photo} 的照片。请先上传照片，再填写它的编号。",
                    f"There is no photo {photo}. Upload it first, then give its id.",
                )
                field = f"sightings[{index}].photos"
                errors.append(FieldError(field, message, "photos.unknown"))
    if errors:
        raise refused_survey(errors)
