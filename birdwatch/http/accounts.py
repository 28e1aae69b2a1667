"""Signing in and out, API tokens, and the checks by which a handler asks who may go on.

Pages call `sign_in`, then `start_session` on the response; `require_csrf` on every posted form.
"""

from __future__ import annotations

import hmac
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from functools import cache
from urllib.parse import urlsplit

import anyio.to_thread
from starlette.requests import Request

from birdwatch.domain.errors import (
    FieldError,
    ForbiddenError,
    InvalidInputError,
    NotFoundError,
    NotSignedInError,
)
from birdwatch.domain.person import Person
from birdwatch.domain.policy import Action, Actor, Scope, Thing, grantable_scopes, may
from birdwatch.domain.text import Text
from birdwatch.http.hashing import (
    MAX_PASSWORD_CHARS,
    hash_password,
    hash_secret,
    is_stale,
    make_token,
    verify_password,
)
from birdwatch.http.limits import Attempts
from birdwatch.http.sessions import COOKIE, actor_of, end_session, start_session
from birdwatch.storage import people
from birdwatch.storage.db import Database, Write

__all__ = [
    "COOKIE",
    "create_token",
    "end_session",
    "hash_in_thread",
    "hash_password",
    "hash_secret",
    "is_own_password",
    "make_token",
    "require",
    "require_csrf",
    "require_signed_in",
    "safe_next",
    "sign_in",
    "start_session",
    "token_actor",
    "verify_password",
]
CSRF_FIELD = "csrf"
CSRF_HEADER = "X-CSRF-Token"
_hashing = anyio.CapacityLimiter(2)  # argon2 takes 64 MiB each


async def sign_in(request: Request, login: str, password: str) -> Person:
    """The person of this login and password; then call `start_session(request, response, person)`.

    Raises InvalidInputError, the same for either fault, and TooManyAttemptsError after ten of them.
    """
    db: Database = request.app.state.archive.db
    attempts: Attempts = request.app.state.sign_in_attempts
    key = (login.strip().casefold(), request.client.host if request.client else "")
    await attempts.check(key)
    found = await people.find_login(db, login.strip()) if "\x00" not in login else None
    person, password_hash = found or (None, await _unused_hash())
    is_right = len(password) <= MAX_PASSWORD_CHARS and await _verify(password_hash, password)
    if person is None or not is_right or person.disabled:
        raise InvalidInputError(
            "sign_in.wrong",
            zh="用户名或密码不正确。请检查后重试。",
            en="The login or the password is not right. Check both and try again.",
        )
    await attempts.clear(key)
    if is_stale(password_hash):
        renewed = await hash_in_thread(password)
        async with db.write(actor_of(person), request.state.now) as tx:
            await people.renew_hash(tx, person.id, renewed)
    return person


async def is_own_password(request: Request, password: str) -> bool:
    """Whether this is the password of who asks, for what a borrowed browser must not do.

    Wrong ones count as failed sign-ins. Raises TooManyAttemptsError.
    """
    db: Database = request.app.state.archive.db
    attempts: Attempts = request.app.state.sign_in_attempts
    person = await people.find_person(db, request.state.actor.person_id or "")
    found = await people.find_login(db, person.login) if person else None
    if found is None:
        return False
    key = (found[0].login, request.client.host if request.client else "")
    await attempts.check(key)
    is_right = len(password) <= MAX_PASSWORD_CHARS and await _verify(found[1], password)
    if is_right:
        await attempts.clear(key)
    return is_right


async def _verify(password_hash: str, password: str) -> bool:
    return await anyio.to_thread.run_sync(
        verify_password, password_hash, password, limiter=_hashing
    )


async def hash_in_thread(password: str) -> str:
    """As hash_password, without holding up other requests."""
    return await anyio.to_thread.run_sync(hash_password, password, limiter=_hashing)


async def _unused_hash() -> str:
    """Verified when there is no such login, so that the time taken does not tell."""
    return await anyio.to_thread.run_sync(_hash_of_nobody, limiter=_hashing)


