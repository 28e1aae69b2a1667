"""Tide stations and the waters of their tables: small, and changed by imports alone."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from birdwatch.domain.harmonics import Constituent
from birdwatch.domain.tide import Station, Water, computed_waters
from birdwatch.storage import ledger
from birdwatch.storage.columns import from_instant, from_json, to_instant, to_json
from birdwatch.storage.transactions import Source, Write, keep

PUT = """
    INSERT INTO tide_station (id, name, source, datum, sites, constants, level_m, imported_at)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
    ON CONFLICT (id) DO UPDATE SET name = excluded.name, source = excluded.source,
        datum = excluded.datum, sites = excluded.sites, constants = excluded.constants,
        level_m = excluded.level_m, imported_at = excluded.imported_at"""
PUT_WATER = "INSERT INTO tide_water (station_id, at, kind, height_m) VALUES ($1, $2, $3, $4)"


async def load_stations(db: Source) -> tuple[Station, ...]:
    """All stations, the one imported last at the end."""
    return await keep(db, "tide", _load)


async def put_station(tx: Write, station: Station, waters: Sequence[Water]) -> None:
    """Add a station, or replace the one of this id.

    Waters of a table take the place of those between their first and last, so that the table of
    each year is added to those before; constants take the place of all.
    """
    await ledger.append(
        tx, "import", "tide", station.id,
        detail={"rows": len(waters), "source": station.source},
    )  # fmt: skip
    constants = [[one.name, one.amplitude_m, one.phase_deg] for one in station.constants]
    await tx.run(
        PUT, station.id, station.name, station.source, station.datum, to_json(station.sites),
        to_json(constants) if constants else None, station.level_m, to_instant(tx.now),
    )  # fmt: skip
    if constants:
        await tx.run("DELETE FROM tide_water WHERE station_id = $1", station.id)
        return
    await tx.run(
        "DELETE FROM tide_water WHERE station_id = $1 AND at BETWEEN $2 AND $3",
        station.id,
        to_instant(waters[0].at),
        to_instant(waters[-1].at),
    )
    rows = [(station.id, to_instant(one.at), one.kind, one.height_m) for one in waters]
    await tx.run_many(PUT_WATER, rows)


async def waters_between(
    db: Source, station: Station, start: datetime, end: datetime
) -> list[Water]:
    """The high and low waters of a station from `start` to `end`, in order."""
    if station.constants:
        return computed_waters(station, start, end)
    rows = await db.rows(
        "SELECT at, kind, height_m FROM tide_water WHERE station_id = $1 AND at BETWEEN $2 AND $3"
        " ORDER BY at",
        station.id,
        to_instant(start),
        to_instant(end),
    )
    return [Water(from_instant(row["at"]), row["kind"], row["height_m"]) for row in rows]


async def _load(db: Source) -> tuple[Station, ...]:
    rows = await db.rows("SELECT * FROM tide_station ORDER BY imported_at, id")
    return tuple(
        Station(
            id=row["id"],
            name=row["name"],
            source=row["source"],
            datum=row["datum"],
            sites=tuple(from_json(row["sites"])),
            constants=tuple(Constituent(*one) for one in from_json(row["constants"]) or ()),
            level_m=row["level_m"] or 0.0,
        )
        for row in rows
    )
