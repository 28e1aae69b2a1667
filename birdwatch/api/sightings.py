"""Sightings outside their surveys: every record as it was made, zeros included."""

from __future__ import annotations

from msgspec import UNSET
from starlette.requests import Request
from starlette.responses import Response

from birdwatch.api import contract
from birdwatch.api.answers import send_list
from birdwatch.api.filters import survey_filter
from birdwatch.api.query import read_query
from birdwatch.domain.policy import FULL, Reader, lens_of
from birdwatch.domain.survey import Sighting
from birdwatch.storage.db import Database
from birdwatch.storage.seen_surveys import seen_sightings


async def list_sightings(request: Request) -> Response:
    """A page of the sightings that the reader may see, newest first."""
    query = read_query(request, contract.SurveysQuery)
    db: Database = request.app.state.archive.db
    where = await survey_filter(db, query)
    reader = Reader(request.state.actor, request.state.now)
    is_full = lens_of(reader.actor, reader.now) == FULL

    async def make(_version: int) -> contract.Sightings:
        page = await seen_sightings(db, where, reader, limit=query.limit, cursor=query.cursor)
        items = [_dump_listed(sighting, is_full=is_full) for sighting in page.items]
        return contract.Sightings(items, page.next)

    return await send_list(request, query, contract.ListedSighting, make)


def dump_sighting(sighting: Sighting, *, is_full: bool = False) -> contract.Sighting:
    """The sighting inside its survey. `is_full`: for those who may know why it waits."""
    return contract.Sighting(
        id=sighting.id,
        species=sighting.species,
        low=sighting.low,
        best=sighting.best,
        high=sighting.high,
        method=sighting.method,
        note=sighting.note,
        photos=sighting.photos,
        behaviour=sighting.behaviour,
        status=sighting.status,
        flags=sighting.flags if is_full else UNSET,
    )


def _dump_listed(sighting: Sighting, *, is_full: bool) -> contract.ListedSighting:
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
        behaviour=sighting.behaviour,
        status=sighting.status,
        flags=sighting.flags if is_full else UNSET,
    )
