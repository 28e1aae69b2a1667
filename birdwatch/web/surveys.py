"""`/surveys`: counts as they were made, and the forms to enter, put right and withdraw one."""

from __future__ import annotations

from datetime import date

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from birdwatch.domain.errors import InvalidInputError, NotFoundError
from birdwatch.domain.policy import Thing, may
from birdwatch.domain.sensitivity import BEHAVIOURS
from birdwatch.domain.survey import METHODS, PROTOCOLS, TIDES, Survey, SurveyFilter
from birdwatch.http.accounts import require, require_csrf
from birdwatch.http.idempotency import new_once, once_of_form
from birdwatch.intake.field_days import FieldDay, field_days
from birdwatch.intake.survey_intake import BY_TABLE, change_survey, receive_once, withdraw_survey
from birdwatch.storage import photos
from birdwatch.storage.seen_surveys import see_survey, seen_surveys
from birdwatch.storage.sites import load_sites
from birdwatch.storage.species import load_species
from birdwatch.storage.surveys import find_survey
from birdwatch.storage.tides import load_stations
from birdwatch.storage.tombstones import refuse_withdrawn
from birdwatch.web.changes import history_of
from birdwatch.web.forms import field_errors, typed
from birdwatch.web.reading import archive_of, now_of, query_text, reader_of, today_of
from birdwatch.web.render import actor_of, locale_of, page
from birdwatch.web.review import review_of
from birdwatch.web.seasonal import known_seasons, sightings_by_photo
from birdwatch.web.survey_form import (
    MAX_ROWS,
    ROW_FIELDS,
    TEXT_FIELDS,
    Typed,
    as_typed,
    place_errors,
    rows_from,
)

PAGE_SIZE = 50
ROWS_AT_FIRST = 3


async def list_surveys(request: Request) -> Response:
    """Surveys, newest first."""
    archive = archive_of(request)
    where = SurveyFilter(season=query_text(request, "season"), site=query_text(request, "site"))
    shown = await seen_surveys(
        archive.db,
        where,
        reader_of(request),
        limit=PAGE_SIZE,
        cursor=query_text(request, "cursor"),
    )
    return page(
        request,
        "surveys.html",
        rows=shown.items,
        next_cursor=shown.next,
        values={"season": where.season, "site": where.site},
        seasons=await known_seasons(request),
        sites=await load_sites(archive.db),
    )


async def show_survey(request: Request) -> Response:
    """One survey as it was made."""
    return await _survey_page(request, await _seen(request))


async def _survey_page(
    request: Request,
    survey: Survey,
    error: InvalidInputError | None = None,
    reason: str = "",
) -> Response:
    archive = archive_of(request)
    can_edit = survey.view == "full" and may(actor_of(request), "edit", survey.thing)
    found = await photos.photos_of_survey(archive.db, survey.id, reader=reader_of(request))
    return page(
        request,
        "survey.html",
        422 if error else 200,
        survey=survey,
        can_edit=can_edit,
        changes=await history_of(request, "survey", survey.id) if can_edit else [],
        reason=reason,
        errors=field_errors(error, request),
        shown=found,
        sightings=await sightings_by_photo(request, found),
        review=await review_of(request, "survey", survey),
        is_saved="saved" in request.query_params,
        species=await load_species(archive.db),
        sites=await load_sites(archive.db),
    )


async def new_survey(request: Request) -> Response:
    """An empty form."""
    require(actor_of(request), "count")
    values = {
        "date": today_of(request).isoformat(),
        "site": query_text(request, "site") or "",
        "observers": actor_of(request).name,
        "tide": BY_TABLE,
    }
    rows: list[dict[str, str]] = [{} for _ in range(ROWS_AT_FIRST)]
    return await _form_page(request, Typed(values, rows))


async def create_survey(request: Request) -> Response:
    """Take the form; a press on "add a row" or a mistake gives it back as it was typed."""
    actor = actor_of(request)
    require(actor, "count")
    given = await _read_form(request)
    if given.asks_row:
        return await _form_page(request, given)
    archive, once = archive_of(request), once_of_form(request, given.values)
    try:
        received = await receive_once(
            archive, given.raw, once, source="page", actor=actor, now=now_of(request)
        )
    except InvalidInputError as error:
        return await _form_page(request, given, error)
    return RedirectResponse(f"/surveys/{received.survey.id}?saved=1", 303)


