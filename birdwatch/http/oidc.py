"""Signing in with an account elsewhere: OpenID Connect, code flow, with state, nonce and PKCE.

What was asked of the provider lies in the database under the hash of a cookie of this browser, for
five minutes and one answer. People are known by issuer and subject, never by a mail address.
"""

from __future__ import annotations

import base64
import hmac
import json
import logging
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from http.client import HTTPException
from importlib.util import find_spec
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.parse import urlencode, urlsplit
from urllib.request import HTTPRedirectHandler, build_opener
from urllib.request import Request as Call

import anyio.to_thread
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from birdwatch.domain.errors import InvalidInputError, UnavailableError
from birdwatch.domain.person import Person
from birdwatch.domain.policy import may
from birdwatch.http.accounts import safe_next
from birdwatch.http.hashing import hash_secret
from birdwatch.http.passkeys import asked_cookie
from birdwatch.http.sessions import is_secure
from birdwatch.settings import Settings
from birdwatch.storage import passkeys
from birdwatch.storage.db import Database

log = logging.getLogger("birdwatch.http")
CALLBACK = "/sign-in/oidc/callback"
KIND = "oidc"
ALGORITHMS = ["RS256", "PS256", "ES256"]  # signatures only: never `none`, never a shared secret
TIMEOUT_S = 10.0
MAX_ANSWER_BYTES = 1024 * 1024
LEEWAY_S = 60


@dataclass(frozen=True, slots=True)
class Outsider:
    """Who the provider says this is, and what was on their way when they left for it."""

    issuer: str
    subject: str
    claims: Mapping[str, Any]
    after: str
    invitation: str
    may_link: bool


def has_provider(settings: Settings) -> bool:
    """Whether the operator has named a provider, and installed what speaks with it."""
    is_named = bool(settings.oidc_issuer and settings.oidc_client_id)
    return is_named and find_spec("authlib") is not None


async def ask_provider(request: Request) -> Response:
    """Send the browser to the provider, with a question that only this browser can bring back."""
    from authlib.oauth2.rfc7636 import create_s256_code_challenge  # noqa: PLC0415

    settings, db = _settings(request), _db(request)
    about = await _discover(settings)
    secret, state, nonce, verifier = (secrets.token_urlsafe(48) for _ in range(4))
    detail = {
        "state": state,
        "nonce": nonce,
        "verifier": verifier,
        "after": safe_next(request.query_params.get("next")),
        "invitation": request.query_params.get("invitation", "")[:100],
        # Only a page of ours may begin what links an account, never a link on somebody else's.
        "is_ours": request.headers.get("sec-fetch-site", "same-origin"),
    }
    async with db.write(request.state.actor, request.state.now) as tx:
        await passkeys.ask(tx, hash_secret(secret), KIND, detail, request.state.actor.person_id)
    query = {
        "response_type": "code",
        "client_id": settings.oidc_client_id,
        "redirect_uri": _redirect_uri(request),
        "scope": "openid profile email",
        "state": state,
        "nonce": nonce,
        "code_challenge": create_s256_code_challenge(verifier),
        "code_challenge_method": "S256",
    }
    start = about["authorization_endpoint"]
    response = RedirectResponse(f"{start}{'&' if '?' in start else '?'}{urlencode(query)}", 303)
    response.set_cookie(
        asked_cookie(request),
        secret,
        max_age=int(passkeys.ASKED_LASTS.total_seconds()),
        httponly=True,
        samesite="lax",  # the browser comes back from another site
        secure=is_secure(request),
    )
    response.headers["Cache-Control"] = "no-store"
    return response


async def take_answer(request: Request) -> Outsider:
    """Who came back. Raises InvalidInputError for anything but the answer to our own question."""
    settings, db = _settings(request), _db(request)
    secret = request.cookies.get(asked_cookie(request), "")
    async with db.write(request.state.actor, request.state.now) as tx:
        asked = await passkeys.take(tx, hash_secret(secret), KIND, request.state.actor.person_id)
    given = request.query_params
    if asked is None or not hmac.compare_digest(
        given.get("state", "").encode(), asked["state"].encode()
    ):
        raise refused("state")
    if given.get("iss", settings.oidc_issuer) != settings.oidc_issuer:
        raise refused("iss of the answer")
    if "error" in given or not given.get("code"):
        raise refused("no code")
    about = await _discover(settings)
    form = {
        "grant_type": "authorization_code",
        "code": given["code"],
        "redirect_uri": _redirect_uri(request),
        "code_verifier": asked["verifier"],
    }
    tokens = await _call(about["token_endpoint"], _client_post(settings, about, form))
    keys = await _call(about["jwks_uri"])
    claims = _verified(settings, tokens, keys, asked["nonce"], int(request.state.now.timestamp()))
    return Outsider(
        settings.oidc_issuer,
        str(claims["sub"]),
        claims,
        asked["after"],
        asked["invitation"],
        asked["is_ours"] == "same-origin",
    )


async def find_outsider(request: Request, outsider: Outsider) -> Person | None:
    """The account of who came back; a signed-in person gets linked. None for somebody new."""
    db, actor = _db(request), request.state.actor
    found = await passkeys.find_outside(db, outsider.issuer, outsider.subject)
    if found is not None:
        if found.disabled:
            raise refused("closed account")
        return found
    # A token that could link an account elsewhere could turn itself into a session.
    if not (outsider.may_link and may(actor, "have-account")):
        return None
    async with db.write(actor, request.state.now) as tx:
        await passkeys.link_outside(tx, actor.person_id, outsider.issuer, outsider.subject)
    return await passkeys.find_outside(db, outsider.issuer, outsider.subject)


