"""Sightings outside their surveys: every record as it was made, zeros included."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from birdwatch.api import contract
from birdwatch.api.answers import send_list
from birdwatch.api.filters import survey_filter
from birdwatch.api.query import read_query
from birdwatch.domain.survey import Sighting
from birdwatch.storage import surveys as survey_rows
from birdwatch.storage.db import Database


async def list_sightings(request: Request) -> Response:
    """A page of sightings, newest first."""
    query = read_query(request, contract.SurveysQuery)
    db: Database = request.app.state.archive.db
    where = await survey_filter(db, query)

    async def make(_version: int) -> contract.Sightings:
        page = await survey_rows.list_sightings(db, where, limit=query.limit, cursor=query.cursor)
        return contract.Sightings([_dump_listed(sighting) for sighting in page.items], page.next)

    return await send_list(request, query, contract.ListedSighting, make)


def dump_sighting(sighting: Sighting) -> contract.Sighting:
    """The sighting inside its survey."""
    return contract.Sighting(
        id=sighting.id,
        species=sighting.species,
        low=sighting.low,
        best=sighting.best,
        high=sighting.high,
        method=sighting.method,
        note=sighting.note,
        photos=sighting.photos,
    )


def _dump_listed(sighting: Sighting) -> contract.ListedSighting:
    return contract.ListedSighting(
        id=sighting.id,
        species=sighting.species,
        low=sighting.low,
        best=sighting.best,
        high=sighting.high,
        method=sighting.method,
        note=sighting.note,
        photos=sighting.photos,
        survey=sighting.survey_id,
        site=sighting.site,
        day=sighting.day,
        season=sighting.season,
        phase=sighting.phase,
        dekad=sighting.dekad,
    )