@cache
def _hash_of_nobody() -> str:
    return hash_password("no account has this")


def require_signed_in(actor: Actor) -> None:
    """Raise NotSignedInError for a visitor."""
    if actor.role is None:
        raise NotSignedInError(
            "sign_in.needed",
            zh="请先登录，或在请求中附上访问令牌。",
            en="Sign in first, or send an access token with the request.",
        )


def require(actor: Actor, action: Action, thing: Thing | None = None) -> None:
    """Raise NotSignedInError, NotFoundError for a thing of others, or ForbiddenError."""
    if may(actor, action, thing):
        return
    require_signed_in(actor)
    if thing is not None and not may(replace(actor, scopes=None), action, thing):
        raise NotFoundError(
            "not_yours",
            zh="没有这项内容，或它不属于您。请检查地址。",
            en="There is no such thing of yours. Check the address.",
        )
    raise ForbiddenError(
        "not_allowed",
        zh="您没有执行此操作的权限。请使用内容所有者或管理员的账号，或具有相应权限范围的令牌。",
        en="You may not do this. Use the account of the owner or of an administrator,"
        " or a token that has the scope.",
    )


def require_csrf(request: Request, form: Mapping[str, object] | None = None) -> None:
    """Raise ForbiddenError unless a request made with a session cookie proves to be our own form's.

    The proof is the form field `csrf` or the header X-CSRF-Token. Visitors and tokens need none.
    """
    expected: str = request.state.csrf
    if not expected:
        return
    given = (form or {}).get(CSRF_FIELD) or request.headers.get(CSRF_HEADER)
    if not isinstance(given, str) or not hmac.compare_digest(given.encode(), expected.encode()):
        raise ForbiddenError(
            "csrf.missing",
            zh="页面已过期，或请求不是从本站页面发出的。请刷新页面后重试。",
            en="The page is out of date, or the request did not come from a page of this site."
            " Reload the page and try again.",
        )


def safe_next(target: str | None, fallback: str = "/") -> str:
    """A path of this site to go on to after sign-in; anything else becomes `fallback`."""
    if not target or not target.startswith("/") or target.startswith(("//", "/\\")):
        return fallback
    if any(ord(c) < 0x21 or c == "\\" for c in target):
        return fallback
    parts = urlsplit(target)
    return target if not parts.scheme and not parts.netloc else fallback


async def create_token(
    tx: Write,
    person_id: str,
    name: str,
    scopes: Sequence[str],
    expires_at: datetime | None = None,
) -> str:
    """Make an API token for this person and give its secret, which is shown once.

    Raises InvalidInputError for scopes that its owner may not give.
    """
    owner = await people.find_person(tx, person_id)
    grantable = grantable_scopes(actor_of(owner)) if owner else ()
    chosen: list[Scope] = [scope for scope in grantable if scope in scopes]
    if not chosen or set(scopes) - set(chosen):
        known = ", ".join(grantable)
        message = Text(
            f"请选择至少一个权限范围，只能是：{known}。",
            f"Choose at least one scope out of {known}.",
        )
        raise InvalidInputError(
            "token.scopes",
            zh=message.zh,
            en=message.en,
            errors=(FieldError("scopes", message),),
        )
    token = make_token()
    await people.add_token(
        tx, person_id, name, token.token_hash, token.prefix, frozenset(chosen), expires_at
    )
    return token.secret


async def token_actor(db: Database, secret: str, now: datetime) -> Actor:
    """Who a bearer token acts for. Raises NotSignedInError when it is unknown, ended or revoked.

    Its scopes are those its owner may give today: one whose owner lost a role lost it too.
    """
    found = await people.find_token(db, hash_secret(secret), now)
    if found is None:
        raise NotSignedInError(
            "token.invalid",
            zh="访问令牌无效、已过期或已撤销。请在账号页面新建一个。",
            en="The access token is unknown, has ended or was revoked. Make a new one on the"
            " account page.",
        )
    owner = actor_of(found[0])
    return replace(owner, scopes=found[1].intersection(grantable_scopes(owner)))
