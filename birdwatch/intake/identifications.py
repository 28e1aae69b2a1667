"""Names proposed for a photo: by anyone with an account who sees it, settled by those who may."""

from __future__ import annotations

from datetime import datetime

from birdwatch.domain.errors import FieldError, InvalidInputError, NotFoundError
from birdwatch.domain.identification import MAX_OPEN, NOTE_CHARS, Identification
from birdwatch.domain.photo import Photo
from birdwatch.domain.policy import Actor, may
from birdwatch.domain.text import Text
from birdwatch.intake.archive import Archive
from birdwatch.intake.photo_correction import correct_photo
from birdwatch.intake.words import find_species, invalid
from birdwatch.storage.db import Source
from birdwatch.storage.identifications import (
    add_identification,
    close_identification,
    find_identification,
    open_identifications,
)
from birdwatch.storage.photos import find_photo
from birdwatch.storage.species import load_species


async def propose(
    archive: Archive, photo_id: str, species: str, note: str, *, actor: Actor, now: datetime
) -> Identification:
    """Propose a name. Raises NotFoundError for a photo this person cannot see, InvalidInputError."""
    code = find_species(species.strip(), await load_species(archive.db))
    if code is None:
        raise invalid("species", "请填写物种。", "Give the species.")
    if len(note) > NOTE_CHARS:
        raise invalid(
            "note", f"说明最多 {NOTE_CHARS} 字。", f"The note has at most {NOTE_CHARS} characters."
        )
    async with archive.db.write(actor, now) as tx:
        await tx.lock()
        photo = await find_photo(tx, photo_id)
        if photo is None or not may(actor, "identify", photo.thing, now):
            raise _no_photo()
        waiting = (await open_identifications(tx, [photo_id])).get(photo_id, [])
        mine = [o for o in waiting if (o.person_id, o.species) == (actor.person_id, code)]
        if mine:
            return mine[0]
        if code == photo.facts.species or len(waiting) >= MAX_OPEN:
            raise _not_needed(photo, code)
        return await add_identification(tx, photo_id, code, note.strip())


async def accept(archive: Archive, identification_id: str, *, actor: Actor, now: datetime) -> Photo:
    """The photo gets this name; the proposal stays as history. For the owner and reviewers."""
    proposal, photo = await _open_one(archive.db, identification_id, now)
    if not may(actor, "edit", photo.thing):
        raise _no_photo()
    # Twice is the same as once: a crash between the two leaves the proposal to be accepted again.
    changes = {"species": proposal.species}
    corrected = await correct_photo(archive, photo.id, changes, actor=actor, now=now)
    async with archive.db.write(actor, now) as tx:
        await tx.lock()
        await close_identification(tx, proposal, "accepted")
    return await find_photo(archive.db, photo.id) or corrected


async def dismiss(
    archive: Archive, identification_id: str, *, actor: Actor, now: datetime
) -> Photo:
    """The proposal is not taken up; it stays as history. For reviewers."""
    proposal, photo = await _open_one(archive.db, identification_id, now)
    if not may(actor, "see-queue"):
        raise _no_photo()
    async with archive.db.write(actor, now) as tx:
        await tx.lock()
        await close_identification(tx, proposal, "dismissed")
    return await find_photo(archive.db, photo.id) or photo


async def _open_one(
    db: Source, identification_id: str, now: datetime
) -> tuple[Identification, Photo]:
    del now
    proposal = await find_identification(db, identification_id)
    photo = await find_photo(db, proposal.photo_id) if proposal else None
    if proposal is None or proposal.until is not None or photo is None:
        raise _no_photo()
    return proposal, photo


def _not_needed(photo: Photo, code: str) -> InvalidInputError:
    if code == photo.facts.species:
        message = Text("这张照片已经是这个名字。", "The photo has this name already.")
    else:
        message = Text(
            "这张照片已有很多待定的名字。请等审核员处理。",
            "Many names wait for this photo already. Wait for a reviewer to settle them.",
        )
    return InvalidInputError(
        "identification.not_needed",
        zh=message.zh,
        en=message.en,
        errors=(FieldError("species", message),),
    )


def _no_photo() -> NotFoundError:
    return NotFoundError(
        "identification.unknown",
        zh="没有这张照片或这个提名，或它已被处理。请刷新页面。",
        en="There is no such photo or proposal, or it was settled already. Reload the page.",
    )