def refused(why: str) -> InvalidInputError:
    """The one answer to every wrong reply; why is for the log, which holds no secret of it."""
    log.warning("oidc refused: %s", why)
    return InvalidInputError(
        "oidc.refused",
        zh="外部登录没有成功，或已过期。请从登录页重新开始。",
        en="Signing in elsewhere did not succeed, or took too long. Start again from the"
        " sign-in page.",
    )


def _verified(
    settings: Settings, tokens: Mapping[str, Any], keys: Mapping[str, Any], nonce: str, now: int
) -> Mapping[str, Any]:
    """The claims of the ID token, once signature, issuer, audience, times and nonce are right."""
    from authlib.oidc.core import CodeIDToken  # noqa: PLC0415
    from joserfc import jwt  # noqa: PLC0415
    from joserfc.errors import JoseError  # noqa: PLC0415
    from joserfc.jwk import KeySet  # noqa: PLC0415

    try:
        key_set = KeySet.import_key_set({"keys": list(keys["keys"])})
        token = jwt.decode(str(tokens["id_token"]), key_set, algorithms=ALGORITHMS)
        claims = CodeIDToken(
            token.claims,
            token.header,
            options={
                "iss": {"essential": True, "value": settings.oidc_issuer},
                "aud": {"essential": True, "value": settings.oidc_client_id},
                "sub": {"essential": True, "allow_blank": False},
            },
            params={
                "nonce": nonce,
                "client_id": settings.oidc_client_id,
                "access_token": tokens.get("access_token"),
            },
        )
        claims.validate(now=now, leeway=LEEWAY_S)
    except (JoseError, ValueError, KeyError, TypeError) as error:
        raise refused(f"id token: {type(error).__name__}") from None
    found: Mapping[str, Any] = dict(claims)
    return found


def _client_post(
    settings: Settings, about: Mapping[str, Any], form: dict[str, str]
) -> tuple[dict[str, str], dict[str, str]]:
    """Form and headers by which this client proves itself at the token endpoint."""
    methods = about.get("token_endpoint_auth_methods_supported", ["client_secret_basic"])
    client_id, secret = settings.oidc_client_id, settings.oidc_client_secret
    if not secret or "client_secret_basic" not in methods:
        more = {"client_secret": secret} if secret else {}
        return {**form, "client_id": client_id, **more}, {}
    # Each part is form-encoded first (RFC 6749, 2.3.1).
    pair = ":".join(urlencode({"": part})[1:] for part in (client_id, secret))
    return form, {"Authorization": "Basic " + base64.b64encode(pair.encode()).decode()}


async def _discover(settings: Settings) -> dict[str, Any]:
    """What the provider says of itself; its issuer must be the very one that was configured."""
    about = await _call(settings.oidc_issuer.rstrip("/") + "/.well-known/openid-configuration")
    scheme = urlsplit(settings.oidc_issuer).scheme
    ends = [about.get(f"{name}_endpoint", "") for name in ("authorization", "token")]
    ends.append(about.get("jwks_uri", ""))
    if about.get("issuer") != settings.oidc_issuer or not all(
        isinstance(end, str) and urlsplit(end).scheme == scheme for end in ends
    ):
        raise refused("discovery")
    return about


async def _call(
    url: str, post: tuple[dict[str, str], dict[str, str]] | None = None
) -> dict[str, Any]:
    """The JSON object at this address of the provider. Raises UnavailableError without one."""
    try:
        answer = await anyio.to_thread.run_sync(_fetch, url, post)
    except (URLError, HTTPException, OSError, ValueError, RecursionError):
        answer = None
    if not isinstance(answer, dict):
        raise UnavailableError(
            "oidc.unavailable",
            zh="外部登录服务暂时不可用。请稍后再试，或用密码登录。",
            en="The sign-in service elsewhere does not answer. Try again later, or use your"
            " password.",
        )
    return answer


class _NoRedirects(HTTPRedirectHandler):
    """A provider's own addresses lead nowhere else."""

    def redirect_request(self, *_: Any, **__: Any) -> None:
        return None


def _fetch(url: str, post: tuple[dict[str, str], dict[str, str]] | None) -> Any:
    if urlsplit(url).scheme not in ("https", "http"):
        raise ValueError(url)
    form, headers = post or ({}, {})
    call = Call(  # noqa: S310 (the scheme is looked at above)
        url,
        urlencode(form).encode() if post else None,
        {"Accept": "application/json", **headers},
    )
    try:
        with build_opener(_NoRedirects).open(call, timeout=TIMEOUT_S) as answer:
            return json.loads(answer.read(MAX_ANSWER_BYTES))
    except HTTPError as error:
        error.close()
        raise


def _redirect_uri(request: Request) -> str:
    base = _settings(request).base_url or f"{request.url.scheme}://{request.url.netloc}"
    return base + CALLBACK


def _settings(request: Request) -> Settings:
    settings: Settings = request.app.state.archive.settings
    return settings


def _db(request: Request) -> Database:
    db: Database = request.app.state.archive.db
    return db
