"""The words of tracks in the JSON interface, as in `contract`."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct

from birdwatch.api.clock_contract import Unmoved


class OwnTrack(Struct, kw_only=True):
    """A track of one's own, told without its points."""

    id: str
    name: str
    points: int
    first: str
    last: str


class OwnTracks(Struct):
    """One's tracks, newest first."""

    items: list[OwnTrack]


class TrackQuery(Struct, kw_only=True, frozen=True):
    """How the file is called."""

    file_name: Annotated[str, Meta(max_length=200)] = ""


class PlacingIn(Struct, kw_only=True):
    """`offset`, ±h:m:s or seconds, is added to the photos' times to find their places.

    `overwrite`: also photos with a GPS position of their own. `seen`: the digest of the preview.
    """

    offset: str = ""
    overwrite: bool = False
    seen: str | None = None


class Placed(Struct, kw_only=True):
    """Where the track puts a photo, and how long it was silent around that moment, in seconds."""

    photo: str
    latitude: float
    longitude: float
    gap_s: float | None
    confidence: str
    site: str | None


class PlacingPreview(Struct, kw_only=True):
    """What would be placed, and the digest that names it."""

    digest: str
    items: list[Placed]
    left: list[Unmoved]
