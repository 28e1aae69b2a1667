"""Many photos at once, as the workbench asks: each is done or refused for itself, with its reason."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from birdwatch.domain.errors import (
    BirdwatchError,
    ConflictError,
    FieldError,
    InvalidInputError,
    NotFoundError,
)
from birdwatch.domain.photo import Photo
from birdwatch.domain.policy import Actor
from birdwatch.domain.text import Text
from birdwatch.intake.archive import Archive
from birdwatch.intake.photo_correction import correct_photo, withdraw_photo
from birdwatch.intake.photo_drafts import checked_number, publish_photo, set_number
from birdwatch.intake.photo_sorting import PhotoCount
from birdwatch.storage.drafts import DraftNumber
from birdwatch.storage.sites import load_sites
from birdwatch.storage.species import load_species

MAX_AT_ONCE: Final = 500
NUMBER_WORDS: Final = ("low", "best", "high", "method", "note")
REFUSALS: Final = (NotFoundError, InvalidInputError, ConflictError)  # of one photo, not of all


@dataclass(frozen=True, slots=True)
class Answer:
    """What became of one photo: as it is now, or why it stayed as it was."""

    photo_id: str
    photo: Photo | None = None
    error: BirdwatchError | None = None


async def edit_many(
    archive: Archive,
    photo_ids: Sequence[str],
    changes: Mapping[str, object],
    *,
    actor: Actor,
    now: datetime,
) -> list[Answer]:
    """The same changes to each of these photos: those of a correction, and of drafts the number.

    Raises InvalidInputError for too many or none, or for a number that is none.
    """
    words = {name: value for name, value in changes.items() if name not in NUMBER_WORDS}
    has_number = len(words) < len(changes)
    number = await _number(archive, changes, now) if has_number else None

    async def edit(photo_id: str) -> Photo:
        if has_number:
            await set_number(archive, photo_id, number, actor=actor, now=now)
        return await correct_photo(archive, photo_id, words, actor=actor, now=now)

    return await _each(photo_ids, edit)


async def publish_many(
    archive: Archive, photo_ids: Sequence[str], *, actor: Actor, now: datetime
) -> list[Answer]:
    """Send in each of these drafts. Raises InvalidInputError for too many or none."""

    async def publish(photo_id: str) -> Photo:
        return await publish_photo(archive, photo_id, actor=actor, now=now)

    return await _each(photo_ids, publish)


async def withdraw_many(
    archive: Archive, photo_ids: Sequence[str], reason: str, *, actor: Actor, now: datetime
) -> list[Answer]:
    """Take each of these photos away. Raises InvalidInputError for too many or none."""

    async def withdraw(photo_id: str) -> None:
        await withdraw_photo(archive, photo_id, reason, actor=actor, now=now)

    return await _each(photo_ids, withdraw)


async def _each(
    photo_ids: Sequence[str], do: Callable[[str], Awaitable[Photo | None]]
) -> list[Answer]:
    wanted = list(dict.fromkeys(photo_ids))
    if not wanted or len(wanted) > MAX_AT_ONCE:
        raise _how_many()
    answers: list[Answer] = []
    for photo_id in wanted:
        try:
            answers.append(Answer(photo_id, await do(photo_id)))
        except REFUSALS as error:
            answers.append(Answer(photo_id, error=error))
    return answers


async def _number(
    archive: Archive, changes: Mapping[str, object], now: datetime
) -> DraftNumber | None:
    """The number in these changes; None where each of its words is empty."""
    given = {name: str(value or "") if value != 0 else "0" for name, value in changes.items()}
    low, best, high, method, note = (given.get(name, "").strip() for name in NUMBER_WORDS)
    if not (low or best or high or method):
        return None
    return checked_number(
        PhotoCount(low or None, best or None, high or None, method, note),
        species=await load_species(archive.db),
        sites=await load_sites(archive.db),
        now=now,
    )


def _how_many() -> InvalidInputError:
    message = Text(
        f"请先勾选照片，一次 1 到 {MAX_AT_ONCE} 张。",
        f"Tick the photos first, from 1 to {MAX_AT_ONCE} at once.",
    )
    return InvalidInputError(
        "photos.how_many", zh=message.zh, en=message.en, errors=(FieldError("ids", message),)
    )
