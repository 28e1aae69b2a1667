"""Which survey a sender's key made: written with the survey, so that neither is without the other.

The keys stay as long as the surveys do. A phone may find its line again after a week, not knowing
whether the last thing it sent arrived.
"""

from __future__ import annotations

from birdwatch.domain.once import Once, reused_key
from birdwatch.storage.columns import to_instant
from birdwatch.storage.transactions import Source, Write


async def find_keyed_survey(db: Source, once: Once) -> str | None:
    """The id of the survey that this key made, or None.

    Raises InvalidInputError where the key came with other content.
    """
    rows = await db.rows("SELECT survey_id, fingerprint FROM survey_key WHERE key = $1", once.key)
    if not rows:
        return None
    if rows[0]["fingerprint"] != once.fingerprint:
        raise reused_key()
    return str(rows[0]["survey_id"])


async def keep_survey_key(tx: Write, once: Once, survey_id: str) -> None:
    """Say that this key made this survey, in the transaction that records it."""
    await tx.run(
        "INSERT INTO survey_key (key, survey_id, fingerprint, at) VALUES ($1, $2, $3, $4)",
        once.key,
        survey_id,
        once.fingerprint,
        to_instant(tx.now),
    )
