"""Sunrise and sunset at a place: when there is light to count by."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

from astral import Observer
from astral.sun import sun

from birdwatch.domain.place import Point
from birdwatch.domain.written import SITE_ZONE


@dataclass(frozen=True, slots=True)
class SunDay:
    """The sun of one local day; dawn and dusk are civil, 6 degrees under the horizon."""

    dawn: datetime
    sunrise: datetime
    sunset: datetime
    dusk: datetime


def sun_of(day: date, point: Point) -> SunDay | None:
    """The sun of this local day, to the minute; None where it does not rise or set."""
    try:
        found = sun(Observer(point.lat, point.lon), day, tzinfo=SITE_ZONE)
    except ValueError:
        return None
    return SunDay(*(found[name] for name in ("dawn", "sunrise", "sunset", "dusk")))
