"""How a photo comes in, whatever the door: page, API or command line. The list STEPS is the story.

A step may end the journey by setting `receipt` (the same bytes are already here) or by raising a
BirdwatchError; then nothing of the file is kept. After the last step the photo is durable: its
bytes are under their final name, and photo, sighting, ledger entry and job were written in one
transaction.
"""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import TypeVar

import anyio
import anyio.to_thread

from birdwatch.domain.credit import photographer
from birdwatch.domain.errors import ChangedMeanwhileError, ConflictError, ForbiddenError
from birdwatch.domain.ids import opaque_id
from birdwatch.domain.photo import Photo, PhotoFacts, SettledTime
from birdwatch.domain.place import Site, is_outside, site_at
from birdwatch.domain.place_ladder import settle_gps
from birdwatch.domain.policy import Actor, may
from birdwatch.domain.publication import seen_photo
from birdwatch.domain.quota import Quota, Uploads, check_quota, quota_day
from birdwatch.domain.species import SpeciesIndex
from birdwatch.domain.survey import NewSurvey, Survey
from birdwatch.domain.time_ladder import settle_time
from birdwatch.imaging.probe import Probe
from birdwatch.intake.archive import Archive
from birdwatch.intake.calibration import calibrated_arrival, note_arrival
from birdwatch.intake.checking import judged_arrival
from birdwatch.intake.leftovers import drop_part, take_back
from birdwatch.intake.photo_correction import correct_photo, undo_correction
from birdwatch.intake.photo_drafts import checked_number
from birdwatch.intake.photo_rendering import RENDER_FIRST, render_photo
from birdwatch.intake.photo_request import CheckedRequest, PhotoRequest, check_request
from birdwatch.intake.photo_sorting import in_season, survey_of_photo, survey_start
from birdwatch.intake.quarantine import probe_or_set_aside
from birdwatch.intake.repair import heal_original
from birdwatch.intake.words import invalid
from birdwatch.storage import photos as photo_rows
from birdwatch.storage.blobs.files import Incoming
from birdwatch.storage.db import Source, Write
from birdwatch.storage.drafts import DraftNumber, keep_number
from birdwatch.storage.jobs import FIRST, enqueue
from birdwatch.storage.people import find_person
from birdwatch.storage.photos import NewPhoto, find_photo_by_sha256, insert_photo, is_held
from birdwatch.storage.requests import add_upload, uploads_of
from birdwatch.storage.sites import load_sites
from birdwatch.storage.species import load_species
from birdwatch.storage.surveys import insert_survey
from birdwatch.storage.windows import load_windows

__all__ = [
    "STEPS",
    "PhotoRequest",
    "Receipt",
    "correct_photo",
    "receive_photo",
    "render_photo",
    "undo_correction",
]
T = TypeVar("T")
log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Receipt:
    """What the sender is told: the photo, and whether its bytes were already here."""

    photo: Photo
    is_duplicate: bool
    survey: Survey | None = None


@dataclass(slots=True)
class Arrival:
    """A photo on its way in; each step fills in what it finds.

    `source`: its bytes as they come, or those of an upload that lie durable on the disk already.
    """

    source: AsyncIterator[bytes] | Incoming
    request: PhotoRequest
    actor: Actor
    now: datetime
    species: SpeciesIndex = field(default_factory=lambda: SpeciesIndex(()))
    sites: Mapping[str, Site] = field(default_factory=dict)
    checked: CheckedRequest | None = None
    incoming: Incoming | None = None
    probe: Probe | None = None
    facts: PhotoFacts | None = None
    settled: SettledTime | None = None  # by what the file says alone
    by_clock: tuple[str, SettledTime] | None = None  # by a calibration, and which
    survey: NewSurvey | None = None
    number: DraftNumber | None = None  # of a draft
    receipt: Receipt | None = None
    is_kept: bool = False  # its original may be there
    is_recorded: bool = False  # and its rows are
    on_record: OnRecord | None = None


OnRecord = Callable[[Write, Receipt], Awaitable[None]]
Step = Callable[[Archive, Arrival], Awaitable[None]]


