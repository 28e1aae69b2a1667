"""Which photos may be frames of one burst. Derived from clocks and fingerprints, so not versioned.

The table holds kin (domain/burst.py), whoever may see it; bursts are made for each reader of what
they see, as if the hidden frames were not: two that only a hidden one joins, or that one parts,
would tell that it is between them. Only frames that a reader sees in full time are told together:
that a protected picture was taken beside another one would tell its day and place.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from birdwatch.domain.burst import Frame, bursts
from birdwatch.domain.photo import Photo
from birdwatch.domain.policy import Reader
from birdwatch.domain.publication import seen_photo
from birdwatch.domain.sensitivity import is_protected
from birdwatch.storage import ledger
from birdwatch.storage.columns import from_instant, to_instant
from birdwatch.storage.photos import find_photos
from birdwatch.storage.sql import marks
from birdwatch.storage.transactions import Source, Write

NOUN = "burst"
AT_ONCE = 400
MAX_FRAMES = 2000  # of one run: a camera that fires for minutes without a pause


async def keep_fingerprint(tx: Write, photo_id: str, fingerprint: str) -> bool:
    """What a photo looks like, for comparing; whether that is news."""
    changed = await tx.rows(
        "UPDATE photo SET fingerprint = $1 WHERE id = $2"
        " AND (fingerprint IS NULL OR fingerprint <> $3) RETURNING id",
        fingerprint,
        photo_id,
        fingerprint,
    )
    return bool(changed)


async def frames_around(db: Source, photo_id: str, span: timedelta) -> list[Frame]:
    """The frames of the same person and camera, from `span` before a photo to `span` after it."""
    rows = await db.rows(
        "SELECT owner_id, camera_key, clock_at FROM photo WHERE id = $1 AND owner_id IS NOT NULL"
        " AND camera_key IS NOT NULL AND clock_at IS NOT NULL AND fingerprint IS NOT NULL",
        photo_id,
    )
    if not rows:
        return []
    at: datetime = from_instant(rows[0]["clock_at"])
    found = await db.rows(
        "SELECT p.id, p.clock_at, p.fingerprint FROM photo p"
        " WHERE p.owner_id = $1 AND p.camera_key = $2 AND p.clock_at >= $3 AND p.clock_at <= $4"
        " AND p.fingerprint IS NOT NULL ORDER BY p.clock_at, p.id LIMIT $5",
        rows[0]["owner_id"],
        rows[0]["camera_key"],
        to_instant(at - span),
        to_instant(at + span),
        MAX_FRAMES,
    )
    return [Frame(row["id"], from_instant(row["clock_at"]), row["fingerprint"]) for row in found]


async def put_kin(tx: Write, frames: Sequence[Frame], found: Sequence[Sequence[Frame]]) -> None:
    """Of these frames these are kin, and no others. A kin is named by its first frame.

    The ledger names it where it is news, so that answers kept by dataset version are asked anew.
    """
    ids = [frame.photo_id for frame in frames]
    made = {frame.photo_id: one[0].photo_id for one in found for frame in one}
    if made == await kin_of(tx, ids):
        return
    await ledger.append(tx, "edit", NOUN, min(ids))
    for start in range(0, len(ids), AT_ONCE):
        some = ids[start : start + AT_ONCE]
        await tx.run(f"DELETE FROM burst WHERE photo_id IN ({marks(len(some))})", *some)
    await tx.run_many(
        "INSERT INTO burst (photo_id, burst_id) VALUES ($1, $2)",
        list(made.items()),
    )


async def kin_of(db: Source, photo_ids: Sequence[str]) -> dict[str, str]:
    """The kin of each of these photos that has any."""
    found: dict[str, str] = {}
    for start in range(0, len(photo_ids), AT_ONCE):
        some = photo_ids[start : start + AT_ONCE]
        rows = await db.rows(
            f"SELECT photo_id, burst_id FROM burst WHERE photo_id IN ({marks(len(some))})", *some
        )
        found |= {row["photo_id"]: row["burst_id"] for row in rows}
    return found


def is_open(photo: Photo) -> bool:
    """Whether this photo, as its reader sees it, may be told together with others of its burst."""
    return photo.view == "full" or not is_protected(photo.facts.level)


async def seen_frames(
    db: Source, seen: Sequence[Photo], reader: Reader
) -> dict[str, tuple[Photo, ...]]:
    """The burst of each of these photos: the frames that the reader sees, in the order taken.

    A frame whose others are all hidden from the reader is in none.
    """
    known = {photo.id: photo for photo in seen if is_open(photo)}
    of = await kin_of(db, list(known))
    members = await _members_of(db, sorted(set(of.values())))
    others = [one.photo_id for frames in members.values() for one in frames]
    for photo in await find_photos(db, [one for one in others if one not in known]):
        shown = seen_photo(photo, reader.actor, reader.now)
        if shown is not None and is_open(shown):
            known[shown.id] = shown
    told: dict[str, tuple[Photo, ...]] = {}
    for frames in members.values():
        for burst in bursts(one for one in frames if one.photo_id in known):
            told |= dict.fromkeys(
                (one.photo_id for one in burst), tuple(known[one.photo_id] for one in burst)
            )
    return {photo_id: told[photo_id] for photo_id in of if photo_id in told}


async def _members_of(db: Source, burst_ids: Sequence[str]) -> dict[str, list[Frame]]:
    members: dict[str, list[Frame]] = {}
    for start in range(0, len(burst_ids), AT_ONCE):
        some = burst_ids[start : start + AT_ONCE]
        for row in await db.rows(
            "SELECT b.burst_id, p.id, p.clock_at, p.fingerprint FROM burst b"
            f" JOIN photo p ON p.id = b.photo_id WHERE b.burst_id IN ({marks(len(some))})"
            " AND p.clock_at IS NOT NULL AND p.fingerprint IS NOT NULL",
            *some,
        ):
            frame = Frame(row["id"], from_instant(row["clock_at"]), row["fingerprint"])
            members.setdefault(row["burst_id"], []).append(frame)
    return members


async def frames_of_kin(db: Source, photo_id: str) -> list[str]:
    """This photo and all its kin, whoever may see it, in the order taken; empty without any."""
    rows = await db.rows(
        "SELECT b.photo_id FROM burst b JOIN photo p ON p.id = b.photo_id WHERE b.burst_id ="
        " (SELECT burst_id FROM burst WHERE photo_id = $1) ORDER BY p.clock_at, p.id",
        photo_id,
    )
    return [row["photo_id"] for row in rows]
