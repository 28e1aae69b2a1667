"""What a counter takes along for a day at a site: the sun, and the tide where a table tells it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from birdwatch.domain.place import Point, Site, middle_of
from birdwatch.domain.sun import SunDay, sun_of
from birdwatch.domain.tide import Station, Water, station_of
from birdwatch.domain.written import SITE_ZONE
from birdwatch.storage.sites import load_sites
from birdwatch.storage.tides import load_stations, waters_between
from birdwatch.storage.transactions import Source


@dataclass(frozen=True, slots=True)
class FieldDay:
    """One local day at one site. `station` None: no table holds for it, so that no tide is told."""

    site: str
    day: date
    sun: SunDay | None
    station: Station | None
    waters: tuple[Water, ...]


async def field_days(
    db: Source, first: date, days: int, *, site: str | None = None
) -> list[FieldDay]:
    """Days from `first` on, at this count site or at every one, by site and day."""
    sites = await load_sites(db)
    stations = await load_stations(db)
    start = datetime.combine(first, time.min, SITE_ZONE)
    end = start + timedelta(days=days)
    told: dict[str, list[Water]] = {}
    found = []
    for one in sites.values():
        if one.is_outline or site not in (None, one.id):
            continue
        station = station_of(stations, one.id)
        if station and station.id not in told:
            told[station.id] = await waters_between(db, station, start, end)
        waters = told[station.id] if station else []
        point = _point(one, sites.values())
        for number in range(days):
            day = first + timedelta(days=number)
            of_day = tuple(w for w in waters if w.at.astimezone(SITE_ZONE).date() == day)
            sun = sun_of(day, point) if point else None
            found.append(FieldDay(one.id, day, sun, station, of_day))
    return found


def _point(site: Site, sites: Iterable[Site]) -> Point | None:
    """The middle of the site, or of the estuary where the site has no shape."""
    shapes = [site.geometry, *(one.geometry for one in sites if one.is_outline)]
    return next((point for shape in shapes if (point := middle_of(shape))), None)
