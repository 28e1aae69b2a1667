"""An archive of a test's own, and the ways to send a photo to it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

from birdwatch.domain.person import Person
from birdwatch.domain.policy import SYSTEM, Actor, Role
from birdwatch.domain.text import Text
from birdwatch.intake.archive import Archive, open_archive
from birdwatch.intake.photo_intake import PhotoRequest, Receipt, receive_photo
from birdwatch.settings import Settings
from birdwatch.storage.people import add_person

NOW = datetime(2026, 5, 2, 4, 0, tzinfo=UTC)
SIDAOGOU = (40.6648, 122.1412)
CHUNK_BYTES = 8192


@asynccontextmanager
async def opened(home: Path, database: str, **settings: object) -> AsyncIterator[Archive]:
    """An archive whose rows can be read and written in the test's task."""
    chosen = Settings(home=home, database=database, **settings)  # type: ignore[arg-type]
    async with open_archive(chosen) as archive:
        with archive.db.activate():
            yield archive


async def chunks_of(data: bytes, size: int = CHUNK_BYTES) -> AsyncIterator[bytes]:
    for start in range(0, len(data), size):
        yield data[start : start + size]


async def send(
    archive: Archive,
    data: bytes,
    request: PhotoRequest | None = None,
    *,
    actor: Actor = SYSTEM,
    now: datetime = NOW,
) -> Receipt:
    wanted = request or PhotoRequest(file_name="DSC_0001.JPG")
    return await receive_photo(archive, chunks_of(data), wanted, actor=actor, now=now)


async def person(archive: Archive, login: str, role: Role = "contributor") -> Actor:
    """A person of the archive, as signed in."""
    async with archive.db.write(SYSTEM, NOW) as tx:
        added: Person = await add_person(tx, login, "-", role, Text(login, login), trust="trusted")
    return Actor(added.id, role, None, login, "trusted")


def files(home: Path) -> list[str]:
    """Every file below the home but the database and the marker, in order."""
    return sorted(
        str(path.relative_to(home))
        for path in home.rglob("*")
        if path.is_file() and not path.name.startswith((".birdwatch", "birdwatch.db"))
    )
