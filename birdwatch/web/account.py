"""Signing in and out, the reader's language, and the tokens of an account."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from birdwatch.domain.errors import FieldError, InvalidInputError
from birdwatch.domain.photo import Photo, PhotoFilter
from birdwatch.domain.policy import FULL, SCOPES, Status, grantable_scopes
from birdwatch.domain.survey import SurveyFilter
from birdwatch.domain.text import LOCALES, Text
from birdwatch.http.accounts import (
    create_token,
    end_session,
    require,
    require_csrf,
    safe_next,
    sign_in,
    start_session,
)
from birdwatch.http.mail import can_mail
from birdwatch.http.negotiation import LOCALE_COOKIE
from birdwatch.http.oidc import has_provider
from birdwatch.http.sessions import is_secure
from birdwatch.storage import people, photos, surveys
from birdwatch.storage.invitations import may_register
from birdwatch.storage.sites import load_sites
from birdwatch.storage.species import load_species
from birdwatch.web.forms import field_errors, typed
from birdwatch.web.reading import archive_of, now_of, reader_of
from birdwatch.web.render import actor_of, page
from birdwatch.web.seasonal import sightings_by_photo

YEAR_S = 365 * 24 * 3600
MAX_TOKEN_NAME_CHARS = 80
TOKEN_DAYS = ("30", "90", "365", "")
OWN_SHOWN = 24
UNDECIDED: tuple[Status, ...] = ("queried", "pending")  # what one answers first


async def show_sign_in(request: Request) -> Response:
    """The form for signing in."""
    after = safe_next(request.query_params.get("next"))
    return await _sign_in_page(request, 200, after, "", None)


async def do_sign_in(request: Request) -> Response:
    """Open a session and go on; a mistake gives the form back with the login as typed."""
    values = typed(await request.form())
    after = safe_next(values.get("next"))
    login = values.get("login", "")
    try:
        person = await sign_in(request, login, values.get("password", ""))
    except InvalidInputError as error:
        return await _sign_in_page(request, 422, after, login, error)
    response = RedirectResponse(after, 303)
    await start_session(request, response, person)
    return response


async def do_sign_out(request: Request) -> Response:
    """End the session of this browser."""
    require_csrf(request, await request.form())
    response = RedirectResponse("/", 303)
    await end_session(request, response)
    return response


async def choose_language(request: Request) -> Response:
    """Remember the language in a cookie and come back to the page."""
    values = typed(await request.form())
    lang = values.get("lang", "")
    response = RedirectResponse(safe_next(values.get("next")), 303)
    if lang in LOCALES:
        response.set_cookie(
            LOCALE_COOKIE, lang, max_age=YEAR_S, samesite="lax", secure=is_secure(request)
        )
    return response


async def show_account(request: Request) -> Response:
    """Who is signed in, their photos, surveys and tokens."""
    require(actor_of(request), "have-account")
    return await _account_page(request)


async def make_token(request: Request) -> Response:
    """Make a token and show its secret, this once."""
    actor = actor_of(request)
    require(actor, "have-account")
    form = await request.form()
    require_csrf(request, form)
    values = typed(form)
    scopes = [one for one in form.getlist("scopes") if isinstance(one, str)]
    now = now_of(request)
    days = values.get("days", "")
    try:
        name = _token_name(values.get("name", ""))
        async with archive_of(request).db.write(actor, now) as tx:
            secret = await create_token(
                tx,
                actor.person_id or "",
                name,
                scopes,
                now + timedelta(days=int(days)) if days in TOKEN_DAYS and days else None,
            )
    except InvalidInputError as error:
        return await _account_page(request, 422, values=values, scopes=scopes, error=error)
    return await _account_page(request, secret=secret)


async def revoke_token(request: Request) -> Response:
    """Make a token worthless from now on."""
    actor = actor_of(request)
    require(actor, "have-account")
    require_csrf(request, await request.form())
    async with archive_of(request).db.write(actor, now_of(request)) as tx:
        await people.revoke_token(tx, actor.person_id or "", request.path_params["id"])
    return RedirectResponse("/account#tokens", 303)


async def _sign_in_page(
    request: Request, status: int, after: str, login: str, error: InvalidInputError | None
) -> Response:
    archive = archive_of(request)
    return page(
        request,
        "sign_in.html",
        status,
        next=after,
        login=login,
        error=error,
        can_mail=can_mail(archive.settings),
        may_register=await may_register(archive.db),
        has_provider=has_provider(archive.settings),
    )


def _token_name(text: str) -> str:
    if 0 < len(text) <= MAX_TOKEN_NAME_CHARS:
        return text
    message = Text(
        f"请给令牌起个名字，不超过 {MAX_TOKEN_NAME_CHARS} 字，好在以后认出它。",
        f"Give the token a name of at most {MAX_TOKEN_NAME_CHARS} characters, to know it by later.",
    )
    raise InvalidInputError(
        "token.name", zh=message.zh, en=message.en, errors=(FieldError("name", message),)
    )


async def _own_photos(request: Request, status: Status | None = None) -> Sequence[Photo]:
    where = PhotoFilter(owner_id=actor_of(request).person_id or "", status=status)
    found = await photos.list_photos(
        archive_of(request).db, where, reader=reader_of(request), limit=OWN_SHOWN
    )
    return found.items


async def _account_page(
    request: Request,
    status: int = 200,
    *,
    values: dict[str, str] | None = None,
    scopes: list[str] | None = None,
    secret: str = "",
    error: InvalidInputError | None = None,
) -> Response:
    archive, actor = archive_of(request), actor_of(request)
    person_id = actor.person_id or ""
    own = await _own_photos(request)
    undecided = {status: await _own_photos(request, status) for status in UNDECIDED}
    counted = await surveys.list_surveys(
        archive.db, SurveyFilter(owner_id=person_id), limit=OWN_SHOWN, cursor=None, lens=FULL
    )
    response = page(
        request,
        "account.html",
        status,
        tokens=await people.list_tokens(archive.db, person_id),
        all_scopes=SCOPES,
        own_scopes=grantable_scopes(actor),
        token_days=TOKEN_DAYS,
        values={"name": "", "days": "90", **(values or {})},
        scopes=scopes if scopes is not None else ["read"],
        secret=secret,
        error=error,
        errors=field_errors(error, request),
        own=own,
        undecided=undecided,
        counted=counted.items,
        sightings=await sightings_by_photo(
            request, [*own, *(photo for some in undecided.values() for photo in some)]
        ),
        species=await load_species(archive.db),
        sites=await load_sites(archive.db),
    )
    response.headers["Cache-Control"] = "no-store"
    return response
