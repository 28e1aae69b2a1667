"""Surveys with their sightings: lists, one, and what their owner may send and put right."""

from __future__ import annotations

from dataclasses import replace

from msgspec import UNSET
from starlette.requests import Request
from starlette.responses import Response

from birdwatch.api import contract
from birdwatch.api.answers import send_list, send_one, send_written
from birdwatch.api.filters import survey_filter
from birdwatch.api.query import read_json, read_query
from birdwatch.api.sightings import dump_sighting
from birdwatch.domain.errors import NotFoundError
from birdwatch.domain.ids import is_id
from birdwatch.domain.policy import Reader, Thing
from birdwatch.domain.publication import seen_survey
from birdwatch.domain.survey import Survey
from birdwatch.http.accounts import require
from birdwatch.http.idempotency import REPLAYED, once_of
from birdwatch.intake.archive import Archive
from birdwatch.intake.survey_intake import change_survey, receive_once, withdraw_survey
from birdwatch.storage.db import Database
from birdwatch.storage.seen_surveys import see_survey, seen_surveys
from birdwatch.storage.surveys import find_survey
from birdwatch.storage.tombstones import refuse_withdrawn


async def list_surveys(request: Request) -> Response:
    """A page of the surveys that the reader may see, newest first."""
    query = read_query(request, contract.SurveysQuery)
    db: Database = request.app.state.archive.db
    where = await survey_filter(db, query)

    async def make(_version: int) -> contract.Surveys:
        page = await seen_surveys(
            db, where, _reader(request), limit=query.limit, cursor=query.cursor
        )
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
    received = await receive_once(
        archive,
        raw,
        once_of(request),
        source="api",
        actor=request.state.actor,
        now=request.state.now,
    )
    survey = received.survey
    answer = send_written(dump_survey(_own(request, survey)), 201, f"/api/v1/surveys/{survey.id}")
    if received.is_again:
        answer.raw_headers.append(REPLAYED)
    return answer


async def put_survey(request: Request) -> Response:
    """Replace a survey by what its owner now says."""
    survey = await _find_own(request)
    raw = await read_json(request, contract.SurveyIn)
    replaced = await change_survey(
        request.app.state.archive,
        survey,
        raw,
        actor=request.state.actor,
        now=request.state.now,
    )
    return send_written(dump_survey(_own(request, replaced)))


async def delete_survey(request: Request) -> Response:
    """Withdraw a survey; it stays in the history and leaves every sum."""
    query = read_query(request, contract.WithdrawQuery)
    survey = await _find_own(request)
    await withdraw_survey(
        request.app.state.archive,
        survey,
        reason=query.reason,
        actor=request.state.actor,
        now=request.state.now,
    )
    return Response(status_code=204)


def _reader(request: Request) -> Reader:
    return Reader(request.state.actor, request.state.now)


async def _find_own(request: Request) -> Survey:
    """The survey, whole, for one who may edit it; for others it does not exist."""
    db: Database = request.app.state.archive.db
    survey_id: str = request.path_params["id"]
    survey = await find_survey(db, survey_id) if is_id(survey_id) else None
    require(request.state.actor, "edit", Thing() if survey is None else survey.thing)
    return await _find(request) if survey is None else survey


def _own(request: Request, survey: Survey) -> Survey:
    """What is told of a survey to the one who just wrote it: no flags to a token that may not read."""
    seen = seen_survey(survey, request.state.actor, request.state.now)
    return seen or replace(survey, view="public", flags=())


async def _find(request: Request) -> Survey:
    """The survey as its reader may see it. Raises NotFoundError, or GoneError if withdrawn."""
    db: Database = request.app.state.archive.db
    survey_id: str = request.path_params["id"]
    survey = await see_survey(db, survey_id, _reader(request))
    if survey is None:
        await refuse_withdrawn(db, "survey", survey_id)
        raise NotFoundError(
            "survey.not_found",
            zh="没有这次调查。请检查编号。",
            en="There is no such survey. Check the identifier.",
        )
    return survey


def dump_survey(survey: Survey) -> contract.Survey:
    """The survey, of which no more is here than its reader may see."""
    is_full = survey.view == "full"
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
        view=survey.view,
        status=survey.status,
        embargo_until=survey.embargo_until.isoformat() if survey.embargo_until else None,
        sightings=tuple(dump_sighting(one, is_full=is_full) for one in survey.sightings),
        flags=survey.flags if is_full else UNSET,
        tide_source=survey.tide_source,
    )
