"""What is wrong with rows, and how each is mended: told by the looks in `inspection_*.py`.

A look reads and changes nothing. It is asked once to find out, and again while writers wait, when
each of its flaws may be mended. What a person gave and no rule can derive again is set aside: a
copy of the row is kept as a file before the row changes.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Literal

from birdwatch.domain.text import Text
from birdwatch.storage.columns import Row
from birdwatch.storage.transactions import Source, Write

FlawKind = Literal[
    "feed", "camera", "adjustment", "track", "gap", "burst", "tide", "tide_source", "upload",
    "job", "quarantine",
]  # fmt: skip
Aside = Callable[[str, Row], Awaitable[None]]  # keeps a copy of a row of this table
Mend = Callable[[Write, Aside], Awaitable[None]]
MEND = Text("用 --repair 修复。", "--repair puts it right.")


@dataclass(frozen=True, slots=True)
class Flaw:
    """One thing that is wrong with a row. Without `mend` nothing here can put it right."""

    kind: FlawKind
    subject: str
    text: Text
    mend: Mend | None = None


Look = Callable[[Source], Awaitable[list[Flaw]]]


class UnreadableError(ValueError):
    """A column does not hold what it should."""


def parsed(value: object, kind: type) -> Any:
    """The JSON in a column. Raises UnreadableError where it is none, or of another kind."""
    try:
        found = json.loads(value) if isinstance(value, str) else None
    except (ValueError, RecursionError):
        raise UnreadableError from None
    if not isinstance(found, kind):
        raise UnreadableError
    return found


def setting_aside(table: str, row: Row, key: str = "id") -> Mend:
    """Take this row out of its table, a copy kept."""

    async def mend(tx: Write, aside: Aside) -> None:
        await aside(table, row)
        await tx.run(f"DELETE FROM {table} WHERE {key} = $1", row[key])

    return mend


def assigning(table: str, key: str, row_id: object, **columns: object) -> Mend:
    """Give these columns what they should hold."""

    async def mend(tx: Write, _: Aside) -> None:
        assigned = ", ".join(f"{name} = ${at}" for at, name in enumerate(columns, 1))
        await tx.run(
            f"UPDATE {table} SET {assigned} WHERE {key} = ${len(columns) + 1}",
            *columns.values(),
            row_id,
        )

    return mend
