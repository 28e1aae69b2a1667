"""Frames of one burst are one event: one camera, within two seconds of each other, and alike.

A burst of thirty frames shows one flock once. It is shown by its cover, with the number of its
frames; numbers given with several of its frames are never added.

Which frames are one event depends on who looks: a frame that is hidden from a reader must neither
part nor join what they see. So kin is kept, and the bursts are made of the kin that a reader sees.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

WITHIN: Final = timedelta(seconds=2)
MAX_DIFFERENT_BITS: Final = 10  # of 64; unrelated pictures differ in about 32


@dataclass(frozen=True, slots=True)
class Frame:
    """A photo by its camera's own clock, and its fingerprint in hex digits."""

    photo_id: str
    at: datetime
    fingerprint: str


def is_alike(one: str, other: str) -> bool:
    """Whether two fingerprints are of nearly the same picture."""
    return (int(one, 16) ^ int(other, 16)).bit_count() <= MAX_DIFFERENT_BITS


def runs(frames: Iterable[Frame]) -> list[list[Frame]]:
    """The frames of one camera in order, parted wherever it was silent for longer."""
    parted: list[list[Frame]] = []
    for frame in in_order(frames):
        if parted and frame.at - parted[-1][-1].at <= WITHIN:
            parted[-1].append(frame)
        else:
            parted.append([frame])
    return parted


def bursts(frames: Iterable[Frame]) -> list[tuple[Frame, ...]]:
    """The bursts among the frames of one camera, each of two frames or more, in order.

    A frame belongs to the burst of the latest frame before it that it is like: when two subjects
    alternate, their frames make two bursts.
    """
    found: list[list[Frame]] = []
    for run in runs(frames):
        open_bursts: list[list[Frame]] = []
        for frame in run:
            near = [one for one in open_bursts if frame.at - one[-1].at <= WITHIN]
            like = [one for one in near if is_alike(one[-1].fingerprint, frame.fingerprint)]
            if like:
                max(like, key=lambda one: (one[-1].at, one[-1].photo_id)).append(frame)
            else:
                open_bursts.append([frame])
        found += open_bursts
    made = [tuple(one) for one in found if len(one) > 1]
    return sorted(made, key=lambda one: (one[0].at, one[0].photo_id))


def kin(frames: Iterable[Frame]) -> list[tuple[Frame, ...]]:
    """Frames of one camera that can come to be of one burst, whichever of them a reader sees.

    Two that are alike and within two seconds are kin, and so is the kin of each. The bursts of any
    of the frames are the bursts of each kin's part of them.
    """
    ordered = in_order(frames)
    looks = [int(frame.fingerprint, 16) for frame in ordered]
    heads = list(range(len(ordered)))  # of each frame an earlier one of its kin, at last the first

    def head(at: int) -> int:
        while heads[at] != at:
            heads[at] = heads[heads[at]]
            at = heads[at]
        return at

    start = 0
    for at, frame in enumerate(ordered):
        while frame.at - ordered[start].at > WITHIN:
            start += 1
        for before in range(start, at):
            if (looks[before] ^ looks[at]).bit_count() <= MAX_DIFFERENT_BITS:
                first, second = sorted((head(before), head(at)))
                heads[second] = first
    found: dict[int, list[Frame]] = {}
    for at, frame in enumerate(ordered):
        found.setdefault(head(at), []).append(frame)
    return [tuple(one) for one in found.values() if len(one) > 1]


def in_order(frames: Iterable[Frame]) -> list[Frame]:
    """By the clock; of one moment, by their names, so that the order in which they came is none."""
    return sorted(frames, key=lambda frame: (frame.at, frame.photo_id))


def cover(photo_ids: Sequence[str], telling: Iterable[str] = ()) -> str:
    """The frame that stands for a burst: one that says something, else the middle one.

    `telling`: frames with a count or a species. `photo_ids` are in the order they were taken.
    """
    told = set(telling)
    of_these = [one for one in photo_ids if one in told] or list(photo_ids)
    return of_these[(len(of_these) - 1) // 2]
