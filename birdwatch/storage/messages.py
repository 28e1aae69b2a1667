"""What was said of a record, by reviewers and its owner."""

from __future__ import annotations

from collections.abc import Sequence

from birdwatch.domain.ids import new_id
from birdwatch.domain.message import Message, Noun
from birdwatch.storage.columns import Row, clean, from_instant, to_instant
from birdwatch.storage.sql import insert, marks
from birdwatch.storage.transactions import Source, Write

INSERT = insert(
    "message", ("id", "noun", "noun_id", "text", "person_id", "person_name", "at", "version")
)


async def add_message(tx: Write, noun: Noun, noun_id: str, text: str, version: int) -> Message:
    """Keep what the writer of this transaction says; `version` is the change it goes with."""
    actor = tx.actor
    said = Message(
        new_id(tx.now), noun, noun_id, clean(text), actor.person_id, clean(actor.name), tx.now,
        version,
    )  # fmt: skip
    await tx.run(
        INSERT, said.id, noun, noun_id, said.text, said.person_id, said.person_name,
        to_instant(said.at), version,
    )  # fmt: skip
    return said


async def messages_of(db: Source, noun: Noun, noun_ids: Sequence[str]) -> dict[str, list[Message]]:
    """The dialogues of these things of one noun, in order; those without any are left out."""
    if not noun_ids:
        return {}
    rows = await db.rows(
        f"SELECT * FROM message WHERE noun_id IN ({marks(len(noun_ids))})"
        f" AND noun = ${len(noun_ids) + 1} ORDER BY at, version, id",
        *noun_ids,
        noun,
    )
    found: dict[str, list[Message]] = {}
    for row in rows:
        found.setdefault(row["noun_id"], []).append(_message_of(row))
    return found


def _message_of(row: Row) -> Message:
    return Message(
        id=row["id"],
        noun=row["noun"],
        noun_id=row["noun_id"],
        text=row["text"],
        person_id=row["person_id"],
        person_name=row["person_name"],
        at=from_instant(row["at"]),
        version=row["version"],
    )
