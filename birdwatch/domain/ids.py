"""Identifiers: opaque, short, and sortable by the time they were made; and the names of bytes."""

from __future__ import annotations

import re
import secrets
from datetime import datetime

ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
TIME_CHARS = 9
RANDOM_CHARS = 7
SHA256 = re.compile(r"[0-9a-f]{64}", re.ASCII)


def new_id(now: datetime) -> str:
    """16 characters of Crockford base 32: 45 bits of milliseconds, then 35 random bits."""
    value = int(now.timestamp() * 1000) << (5 * RANDOM_CHARS) | secrets.randbits(5 * RANDOM_CHARS)
    return "".join(
        ALPHABET[(value >> (5 * place)) & 31]
        for place in range(TIME_CHARS + RANDOM_CHARS - 1, -1, -1)
    )


def opaque_id() -> str:
    """16 random characters: of a thing whose neighbours in time must not be told by its name."""
    return "".join(secrets.choice(ALPHABET) for _ in range(TIME_CHARS + RANDOM_CHARS))


def is_id(text: str) -> bool:
    """Whether this has the form of an identifier; nothing is said of its existence."""
    return len(text) == TIME_CHARS + RANDOM_CHARS and all(c in ALPHABET for c in text)
