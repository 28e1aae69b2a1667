from __future__ import annotations

from datetime import timedelta

import pytest

from birdwatch.domain.errors import ConflictError, NotFoundError
from birdwatch.domain.person import Person
from birdwatch.domain.text import Text
from birdwatch.storage import people
from birdwatch.storage.db import Database
from tests.storage.makers import NOW, writing

pytestmark = pytest.mark.anyio
SOON = NOW + timedelta(minutes=5)
LATER = NOW + timedelta(days=30)


async def added(db: Database, login: str = "li") -> Person:
    async with writing(db) as tx:
        return await people.add_person(tx, login, "hash", "contributor", Text("李", "Li"))


async def test_person_is_found_by_id_and_by_login_in_any_case(db: Database) -> None:
    person = await added(db, " Li ")
    assert person == Person(person.id, "li", Text("李", "Li"), "contributor")
    assert await people.find_person(db, person.id) == person
    assert await people.find_login(db, "LI") == (person, "hash")
    assert await people.find_login(db, "wang") is None
    assert await people.list_people(db) == [person]


async def test_login_is_taken_once(db: Database) -> None:
    await added(db)
    with pytest.raises(ConflictError):
        await added(db, "LI")


async def test_session_lasts_until_it_ends(db: Database) -> None:
    person = await added(db)
    async with writing(db) as tx:
        await people.open_session(tx, person.id, "secret", "csrf", SOON)
    assert await people.find_session(db, "secret", NOW) == (person, "csrf")
    assert await people.find_session(db, "secret", SOON) is None
    assert await people.find_session(db, "other", NOW) is None
    async with writing(db) as tx:
        await people.close_session(tx, "secret")
    assert await people.find_session(db, "secret", NOW) is None


async def test_expired_sessions_are_swept_out(db: Database) -> None:
    person = await added(db)
    async with writing(db) as tx:
        await people.open_session(tx, person.id, "old", "csrf", SOON)
    async with writing(db, SOON) as tx:
        await people.open_session(tx, person.id, "new", "csrf", LATER)
    assert [row["token_hash"] for row in await db.rows("SELECT token_hash FROM session")] == ["new"]


async def test_new_password_ends_every_session(db: Database) -> None:
    person = await added(db)
    async with writing(db) as tx:
        await people.open_session(tx, person.id, "secret", "csrf", LATER)
        await people.set_password(tx, person.id, "other hash")
    assert await people.find_session(db, "secret", NOW) is None
    assert await people.find_login(db, "li") == (person, "other hash")


async def test_token_gives_its_scopes_until_it_expires_or_is_revoked(db: Database) -> None:
    person = await added(db)
    async with writing(db) as tx:
        info = await people.add_token(
            tx, person.id, "camera", "secret", "bw_ab", ("upload", "read"), SOON
        )
    assert await people.find_token(db, "secret", NOW) == (person, frozenset({"read", "upload"}))
    assert await people.find_token(db, "secret", SOON) is None
    assert await people.list_tokens(db, person.id) == [info]
    with pytest.raises(NotFoundError):
        async with writing(db) as tx:
            await people.revoke_token(tx, "somebody else", info.id)
    async with writing(db) as tx:
        await people.revoke_token(tx, person.id, info.id)
    assert await people.find_token(db, "secret", NOW) is None
    assert await people.list_tokens(db, person.id) == []


async def test_closed_account_is_nobody(db: Database) -> None:
    person = await added(db)
    async with writing(db) as tx:
        await people.open_session(tx, person.id, "secret", "csrf", LATER)
        await people.add_token(tx, person.id, "camera", "token", "bw_ab", ("read",))
        await people.set_disabled(tx, person.id, disabled=True)
    assert await people.find_session(db, "secret", NOW) is None
    assert await people.find_token(db, "token", NOW) is None
    async with writing(db) as tx:
        await people.set_disabled(tx, person.id, disabled=False)
        await people.set_locale(tx, person.id, "en")
    found = await people.find_session(db, "secret", NOW)
    assert found is not None
    assert found[0].locale == "en"


async def test_change_of_an_unknown_account_is_refused(db: Database) -> None:
    with pytest.raises(NotFoundError):
        async with writing(db) as tx:
            await people.set_password(tx, "nobody", "hash")
