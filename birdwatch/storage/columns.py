"""How values lie in columns, the same on SQLite and PostgreSQL.

Instants are integers, microseconds since 1970 UTC: they sort and compare alike everywhere, and no
driver can take a local time for UTC. Local days are ISO text. Lists and maps are JSON text.
"""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, time, timedelta, timezone
from typing import Any

from birdwatch.domain.text import Text

Row = dict[str, Any]
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
ZONES = timedelta(hours=15)  # no zone is further from UTC
MICROSECOND = timedelta(microseconds=1)


def to_instant(moment: datetime) -> int:
    """Microseconds since 1970 UTC. Raises ValueError for a naive time."""
    if moment.tzinfo is None:
        message = "a time without a zone cannot be stored"
        raise ValueError(message)
    return (moment - EPOCH) // MICROSECOND


def from_instant(value: int, offset_min: int = 0) -> datetime:
    """The aware time, told in the zone of this offset."""
    moment = EPOCH + timedelta(microseconds=value)
    return moment.astimezone(timezone(timedelta(minutes=offset_min))) if offset_min else moment


def instant_or_none(moment: datetime | None) -> int | None:
    """As to_instant, for a column that may be empty."""
    return None if moment is None else to_instant(moment)


def offset_of(moment: datetime | None) -> int | None:
    """Minutes east of UTC at which this time was told."""
    shift = None if moment is None else moment.utcoffset()
    return None if shift is None else int(shift.total_seconds() // 60)


def time_or_none(value: int | None, offset_min: int | None = 0) -> datetime | None:
    """As from_instant, for a column that may be empty."""
    return None if value is None else from_instant(value, offset_min or 0)


def to_day(day: date | None) -> str | None:
    """A local day as 2026-04-14."""
    return None if day is None else day.isoformat()


def start_of_day(day: date) -> int:
    """No moment of this local day, in whatever zone, is earlier."""
    return to_instant(datetime.combine(day, time.min, UTC) - ZONES)


def end_of_day(day: date) -> int:
    """Every moment of this local day, in whatever zone, is earlier."""
    return to_instant(datetime.combine(day, time.min, UTC) + timedelta(days=1) + ZONES)


def to_json(value: object) -> str:
    """Plain ASCII: what no database can take is escaped."""
    return json.dumps(value, separators=(",", ":"))


def from_json(value: str | None) -> Any:
    """The value in a column of JSON that may be empty."""
    return None if value is None else json.loads(value)


def clean(text: str) -> str:
    """Text any database takes: no NUL, no half of a surrogate pair."""
    return text.replace("\0", "").encode("utf-8", "replace").decode()


def text_of(row: Row, name: str) -> Text:
    """The Text in the columns name_zh and name_en."""
    return Text(row[f"{name}_zh"] or "", row[f"{name}_en"] or "")
