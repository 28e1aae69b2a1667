"""What an administrator sees at a glance: how much there is, told by the rows themselves."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from birdwatch.domain.policy import ROLES, Role
from birdwatch.storage.columns import time_or_none
from birdwatch.storage.transactions import Source


@dataclass(frozen=True, slots=True)
class PeopleCount:
    """Open accounts by role, those of no one left out; and how many are closed."""

    open: dict[Role, int]
    closed: int


@dataclass(frozen=True, slots=True)
class TideTable:
    """A loaded tide station; `last`: the last water of its table, None where it is computed."""

    name: str
    source: str
    last: datetime | None


async def count_people(db: Source) -> PeopleCount:
    """How many accounts there are."""
    rows = await db.rows(
        "SELECT role, is_disabled, COUNT(*) AS people FROM person GROUP BY role, is_disabled"
    )
    found = {row["role"]: int(row["people"]) for row in rows if not row["is_disabled"]}
    return PeopleCount(
        {role: found[role] for role in ROLES if role in found},
        sum(int(row["people"]) for row in rows if row["is_disabled"]),
    )


async def count_quarantined(db: Source) -> int:
    """How many files are set aside."""
    rows = await db.rows("SELECT COUNT(*) AS files FROM quarantine")
    return int(rows[0]["files"])


async def list_tide_tables(db: Source) -> list[TideTable]:
    """The stations whose tides are known, by name, with the end of each table."""
    rows = await db.rows(
        "SELECT name, source, constants, (SELECT MAX(w.at) FROM tide_water w"
        " WHERE w.station_id = s.id) AS last FROM tide_station s ORDER BY name, id"
    )
    return [
        TideTable(
            row["name"], row["source"], None if row["constants"] else time_or_none(row["last"])
        )
        for row in rows
    ]
