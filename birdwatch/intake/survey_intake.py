"""A survey comes in: checked, then stored with its sums and its place in the ledger at once."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from birdwatch.domain.errors import FieldError
from birdwatch.domain.policy import Actor
from birdwatch.domain.survey import NewSurvey, Survey, check_survey, refused_survey
from birdwatch.domain.text import Text
from birdwatch.intake.archive import Archive
from birdwatch.storage.photos import find_photo
from birdwatch.storage.sites import load_sites
from birdwatch.storage.species import load_species
from birdwatch.storage.surveys import insert_survey, replace_survey
from birdwatch.storage.transactions import Source


async def receive_survey(
    archive: Archive, raw: Mapping[str, object], *, source: str, actor: Actor, now: datetime
) -> Survey:
    """The survey in `raw` (the API's field names), stored; `source` is page or api.

    Raises InvalidInputError with every fault under its field's name.
    """
    new = await _checked(archive, raw, source=source, now=now)
    async with archive.db.write(actor, now) as tx:
        return await insert_survey(tx, new)


async def change_survey(
    archive: Archive,
    survey: Survey,
    raw: Mapping[str, object],
    *,
    actor: Actor,
    now: datetime,
) -> Survey:
    """The survey as its owner now says it was, as a new version; its source stays."""
    new = await _checked(archive, raw, source=survey.source, now=now)
    async with archive.db.write(actor, now) as tx:
        return await replace_survey(tx, survey.id, new)


async def _checked(
    archive: Archive, raw: Mapping[str, object], *, source: str, now: datetime
) -> NewSurvey:
    new = check_survey(
        raw,
        species=await load_species(archive.db),
        sites=await load_sites(archive.db),
        now=now,
        source=source,
    )
    await _require_photos(archive.db, new)
    return new


async def _require_photos(db: Source, new: NewSurvey) -> None:
    """Raise InvalidInputError for a photo that the archive does not have."""
    errors: list[FieldError] = []
    for index, sighting in enumerate(new.sightings):
        for photo in sighting.photos:
            if await find_photo(db, photo) is None:
                message = Text(
                    f"没有编号为 {photo} 的照片。请先上传照片，再填写它的编号。",
                    f"There is no photo {photo}. Upload it first, then give its id.",
                )
                field = f"sightings[{index}].photos"
                errors.append(FieldError(field, message, "photos.unknown"))
    if errors:
        raise refused_survey(errors)
