"""The form of a survey: between what a page sends, the words of the API, and a survey as it stands."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from birdwatch.domain.species import SpeciesIndex
from birdwatch.domain.survey import Sighting, Survey
from birdwatch.domain.text import Locale
from birdwatch.intake.survey_intake import BY_TABLE
from birdwatch.web.figures import ESTUARY_ZONE

MAX_ROWS = 300
ROW_FIELDS = ("species", "low", "best", "high", "method", "behaviour", "note", "photos", "id")
TEXT_FIELDS = (
    "site", "date", "start", "end", "protocol", "tide", "complete", "note", "embargo_until",
)  # fmt: skip
ROW_NAME = re.compile(rf"s(\d{{1,4}})-({'|'.join(ROW_FIELDS)})")
FORM_OF_ITS_OWN = frozenset({"method", "behaviour", "id"})  # say nothing by themselves


@dataclass(frozen=True, slots=True)
class Typed:
    """A form as it was typed. `asks_row`: for one more row of birds, not to be saved."""

    values: Mapping[str, str]
    rows: list[dict[str, str]]
    asks_row: bool = False

    @property
    def filled(self) -> list[int]:
        """The rows that say something."""
        return [index for index, row in enumerate(self.rows) if is_filled(row)]

    @property
    def raw(self) -> dict[str, object]:
        """In the words of the API."""
        return survey_from(self.values, [self.rows[index] for index in self.filled])


def as_typed(survey: Survey, index: SpeciesIndex, locale: Locale) -> Typed:
    """The form of a survey as it stands."""
    until = survey.embargo_until
    values = {
        "site": survey.site,
        "date": survey.day.isoformat(),
        "start": f"{survey.start:%H:%M}" if survey.has_time else "",
        "end": f"{survey.end:%H:%M}" if survey.end else "",
        "observers": ", ".join(survey.observers),
        "protocol": survey.protocol,
        "tide": survey.tide if survey.tide_source is None else BY_TABLE,
        "complete": "1" if survey.complete else "",
        "note": survey.note,
        "embargo_until": f"{until.astimezone(ESTUARY_ZONE):%Y-%m-%dT%H:%M}" if until else "",
    }
    return Typed(values, [_row_of(one, index, locale) for one in survey.sightings])


def _row_of(sighting: Sighting, index: SpeciesIndex, locale: Locale) -> dict[str, str]:
    bird = index.get(sighting.species)
    numbers = {
        name: "" if number is None else str(number)
        for name, number in (
            ("low", sighting.low),
            ("best", sighting.best),
            ("high", sighting.high),
        )
    }
    if sighting.high is None and sighting.low is not None:  # “at least 50” is a low alone
        numbers["best"] = ""
    return {
        **numbers,
        "species": (bird.name.get(locale) if bird else "") or sighting.species,
        "method": sighting.method,
        "behaviour": sighting.behaviour,
        "note": sighting.note,
        "photos": " ".join(sighting.photos),
        "id": sighting.id,
    }


def rows_from(values: Mapping[str, str]) -> list[dict[str, str]]:
    """The sighting rows of a form, in the order of their numbers; `s3-best` is a name in one."""
    rows: dict[int, dict[str, str]] = {}
    for name, value in values.items():
        found = ROW_NAME.fullmatch(name)
        if found:
            rows.setdefault(int(found[1]), {})[found[2]] = value
    return [rows[index] for index in sorted(rows)][:MAX_ROWS]


def is_filled(row: Mapping[str, str]) -> bool:
    """Whether a row says anything; a chosen method alone is only the form's own default."""
    return any(value for name, value in row.items() if name not in FORM_OF_ITS_OWN)


def survey_from(values: Mapping[str, str], rows: list[dict[str, str]]) -> dict[str, object]:
    """The form in the words of the API."""
    day, start, end = (values.get(name, "") for name in ("date", "start", "end"))
    return {
        "site": values.get("site", ""),
        "start": f"{day}T{start}" if day and start else day,
        "end": f"{day}T{end}" if day and end else None,
        "observers": values.get("observers", ""),
        "protocol": values.get("protocol", ""),
        "complete": bool(values.get("complete")),
        "tide": values.get("tide", ""),
        "note": values.get("note", ""),
        "embargo_until": values.get("embargo_until") or None,
        "sightings": [sighting_from(row) for row in rows],
    }


def sighting_from(row: Mapping[str, str]) -> dict[str, object]:
    """One row in the words of the API; photos may be ids or the addresses of their pages."""
    sighting: dict[str, object] = {name: row.get(name, "") for name in ROW_FIELDS}
    names = re.split(r"[\s,，、;；]+", row.get("photos", ""))
    sighting["photos"] = [name.rstrip("/").rsplit("/", 1)[-1] for name in names if name]
    return sighting


def place_errors(errors: Mapping[str, str], filled: list[int]) -> dict[str, str]:
    """Errors under the names of the form: `sightings[0].best` is `s2-best` when row 2 was first."""
    placed: dict[str, str] = {}
    for field, sentence in errors.items():
        found = re.match(r"sightings\[(\d+)\](?:\.(\w+))?", field)
        if found and int(found[1]) < len(filled):
            placed[f"s{filled[int(found[1])]}-{found[2] or 'species'}"] = sentence
        else:
            placed[field] = sentence
    return placed
