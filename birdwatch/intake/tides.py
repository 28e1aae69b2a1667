"""Tide tables come in, and tell the tide of a visit. Without a table nothing is told.

A station far from every count site is refused: its tide is another one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Final

from birdwatch.domain.errors import InvalidInputError
from birdwatch.domain.place import Site, find_site
from birdwatch.domain.policy import Actor
from birdwatch.domain.survey import NewSurvey
from birdwatch.domain.tide import (
    MAX_GAP,
    Station,
    TideNow,
    Water,
    middle_of_visit,
    stage_at,
    station_of,
)
from birdwatch.domain.written import clean
from birdwatch.intake.archive import Archive
from birdwatch.intake.tide_files import (
    TideRequest,
    id_of,
    read_constants,
    read_waters,
    refused_tides,
)
from birdwatch.storage.sites import load_sites
from birdwatch.storage.tides import load_stations, put_station, waters_between
from birdwatch.storage.transactions import Source

__all__ = ["TideRequest"]
FAR_KM: Final = 60.0


@dataclass(frozen=True, slots=True)
class TideReport:
    """What an import of tides brought. `left_out`: constituents that cannot be computed."""

    station: Station
    waters: int
    first: datetime | None = None
    last: datetime | None = None
    left_out: tuple[str, ...] = ()


async def import_tides(
    archive: Archive, path: Path, request: TideRequest, *, actor: Actor, now: datetime
) -> TideReport:
    """Take in a tide table or the constants of a station: whole, or nothing where it is wrong.

    Raises InvalidInputError that says which row, column or word to put right.
    """
    sites = await load_sites(archive.db)
    named = tuple(_site(name, sites) for name in request.sites)
    if path.suffix.casefold() == ".json":
        station, far, left_out = read_constants(path, request, named, sites)
        if far > FAR_KM and not request.is_far:
            raise _too_far(station.name, far)
        report = TideReport(station, 0, left_out=left_out)
        waters: list[Water] = []
    else:
        waters = read_waters(path)
        name = request.name or request.station or path.stem
        station = Station(
            id=id_of(request.station or name),
            name=name,
            source=clean(request.source or path.name, 200),
            datum=clean(request.datum, 60),
            sites=named,
        )
        report = TideReport(station, len(waters), waters[0].at, waters[-1].at)
    async with archive.db.write(actor, now) as tx:
        await put_station(tx, station, waters)
    return report


async def tide_of_visit(
    db: Source, site: str, start: datetime, end: datetime | None
) -> tuple[TideNow, Station] | None:
    """How the tide stood in the middle of a visit, and whose table says so; None: nobody knows."""
    station = station_of(await load_stations(db), site)
    if station is None:
        return None
    at = middle_of_visit(start, end)
    waters = await waters_between(db, station, at - MAX_GAP, at + MAX_GAP)
    found = stage_at(waters, at)
    return None if found is None else (found, station)


async def with_tide(db: Source, new: NewSurvey) -> NewSurvey:
    """With the tide of its middle, where a table of its site tells it; otherwise unknown."""
    found = await tide_of_visit(db, new.site, new.start, new.end)
    if found is None:
        return replace(new, tide="unknown", tide_source=None)
    tide, station = found
    return replace(new, tide=tide.stage, tide_source=told_source(station))


def told_source(station: Station) -> str:
    """How the source of a tide is written down beside it."""
    return station.name if station.name == station.source else f"{station.name}, {station.source}"


def _site(name: str, sites: Mapping[str, Site]) -> str:
    site = find_site(name, sites)
    if site is None:
        known = ", ".join(one.id for one in sites.values() if not one.is_outline)
        raise refused_tides(
            [],
            f"没有名为“{name[:80]}”的地点。已有：{known}。",
            f"No site is called “{name[:80]}”. There are: {known}.",
        )
    return site.id


def _too_far(name: str, km: float) -> InvalidInputError:
    return InvalidInputError(
        "tides.far",
        zh=f"{name} 离最近的地点 {km:.0f} 公里，潮时潮高都不同。请用本地的潮汐表；确要使用请加 --far。",
        en=f"{name} is {km:.0f} km from the nearest site: the tide there is another one. Use a"
        " table of the place itself; add --far to take this one all the same.",
    )
