"""Until when a record is only for its owner, reviewers and accredited press."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from birdwatch.domain.text import Text
from birdwatch.domain.written import Refusal, read_moment

LONGEST: Final = timedelta(days=366)


def read_embargo(value: object, *, now: datetime) -> datetime | Refusal | None:
    """The moment an embargo ends, or None for none; a date alone ends it at its local midnight.

    Without an offset the time is the estuary's, +08:00. It is in the future, a year at most.
    """
    moment = read_moment(value)
    if moment is None or isinstance(moment, Refusal):
        return moment
    until = moment.at
    if until <= now:
        message = Text(
            "解禁时间已过。请写将来的时间，或留空表示不限时。",
            "The embargo's end has passed. Give a time to come, or leave it empty for no embargo.",
        )
        return Refusal("embargo.past", message)
    if until - now > LONGEST:
        message = Text(
            "限时发布最长一年。请写更早的解禁时间。",
            "An embargo lasts a year at most. Give an earlier end.",
        )
        return Refusal("embargo.too_long", message)
    return until
