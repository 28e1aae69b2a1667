"""A person with an account, and the tokens by which programs act for them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from birdwatch.domain.policy import Role, Scope
from birdwatch.domain.text import Locale, Text


@dataclass(frozen=True, slots=True)
class Person:
    """An account. `login` is unique, whatever its case."""

    id: str
    login: str
    name: Text
    role: Role
    locale: Locale = "zh"
    disabled: bool = False


@dataclass(frozen=True, slots=True)
class TokenInfo:
    """What may be shown of an API token; the token itself is shown once and kept by nobody."""

    id: str
    person_id: str
    name: str
    prefix: str
    scopes: frozenset[Scope]
    created_at: datetime
    expires_at: datetime | None = None
    revoked_at: datetime | None = None
