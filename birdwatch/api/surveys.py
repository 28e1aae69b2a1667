"""Surveys with their sightings: lists, one, and what their owner may send and put right."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from birdwatch.api import contract
from birdwatch.api.answers import send_list, send_one, send_written
from birdwatch.api.filters import survey_filter
from birdwatch.api.query import read_json, read_query
from birdwatch.api.sightings import dump_sighting
from birdwatch.domain.errors import NotFoundError
from birdwatch.domain.ids import is_id
from birdwatch.domain.survey import Survey
from birdwatch.http.accounts import require
from birdwatch.intake.archive import Archive
from birdwatch.intake.survey_intake import change_survey, receive_survey
from birdwatch.storage import surveys as survey_rows
from birdwatch.storage.db import Database


async def list_surveys(request: Request) -> Response:
    """A page of surveys with their sightings, newest first."""
    query = read_query(request, contract.SurveysQuery)
    db: Database = request.app.state.archive.db
    where = await survey_filter(db, query)

    async def make(_version: int) -> contract.Surveys:
        page = await survey_rows.list_surveys(db, where, limit=query.limit, cursor=query.cursor)
        return contract.Surveys([dump_survey(survey) for survey in page.items], page.next)

    return await send_list(request, query, contract.Survey, make)


async def get_survey(request: Request) -> Response:
    """One survey."""
    query = read_query(request, contract.Query)

    async def make(_version: int) -> contract.Survey:
        return dump_survey(await _find(request))

    return await send_one(request, query, contract.Survey, make)


async def post_survey(request: Request) -> Response:
    """Take in a survey; its counts are summed in the same transaction."""
    require(request.state.actor, "count")
    raw = await read_json(request, contract.SurveyIn)
    archive: Archive = request.app.state.archive
    survey = await receive_survey(
        archive, raw, source="api", actor=request.state.actor, now=request.state.now
    )
    return send_written(dump_survey(survey), 201, f"/api/v1/surveys/{survey.id}")


async def put_survey(request: Request) -> Response:
    """Replace a survey by what its owner now says."""
    survey = await _find(request)
    require(request.state.actor, "edit", survey.thing)
    raw = await read_json(request, contract.SurveyIn)
    replaced = await change_survey(
        request.app.state.archive,
        survey,
        raw,
        actor=request.state.actor,
        now=request.state.now,
    )
    return send_written(dump_survey(replaced))


async def delete_survey(request: Request) -> Response:
    """Withdraw a survey; it stays in the history and leaves every sum."""
    survey = await _find(request)
    require(request.state.actor, "edit", survey.thing)
    db: Database = request.app.state.archive.db
    async with db.write(request.state.actor, request.state.now) as tx:
        await survey_rows.delete_survey(tx, survey.id)
    return Response(status_code=204)


async def _find(request: Request) -> Survey:
    db: Database = request.app.state.archive.db
    survey_id: str = request.path_params["id"]
    survey = await survey_rows.find_survey(db, survey_id) if is_id(survey_id) else None
    if survey is None:
        raise NotFoundError(
            "survey.not_found",
            zh="没有这次调查。请检查编号。",
            en="There is no such survey. Check the identifier.",
        )
    return survey


def dump_survey(survey: Survey) -> contract.Survey:
    """The survey as everyone may see it."""
    return contract.Survey(
        id=survey.id,
        site=survey.site,
        start=survey.start.isoformat() if survey.has_time else survey.day.isoformat(),
        end=survey.end.isoformat() if survey.end else None,
        observers=survey.observers,
        protocol=survey.protocol,
        complete=survey.complete,
        tide=survey.tide,
        note=survey.note,
        source=survey.source,
        day=survey.day,
        season=survey.season,
        phase=survey.phase,
        dekad=survey.dekad,
        version=survey.version,
        sightings=tuple(dump_sighting(sighting) for sighting in survey.sightings),
    )
