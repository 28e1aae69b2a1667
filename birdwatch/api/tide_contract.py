"""The sun and the tide of a day at a site, as the interface tells them."""

from __future__ import annotations

from datetime import date
from typing import Annotated

from msgspec import Meta, Struct, field

from birdwatch.api.contract import Query, ShortText
from birdwatch.domain.tide import Turn

MOST_DAYS = 31


class TidesQuery(Query, kw_only=True, frozen=True):
    """Which days, at which site."""

    first: date | None = field(default=None, name="from")  # must be given
    days: Annotated[int, Meta(ge=1, le=MOST_DAYS)] = 1
    site: ShortText | None = None


class Water(Struct, frozen=True):
    """One high or low water; the height is in metres above the datum, null where none is known."""

    at: str
    kind: Turn
    height_m: float | None


class FieldDay(Struct, kw_only=True, frozen=True):
    """Local times of the sun, and the waters of the day.

    `station` null: no tide table holds for the site, so that no tide is told. Dawn and dusk are
    civil; null where the sun does not rise or set.
    """

    site: str
    day: date
    dawn: str | None
    sunrise: str | None
    sunset: str | None
    dusk: str | None
    station: str | None
    source: str | None
    datum: str | None
    waters: tuple[Water, ...]


class FieldDays(Struct, frozen=True):
    """Days by site; there is no further page."""

    items: list[FieldDay]
    next: str | None
