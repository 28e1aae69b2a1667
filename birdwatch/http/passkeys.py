"""Signing in without a password: WebAuthn keys, which answer a question put to one browser once.

The question lies in the database under the hash of a cookie that only this browser has; it lasts
five minutes and is gone when it was answered, rightly or not.
"""

from __future__ import annotations

import json
import secrets
from urllib.parse import urlsplit

import webauthn
from starlette.requests import Request
from starlette.responses import Response
from webauthn.helpers import base64url_to_bytes, bytes_to_base64url
from webauthn.helpers.exceptions import WebAuthnException
from webauthn.helpers.structs import (
    AuthenticatorSelectionCriteria,
    PublicKeyCredentialDescriptor,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)

from birdwatch.domain.errors import InvalidInputError, MalformedError
from birdwatch.domain.person import Person
from birdwatch.http.hashing import hash_secret
from birdwatch.http.sessions import is_secure
from birdwatch.settings import Settings
from birdwatch.storage import passkeys
from birdwatch.storage.db import Database

ASKED_COOKIE = "birdwatch_asked"
RP_NAME = "鸟浪 Bird Wave"
MAX_NAME_CHARS = 80


async def ask_for_new_key(request: Request, person: Person) -> Response:
    """The options by which this person's browser makes a key, as JSON; the question is kept."""
    db: Database = request.app.state.archive.db
    known = await passkeys.list_passkeys(db, person.id)
    options = webauthn.generate_registration_options(
        rp_id=_site(request)[0],
        rp_name=RP_NAME,
        user_name=person.login,
        user_id=person.id.encode(),
        user_display_name=person.shown_name,
        authenticator_selection=AuthenticatorSelectionCriteria(
            resident_key=ResidentKeyRequirement.REQUIRED,
            user_verification=UserVerificationRequirement.REQUIRED,
        ),
        exclude_credentials=[
            PublicKeyCredentialDescriptor(id=base64url_to_bytes(one.id)) for one in known
        ],
    )
    return await _ask(
        request, "passkey-new", options.challenge, webauthn.options_to_json(options), person.id
    )


async def take_new_key(request: Request, person: Person) -> None:
    """Keep the key that the browser made. Raises InvalidInputError for any other answer."""
    answer = await _answer(request)
    challenge = await _asked(request, "passkey-new", person.id)
    rp_id, origin = _site(request)
    try:
        made = webauthn.verify_registration_response(
            credential=_credential(answer),
            expected_challenge=challenge,
            expected_rp_id=rp_id,
            expected_origin=origin,
            require_user_verification=True,
        )
    except (WebAuthnException, ValueError, KeyError, TypeError):
        raise _refused() from None
    name = str(answer.get("name", "")).strip()[:MAX_NAME_CHARS]
    db: Database = request.app.state.archive.db
    async with db.write(request.state.actor, request.state.now) as tx:
        await passkeys.add_passkey(
            tx,
            person.id,
            bytes_to_base64url(made.credential_id),
            bytes_to_base64url(made.credential_public_key),
            made.sign_count,
            name,
        )


async def ask_for_key(request: Request) -> Response:
    """The options by which a browser answers with one of its keys, as JSON."""
    options = webauthn.generate_authentication_options(
        rp_id=_site(request)[0], user_verification=UserVerificationRequirement.REQUIRED
    )
    return await _ask(
        request, "passkey-in", options.challenge, webauthn.options_to_json(options), None
    )


async def sign_in_by_key(request: Request) -> Person:
    """Who answered with their key. Raises InvalidInputError for any answer that is not right."""
    answer = await _answer(request)
    challenge = await _asked(request, "passkey-in", None)
    credential = _credential(answer)
    db: Database = request.app.state.archive.db
    found = await passkeys.find_passkey(db, str(credential.get("id", "")))
    if found is None:
        raise _refused()
    key, person = found
    rp_id, origin = _site(request)
    try:
        proved = webauthn.verify_authentication_response(
            credential=credential,
            expected_challenge=challenge,
            expected_rp_id=rp_id,
            expected_origin=origin,
            credential_public_key=base64url_to_bytes(key.public_key),
            credential_current_sign_count=key.sign_count,
            require_user_verification=True,
        )
    except (WebAuthnException, ValueError, KeyError, TypeError):
        raise _refused() from None
    async with db.write(request.state.actor, request.state.now) as tx:
        await passkeys.note_passkey(tx, key.id, proved.new_sign_count)
    return person


async def _ask(
    request: Request, kind: str, challenge: bytes, options: str, person_id: str | None
) -> Response:
    db: Database = request.app.state.archive.db
    secret = secrets.token_urlsafe(32)
    async with db.write(request.state.actor, request.state.now) as tx:
        detail = {"challenge": bytes_to_base64url(challenge)}
        await passkeys.ask(tx, hash_secret(secret), kind, detail, person_id)
    response = Response(
        options, media_type="application/json", headers={"Cache-Control": "no-store"}
    )
    response.set_cookie(
        asked_cookie(request),
        secret,
        max_age=int(passkeys.ASKED_LASTS.total_seconds()),
        httponly=True,
        samesite="strict",
        secure=is_secure(request),
    )
    return response


async def _asked(request: Request, kind: str, person_id: str | None) -> bytes:
    db: Database = request.app.state.archive.db
    secret = request.cookies.get(asked_cookie(request), "")
    async with db.write(request.state.actor, request.state.now) as tx:
        detail = await passkeys.take(tx, hash_secret(secret), kind, person_id)
    if detail is None:
        raise InvalidInputError(
            "passkey.not_asked",
            zh="这次操作已过期。请重新开始。",
            en="This took too long, or was begun elsewhere. Start again.",
        )
    return base64url_to_bytes(detail["challenge"])


def asked_cookie(request: Request) -> str:
    """The name of the cookie that ties a question to its browser."""
    return f"__Host-{ASKED_COOKIE}" if is_secure(request) else ASKED_COOKIE


async def _answer(request: Request) -> dict[str, object]:
    try:
        answer = json.loads(await request.body())
    except (ValueError, RecursionError):
        answer = None
    if not isinstance(answer, dict):
        raise MalformedError(
            "passkey.json", zh="请求不是有效的 JSON。", en="The request is not valid JSON."
        )
    return answer


def _credential(answer: dict[str, object]) -> dict[str, object]:
    credential = answer.get("credential")
    if not isinstance(credential, dict):
        raise _refused()
    return credential


def _refused() -> InvalidInputError:
    return InvalidInputError(
        "passkey.refused",
        zh="通行密钥未被接受。请重试，或用密码登录。",
        en="The passkey was not accepted. Try again, or sign in with the password.",
    )


def _site(request: Request) -> tuple[str, str]:
    """The relying party's id and origin: of the public address, else of this request."""
    settings: Settings = request.app.state.archive.settings
    base = settings.base_url or f"{request.url.scheme}://{request.url.netloc}"
    parts = urlsplit(base)
    return parts.hostname or "", f"{parts.scheme}://{parts.netloc}"
