"""Who may see and do what: one pure rule, used by every surface."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Role = Literal["contributor", "admin"]
Scope = Literal["read", "upload", "count"]
Action = Literal["read", "upload", "count", "edit", "see-private", "administer"]
SCOPES: tuple[Scope, ...] = ("read", "upload", "count")
ROLES: tuple[Role, ...] = ("contributor", "admin")


@dataclass(frozen=True, slots=True)
class Actor:
    """Who asks: a person through a session (scopes None) or a token (its scopes); or a visitor.

    `person_id` None is a visitor. The command line acts as `SYSTEM`.
    """

    person_id: str | None = None
    role: Role | None = None
    scopes: frozenset[Scope] | None = None
    name: str = ""


VISITOR = Actor()
SYSTEM = Actor(person_id=None, role="admin", name="system")


def may(actor: Actor, action: Action, owner_id: str | None = None) -> bool:
    """Whether this actor may do this, to a thing of this owner where the action has one.

    `edit` and `see-private` are for the owner and for admins; a token never administers.
    """
    if action == "read":
        return True
    if actor.role is None:
        return False
    if actor.scopes is not None and not _scope_allows(actor.scopes, action):
        return False
    if action in ("upload", "count"):
        return True
    if action == "administer":
        return actor.role == "admin"
    return actor.role == "admin" or (owner_id is not None and actor.person_id == owner_id)


def _scope_allows(scopes: frozenset[Scope], action: Action) -> bool:
    if action == "administer":
        return False
    if action == "see-private":
        return "read" in scopes
    if action == "edit":
        return "upload" in scopes or "count" in scopes
    return action in scopes
