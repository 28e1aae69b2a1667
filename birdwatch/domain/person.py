"""A person with an account, and what belongs to the account: tokens, sessions, grants, invitations.

Nothing here holds a secret: what may be shown of a token or a link is its description.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from birdwatch.domain.policy import Role, Scope, Trust
from birdwatch.domain.text import Locale, Text

LinkState = Literal["open", "used", "revoked", "expired"]


@dataclass(frozen=True, slots=True)
class Person:
    """An account. `login` is unique, whatever its case.

    `credit`: how this person is named beside their photos; `default_license`: of their photos, None
    for the archive's. `grant_until`: the end of the longest grant that was not revoked.
    """

    id: str
    login: str
    name: Text
    role: Role
    locale: Locale = "zh"
    disabled: bool = False
    trust: Trust = "checked"
    email: str = ""
    credit: str = ""
    default_license: str | None = None
    grant_until: datetime | None = None

    @property
    def shown_name(self) -> str:
        """The name in the language of the archive, else in the other, else the login."""
        return self.name.zh or self.name.en or self.login


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
    last_used_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class SessionInfo:
    """A signed-in browser. `id` names it to its owner and opens nothing."""

    id: str
    user_agent: str
    created_at: datetime
    last_seen_at: datetime
    is_current: bool


@dataclass(frozen=True, slots=True)
class Passkey:
    """A key in one of a person's devices; its public half and its id are base64url."""

    id: str
    person_id: str
    name: str
    public_key: str
    sign_count: int
    made_at: datetime
    last_used_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Grant:
    """Leave for a researcher to see exact values, until a date and for a reason."""

    id: str
    person_id: str
    until: datetime
    reason: str
    made_by: str
    made_at: datetime
    revoked_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Invitation:
    """A link by which one person makes one account. The link itself is shown once."""

    id: str
    role: Role
    trust: Trust
    note: str
    made_by: str
    made_at: datetime
    expires_at: datetime
    used_at: datetime | None = None
    used_by: str | None = None
    revoked_at: datetime | None = None

    def state(self, now: datetime) -> LinkState:
        """Whether the link still opens, and if not, why."""
        if self.used_at is not None:
            return "used"
        if self.revoked_at is not None:
            return "revoked"
        return "open" if now < self.expires_at else "expired"
