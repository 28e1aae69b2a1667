"""Reviewers decide, owners answer: statuses move only here, each as a new version with its reason."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from birdwatch.domain.errors import ConflictError, FieldError, InvalidInputError, NotFoundError
from birdwatch.domain.message import MESSAGE_CHARS, Message, Noun
from birdwatch.domain.photo import Photo
from birdwatch.domain.policy import Actor, Status, Thing, may
from birdwatch.domain.review import checked_reason
from birdwatch.domain.sighting import Sighting
from birdwatch.domain.survey import Survey
from birdwatch.domain.text import Text
from birdwatch.intake.archive import Archive
from birdwatch.storage import ledger
from birdwatch.storage.db import Source, Write
from birdwatch.storage.messages import add_message
from birdwatch.storage.photos import find_photo
from birdwatch.storage.review import (
    find_sighting,
    set_photo_status,
    set_sighting_status,
    set_survey_status,
)
from birdwatch.storage.surveys import find_survey

MAX_DECISIONS: Final = 200  # in one transaction
DECIDED: tuple[Status, ...] = ("published", "queried", "rejected")


@dataclass(frozen=True, slots=True)
class Decision:
    """What becomes of one record. `version`: the one that was looked at, None for whichever."""

    noun: Noun
    id: str
    version: int | None = None


@dataclass(frozen=True, slots=True)
class Record:
    """A photo, a survey or a sighting, with what the policy has to know of it."""

    noun: Noun
    value: Photo | Survey | Sighting
    thing: Thing

    @property
    def version(self) -> int:
        return self.value.version

    @property
    def flags(self) -> tuple[str, ...]:
        return self.value.facts.flags if isinstance(self.value, Photo) else self.value.flags


async def find_record(db: Source, noun: Noun, record_id: str) -> Record | None:
    """The record as it is now, whole, or None. A sighting belongs to its survey's owner."""
    if noun == "photo":
        photo = await find_photo(db, record_id)
        return Record(noun, photo, photo.thing) if photo else None
    if noun == "survey":
        survey = await find_survey(db, record_id)
        return Record(noun, survey, survey.thing) if survey else None
    sighting = await find_sighting(db, record_id)
    survey = await find_survey(db, sighting.survey_id) if sighting else None
    if sighting is None or survey is None:
        return None
    return Record(noun, sighting, Thing(survey.owner_id, sighting.status))


async def decide(
    archive: Archive,
    decision: Decision,
    status: Status,
    reason: str,
    *,
    actor: Actor,
    now: datetime,
) -> None:
    """Publish, query or reject one record. Raises NotFoundError, ConflictError, InvalidInputError."""
    await decide_many(archive, [decision], status, reason, actor=actor, now=now)


async def decide_many(
    archive: Archive,
    decisions: Sequence[Decision],
    status: Status,
    reason: str,
    *,
    actor: Actor,
    now: datetime,
) -> None:
    """The same for many records: all of them, or none.

    A survey made from a photo goes with it; the counts of every day touched follow at once.
    """
    _check_status(status)
    text = checked_reason(status, reason)
    wanted = list(dict.fromkeys(decisions))
    if not wanted or len(wanted) > MAX_DECISIONS:
        raise _how_many()
    async with archive.db.write(actor, now) as tx:
        await tx.lock()
        for decision in wanted:
            record = await _reviewable(tx, decision, actor)
            await _settle(tx, record, status, text)


async def answer(
    archive: Archive, noun: Noun, record_id: str, text: str, *, actor: Actor, now: datetime
) -> Message:
    """Say something of a record; the owner's answer puts a queried one back in the queue.

    Raises NotFoundError for a record of others, and InvalidInputError.
    """
    said = _checked_message(text)
    async with archive.db.write(actor, now) as tx:
        await tx.lock()
        record = await find_record(tx, noun, record_id)
        if record is None or not may(actor, "answer", record.thing):
            raise no_record()
        is_back = record.thing.status == "queried" and record.thing.owner_id == actor.person_id
        if is_back:
            version = await _write(tx, record, "pending", "", "answer")
            if isinstance(record.value, Photo):
                await _settle_survey_of(tx, record.value, "pending", "", "answer")
        else:
            version = await ledger.append(tx, "answer", noun, record_id)
        return await add_message(tx, noun, record_id, said, version)


def no_record() -> NotFoundError:
    """No such record, or none that this person may decide or answer for."""
    return NotFoundError(
        "review.unknown",
        zh="没有这条记录，或您不能处理它（审核员不审核自己的记录）。请刷新页面后再看。",
        en="There is no such record, or it is not yours to decide: reviewers do not review their"
        " own. Reload the page and look again.",
    )


async def _reviewable(tx: Write, decision: Decision, actor: Actor) -> Record:
    record = await find_record(tx, decision.noun, decision.id)
    if record is None or not may(actor, "review", record.thing):
        raise no_record()
    if decision.version is not None and decision.version != record.version:
        raise ConflictError(
            "review.changed",
            zh=f"记录 {decision.id} 在您查看之后有改动，什么都没有保存。请刷新页面，看过新内容再决定。",
            en=f"The record {decision.id} changed after you looked at it; nothing was saved."
            " Reload the page, look at it as it is now, and decide again.",
        )
    return record


async def _settle(tx: Write, record: Record, status: Status, reason: str) -> None:
    version = await _write(tx, record, status, reason, "review")
    if reason:
        await add_message(tx, record.noun, record.value.id, reason, version)
    if isinstance(record.value, Photo):
        await _settle_survey_of(tx, record.value, status, reason, "review")


async def _settle_survey_of(
    tx: Write, photo: Photo, status: Status, reason: str, action: ledger.Action
) -> None:
    """The survey that was made from this photo and rests on nothing else."""
    survey_id = photo.facts.survey_id
    survey = await find_survey(tx, survey_id) if survey_id else None
    if survey is not None and survey.protocol == "photo" and survey.owner_id == photo.owner_id:
        record = Record("survey", survey, survey.thing)
        await _write(tx, record, status, reason, action)


async def _write(
    tx: Write, record: Record, status: Status, reason: str, action: ledger.Action
) -> int:
    """The record with this status; what is published has been looked at, so its flags are gone."""
    flags = () if status == "published" else record.flags
    value = record.value
    if isinstance(value, Photo):
        return await set_photo_status(tx, value, status, flags, action=action, reason=reason)
    if isinstance(value, Survey):
        return await set_survey_status(tx, value, status, flags, action=action, reason=reason)
    return await set_sighting_status(tx, value, status, flags, action=action, reason=reason)


def _check_status(status: Status) -> None:
    if status not in DECIDED:
        known = ", ".join(DECIDED)
        message = Text(f"只能是：{known}。", f"Choose one of {known}.")
        raise _invalid("status", message)


def _checked_message(text: str) -> str:
    said = text.strip()
    if not said:
        raise _invalid("text", Text("请写下您的回答。", "Write your answer."))
    if len(said) > MESSAGE_CHARS:
        message = Text(
            f"最多 {MESSAGE_CHARS} 字。请写得短一些。",
            f"At most {MESSAGE_CHARS} characters. Make it shorter.",
        )
        raise _invalid("text", message)
    return said


def _how_many() -> InvalidInputError:
    message = Text(
        f"请选择 1 到 {MAX_DECISIONS} 条记录。", f"Choose from 1 to {MAX_DECISIONS} records."
    )
    return _invalid("items", message)


def _invalid(field: str, message: Text) -> InvalidInputError:
    return InvalidInputError(
        f"review.{field}", zh=message.zh, en=message.en, errors=(FieldError(field, message),)
    )
