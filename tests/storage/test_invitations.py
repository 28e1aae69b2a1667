from __future__ import annotations

from datetime import timedelta

import anyio
import pytest

from birdwatch.domain.errors import GoneError, NotFoundError
from birdwatch.domain.person import Person
from birdwatch.domain.text import Text
from birdwatch.storage import invitations, people
from birdwatch.storage.db import Database
from tests.storage.makers import NOW, writing

pytestmark = pytest.mark.anyio
WEEK = NOW + timedelta(days=7)
DAY = NOW + timedelta(hours=24)


async def added(db: Database) -> Person:
    async with writing(db) as tx:
        return await people.add_person(tx, "li", "hash", "contributor", Text("李", "Li"))


async def test_invitation_opens_once(db: Database) -> None:
    person = await added(db)
    async with writing(db) as tx:
        made = await invitations.add_invitation(tx, "link", "press", "checked", WEEK, "daily")
    assert await invitations.find_invitation(db, "link", NOW) == made
    async with writing(db) as tx:
        await invitations.use_invitation(tx, made, person.id)
    with pytest.raises(GoneError) as caught:
        await invitations.find_invitation(db, "link", NOW)
    assert caught.value.code == "invitation.used"
    with pytest.raises(GoneError):
        async with writing(db) as tx:
            await invitations.use_invitation(tx, made, person.id)
    assert [one.used_by for one in await invitations.list_invitations(db)] == [person.id]


async def test_only_the_quickest_of_many_takes_an_invitation(db: Database) -> None:
    person = await added(db)
    async with writing(db) as tx:
        made = await invitations.add_invitation(tx, "link", "press", "checked", WEEK)
    outcomes = []

    async def take() -> None:
        try:
            async with writing(db) as tx:
                await invitations.use_invitation(tx, made, person.id)
            outcomes.append("in")
        except GoneError:
            outcomes.append("late")

    async with anyio.create_task_group() as tasks:
        for _ in range(8):
            tasks.start_soon(take)
    assert sorted(outcomes) == ["in", *["late"] * 7]


async def test_expired_revoked_and_forged_invitations_say_so(db: Database) -> None:
    async with writing(db) as tx:
        made = await invitations.add_invitation(tx, "link", "press", "checked", WEEK)
    with pytest.raises(GoneError) as caught:
        await invitations.find_invitation(db, "link", WEEK)
    assert caught.value.code == "invitation.expired"
    async with writing(db) as tx:
        await invitations.revoke_invitation(tx, made.id)
    with pytest.raises(GoneError) as caught:
        await invitations.find_invitation(db, "link", NOW)
    assert caught.value.code == "invitation.revoked"
    with pytest.raises(NotFoundError):
        await invitations.find_invitation(db, "forged", NOW)
    with pytest.raises(NotFoundError):
        async with writing(db) as tx:
            await invitations.revoke_invitation(tx, made.id)


async def test_reset_link_works_once_within_a_day_and_ends_older_ones(db: Database) -> None:
    person = await added(db)
    async with writing(db) as tx:
        await invitations.add_reset(tx, person.id, "older")
        assert await invitations.add_reset(tx, person.id, "link") == DAY
    assert await invitations.find_reset(db, "link", NOW) == person.id
    for link, now, raised in (("older", NOW, NotFoundError), ("link", DAY, GoneError)):
        with pytest.raises(raised):
            await invitations.find_reset(db, link, now)
    async with writing(db) as tx:
        assert await invitations.use_reset(tx, "link") == person.id
    with pytest.raises(GoneError):
        await invitations.find_reset(db, "link", NOW)
    with pytest.raises(GoneError):
        async with writing(db) as tx:
            await invitations.use_reset(tx, "link")


async def test_registration_is_closed_until_it_is_opened(db: Database) -> None:
    assert not await invitations.may_register(db)
    for is_open in (True, False):
        async with writing(db) as tx:
            await invitations.set_registration(tx, is_open=is_open)
        assert await invitations.may_register(db) is is_open
