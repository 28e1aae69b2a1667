"""A whole archive in this process, asked as a reader would: through its addresses, over ASGI."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import httpx
from starlette.applications import Starlette

from birdwatch.app import create_app
from birdwatch.domain.person import Person
from birdwatch.domain.policy import SYSTEM, Role, Scope, Trust
from birdwatch.domain.text import Text
from birdwatch.http.accounts import create_token, hash_password
from birdwatch.intake.archive import Archive
from birdwatch.settings import Settings
from birdwatch.storage.people import add_person

PASSWORD = "low tide at dawn"
PASSWORD_HASH = hash_password(PASSWORD)
BASE_URL = "http://birds.test"


@dataclass(frozen=True)
class Service:
    """The running application, and a visitor's client of it that reads English."""

    app: Starlette
    visitor: httpx.AsyncClient

    @property
    def archive(self) -> Archive:
        archive: Archive = self.app.state.archive
        return archive

    def client(self, **headers: str) -> httpx.AsyncClient:
        """Another reader, with cookies of its own."""
        return new_client(self.app, **headers)

    async def add_person(
        self, login: str, role: Role = "contributor", trust: Trust = "trusted"
    ) -> Person:
        async with self.archive.db.write(SYSTEM, datetime.now(UTC)) as tx:
            return await add_person(
                tx, login, PASSWORD_HASH, role, Text(zh=login, en=login), trust=trust
            )

    async def sign_in(
        self, login: str, password: str = PASSWORD, **headers: str
    ) -> tuple[httpx.AsyncClient, str]:
        """A browser of this person, and the token that its forms carry."""
        browser = self.client(**headers)
        answer = await browser.post("/sign-in", data={"login": login, "password": password})
        assert answer.status_code == 303, answer.text
        found = re.search(r'name="csrf" value="([^"]+)"', (await browser.get("/account")).text)
        assert found
        return browser, found[1]

    async def token_client(
        self, person: Person, *scopes: Scope, **headers: str
    ) -> httpx.AsyncClient:
        """A client that sends a token of this person with these scopes."""
        async with self.archive.db.write(SYSTEM, datetime.now(UTC)) as tx:
            secret = await create_token(tx, person.id, "test", scopes)
        return self.client(Authorization=f"Bearer {secret}", **headers)


def new_client(app: Starlette, **headers: str) -> httpx.AsyncClient:
    transport = httpx.ASGITransport(app=app)
    return httpx.AsyncClient(
        transport=transport, base_url=BASE_URL, headers={"Accept-Language": "en"} | headers
    )


@asynccontextmanager
async def running(home: Path, database: str, **settings: object) -> AsyncIterator[Service]:
    """The application with its lifespan entered, on this home and database."""
    app = create_app(Settings(home=home, database=database, **settings))  # type: ignore[arg-type]
    async with app.router.lifespan_context(app):
        yield Service(app, new_client(app))