async def receive_photo(
    archive: Archive,
    source: AsyncIterator[bytes] | Incoming,
    request: PhotoRequest,
    *,
    actor: Actor,
    now: datetime,
    on_record: OnRecord | None = None,
) -> Receipt:
    """Take in one photo. When this returns it is durable; when it raises nothing is kept.

    `on_record` writes what has to be true from the same moment as the photo's rows. Raises a
    BirdwatchError: ForbiddenError, InvalidInputError, UnsupportedMediaError, TooLargeError,
    UnavailableError.
    """
    arrival = Arrival(source, request, actor, now, on_record=on_record)
    try:
        for step in STEPS:
            await step(archive, arrival)
            if arrival.receipt is not None and arrival.receipt.is_duplicate:
                break
    finally:
        await _discard(archive, arrival)
    return _found(arrival.receipt)


async def check_words(archive: Archive, arrival: Arrival) -> None:
    """Understand what the sender says before taking the bytes."""
    if not may(arrival.actor, "upload"):
        raise ForbiddenError(
            "photo.upload_forbidden",
            zh="这个账号或令牌不能上传照片。请登录，或使用带 upload 权限的令牌。",
            en="This account or token may not upload photos. Sign in, or use a token with the scope"
            " upload.",
        )
    if arrival.request.draft and arrival.actor.person_id is None:
        raise invalid(
            "draft",
            "草稿要属于一个账号。请登录后上传草稿。",
            "A draft belongs to an account. Sign in to upload drafts.",
        )
    arrival.request = await _as_sender_wishes(archive, arrival)
    arrival.species = await load_species(archive.db)
    arrival.sites = await load_sites(archive.db)
    arrival.checked = check_request(
        arrival.request, species=arrival.species, sites=arrival.sites, now=arrival.now
    )


async def _as_sender_wishes(archive: Archive, arrival: Arrival) -> PhotoRequest:
    """Credit and licence, where none are given, are those of the sender's profile."""
    request, person_id = arrival.request, arrival.actor.person_id
    if person_id is None or (request.credit and request.license):
        return request
    person = await find_person(archive.db, person_id)
    if person is None:
        return request
    return replace(
        request,
        credit=request.credit or person.credit,
        license=request.license or person.default_license or "",
    )


async def receive_bytes(archive: Archive, arrival: Arrival) -> None:
    """Write to a part file, hash while writing, fsync; an upload has been through this."""
    if isinstance(arrival.source, Incoming):
        arrival.incoming = arrival.source
        return
    max_bytes = archive.settings.max_photo_bytes
    arrival.incoming = await archive.blobs.receive(arrival.source, max_bytes)


async def find_duplicate(archive: Archive, arrival: Arrival) -> None:
    """The same bytes twice are one photo. If its file was lost or damaged, these replace it."""
    incoming = _found(arrival.incoming)
    known = await _known(archive.db, arrival, incoming.sha256)
    if known is None:
        return
    if await heal_original(archive, incoming, now=arrival.now):
        log.warning("event=original_healed photo=%s", known.id)
    if known.state == "failed":
        async with archive.db.write(arrival.actor, arrival.now) as tx:
            await enqueue(tx, RENDER_FIRST, known.id, rank=FIRST)
        archive.jobs_bell.ring()
    arrival.receipt = Receipt(known, is_duplicate=True)


async def _known(db: Source, arrival: Arrival, sha256: str) -> Photo | None:
    """The photo with these bytes. Raises ConflictError for one that the sender may not see."""
    known = await find_photo_by_sha256(db, sha256)
    if known is None and not await is_held(db, sha256):
        return None
    if known is not None and (
        known.owner_id == arrival.actor.person_id
        or seen_photo(known, arrival.actor, arrival.now) is not None
    ):
        return known
    raise ConflictError(
        "photo.held",
        zh="这张照片的文件已在档案中，但目前不公开（待审、限时或已撤下）。请联系管理员。",
        en="The archive has the bytes of this photo already, and they are not public now: waiting,"
        " embargoed or withdrawn. Ask an administrator.",
    )


async def probe_bytes(archive: Archive, arrival: Arrival) -> None:
    """Sniff, open and read the tags, in a limited process of its own; what kills it is set aside."""
    incoming = _found(arrival.incoming)
    arrival.probe = await probe_or_set_aside(
        archive,
        incoming,
        replace(arrival.request, file_name=_found(arrival.checked).file_name),
        actor=arrival.actor,
        now=arrival.now,
    )


