"""Photos placed by the track of a phone that was along: shown on a map first, undone as one.

The camera's clock and the phone's differ; an offset moves the photos along the track until the one
of the jetty lies on the jetty. It is for finding places only: the times of the photos stay.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import anyio.to_thread

from birdwatch.domain.clock import read_shift
from birdwatch.domain.errors import FieldError, InvalidInputError, NotFoundError
from birdwatch.domain.gpx import MAX_GPX_BYTES, GpxReader
from birdwatch.domain.photo import Photo, PhotoFacts
from birdwatch.domain.place import SettledPlace, Site, is_outside, site_at
from birdwatch.domain.policy import Actor, may
from birdwatch.domain.text import Text
from birdwatch.domain.track import MAX_AWAY, Match, Track, match, trust_in
from birdwatch.intake.adjusting import (
    MAX_PHOTOS,
    Applied,
    Left,
    Line,
    Plan,
    carry_out,
    check_size,
    editable,
    require_owner,
)
from birdwatch.intake.archive import Archive
from birdwatch.intake.words import clean_file_name
from birdwatch.storage import tracks
from birdwatch.storage.db import Source
from birdwatch.storage.photos import find_photos
from birdwatch.storage.sites import load_sites
from birdwatch.storage.tracks import OwnTrack

PIECE_BYTES = 256 * 1024  # read in a thread, so that others are served between
MAX_OFFSET = timedelta(days=1)
HAS_GPS = Text("有自己的 GPS 位置，保持不变", "it has a GPS position of its own, which stays")
SET_BY_HAND = Text("位置由人更正过，保持不变", "its place was set by hand and stays")
OFF_TRACK = Text("轨迹在那一刻没有记录", "the track says nothing of that moment")
PLACED = Text("已经由轨迹定位在这里", "it is placed there already")


@dataclass(frozen=True, slots=True)
class TrackPlan:
    """A track, where it puts each photo, and what would be written."""

    own: OwnTrack
    track: Track
    matches: Mapping[str, Match]
    plan: Plan


async def receive_track(
    archive: Archive, chunks: AsyncIterator[bytes], name: str, *, actor: Actor, now: datetime
) -> str:
    """Read and keep a GPX file; its id. Raises InvalidInputError for what is no track."""
    owner_id = require_owner(actor, actor.person_id)
    reader, received = GpxReader(), 0
    async for chunk in chunks:
        received += len(chunk)
        if received > MAX_GPX_BYTES:
            raise _too_large()
        for start in range(0, len(chunk), PIECE_BYTES):
            await anyio.to_thread.run_sync(reader.feed, chunk[start : start + PIECE_BYTES])
    track = await anyio.to_thread.run_sync(reader.finish)
    body = await anyio.to_thread.run_sync(tracks.pack, track)
    async with archive.db.write(actor, now) as tx:
        return await tracks.add_track(tx, owner_id, clean_file_name(name), track, body)


async def preview_track(
    archive: Archive, track_id: str, offset: str, *, overwrites: bool, actor: Actor
) -> TrackPlan:
    """Where the track puts the photos of its time; nothing is written.

    `offset`, ±h:m:s, is added to the photos' times; `overwrites`: also those with GPS of their own.
    """
    return await _plan(archive.db, track_id, offset, overwrites=overwrites, actor=actor)


async def apply_track(
    archive: Archive,
    track_id: str,
    offset: str,
    *,
    overwrites: bool,
    actor: Actor,
    now: datetime,
    seen: str | None = None,
) -> Applied:
    """Place them. `seen`: the digest of the preview. Raises ConflictError where photos changed."""
    async with archive.db.write(actor, now) as tx:
        await tx.lock()
        found = await _plan(tx, track_id, offset, overwrites=overwrites, actor=actor)
        detail: dict[str, object] = {"track": track_id, "offset": offset, "overwrites": overwrites}
        return await carry_out(tx, found.plan, "track", detail, seen=seen)


async def remove_track(archive: Archive, track_id: str, *, actor: Actor, now: datetime) -> None:
    """Delete a track; what was placed by it keeps its place."""
    async with archive.db.write(actor, now) as tx:
        await _own(tx, track_id, actor)
        await tracks.delete_track(tx, track_id)


async def list_tracks(archive: Archive, *, actor: Actor) -> list[OwnTrack]:
    """One's tracks, newest first."""
    owner_id = require_owner(actor, actor.person_id, "see-private")
    return await tracks.tracks_of(archive.db, owner_id)


