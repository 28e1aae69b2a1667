from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from starlette.requests import Request

from birdwatch.domain.errors import (
    BirdwatchError,
    ForbiddenError,
    InvalidInputError,
    NotSignedInError,
)
from birdwatch.domain.policy import VISITOR, Actor
from birdwatch.http.accounts import create_token, require, require_csrf, safe_next, token_actor
from birdwatch.http.hashing import hash_password, hash_secret, make_token, verify_password
from tests.service import PASSWORD_HASH, Service

pytestmark = pytest.mark.anyio


def test_password_is_hashed_with_argon2id_and_verified() -> None:
    hashed = hash_password("mud and reeds")
    assert hashed.startswith("$argon2id$")
    assert verify_password(hashed, "mud and reeds")
    assert not verify_password(hashed, "mud and reed")
    assert not verify_password("not a hash", "mud and reeds")


@pytest.mark.parametrize("password", ["", "seven77", "x" * 1025])
def test_password_of_wrong_length_is_refused(password: str) -> None:
    with pytest.raises(InvalidInputError) as caught:
        hash_password(password)
    assert [error.field for error in caught.value.errors] == ["password"]


def test_token_shows_its_prefix_and_stores_its_hash() -> None:
    token = make_token()
    assert token.secret.startswith(token.prefix)
    assert token.token_hash == hash_secret(token.secret)
    assert len(token.secret) >= 43
    assert make_token().secret != token.secret


@pytest.mark.parametrize(
    ("target", "followed"),
    [
        ("/upload", "/upload"),
        ("/gallery?day=2026-04-12#x", "/gallery?day=2026-04-12#x"),
        (None, "/"),
        ("", "/"),
        ("upload", "/"),
        ("//evil.example", "/"),
        ("/\\evil.example", "/"),
        ("/a\\b", "/"),
        ("https://evil.example/", "/"),
        ("/\t/evil.example", "/"),
        ("/a\nb", "/"),
    ],
)
def test_next_leads_only_to_own_paths(target: str | None, followed: str) -> None:
    assert safe_next(target) == followed


@pytest.mark.parametrize(
    ("actor", "raised"),
    [(VISITOR, NotSignedInError), (Actor("p", "contributor"), ForbiddenError)],
)
def test_require_tells_a_visitor_to_sign_in_and_others_that_they_may_not(
    actor: Actor, raised: type[BirdwatchError]
) -> None:
    with pytest.raises(raised):
        require(actor, "administer")


def _request(csrf: str, header: str | None) -> Request:
    headers = [(b"x-csrf-token", header.encode())] if header is not None else []
    request = Request({"type": "http", "method": "POST", "path": "/", "headers": headers})
    request.state.csrf = csrf
    return request


def test_csrf_is_taken_from_the_form_or_the_header() -> None:
    require_csrf(_request("abc", None), {"csrf": "abc"})
    require_csrf(_request("abc", "abc"))
    require_csrf(_request("", None), {})


@pytest.mark.parametrize("form", [{}, {"csrf": ""}, {"csrf": "abd"}, {"csrf": "é"}])
def test_csrf_that_is_missing_or_wrong_is_refused(form: dict[str, object]) -> None:
    with pytest.raises(ForbiddenError):
        require_csrf(_request("abc", None), form)


async def test_token_ends_and_is_bound_by_its_scopes(service: Service) -> None:
    person = await service.add_person("li")
    db = service.archive.db
    now = datetime.now(UTC)
    with db.activate():
        async with db.write(VISITOR, now) as tx:
            secret = await create_token(tx, person.id, "lens", ["upload"], now + timedelta(days=1))
        actor = await token_actor(db, secret, now)
        assert actor == Actor(person.id, "contributor", frozenset({"upload"}), "li")
        with pytest.raises(NotSignedInError):
            await token_actor(db, secret, now + timedelta(days=2))
        with pytest.raises(NotSignedInError):
            await token_actor(db, secret + "x", now)


async def test_token_without_a_known_scope_is_refused(service: Service) -> None:
    person = await service.add_person("li")
    for scopes in ([], ["read", "everything"]):
        with pytest.raises(InvalidInputError):
            async with service.archive.db.write(VISITOR, datetime.now(UTC)) as tx:
                await create_token(tx, person.id, "lens", scopes)


def test_stored_password_hash_is_not_the_password() -> None:
    assert verify_password(PASSWORD_HASH, "low tide at dawn")
