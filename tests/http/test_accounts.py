from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from starlette.requests import Request

from birdwatch.domain.errors import (
    BirdwatchError,
    ForbiddenError,
    InvalidInputError,
    NotSignedInError,
)
from birdwatch.domain.policy import VISITOR, Actor, Role
from birdwatch.http.accounts import create_token, require, require_csrf, safe_next, token_actor
from birdwatch.http.hashing import hash_password, hash_secret, make_token, verify_password
from birdwatch.http.sessions import actor_of, find_session
from birdwatch.storage import grants, people
from tests.service import PASSWORD_HASH, Service, running

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
        assert actor == Actor(person.id, "contributor", frozenset({"upload"}), "li", "trusted")
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


@pytest.mark.parametrize("role", ["contributor", "press", "researcher"])
async def test_token_may_not_hold_what_its_owner_may_not_give(service: Service, role: Role) -> None:
    person = await service.add_person("li", role)
    with pytest.raises(InvalidInputError) as caught:
        async with service.archive.db.write(VISITOR, datetime.now(UTC)) as tx:
            await create_token(tx, person.id, "lens", ["read", "review"])
    assert [one.field for one in caught.value.errors] == ["scopes"]


async def test_token_loses_the_scope_that_its_owner_lost(service: Service) -> None:
    person = await service.add_person("wang", "reviewer")
    db, now = service.archive.db, datetime.now(UTC)
    async with db.write(VISITOR, now) as tx:
        secret = await create_token(tx, person.id, "desk", ["read", "review"])
    assert (await token_actor(db, secret, now)).scopes == frozenset({"read", "review"})
    async with db.write(VISITOR, now) as tx:
        await people.set_standing(tx, person, role="contributor")
    assert (await token_actor(db, secret, now)).scopes == frozenset({"read"})


async def test_trust_and_grant_come_with_whoever_asks(service: Service) -> None:
    person = await service.add_person("wu", "researcher", "checked")
    db, now = service.archive.db, datetime.now(UTC)
    until = now.replace(microsecond=0) + timedelta(days=90)
    async with db.write(VISITOR, now) as tx:
        await grants.add_grant(tx, person, until, "thesis on feeding")
        secret = await create_token(tx, person.id, "lens", ["read"])
        await people.open_session(tx, person.id, hash_secret("browser"), "c", until)
    session = await find_session(db, "browser", now)
    assert session is not None
    for actor in (actor_of(session.person), await token_actor(db, secret, now)):
        assert (actor.role, actor.trust, actor.grant_until) == ("researcher", "checked", until)


async def test_use_of_a_token_is_written_beside_the_answers_at_most_once_a_minute(
    service: Service,
) -> None:
    person = await service.add_person("li")
    client = await service.token_client(person, "read")
    db, seen = service.archive.db, service.app.state.seen

    async def last_use() -> datetime | None:
        return (await people.list_tokens(db, person.id))[0].last_used_at

    assert (await client.get("/api/v1/photos")).status_code == 200
    assert await last_use() is None
    await seen.write(db)
    first = await last_use()
    assert first is not None
    assert (await client.get("/api/v1/photos")).status_code == 200
    await seen.write(db)
    assert await last_use() == first


async def test_change_made_in_one_process_counts_at_once_in_another(
    service: Service,
) -> None:
    person = await service.add_person("li", "admin")
    await service.add_person("chief", "admin")
    client = await service.token_client(person, "read")
    settings = service.archive.settings
    async with running(settings.home, settings.database) as other:
        elsewhere = other.client(Authorization=client.headers["authorization"])
        assert (await elsewhere.get("/api/v1/photos")).status_code == 200
        async with service.archive.db.write(VISITOR, datetime.now(UTC)) as tx:
            await people.set_standing(tx, person, disabled=True)
        assert (await elsewhere.get("/api/v1/photos")).status_code == 401
        async with service.archive.db.write(VISITOR, datetime.now(UTC)) as tx:
            await people.set_standing(tx, replace(person, disabled=True), disabled=False)
        assert (await elsewhere.get("/api/v1/photos")).status_code == 200
        token = (await people.list_tokens(service.archive.db, person.id))[0]
        async with service.archive.db.write(VISITOR, datetime.now(UTC)) as tx:
            await people.revoke_token(tx, person.id, token.id)
        assert (await elsewhere.get("/api/v1/photos")).status_code == 401


async def test_log_keeps_no_secret_of_a_link(
    service: Service, caplog: pytest.LogCaptureFixture
) -> None:
    for path in ("/invitations/abcSECRET", "/reset/abcSECRET"):
        assert (await service.visitor.get(path)).status_code == 404
    assert "SECRET" not in caplog.text
    assert "path=/reset/…" in caplog.text
