"""One act over many photos: shown before, applied as shown, taken back as one.

A plan is made by one function, for the preview and again inside the transaction that applies it.
Its digest says what was shown; where photos changed meanwhile, nothing is applied unseen.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from birdwatch.domain.clock import Calibration, is_possible
from birdwatch.domain.errors import ConflictError, InvalidInputError, NotFoundError
from birdwatch.domain.photo import Photo, PhotoFacts, SettledTime
from birdwatch.domain.place_ladder import settle_gps
from birdwatch.domain.policy import Action, Actor, Thing, may
from birdwatch.domain.season import Window
from birdwatch.domain.text import Text
from birdwatch.imaging.exif import evidence
from birdwatch.intake.archive import Archive
from birdwatch.intake.photo_following import write_all_corrected
from birdwatch.intake.photo_sorting import in_season
from birdwatch.intake.undoing_many import undo_versions
from birdwatch.storage.clocks import (
    ARCHIVE,
    Adjustment,
    AdjustmentKind,
    add_adjustment,
    adjustments_of,
    end_adjustment,
    find_adjustment,
    forget_versions,
    note_versions,
    versions_of,
)
from birdwatch.storage.counts import recounted_once
from birdwatch.storage.db import Source, Write
from birdwatch.storage.windows import load_windows

MAX_PHOTOS = 2000  # in one act: the transaction that writes it has to be short
BY_HAND = Text("时间由人更正过，保持不变", "its time was set by hand and stays")
NO_TIME = Text("没有时间可移", "it has no time that could be moved")
NO_CHANGE = Text("本来就对", "it is right already")


@dataclass(frozen=True, slots=True)
class Line:
    """A photo as it is, and the facts it is to get."""

    photo: Photo
    facts: PhotoFacts


@dataclass(frozen=True, slots=True)
class Left:
    """A photo that stays as it is, and why."""

    photo: Photo
    reason: Text


@dataclass(frozen=True, slots=True)
class Plan:
    """What an adjustment would do. `digest` names exactly this."""

    owner_id: str
    lines: tuple[Line, ...]
    left: tuple[Left, ...] = ()

    @property
    def digest(self) -> str:
        told = [
            f"{line.photo.id} {line.photo.version} {line.facts.time} {line.facts.place}"
            for line in self.lines
        ]
        return hashlib.sha256("\n".join(told).encode()).hexdigest()[:32]


@dataclass(frozen=True, slots=True)
class Applied:
    """The adjustment that was made, and how many photos it changed."""

    adjustment_id: str
    photos: int


@dataclass(frozen=True, slots=True)
class TakenBack:
    """How many photos are as they were, and those that could not be, with the reason."""

    photos: int
    kept: tuple[tuple[str, Text], ...]


def _check_digest(plan: Plan, seen: str | None) -> None:
    """Raise ConflictError where the plan is not the one that was shown."""
    if seen is not None and seen != plan.digest:
        raise ConflictError(
            "adjustment.changed",
            zh="预览之后照片有了变化。请再看一次预览，然后应用。",
            en="Photos changed since the preview. Look at it again, then apply it.",
        )


def check_size(count: int) -> None:
    """Raise InvalidInputError for more photos than one act may change."""
    if count > MAX_PHOTOS:
        raise InvalidInputError(
            "adjustment.too_many",
            zh=f"一次最多改 {MAX_PHOTOS} 张照片。请缩小时间范围，分几次做。",
            en=f"At most {MAX_PHOTOS} photos can be changed at once. Narrow the span and do it in"
            " parts.",
        )


def check_possible(lines: Sequence[Line], now: datetime) -> None:
    """Raise InvalidInputError where a photo would come to lie in the future or before cameras."""
    wrong = [line for line in lines if not is_possible(line.facts.time, now)]
    if not wrong:
        return
    one = wrong[0]
    told = f"{one.facts.time.wall:%Y-%m-%d %H:%M:%S}" if one.facts.time.wall else "?"
    raise InvalidInputError(
        "clock.impossible",
        zh=f"这样会让 {len(wrong)} 张照片的时间落在将来或不可能的年份（例如 {one.photo.id} 成为 {told}）。"
        "请检查真实时间，或缩小范围。",
        en=f"By this, {len(wrong)} photos would lie in the future or in an impossible year (such as"
        f" {one.photo.id} at {told}). Check the true time, or narrow the span.",
    )


def retimed(photo: Photo, time: SettledTime, windows: Sequence[Window]) -> PhotoFacts:
    """The facts at another time; how far the GPS fix can be believed is judged anew by it."""
    facts = replace(photo.facts, time=time)
    if facts.place is not None and facts.place.source.startswith("gps"):
        _, gps, _ = evidence(photo.tags, {}, "")
        place = settle_gps(gps, taken=time)
        if place is not None and place.point == facts.place.point:
            facts = replace(facts, place=place)
    return in_season(facts, windows)


def editable(actor: Actor, photos: Sequence[Photo]) -> list[Photo]:
    """Those that this actor may put right."""
    return [photo for photo in photos if may(actor, "edit", photo.thing)]


def require_owner(actor: Actor, owner_id: str | None, action: Action = "edit") -> str:
    """The owner whose photos these are. Raises NotFoundError for who may not do this to them.

    `ARCHIVE`: nobody sent them, and only an administrator answers for the clocks of their cameras.
    """
    if owner_id is None or not _answers_for(actor, owner_id, action):
        raise NotFoundError(
            "adjustment.not_yours",
            zh="没有这张照片，或它不属于您。请检查编号。",
            en="There is no such photo of yours. Check the identifier.",
        )
    return owner_id


def _answers_for(actor: Actor, owner_id: str, action: Action) -> bool:
    if owner_id == ARCHIVE:
        return may(actor, "administer")
    return may(actor, action, Thing(owner_id))


async def carry_out(
    tx: Write,
    plan: Plan,
    kind: AdjustmentKind,
    detail: dict[str, object],
    *,
    seen: str | None,
    camera: str | None = None,
    calibration: Calibration | None = None,
) -> Applied:
    """Write a plan: one version of each photo, each told to belong to the adjustment.

    Raises ConflictError where `seen`, the digest of the preview, is of another plan.
    """
    _check_digest(plan, seen)
    adjustment_id = await add_adjustment(
        tx, kind, plan.owner_id, detail, camera=camera, calibration=calibration
    )
    windows = await load_windows(tx)
    async with recounted_once(tx):
        versions = await write_all_corrected(
            tx,
            [(line.photo, line.facts) for line in plan.lines],
            windows,
            detail={"adjustment": adjustment_id},
        )
    await note_versions(tx, adjustment_id, versions)
    return Applied(adjustment_id, len(versions))


async def undo_adjustment(
    archive: Archive, adjustment_id: str, *, actor: Actor, now: datetime
) -> TakenBack:
    """Take back an adjustment: each of its photos as it was, with what was changed since.

    Raises NotFoundError, or ConflictError where it is taken back already or nothing of it can be.
    """
    async with archive.db.write(actor, now) as tx:
        await tx.lock()
        found = await _own_adjustment(tx, adjustment_id, actor)
        if found.undone_at is not None:
            raise ConflictError(
                "adjustment.undone",
                zh="这次调整已经撤销过了。",
                en="This adjustment is taken back already.",
            )
        async with recounted_once(tx):
            written = await versions_of(tx, adjustment_id)
            done, kept = await undo_versions(tx, written[::-1])
        await forget_versions(tx, adjustment_id, done)
        if kept and not done:
            first = kept[0][1]
            raise ConflictError("adjustment.stays", zh=first.zh, en=first.en)
        await end_adjustment(tx, adjustment_id)
        return TakenBack(len(done), tuple(kept))


async def list_adjustments(archive: Archive, owner_id: str, *, actor: Actor) -> list[Adjustment]:
    """What was adjusted among this person's photos, newest first."""
    require_owner(actor, owner_id, "see-private")
    return await adjustments_of(archive.db, owner_id)


async def see_adjustment(db: Source, adjustment_id: str, actor: Actor) -> Adjustment:
    """One adjustment. Raises NotFoundError for who may not edit its photos."""
    return await _own_adjustment(db, adjustment_id, actor)


async def _own_adjustment(db: Source, adjustment_id: str, actor: Actor) -> Adjustment:
    found = await find_adjustment(db, adjustment_id)
    if found is None or not _answers_for(actor, found.owner_id, "edit"):
        raise NotFoundError(
            "adjustment.not_found",
            zh="没有这次调整，或它不属于您。请在账号页查看。",
            en="There is no such adjustment of yours. Look on your account's page.",
        )
    return found
