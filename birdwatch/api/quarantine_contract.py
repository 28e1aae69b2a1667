"""The words of the quarantine: files that took down their decoders, for their senders."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct

from birdwatch.api.contract import Limit, Text
from birdwatch.domain.paging import DEFAULT_LIMIT
from birdwatch.domain.text import Locale


class QuarantineQuery(Struct, kw_only=True, frozen=True):
    """A page of one's own files, or of everybody's for administrators, the last first."""

    cursor: Annotated[str, Meta(max_length=500)] | None = None
    limit: Limit = DEFAULT_LIMIT
    lang: Locale | None = None


class Quarantined(Struct, kw_only=True, frozen=True):
    """A file set aside. `photo`: it is in the archive, and only its pictures cannot be made."""

    id: str
    sha256: str
    size_bytes: int
    photo: str | None
    file_name: str
    person: str
    reason: Text
    deaths: int
    first_at: str
    last_at: str


class Quarantine(Struct, kw_only=True, frozen=True):
    """Files set aside."""

    items: list[Quarantined]
    next: str | None


class Retried(Struct, frozen=True):
    """The photo that the file became, or whose pictures are being made again."""

    photo: str
