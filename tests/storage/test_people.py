from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from birdwatch.domain.errors import ConflictError, InvalidInputError, NotFoundError
from birdwatch.domain.paging import Page
from birdwatch.domain.person import Person
from birdwatch.domain.policy import Role
from birdwatch.domain.text import Text
from birdwatch.storage import grants, ledger, people
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
    assert await people.list_people(db) == Page((person,))


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


async def test_people_come_page_by_page(db: Database) -> None:
    made = [await added(db, login) for login in ("chen", "li", "wang")]
    first = await people.list_people(db, 2)
    assert list(first.items) == made[:2]
    second = await people.list_people(db, 2, first.next)
    assert (list(second.items), second.next) == (made[2:], None)


async def test_sessions_are_listed_with_their_device_and_ended_one_or_all(db: Database) -> None:
    person = await added(db)
    async with writing(db) as tx:
        await people.open_session(tx, person.id, "phone", "c", LATER, "Phone/1")
        await people.open_session(tx, person.id, "desk", "c", LATER, "Desk/2")
        await people.open_session(tx, person.id, "tablet", "c", LATER, "Tablet/3")
        await people.note_use(tx, {"phone": SOON}, {})
    listed = await people.list_sessions(db, person.id, NOW, current="desk")
    assert listed[0].user_agent == "Phone/1"
    assert {(one.user_agent, one.last_seen_at, one.is_current) for one in listed} == {
        ("Phone/1", SOON, False), ("Desk/2", NOW, True), ("Tablet/3", NOW, False),
    }  # fmt: skip
    async with writing(db) as tx:
        await people.close_sessions(tx, "somebody else", session_id=listed[0].id)
        await people.close_sessions(tx, person.id, session_id=listed[0].id)
    assert await people.find_session(db, "phone", NOW) is None
    async with writing(db) as tx:
        await people.close_sessions(tx, person.id, keep="desk")
    assert await people.find_session(db, "tablet", NOW) is None
    assert await people.find_session(db, "desk", NOW) is not None


async def test_last_use_only_moves_forward(db: Database) -> None:
    person = await added(db)
    async with writing(db) as tx:
        await people.add_token(tx, person.id, "camera", "token", "bw_ab", ("read",))
        await people.note_use(tx, {}, {"token": SOON})
        await people.note_use(tx, {}, {"token": NOW})
    assert [one.last_used_at for one in await people.list_tokens(db, person.id)] == [SOON]


async def test_change_of_standing_is_in_the_ledger(db: Database) -> None:
    person = await added(db)
    before = await ledger.latest(db)
    async with writing(db) as tx:
        await people.set_standing(tx, person, role="press", trust="trusted")
        await people.set_standing(tx, replace(person, role="press", trust="trusted"), role="press")
    changes = await ledger.changes(db, before)
    assert [(one.action, one.noun, one.noun_id, one.detail) for one in changes] == [
        ("edit", "person", person.id, {"role": "press", "trust": "trusted"})
    ]


async def test_last_administrator_stays(db: Database) -> None:
    async with writing(db) as tx:
        chief = await people.add_person(tx, "chief", "hash", "admin", Text("", ""))
    for change in ({"role": "press"}, {"disabled": True}):
        with pytest.raises(ConflictError):
            async with writing(db) as tx:
                await people.set_standing(tx, chief, **change)
    assert await people.find_person(db, chief.id) == chief


async def test_grant_comes_with_the_person_until_it_is_revoked(db: Database) -> None:
    async with writing(db) as tx:
        person = await people.add_person(tx, "wu", "hash", "researcher", Text("", ""))
        short = await grants.add_grant(tx, person, SOON, "one bay")
        long = await grants.add_grant(tx, person, LATER, "thesis")
        await people.open_session(tx, person.id, "secret", "c", LATER)
    assert await people.find_session(db, "secret", NOW) == (replace(person, grant_until=LATER), "c")
    async with writing(db) as tx:
        await grants.revoke_grant(tx, person.id, long.id)
    assert await people.find_person(db, person.id) == replace(person, grant_until=SOON)
    assert {(one.id, one.revoked_at) for one in await grants.list_grants(db, person.id)} == {
        (short.id, None), (long.id, NOW),
    }  # fmt: skip
    with pytest.raises(NotFoundError):
        async with writing(db) as tx:
            await grants.revoke_grant(tx, "somebody else", short.id)


@pytest.mark.parametrize(
    ("role", "until", "reason", "fields"),
    [
        ("researcher", NOW, "thesis", ["until"]),
        ("researcher", LATER, " ", ["reason"]),
        ("press", LATER, "thesis", ["role"]),
    ],
)
async def test_grant_without_end_reason_or_researcher_is_refused(
    db: Database, role: Role, until: datetime, reason: str, fields: list[str]
) -> None:
    async with writing(db) as tx:
        person = await people.add_person(tx, "wu", "hash", role, Text("", ""))
    with pytest.raises(InvalidInputError) as caught:
        async with writing(db) as tx:
            await grants.add_grant(tx, person, until, reason)
    assert [one.field for one in caught.value.errors] == fields
