"""The sun and the tide: what a counter's phone takes along where there is no line."""

from __future__ import annotations

from datetime import datetime

from starlette.requests import Request
from starlette.responses import Response

from birdwatch.api import tide_contract as contract
from birdwatch.api.answers import send_list
from birdwatch.api.query import invalid, read_query
from birdwatch.domain.tide import Water
from birdwatch.domain.written import SITE_ZONE
from birdwatch.intake.field_days import FieldDay, field_days
from birdwatch.storage.db import Database


async def list_tides(request: Request) -> Response:
    """Days of one site, or of all."""
    query = read_query(request, contract.TidesQuery)
    db: Database = request.app.state.archive.db
    first = query.first
    if first is None:  # today would be another day tomorrow, under the same address
        raise invalid("from", "请给出起始日期，如 from=2026-04-20。", "Give the first day, such as"
            " from=2026-04-20.")  # fmt: skip

    async def make(_version: int) -> contract.FieldDays:
        days = await field_days(db, first, query.days, site=query.site)
        return contract.FieldDays([_dump(day) for day in days], None)

    return await send_list(request, query, contract.FieldDay, make)


def _dump(day: FieldDay) -> contract.FieldDay:
    sun, station = day.sun, day.station
    return contract.FieldDay(
        site=day.site,
        day=day.day,
        dawn=_local(sun.dawn) if sun else None,
        sunrise=_local(sun.sunrise) if sun else None,
        sunset=_local(sun.sunset) if sun else None,
        dusk=_local(sun.dusk) if sun else None,
        station=station.name if station else None,
        source=station.source if station else None,
        datum=station.datum if station else None,
        waters=tuple(_water(water) for water in day.waters),
    )


def _water(water: Water) -> contract.Water:
    return contract.Water(_local(water.at), water.kind, water.height_m)


def _local(at: datetime) -> str:
    return at.astimezone(SITE_ZONE).isoformat(timespec="minutes")
