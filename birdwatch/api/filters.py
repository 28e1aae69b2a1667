"""What lists may be narrowed to, told in the words callers use: any name of a species, any season."""

from __future__ import annotations

from birdwatch.api import contract
from birdwatch.api.query import invalid
from birdwatch.domain.ids import is_id
from birdwatch.domain.season import dekad_span, parse_season
from birdwatch.domain.survey import SurveyFilter
from birdwatch.storage.db import Database
from birdwatch.storage.sites import load_sites
from birdwatch.storage.species import load_species


async def species_code(db: Database, name: str | None) -> str | None:
    """The code of a species given by any name. Raises InvalidInputError that tells near names."""
    if name is None:
        return None
    return (await load_species(db)).resolve(name).code


async def known_site(db: Database, site: str | None) -> str | None:
    """The site, if there is one of this id. Raises InvalidInputError that lists those there are."""
    if site is None:
        return None
    sites = await load_sites(db)
    if site not in sites:
        names = ", ".join(sites)
        raise invalid(
            "site",
            f"没有编号为“{site}”的地点。可用：{names}。",
            f"There is no site “{site}”. Use one of {names}.",
        )
    return site


def known_season(season: str | None) -> str | None:
    """The season as it is written everywhere. Raises InvalidInputError."""
    if season is None:
        return None
    year, half_year = parse_season(season)
    return f"{year:04}-{half_year}"


def known_dekad(dekad: str | None) -> str | None:
    """The dekad, if it is written as dekads are. Raises InvalidInputError."""
    if dekad is not None:
        dekad_span(dekad)
    return dekad


def known_id(field: str, value: str | None) -> str | None:
    """The identifier, if it has the form of one. Raises InvalidInputError."""
    if value is not None and not is_id(value):
        raise invalid(field, f"{field} 不是有效的编号。", f"{field} is not an identifier.")
    return value


async def survey_filter(db: Database, query: contract.SurveysQuery) -> SurveyFilter:
    """What a list of surveys or sightings is narrowed to."""
    return SurveyFilter(
        season=known_season(query.season),
        site=await known_site(db, query.site),
        species=await species_code(db, query.species),
        day_from=query.day_from,
        day_to=query.day_to,
        photo_id=known_id("photo", query.photo),
    )
