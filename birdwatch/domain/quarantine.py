"""A file set aside: it took down its decoders, so it is kept, apart, until someone tries it again."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from birdwatch.domain.text import Text


@dataclass(frozen=True, slots=True)
class Quarantined:
    """`photo_id`: it was taken in, and only its pictures cannot be made; None: it never got in.

    `file_name` and `words`, what the sender said of it, are the sender's: private.
    """

    id: str
    sha256: str
    size: int
    owner_id: str | None
    photo_id: str | None
    file_name: str
    words: str
    reason: Text
    deaths: int
    first_at: datetime
    last_at: datetime
    owner_name: str = ""
