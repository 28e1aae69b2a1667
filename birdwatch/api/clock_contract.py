"""The words of clocks in the JSON interface, as in `contract`: cameras, calibrations, shifts."""

from __future__ import annotations

from msgspec import Struct

from birdwatch.storage.clocks import AdjustmentKind


class OwnCamera(Struct, kw_only=True):
    """A camera among one's own photos. `first`, `last`: what its clock read, told at +08:00."""

    make: str
    model: str
    serial: str
    photos: int
    first: str | None
    last: str | None


class OwnCameras(Struct):
    """One's cameras, the most used first."""

    items: list[OwnCamera]


class MarkIn(Struct, kw_only=True):
    """When a photo was really taken: RFC 3339, or local to `zone`."""

    photo: str
    true_time: str


class CalibrationIn(Struct, kw_only=True):
    """Marked photos of one camera, and the span of its clock that they put right; open where empty.

    `seen`: the digest of the preview; where photos changed since, nothing is done (409).
    """

    marks: list[MarkIn]
    first: str = ""
    last: str = ""
    zone: str = "+08:00"
    seen: str | None = None


class ShiftIn(Struct, kw_only=True):
    """Photos, and by how much their times are moved: ±h:m:s, and zones as +09:00.

    `clock_zone`: the zone the clock was set to; `zone`: that of the place. `seen` as elsewhere.
    """

    photos: list[str]
    shift: str = ""
    clock_zone: str = ""
    zone: str = ""
    seen: str | None = None


class Retimed(Struct, kw_only=True):
    """A photo with its time before and after."""

    photo: str
    before: str | None
    after: str | None
    season: str | None
    phase: str
    dekad: str | None


class Unmoved(Struct):
    """A photo that stays as it is, and why."""

    photo: str
    reason: str


class Preview(Struct, kw_only=True):
    """What would be done, and the digest that names it."""

    digest: str
    items: list[Retimed]
    left: list[Unmoved]


class Adjusted(Struct):
    """The adjustment that was made, and how many photos it changed."""

    id: str
    photos: int


class TakenBack(Struct):
    """How many photos are as they were, and those that could not be, with the reason."""

    photos: int
    kept: list[Unmoved]


class Adjustment(Struct, kw_only=True):
    """One act over many of one's photos. `photos`: how many it still stands for."""

    id: str
    kind: AdjustmentKind
    at: str
    by: str
    photos: int
    undone_at: str | None


class Adjustments(Struct):
    """What was adjusted among one's photos, newest first."""

    items: list[Adjustment]
