"""Embargoes lift by themselves: at their minute each becomes a version of its own, without one.

So the dataset version moves, and with it counts, lists, tags of cached answers and the feed.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from birdwatch.domain.policy import SYSTEM
from birdwatch.storage import counts, ledger
from birdwatch.storage.columns import from_instant, to_instant
from birdwatch.storage.photos import correct_photo, find_photo
from birdwatch.storage.surveys import open_survey, write_again
from birdwatch.storage.transactions import Database, Source, Write

DUE = "SELECT id FROM {table} WHERE until IS NULL AND embargo_until <= $1 ORDER BY id"


async def next_lift(db: Source) -> datetime | None:
    """When the next embargo ends, or None while there is none."""
    rows = await db.rows(
        "SELECT MIN(embargo_until) AS next FROM"
        " (SELECT MIN(embargo_until) AS embargo_until FROM photo_fact"
        "   WHERE until IS NULL AND embargo_until IS NOT NULL"
        "  UNION ALL SELECT MIN(embargo_until) FROM survey"
        "   WHERE until IS NULL AND embargo_until IS NOT NULL) AS ends"
    )
    return None if rows[0]["next"] is None else from_instant(rows[0]["next"])


async def lift_due(db: Database, now: datetime) -> int:
    """Lift every embargo that has ended, in one transaction; how many."""
    first = await next_lift(db)
    if first is None or first > now:
        return 0
    async with db.write(SYSTEM, now) as tx:
        await tx.lock()
        photos = await tx.rows(DUE.format(table="photo_fact"), to_instant(now))
        surveys = await tx.rows(DUE.format(table="survey"), to_instant(now))
        for row in photos:
            await _lift_photo(tx, row["id"])
        for row in surveys:
            await _lift_survey(tx, row["id"])
    return len(photos) + len(surveys)


async def _lift_photo(tx: Write, photo_id: str) -> None:
    photo = await find_photo(tx, photo_id)
    if photo is not None:
        await correct_photo(tx, photo_id, replace(photo.facts, embargo_until=None), action="lift")


async def _lift_survey(tx: Write, survey_id: str) -> None:
    survey = await open_survey(tx, survey_id)
    version = await ledger.append(
        tx, "lift", "survey", survey_id, before=survey.version, after=ledger.ITSELF
    )
    is_public = survey.status == "published"
    lifted = {"embargo_until": None, "is_embargoed": False, "is_public": is_public}
    await write_again(tx, "survey", survey_id, version, lifted)
    await counts.recompute(tx, {(survey.site, survey.day)})
