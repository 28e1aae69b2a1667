"""Passkeys from the pages: thin doors for the script that speaks with the browser's key store."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response

from birdwatch.http.accounts import require_csrf, safe_next, start_session
from birdwatch.http.passkeys import ask_for_key, ask_for_new_key, sign_in_by_key, take_new_key
from birdwatch.storage import passkeys
from birdwatch.web.profile import own_account
from birdwatch.web.reading import archive_of, now_of
from birdwatch.web.render import actor_of


async def begin(request: Request) -> Response:
    """What the browser is to make a key for."""
    person = await own_account(request)
    require_csrf(request)
    return await ask_for_new_key(request, person)


async def add(request: Request) -> Response:
    """Keep the key that the browser made."""
    person = await own_account(request)
    require_csrf(request)
    await take_new_key(request, person)
    return JSONResponse({"next": "/account/profile?saved=1"}, 201)


async def remove(request: Request) -> Response:
    """Forget a key."""
    person = await own_account(request)
    require_csrf(request, await request.form())
    async with archive_of(request).db.write(actor_of(request), now_of(request)) as tx:
        await passkeys.remove_passkey(tx, person.id, request.path_params["id"])
    return RedirectResponse("/account/profile#passkeys", 303)


async def ask(request: Request) -> Response:
    """The question for a visitor's key."""
    require_csrf(request)
    return await ask_for_key(request)


async def sign_in(request: Request) -> Response:
    """Open a session for whoever answered rightly."""
    require_csrf(request)
    person = await sign_in_by_key(request)
    response = JSONResponse({"next": safe_next(request.query_params.get("next"))})
    await start_session(request, response, person)
    return response
