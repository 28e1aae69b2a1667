"""A burst in the contract: photos of one camera, taken without a pause and alike, are one event."""

from __future__ import annotations

from msgspec import Struct


class Burst(Struct, frozen=True):
    """The burst of a photo, of which only frames are told that the reader may see.

    `frames`: their identifiers in the order taken, this photo among them; `cover`: the one that
    stands for all. Numbers given with several frames of one burst are never added.
    """

    id: str
    cover: str
    frames: tuple[str, ...]