async def check_day_quota(archive: Archive, arrival: Arrival) -> None:
    """Enough for today is said before anything is kept."""
    person_id, settings = arrival.actor.person_id, archive.settings
    if person_id is None:
        return
    quota = Quota(settings.quota_files, settings.quota_bytes, settings.quota_pixels)
    used = await uploads_of(archive.db, person_id, quota_day(arrival.now))
    check_quota(quota, used, _measured(arrival), arrival.now)


def _measured(arrival: Arrival) -> Uploads:
    probe = _found(arrival.probe)
    return Uploads(1, _found(arrival.incoming).size, probe.width * probe.height)


async def settle_time_and_place(archive: Archive, arrival: Arrival) -> None:
    """Decide when and where it was taken, each with its source and confidence."""
    probe, checked = _found(arrival.probe), _found(arrival.checked)
    arrival.settled = settle_time(probe.time_evidence, now=arrival.now)
    arrival.by_clock = await _by_clock(archive.db, arrival)
    time = arrival.by_clock[1] if arrival.by_clock else arrival.settled
    place = settle_gps(probe.gps_evidence, taken=time)
    sites = tuple(arrival.sites.values())
    arrival.facts = PhotoFacts(
        time=time,
        place=place,
        site=checked.site or (site_at(place.point, sites) if place else None),
        is_outside=place is not None and is_outside(place.point, sites),
        species=checked.species,
        caption=checked.caption,
        credit=checked.credit,
        license=checked.license,
    )


async def _by_clock(db: Source, arrival: Arrival) -> tuple[str, SettledTime] | None:
    """The time by a calibration of the camera's clock that its owner made before."""
    probe, owner_id = _found(arrival.probe), arrival.actor.person_id
    return await calibrated_arrival(db, owner_id, probe.camera, probe.tags, arrival.now)


async def sort_into_season(archive: Archive, arrival: Arrival) -> None:
    """Season, phase and dekad of the local day."""
    facts = _found(arrival.facts)
    arrival.facts = in_season(facts, await load_windows(archive.db))


async def draft_survey(archive: Archive, arrival: Arrival) -> None:
    """Species and number make a survey; it needs a site and a day, said here if there is none.

    The number of a draft is kept beside it until it is published.
    """
    del archive
    if not arrival.request.has_number:
        return
    if arrival.request.draft:
        arrival.number = checked_number(
            arrival.request.count, species=arrival.species, sites=arrival.sites, now=arrival.now
        )
        return
    facts = _found(arrival.facts)
    if facts.site is None:
        raise invalid(
            "site",
            "照片里没有落在已知地点内的位置，数量无处可记。请选择地点。",
            "The photo has no position inside a known site, so its number belongs nowhere."
            " Choose the site.",
        )
    name = photographer(facts.credit) or arrival.actor.name
    arrival.survey = survey_of_photo(
        arrival.request.count,
        code=_found(facts.species),
        site=facts.site,
        start=survey_start(facts),
        observers=(name,) if name else (),
        species=arrival.species,
        sites=arrival.sites,
        now=arrival.now,
    )


async def check_record(archive: Archive, arrival: Arrival) -> None:
    """Publish it at once, or let it wait for a reviewer, with the reasons."""
    arrival.facts, arrival.survey = await judged_arrival(
        archive.db, _found(arrival.facts), arrival.survey, arrival.actor
    )
    if arrival.request.draft:
        arrival.facts = replace(arrival.facts, status="draft")


async def keep_bytes(archive: Archive, arrival: Arrival) -> None:
    """Give the bytes their final name, read-only, on the disk before any row speaks of them."""
    arrival.is_kept = True
    await archive.blobs.keep(_found(arrival.incoming))


async def record(archive: Archive, arrival: Arrival) -> None:
    """Photo, sighting, ledger entry and job in one transaction; a twin that was faster wins."""
    incoming = _found(arrival.incoming)
    async with archive.db.write(arrival.actor, arrival.now) as tx:
        await tx.lock()
        twin = await _known(tx, arrival, incoming.sha256)
        if not await anyio.to_thread.run_sync(archive.blobs.has_original, incoming.sha256):
            await archive.blobs.keep(incoming)  # a twin that failed has taken it back
        receipt = Receipt(twin, is_duplicate=True) if twin else await _insert(tx, arrival)
        if arrival.on_record is not None:
            await arrival.on_record(tx, receipt)
    arrival.receipt = receipt
    arrival.is_recorded = True


