"""A running archive for the tests of pages, with a signed-in contributor."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from birdwatch.domain.person import Person
from tests.service import Service, running


@dataclass(frozen=True)
class Member:
    """A person in a browser: cookies kept, and the form token of their pages."""

    person: Person
    browser: httpx.AsyncClient
    csrf: str

    async def post(
        self, path: str, data: dict[str, str] | None = None, **more: object
    ) -> httpx.Response:
        """Send a form of ours, with its token."""
        form = {"csrf": self.csrf, **(data or {})}
        return await self.browser.post(path, data=form, **more)  # type: ignore[arg-type]


@pytest.fixture
async def service(tmp_path: Path, database_url: str) -> AsyncIterator[Service]:
    """An empty archive."""
    async with running(tmp_path / "home", database_url) as service:
        yield service


@pytest.fixture
async def member(service: Service) -> Member:
    """A signed-in contributor."""
    return await sign_in(service, "guoying")


async def sign_in(service: Service, login: str) -> Member:
    """Make an account and sign it in through the page."""
    person = await service.add_person(login)
    return Member(person, *await service.sign_in(login))
