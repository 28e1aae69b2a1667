"""A burst as one event on the pages: its cover with the number of its frames, all of them behind it."""

from __future__ import annotations

from collections.abc import Container, Sequence
from dataclasses import dataclass

from starlette.requests import Request

from birdwatch.domain.burst import cover
from birdwatch.domain.photo import Photo
from birdwatch.storage.bursts import seen_frames
from birdwatch.web.reading import archive_of, reader_of


@dataclass(frozen=True, slots=True)
class Events:
    """Photos of a list, of each burst its cover alone; `frames`: of how many, by cover."""

    shown: tuple[Photo, ...]
    frames: dict[str, int]


async def fold_bursts(
    request: Request, items: Sequence[Photo], telling: Container[str] = ()
) -> Events:
    """The photos of a page as events. `telling`: those with a count, which stand for theirs."""
    bursts = await seen_frames(archive_of(request).db, items, reader_of(request))
    members: dict[str, list[Photo]] = {}
    for photo in items:
        if photo.id in bursts:
            members.setdefault(bursts[photo.id][0].id, []).append(photo)
    frames: dict[str, int] = {}
    for burst in members.values():
        taken = sorted(burst, key=lambda one: (one.facts.time.instant or one.received_at, one.id))
        ids = [one.id for one in taken]
        if len(ids) > 1:
            frames[cover(ids, [one for one in ids if one in telling])] = len(ids)
    covered = {one.id for burst in members.values() if len(burst) > 1 for one in burst}
    shown = tuple(one for one in items if one.id not in covered or one.id in frames)
    return Events(shown, frames)


async def frames_beside(request: Request, photo: Photo) -> list[Photo]:
    """The frames of this photo's burst that the reader sees, itself among them; none if alone."""
    found = await seen_frames(archive_of(request).db, [photo], reader_of(request))
    return list(found.get(photo.id, ()))
