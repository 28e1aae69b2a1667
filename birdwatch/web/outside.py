"""The pages' side of signing in elsewhere: off to the provider, back, and an account if one is due."""

from __future__ import annotations

import re
import secrets
from collections.abc import Mapping
from typing import Any

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from birdwatch.domain.errors import ForbiddenError, NotFoundError
from birdwatch.domain.person import Person
from birdwatch.domain.policy import VISITOR
from birdwatch.domain.text import Text
from birdwatch.http.accounts import hash_in_thread, start_session
from birdwatch.http.hashing import hash_secret
from birdwatch.http.oidc import Outsider, ask_provider, find_outsider, has_provider, take_answer
from birdwatch.intake.words import clean_line
from birdwatch.storage import invitations, passkeys, people
from birdwatch.web.reading import archive_of, now_of
from birdwatch.web.render import locale_of

MAX_CHARS = 60
NOT_IN_LOGIN = re.compile(r"[^\w.@+-]")


async def leave(request: Request) -> Response:
    """Off to the provider."""
    _require_provider(request)
    return await ask_provider(request)


async def come_back(request: Request) -> Response:
    """Sign in whom the provider names; somebody new needs an invitation or an open door."""
    _require_provider(request)
    outsider = await take_answer(request)
    person = await find_outsider(request, outsider) or await _join(request, outsider)
    response = RedirectResponse(outsider.after, 303)
    response.headers["Cache-Control"] = "no-store"
    await start_session(request, response, person)
    return response


async def _join(request: Request, outsider: Outsider) -> Person:
    archive, now = archive_of(request), now_of(request)
    invitation = None
    if outsider.invitation:
        link_hash = hash_secret(outsider.invitation)
        invitation = await invitations.find_invitation(archive.db, link_hash, now)
    elif not await invitations.may_register(archive.db):
        raise ForbiddenError(
            "oidc.stranger",
            zh="这个外部账号在本站没有对应的人员。请先用邀请链接加入，或登录后再关联。",
            en="Nobody here has this account elsewhere. Join by an invitation first, or sign in"
            " and link it.",
        )
    password_hash = await hash_in_thread(secrets.token_urlsafe(32))  # opens to nobody
    async with archive.db.write(VISITOR, now) as tx:
        login = _login(outsider.claims)
        if await people.find_login(tx, login):
            login = f"{login}-{secrets.token_hex(3)}"
        name = clean_line(str(outsider.claims.get("name") or login))[:MAX_CHARS] or login
        person = await people.add_person(
            tx,
            login,
            password_hash,
            invitation.role if invitation else "contributor",
            Text(name, name),
            locale_of(request),
            trust=invitation.trust if invitation else "checked",
        )
        if invitation:
            await invitations.use_invitation(tx, invitation, person.id)
        await passkeys.link_outside(tx, person.id, outsider.issuer, outsider.subject)
    return person


def _login(claims: Mapping[str, Any]) -> str:
    wished = NOT_IN_LOGIN.sub("", str(claims.get("preferred_username") or ""))[:MAX_CHARS]
    return wished if len(wished) >= 2 else f"guest-{secrets.token_hex(4)}"


def _require_provider(request: Request) -> None:
    if not has_provider(archive_of(request).settings):
        raise NotFoundError(
            "oidc.none",
            zh="本站没有设置外部登录。请用密码登录。",
            en="There is no sign-in elsewhere for this archive. Use your password.",
        )
