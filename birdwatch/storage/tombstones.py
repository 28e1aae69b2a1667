"""What stands where a photo or survey was withdrawn: when, and why."""

from __future__ import annotations

from typing import Literal

from birdwatch.domain.errors import GoneError
from birdwatch.storage.columns import from_instant, from_json
from birdwatch.storage.transactions import Source

TABLES = {"photo": "photo_fact", "survey": "survey"}


async def refuse_withdrawn(db: Source, noun: Literal["photo", "survey"], noun_id: str) -> None:
    """Raise GoneError where there was a public thing that has been withdrawn; else do nothing.

    Of a thing that never was public, nobody learns that it ever was.
    """
    rows = await db.rows(
        f"SELECT l.at, l.detail FROM ledger l JOIN {TABLES[noun]} t ON t.id = l.noun_id"
        " AND t.until = l.version WHERE l.noun = $1 AND l.noun_id = $2 AND l.action = 'delete'"
        f" AND t.is_public AND NOT EXISTS (SELECT 1 FROM {TABLES[noun]} o"
        "  WHERE o.id = l.noun_id AND o.until IS NULL) ORDER BY l.version DESC LIMIT 1",
        noun,
        noun_id,
    )
    if not rows:
        return
    day = from_instant(rows[0]["at"], 480).date()
    reason = str((from_json(rows[0]["detail"]) or {}).get("reason") or "")
    raise GoneError(
        f"{noun}.withdrawn",
        zh=f"这项内容已于 {day} 撤下。" + (f"原因：{reason}" if reason else ""),
        en=f"This was withdrawn on {day}." + (f" Reason: {reason}" if reason else ""),
    )
