"""The dialogue of a record: a reviewer asks or says why, the owner answers."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal

Noun = Literal["photo", "survey", "sighting"]
NOUNS: tuple[Noun, ...] = ("photo", "survey", "sighting")
MESSAGE_CHARS: Final = 2000


@dataclass(frozen=True, slots=True)
class Message:
    """One thing said of a record; `version` is the change of the archive it came with."""

    id: str
    noun: Noun
    noun_id: str
    text: str
    person_id: str | None
    person_name: str
    at: datetime
    version: int
