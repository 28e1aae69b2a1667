"""What a person says about a photo, checked before a byte of it is kept."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from birdwatch.domain.credit import Credit
from birdwatch.domain.errors import FieldError, InvalidInputError
from birdwatch.domain.place import Site
from birdwatch.domain.species import SpeciesIndex
from birdwatch.domain.text import Text
from birdwatch.intake.photo_sorting import Number, PhotoCount, survey_of_photo
from birdwatch.intake.words import (
    DEFAULT_LICENSE,
    clean_caption,
    clean_credit,
    clean_file_name,
    clean_license,
    collect,
    find_site,
    find_species,
    invalid_fields,
)


@dataclass(frozen=True, slots=True)
class PhotoRequest:
    """The words that came with the bytes; all may be empty. Species and number make a sighting.

    `species` and `site` are any known name or code. `best` is the number, `low` and `high` its
    bounds; `method` is one of the survey methods, empty: from_photo. A `draft` waits for its owner
    to publish it, and is nobody else's until then.
    """

    file_name: str = ""
    caption: Text = field(default_factory=Text)
    credit: str = ""
    license: str = ""
    species: str | None = None
    low: Number = None
    best: Number = None
    high: Number = None
    site: str | None = None
    method: str = ""
    note: str = ""
    draft: bool = False

    @property
    def count(self) -> PhotoCount:
        return PhotoCount(self.low, self.best, self.high, self.method, self.note)

    @property
    def has_number(self) -> bool:
        numbers = (self.low, self.best, self.high)
        return self.method == "present" or any(str(n).strip() for n in numbers if n is not None)


@dataclass(frozen=True, slots=True)
class CheckedRequest:
    """A request whose every word is understood: codes, not names."""

    file_name: str
    caption: Text
    credit: Credit
    license: str
    species: str | None
    site: str | None


def check_request(
    request: PhotoRequest,
    *,
    species: SpeciesIndex,
    sites: Mapping[str, Site],
    now: datetime,
) -> CheckedRequest:
    """The request in codes. Raises InvalidInputError that names every wrong field at once."""
    errors: list[FieldError] = []
    checked = CheckedRequest(
        file_name=clean_file_name(request.file_name),
        caption=collect(errors, "caption", lambda: clean_caption(request.caption), Text()),
        credit=collect(errors, "credit", lambda: clean_credit(request.credit), Credit()),
        license=collect(errors, "license", lambda: clean_license(request.license), DEFAULT_LICENSE),
        species=collect(errors, "species", lambda: find_species(request.species, species), None),
        site=collect(errors, "site", lambda: find_site(request.site, sites), None),
    )
    if request.has_number:
        errors += _number_errors(request, checked, species, sites, now)
    if errors:
        raise invalid_fields(tuple(errors))
    return checked


def _number_errors(
    request: PhotoRequest,
    checked: CheckedRequest,
    species: SpeciesIndex,
    sites: Mapping[str, Site],
    now: datetime,
) -> tuple[FieldError, ...]:
    """What is wrong with the number, found with a stand-in for the site and day not known yet."""
    if not (request.species or "").strip():
        return (
            FieldError(
                "species",
                Text(
                    "有数量就要有物种。请填写物种。", "A number needs a species. Give the species."
                ),
                "missing",
            ),
        )
    if checked.species is None:
        return ()
    stand_in = checked.site or next(site.id for site in sites.values() if not site.is_outline)
    try:
        survey_of_photo(
            request.count,
            code=checked.species,
            site=stand_in,
            start=now.isoformat(timespec="seconds"),
            observers=(),
            species=species,
            sites=sites,
            now=now,
        )
    except InvalidInputError as error:
        return tuple(
            FieldError(_photo_field(e.field), e.message, e.code)
            for e in error.errors
            if e.field != "observers"
        )
    return ()


def _photo_field(survey_field: str) -> str:
    return survey_field.removeprefix("sightings[0].")