async def show_edit(request: Request) -> Response:
    """The form of a survey as it stands."""
    survey = await _own(request)
    index = await load_species(archive_of(request).db)
    return await _form_page(
        request, as_typed(survey, index, locale_of(request)), survey_id=survey.id
    )


async def save_edit(request: Request) -> Response:
    """Take the form of a survey as its owner now says it was."""
    survey = await _own(request)
    given = await _read_form(request)
    if given.asks_row:
        return await _form_page(request, given, survey_id=survey.id)
    archive, actor, now = archive_of(request), actor_of(request), now_of(request)
    try:
        await change_survey(archive, survey, given.raw, actor=actor, now=now)
    except InvalidInputError as error:
        return await _form_page(request, given, error, survey_id=survey.id)
    return RedirectResponse(f"/surveys/{survey.id}?saved=1", 303)


async def withdraw(request: Request) -> Response:
    """Take the survey out of sight, with the reason its readers will find in its place."""
    survey = await _own(request)
    form = await request.form()
    require_csrf(request, form)
    reason = typed(form).get("reason", "")
    archive, actor, now = archive_of(request), actor_of(request), now_of(request)
    try:
        await withdraw_survey(archive, survey, reason=reason, actor=actor, now=now)
    except InvalidInputError as error:
        return await _survey_page(request, survey, error, reason)
    return RedirectResponse(f"/surveys/{survey.id}/history?saved=1", 303)


async def _seen(request: Request) -> Survey:
    """The survey as its reader may see it. Raises NotFoundError, or GoneError if withdrawn."""
    db, survey_id = archive_of(request).db, request.path_params["id"]
    survey = await see_survey(db, survey_id, reader_of(request))
    if survey is None:
        await refuse_withdrawn(db, "survey", survey_id)
        raise NotFoundError(
            "survey.unknown",
            zh="没有这次调查。它可能已被撤下，或链接有误。",
            en="There is no such survey. It may have been withdrawn, or the link is wrong.",
        )
    return survey


async def _own(request: Request) -> Survey:
    """The survey, whole, for one who may edit it; for others it does not exist."""
    survey = await find_survey(archive_of(request).db, request.path_params["id"])
    require(actor_of(request), "edit", Thing() if survey is None else survey.thing)
    return await _seen(request) if survey is None else survey


async def _read_form(request: Request) -> Typed:
    form = await request.form(max_fields=MAX_ROWS * len(ROW_FIELDS) + 20)
    require_csrf(request, form)
    values = typed(form)
    rows = rows_from(values)
    return Typed(values, [*rows, {}] if "add" in form else rows, asks_row="add" in form)


async def _form_page(
    request: Request,
    given: Typed,
    error: InvalidInputError | None = None,
    *,
    survey_id: str | None = None,
) -> Response:
    archive = archive_of(request)
    stations = await load_stations(archive.db)
    return page(
        request,
        "survey_form.html",
        422 if error else 200,
        survey_id=survey_id,
        values={**dict.fromkeys((*TEXT_FIELDS, "observers"), ""), **given.values},
        rows=[{**dict.fromkeys(ROW_FIELDS, ""), **row} for row in given.rows or [{}]],
        error=error,
        errors=place_errors(field_errors(error, request), given.filled),
        behaviours=BEHAVIOURS,
        methods=METHODS,
        protocols=PROTOCOLS,
        tides=TIDES,
        has_tables=bool(stations),
        day=await _field_day(request, given),
        species=await load_species(archive.db),
        sites=await load_sites(archive.db),
        once=new_once(),
    )


async def _field_day(request: Request, given: Typed) -> FieldDay | None:
    """Sun and tide of the day in the form, at its site or else at the first."""
    try:
        day = date.fromisoformat(given.values.get("date", ""))
        site = given.values.get("site") or None
        days = await field_days(archive_of(request).db, day, 1, site=site)
    except (ValueError, OverflowError):
        return None
    return days[0] if days else None
