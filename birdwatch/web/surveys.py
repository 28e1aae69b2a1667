"""`/surveys`, `/surveys/{id}` and `/surveys/new`: counts as they were made, and the form for one."""

from __future__ import annotations

import re
from collections.abc import Mapping

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from birdwatch.domain.errors import InvalidInputError, NotFoundError
from birdwatch.domain.publication import seen_survey
from birdwatch.domain.survey import METHODS, PROTOCOLS, TIDES, SurveyFilter
from birdwatch.http.accounts import require, require_csrf
from birdwatch.http.idempotency import new_once, once_for_form
from birdwatch.intake.survey_intake import receive_survey
from birdwatch.storage import photos, surveys
from birdwatch.storage.sites import load_sites
from birdwatch.storage.species import load_species
from birdwatch.web.forms import field_errors, typed
from birdwatch.web.reading import archive_of, now_of, query_text, reader_of, today_of
from birdwatch.web.render import actor_of, page
from birdwatch.web.review import review_of
from birdwatch.web.seasonal import known_seasons, sightings_by_photo

PAGE_SIZE = 50
ROWS_AT_FIRST = 3
MAX_ROWS = 300
ROW_FIELDS = ("species", "low", "best", "high", "method", "note", "photos")
TEXT_FIELDS = ("site", "date", "start", "end", "protocol", "tide", "complete", "note")
ROW_NAME = re.compile(r"s(\d{1,4})-(species|low|best|high|method|note|photos)")


async def list_surveys(request: Request) -> Response:
    """Surveys, newest first."""
    archive = archive_of(request)
    where = SurveyFilter(season=query_text(request, "season"), site=query_text(request, "site"))
    shown = await surveys.list_surveys(
        archive.db, where, limit=PAGE_SIZE, cursor=query_text(request, "cursor")
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
    archive = archive_of(request)
    whole = await surveys.find_survey(archive.db, request.path_params["id"])
    survey = seen_survey(whole, actor_of(request), now_of(request)) if whole else None
    if survey is None:
        raise NotFoundError(
            "survey.unknown",
            zh="没有这次调查。它可能已被删除，或链接有误。",
            en="There is no such survey. It may have been deleted, or the link is wrong.",
        )
    found = await photos.photos_of_survey(archive.db, survey.id, reader=reader_of(request))
    return page(
        request,
        "survey.html",
        survey=survey,
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
    values = {"date": today_of(request).isoformat(), "site": query_text(request, "site") or ""}
    rows: list[dict[str, str]] = [{} for _ in range(ROWS_AT_FIRST)]
    return await _form_page(request, values, rows)


async def create_survey(request: Request) -> Response:
    """Take the form; a press on "add a row" or a mistake gives it back as it was typed."""
    actor = actor_of(request)
    require(actor, "count")
    form = await request.form(max_fields=MAX_ROWS * len(ROW_FIELDS) + 20)
    require_csrf(request, form)
    values = typed(form)
    rows = rows_from(values)
    if "add" in form:
        return await _form_page(request, values, [*rows, {}])
    filled = [index for index, row in enumerate(rows) if is_filled(row)]
    raw = survey_from(values, [rows[index] for index in filled])

    async def receive() -> str:
        survey = await receive_survey(
            archive_of(request), raw, source="page", actor=actor, now=now_of(request)
        )
        return f"/surveys/{survey.id}?saved=1"

    try:
        target = await once_for_form(request, values, receive)
    except InvalidInputError as error:
        return await _form_page(request, values, rows, error, filled)
    return RedirectResponse(target, 303)


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
    return any(value for name, value in row.items() if name != "method")


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
        "sightings": [sighting_from(row) for row in rows],
    }


def sighting_from(row: Mapping[str, str]) -> dict[str, object]:
    """One row in the words of the API; photos may be ids or the addresses of their pages."""
    sighting: dict[str, object] = {name: row.get(name, "") for name in ROW_FIELDS}
    names = re.split(r"[\s,，、;；]+", row.get("photos", ""))
    sighting["photos"] = [name.rstrip("/").rsplit("/", 1)[-1] for name in names if name]
    return sighting


async def _form_page(
    request: Request,
    values: Mapping[str, str],
    rows: list[dict[str, str]],
    error: InvalidInputError | None = None,
    filled: list[int] | None = None,
) -> Response:
    archive = archive_of(request)
    return page(
        request,
        "survey_form.html",
        422 if error else 200,
        values={**dict.fromkeys(TEXT_FIELDS, ""), "observers": actor_of(request).name, **values},
        rows=[{**dict.fromkeys(ROW_FIELDS, ""), **row} for row in rows or [{}]],
        error=error,
        errors=place_errors(field_errors(error, request), filled or []),
        methods=METHODS,
        protocols=PROTOCOLS,
        tides=TIDES,
        species=await load_species(archive.db),
        sites=await load_sites(archive.db),
        once=new_once(),
    )


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
