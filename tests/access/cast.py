"""Everyone who may ask, and one photo and survey of every kind to ask for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta

import httpx

from birdwatch.domain.ids import opaque_id
from birdwatch.domain.person import Person
from birdwatch.domain.photo import PhotoFacts, Rendition
from birdwatch.domain.place import Point, SettledPlace
from birdwatch.domain.policy import SYSTEM, Role, Status
from birdwatch.domain.sensitivity import SensitivityRule
from birdwatch.domain.survey import NewSurvey
from birdwatch.storage.grants import add_grant
from birdwatch.storage.photos import NewPhoto, insert_photo, record_renditions, withdraw_photo
from birdwatch.storage.sensitivity_rules import put_rule
from birdwatch.storage.surveys import delete_survey, insert_survey
from tests.service import Service
from tests.storage.makers import facts, photo, sighting, survey

UNLIMITED = {"rate_reads": 0, "rate_writes": 0}
WITHHELD, PROTECTED, ORDINARY = "sander", "spbsan1", "dunlin"
KINDS = (
    "published",
    "embargoed",
    "pending",
    "rejected",
    "queried",
    "protected",
    "withheld",
    "withdrawn",
    "draft",
)
PLACE = Point(40.7316429, 122.0147153)
NAMES: tuple[str, ...] = (
    "visitor",
    "other",
    "press",
    "researcher",
    "granted",
    "reviewer",
    "admin",
    "owner",
    "reading token",
    "uploading token",
)
ROLES: dict[str, Role] = {
    "other": "contributor",
    "press": "press",
    "researcher": "researcher",
    "granted": "researcher",
    "reviewer": "reviewer",
    "admin": "admin",
    "owner": "contributor",
}


@dataclass(frozen=True)
class Reader:
    """Somebody at a browser or with a token."""

    client: httpx.AsyncClient
    csrf: str = ""

    async def ask(self, method: str, path: str, body: Mapping[str, str]) -> httpx.Response:
        """A request as a program of theirs would send it."""
        if method == "GET":
            return await self.client.get(path)
        if path.startswith("/api/"):
            return await self.client.request(
                method, path, json=body, headers={"X-CSRF-Token": self.csrf} if self.csrf else {}
            )
        return await self.client.request(
            method, path, data={"csrf": self.csrf, **body}, headers={"X-CSRF-Token": self.csrf}
        )


@dataclass(frozen=True)
class Cast:
    """The readers by name; the ids of photos and surveys by kind."""

    service: Service
    readers: dict[str, Reader]
    photos: dict[str, str]
    surveys: dict[str, str]


async def sign_in(service: Service, login: str) -> Reader:
    """A session of this person."""
    return Reader(*await service.sign_in(login))


async def gather(service: Service) -> Cast:
    """Readers and things, in the archive of this service."""
    people = {name: await service.add_person(name, role) for name, role in ROLES.items()}
    now = datetime.now(UTC)
    async with service.archive.db.write(SYSTEM, now) as tx:
        await add_grant(tx, people["granted"], now + timedelta(days=2), "to test")
        await put_rule(tx, SensitivityRule(WITHHELD, "withhold"))
    photos, surveys = await _things(service, people["owner"], now)
    readers = {name: await sign_in(service, name) for name in ROLES}
    readers["visitor"] = Reader(service.visitor)
    readers["reading token"] = Reader(await service.token_client(people["owner"], "read"))
    readers["uploading token"] = Reader(
        await service.token_client(people["owner"], "upload", "count")
    )
    return Cast(service, readers, photos, surveys)


async def _things(
    service: Service, owner: Person, now: datetime
) -> tuple[dict[str, str], dict[str, str]]:
    photos: dict[str, str] = {}
    surveys: dict[str, str] = {}
    for number, kind in enumerate(KINDS, 1):
        new = replace(
            photo(number, shown(kind, now), owner=owner.id),
            id=opaque_id(),
            original_name="CANARY.JPG",
        )
        async with service.archive.db.write(SYSTEM, now) as tx:
            await insert_photo(tx, new)
            picture = Rendition("320", 320, 213, "webp", 4)
            await record_renditions(tx, new.id, [picture], None)
            if kind == "withdrawn":
                await withdraw_photo(tx, new.id, "Twice the same picture")
        await keep_files(service, new)
        photos[kind] = new.id
        if kind != "draft":  # no survey is one
            surveys[kind] = await _survey(service, owner, kind, now)
    return photos, surveys


async def keep_files(service: Service, new: NewPhoto) -> None:
    """The bytes that a photo's rows speak of."""
    blobs = service.archive.blobs
    await blobs.put_rendition(new.id, "320", "webp", b"webp")
    path = blobs.original_path(new.sha256)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"jpeg")


def shown(kind: str, now: datetime) -> PhotoFacts:
    """Facts of a photo of this kind."""
    species = {"protected": PROTECTED, "withheld": WITHHELD}.get(kind, ORDINARY)
    return replace(
        facts(datetime(2026, 4, 14, 6, 31)),  # noqa: DTZ001 (wall time)
        place=SettledPlace(PLACE, "gps", "high"),
        site="liaobin",
        species=species,
        status=status_of(kind),
        embargo_until=now + timedelta(days=1) if kind == "embargoed" else None,
    )


def status_of(kind: str) -> Status:
    match kind:
        case "pending" | "rejected" | "queried" | "draft":
            return kind
        case _:
            return "published"


async def _survey(service: Service, owner: Person, kind: str, now: datetime) -> str:
    new: NewSurvey = replace(
        survey(sighting(ORDINARY, 7), sighting(PROTECTED, 3), day=date(2026, 4, 14)),
        status=status_of(kind),
        embargo_until=now + timedelta(days=1) if kind == "embargoed" else None,
    )
    actor = replace(SYSTEM, person_id=owner.id)
    async with service.archive.db.write(actor, now) as tx:
        written = await insert_survey(tx, new)
        if kind == "withdrawn":
            await delete_survey(tx, written.id)
    return written.id