async def acknowledge(archive: Archive, arrival: Arrival) -> None:
    """All is durable. Wake the worker; the receipt goes to the sender."""
    del arrival
    archive.jobs_bell.ring()


STEPS: tuple[Step, ...] = (
    check_words,
    receive_bytes,
    find_duplicate,
    probe_bytes,
    check_day_quota,
    settle_time_and_place,
    sort_into_season,
    draft_survey,
    check_record,
    keep_bytes,
    record,
    acknowledge,
)


async def _insert(tx: Write, arrival: Arrival) -> Receipt:
    incoming, probe = _found(arrival.incoming), _found(arrival.probe)
    facts, checked = _found(arrival.facts), _found(arrival.checked)
    photo_id = opaque_id()
    if arrival.actor.person_id is not None:
        day = quota_day(arrival.now)
        await add_upload(tx, arrival.actor.person_id, day, _measured(arrival))
    survey = await _write_survey(tx, photo_id, arrival.survey)
    if survey is not None:
        facts = replace(facts, survey_id=survey.id, sighting_id=survey.sightings[0].id)
    photo = await insert_photo(
        tx,
        NewPhoto(
            id=photo_id,
            sha256=incoming.sha256,
            format=probe.format,
            width=probe.width,
            height=probe.height,
            size_bytes=incoming.size,
            received_at=arrival.now,
            owner_id=arrival.actor.person_id,
            original_name=checked.file_name,
            camera=probe.camera,
            facts=_as_found(arrival, facts),
            tags=probe.tags,
        ),
    )
    photo = await _set_clock_right(tx, arrival, photo, facts)
    await enqueue(tx, RENDER_FIRST, photo.id, rank=FIRST)
    if arrival.number is not None:
        await keep_number(tx, photo.id, arrival.number)
    return Receipt(photo, is_duplicate=False, survey=survey)


def _as_found(arrival: Arrival, facts: PhotoFacts) -> PhotoFacts:
    """The facts by the file alone, which stay the original ones."""
    if arrival.by_clock is None:
        return facts
    time = _found(arrival.settled)
    place = settle_gps(_found(arrival.probe).gps_evidence, taken=time)
    return replace(facts, time=time, place=place)


async def _set_clock_right(tx: Write, arrival: Arrival, photo: Photo, facts: PhotoFacts) -> Photo:
    """The calibrated facts as a second version, so that undoing the calibration takes them back."""
    by_clock = await _by_clock(tx, arrival)
    if by_clock != arrival.by_clock:
        raise ChangedMeanwhileError(
            "photo.clock_changed",
            zh="接收这张照片时，相机时钟的校准被改动了。请再发送一次。",
            en="The calibration of this camera's clock changed while the photo came in."
            " Send it again.",
        )
    if by_clock is None:
        return photo
    detail: dict[str, object] = {"adjustment": by_clock[0]}
    photo = await photo_rows.correct_photo(tx, photo.id, facts, detail=detail)
    await note_arrival(tx, by_clock[0], photo.id, photo.version)
    return photo


async def _write_survey(tx: Write, photo_id: str, survey: NewSurvey | None) -> Survey | None:
    if survey is None:
        return None
    sightings = tuple(replace(s, photos=(photo_id,)) for s in survey.sightings)
    return await insert_survey(tx, replace(survey, sightings=sightings))


async def _discard(archive: Archive, arrival: Arrival) -> None:
    """Leave nothing but what was recorded, also when the sender is gone and this is cancelled."""
    incoming = arrival.source if isinstance(arrival.source, Incoming) else arrival.incoming
    if incoming is None:
        return
    with anyio.CancelScope(shield=True):
        if arrival.is_kept and not arrival.is_recorded:
            await take_back(archive.db, archive.blobs, incoming, arrival.now)
        else:
            await drop_part(archive.blobs, incoming)


def _found(value: T | None) -> T:
    """What an earlier step must have found."""
    if value is None:
        raise AssertionError("a step of photo intake ran before the one it rests on")
    return value