async def own_track(archive: Archive, track_id: str, *, actor: Actor) -> OwnTrack:
    """One of them. Raises NotFoundError for who may not use it."""
    return (await _own(archive.db, track_id, actor))[0]


async def _plan(
    db: Source, track_id: str, offset: str, *, overwrites: bool, actor: Actor
) -> TrackPlan:
    own, track = await _own(db, track_id, actor)
    by = read_offset(offset)
    ids = await tracks.taken_between(
        db,
        own.owner_id,
        own.first - MAX_AWAY - by,
        own.last + MAX_AWAY - by,
        limit=MAX_PHOTOS + 1,
    )
    check_size(len(ids))
    sites = await load_sites(db)
    lines: list[Line] = []
    left: list[Left] = []
    matches: dict[str, Match] = {}
    for photo in editable(actor, await find_photos(db, ids)):
        instant = photo.facts.time.instant
        found = match(track, instant + by) if instant else None
        if found is not None:
            matches[photo.id] = found
        reason = _reason_to_leave(photo, found, overwrites=overwrites)
        if found is None or reason is not None:
            left.append(Left(photo, reason or OFF_TRACK))
            continue
        facts = _placed(photo, found, sites)
        if facts == photo.facts:
            left.append(Left(photo, PLACED))
        else:
            lines.append(Line(photo, facts))
    return TrackPlan(own, track, matches, Plan(own.owner_id, tuple(lines), tuple(left)))


def _reason_to_leave(photo: Photo, found: Match | None, *, overwrites: bool) -> Text | None:
    place = photo.facts.place
    if found is None:
        return OFF_TRACK
    if place is None or place.source == "gpx":
        return None
    if place.source == "user_correction":
        return SET_BY_HAND
    return None if overwrites else HAS_GPS


def _placed(photo: Photo, found: Match, sites: Mapping[str, Site]) -> PhotoFacts:
    """The facts at the place the track says; a site that was named by hand stays."""
    before = photo.facts.place
    place = SettledPlace(
        found.point,
        "gpx",
        trust_in(found, photo.facts.time.confidence),
        found.accuracy_m,
        before.direction_deg if before else None,
        found.gap / timedelta(seconds=1),
    )
    known = tuple(sites.values())
    is_named = before is None and photo.facts.site is not None
    site = photo.facts.site if is_named else site_at(found.point, known)
    outside = is_outside(found.point, known)
    return replace(photo.facts, place=place, site=site, is_outside=outside)


def read_offset(text: str) -> timedelta:
    """±h:m:s, or seconds as the slider gives them. Raises InvalidInputError."""
    cleaned = text.strip()
    is_seconds = re.fullmatch(r"[+-]?[0-9]{1,7}", cleaned) is not None
    by = timedelta(seconds=int(cleaned)) if is_seconds else read_shift(cleaned)
    if abs(by) > MAX_OFFSET:
        raise _wrong(
            "offset",
            "偏移最多一天。相机时钟差得更多时，请先校准时钟。",
            "The offset is a day at most. Put the camera's clock right first.",
        )
    return by


async def _own(db: Source, track_id: str, actor: Actor) -> tuple[OwnTrack, Track]:
    found = await tracks.find_track(db, track_id)
    if found is None or not may(actor, "edit", found[0].thing):
        raise NotFoundError(
            "track.not_found",
            zh="没有这条轨迹，或它不属于您。请重新上传 GPX 文件。",
            en="There is no such track of yours. Send the GPX file again.",
        )
    return found


def _too_large() -> InvalidInputError:
    mebibytes = MAX_GPX_BYTES // (1024 * 1024)
    return _wrong(
        "track",
        f"GPX 文件超过 {mebibytes} MB。请按天分开导出。",
        f"The GPX file is larger than {mebibytes} MB. Export each day by itself.",
    )


def _wrong(field: str, zh: str, en: str) -> InvalidInputError:
    return InvalidInputError(
        f"track.{field}", zh=zh, en=en, errors=(FieldError(field, Text(zh, en)),)
    )
