"""Who may see and do what: one pure rule, used by pages, API, bytes, feeds, exports and commands.

Two questions are asked here and nowhere else: `may(actor, action, thing)` and `view(thing, actor)`.
What each view holds of a photo or a survey is built by allow-list in `domain/publication.py`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal

Role = Literal["contributor", "press", "researcher", "reviewer", "admin"]
Trust = Literal["checked", "trusted"]
Scope = Literal["read", "upload", "count", "review"]
Status = Literal["draft", "pending", "published", "rejected", "queried"]
View = Literal["public", "press", "researcher", "full"]
Action = Literal[
    "read",  # what is published
    "upload",  # photos
    "count",  # surveys
    "identify",  # propose a name for a photo one can see
    "edit",  # correct, withdraw, undo: the owner, reviewers and administrators
    "answer",  # write into the dialogue of a query
    "publish",  # a draft: its owner alone
    "see-private",  # exact values, original names, the original's bytes
    "review",  # publish, query, reject: never one's own
    "see-queue",  # the list of what waits
    "see-exact-counts",  # counts that rest on protected or embargoed records too
    "have-account",  # one's own profile, sessions and tokens; never by token
    "administer",
]
ROLES: tuple[Role, ...] = ("contributor", "press", "researcher", "reviewer", "admin")
TRUSTS: tuple[Trust, ...] = ("checked", "trusted")
STATUSES: tuple[Status, ...] = ("draft", "pending", "published", "rejected", "queried")
SCOPES: tuple[Scope, ...] = ("read", "upload", "count", "review")
REVIEWERS: Final = frozenset({"reviewer", "admin"})
# What a token must hold for each action; an action that is not here is never done by token.
SCOPES_FOR: Final[dict[Action, frozenset[Scope]]] = {
    "upload": frozenset({"upload"}),
    "count": frozenset({"count"}),
    "identify": frozenset({"upload"}),
    "edit": frozenset({"upload", "count"}),
    "answer": frozenset({"upload", "count", "review"}),
    "publish": frozenset({"upload"}),
    "see-private": frozenset({"read"}),
    "see-queue": frozenset({"review"}),
    "review": frozenset({"review"}),
    "see-exact-counts": frozenset({"read"}),
}


@dataclass(frozen=True, slots=True)
class Actor:
    """Who asks: a person through a session (scopes None) or a token (its scopes); or a visitor.

    `person_id` None is a visitor. The command line acts as `SYSTEM`. `grant_until`: a researcher
    may see exact values until then.
    """

    person_id: str | None = None
    role: Role | None = None
    scopes: frozenset[Scope] | None = None
    name: str = ""
    trust: Trust = "checked"
    grant_until: datetime | None = None


VISITOR = Actor()
SYSTEM = Actor(person_id=None, role="admin", name="system", trust="trusted")


@dataclass(frozen=True, slots=True)
class Thing:
    """What the rule has to know of a photo, a survey or a sighting.

    `owner_id` None: it belongs to the archive itself. A draft is its owner's and administrators':
    in no list, queue or count until its owner publishes it. `is_withheld`: the most sensitive
    species, whose records are no one's business but the owner's, reviewers' and granted
    researchers'.
    """

    owner_id: str | None = None
    status: Status = "published"
    embargo_until: datetime | None = None
    is_withheld: bool = False


def view(thing: Thing, actor: Actor, now: datetime) -> View | None:
    """How much of this thing the actor sees; None: for them it does not exist.

    `press` is the public view of what is still embargoed, for accredited press, who must mark it.
    """
    is_known = actor.role is not None and _token_allows(actor, "see-private")
    if is_known and _keeps(actor, thing):
        return "full"
    if thing.status != "published":
        return None
    if thing.embargo_until is not None and now < thing.embargo_until:
        is_press = is_known and actor.role == "press"
        return "press" if is_press and not thing.is_withheld else None
    if is_known and _has_grant(actor, now):
        return "researcher"
    return None if thing.is_withheld else "public"


def may(
    actor: Actor, action: Action, thing: Thing | None = None, now: datetime | None = None
) -> bool:
    """Whether this actor may do this, to this thing where the action has one.

    `now` is needed where a grant or an embargo decides (see-exact-counts, identify).
    """
    if action == "read":
        return True
    if actor.role is None or not _token_allows(actor, action):
        return False
    if action in ("upload", "count", "have-account"):
        return True
    if action == "administer":
        return actor.role == "admin"
    if action == "see-queue":
        return actor.role in REVIEWERS
    if action == "see-exact-counts":
        return actor.role in REVIEWERS or (now is not None and _has_grant(actor, now))
    if thing is None:
        return actor.role in REVIEWERS
    return _may_with(actor, action, thing, now)


def _may_with(actor: Actor, action: Action, thing: Thing, now: datetime | None) -> bool:
    """What is done to one thing, by an actor who has a role and, with a token, the scope."""
    if action == "publish":
        return _owns(actor, thing)
    if action == "review":
        is_own = actor.role != "admin" and _owns(actor, thing)
        return thing.status != "draft" and actor.role in REVIEWERS and not is_own
    if action == "identify":
        return now is not None and view(thing, actor, now) is not None
    return _keeps(actor, thing)


@dataclass(frozen=True, slots=True)
class Reader:
    """Who reads, and when: what a reading function of storage needs to show things as seen."""

    actor: Actor
    now: datetime


@dataclass(frozen=True, slots=True)
class Lens:
    """What lists show to one reader, as conditions a query can hold.

    `view` is that of the rows a reader does not own. `is_exact`: filters, order and counts work on
    the exact values; otherwise on the public ones.
    """

    view: View = "public"

    @property
    def is_exact(self) -> bool:
        return self.view in ("full", "researcher")


PUBLIC = Lens("public")
FULL = Lens("full")


def lens_of(actor: Actor, now: datetime, *, owner_id: str | None = None) -> Lens:
    """Through which lens this actor reads lists; `owner_id`: of a list of one person's things."""
    if actor.role is None or not _token_allows(actor, "see-private"):
        return PUBLIC
    if actor.role in REVIEWERS or (owner_id is not None and owner_id == actor.person_id):
        return FULL
    if actor.role == "press":
        return Lens("press")
    return Lens("researcher") if _has_grant(actor, now) else PUBLIC


def grantable_scopes(actor: Actor) -> tuple[Scope, ...]:
    """The scopes a token of this actor may have: never wider than what they may do themselves.

    A token makes no tokens, so none can widen itself.
    """
    if actor.role is None or actor.scopes is not None:
        return ()
    return tuple(s for s in SCOPES if s != "review" or actor.role in REVIEWERS)


def _token_allows(actor: Actor, action: Action) -> bool:
    return actor.scopes is None or bool(actor.scopes & SCOPES_FOR.get(action, frozenset()))


def _keeps(actor: Actor, thing: Thing) -> bool:
    """Who knows a thing whole and may edit it."""
    if thing.status == "draft":
        return actor.role == "admin" or _owns(actor, thing)
    return actor.role in REVIEWERS or _owns(actor, thing)


def _owns(actor: Actor, thing: Thing) -> bool:
    return thing.owner_id is not None and thing.owner_id == actor.person_id


def _has_grant(actor: Actor, now: datetime) -> bool:
    return actor.role == "researcher" and actor.grant_until is not None and now < actor.grant_until
