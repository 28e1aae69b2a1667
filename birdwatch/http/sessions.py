"""Signed-in browsers: a random id in a cookie, its hash and its form token in the database."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta

from starlette.requests import Request
from starlette.responses import Response

from birdwatch.domain.person import Person
from birdwatch.domain.policy import Actor
from birdwatch.http.hashing import hash_secret
from birdwatch.settings import Settings
from birdwatch.storage import people
from birdwatch.storage.db import Database

COOKIE = "birdwatch_session"
SECURE_COOKIE = "__Host-" + COOKIE  # browsers take it over TLS only, and from this host alone


@dataclass(frozen=True, slots=True)
class Session:
    """Who a cookie stands for, and the token that this browser's forms carry."""

    person: Person
    csrf: str


async def find_session(db: Database, cookie: str, now: datetime) -> Session | None:
    """The session of this cookie, unless it ended or its account was closed."""
    found = await people.find_session(db, hash_secret(cookie), now)
    if found is None or found[0].disabled:
        return None
    return Session(*found)


async def start_session(request: Request, response: Response, person: Person) -> None:
    """Open a new session for this person and set its cookie; an older one of this browser ends."""
    settings: Settings = request.app.state.archive.settings
    db: Database = request.app.state.archive.db
    now: datetime = request.state.now
    secret = secrets.token_urlsafe(32)
    lifetime = timedelta(days=settings.session_days)
    old = request.cookies.get(cookie_name(request))
    async with db.write(actor_of(person), now) as tx:
        if old:
            await people.close_session(tx, hash_secret(old))
        await people.open_session(
            tx,
            person.id,
            hash_secret(secret),
            secrets.token_urlsafe(32),
            now + lifetime,
            request.headers.get("user-agent", ""),
        )
    response.set_cookie(
        cookie_name(request),
        secret,
        max_age=int(lifetime.total_seconds()),
        httponly=True,
        samesite="lax",
        secure=is_secure(request),
    )


async def end_session(request: Request, response: Response) -> None:
    """Close this browser's session, on the server too, and clear its cookie."""
    cookie = request.cookies.get(cookie_name(request))
    if cookie:
        db: Database = request.app.state.archive.db
        async with db.write(request.state.actor, request.state.now) as tx:
            await people.close_session(tx, hash_secret(cookie))
    response.delete_cookie(
        cookie_name(request), httponly=True, samesite="lax", secure=is_secure(request)
    )


def session_hash(request: Request) -> str:
    """The hash of this browser's session, by which storage knows it; empty without one."""
    cookie = request.cookies.get(cookie_name(request))
    return hash_secret(cookie) if cookie else ""


def cookie_name(request: Request) -> str:
    """The name of the session's cookie: the strict one wherever browsers take it."""
    return SECURE_COOKIE if is_secure(request) else COOKIE


def is_secure(request: Request) -> bool:
    """Whether readers reach the archive over TLS, so that cookies may insist on it."""
    base_url: str = request.app.state.archive.settings.base_url
    return base_url.startswith("https://") or request.url.scheme == "https"


def actor_of(person: Person) -> Actor:
    """The actor that a signed-in person is: bound by role, trust and grant alone."""
    return Actor(person.id, person.role, None, person.shown_name, person.trust, person.grant_until)
