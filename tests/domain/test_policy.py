from datetime import UTC, datetime, timedelta

import pytest

from birdwatch.domain.policy import (
    FULL,
    PUBLIC,
    ROLES,
    SYSTEM,
    VISITOR,
    Action,
    Actor,
    Lens,
    Role,
    Scope,
    Thing,
    View,
    grantable_scopes,
    lens_of,
    may,
    view,
)

NOW = datetime(2026, 5, 1, 6, tzinfo=UTC)
LATER, EARLIER = NOW + timedelta(minutes=1), NOW - timedelta(minutes=1)
OWN, OTHER, NOBODYS = Thing("p1"), Thing("p2"), Thing(None)
OWN_DRAFT, DRAFT = Thing("p1", "draft"), Thing("p2", "draft")


def who(role: Role, *scopes: Scope, grant: datetime | None = None) -> Actor:
    return Actor("p1", role, frozenset(scopes) if scopes else None, grant_until=grant)


CONTRIBUTOR, PRESS, REVIEWER, ADMIN = (
    who("contributor"),
    who("press"),
    who("reviewer"),
    who("admin"),
)
GRANTED, ENDED = who("researcher", grant=LATER), who("researcher", grant=EARLIER)
READ_TOKEN, UPLOAD_TOKEN, COUNT_TOKEN = (
    who("contributor", "read"),
    who("contributor", "upload"),
    who("contributor", "count"),
)
ADMIN_TOKEN = who("admin", "read", "upload", "count", "review")

# who, what, to which thing -> allowed; every row written out, since this table is the rule
MAY: list[tuple[Actor, Action, Thing | None, bool]] = [
    *((one, "read", OTHER, True) for one in (VISITOR, CONTRIBUTOR, PRESS, ADMIN, COUNT_TOKEN)),
    *((VISITOR, what, None, False) for what in ("upload", "count", "administer", "see-queue")),
    *((VISITOR, what, OTHER, False) for what in ("edit", "see-private", "review", "identify")),
    (VISITOR, "edit", NOBODYS, False),
    (VISITOR, "have-account", None, False),
    *((who(role), "upload", None, True) for role in ROLES),
    *((who(role), "count", None, True) for role in ROLES),
    *((who(role), "edit", OWN, True) for role in ROLES),
    *((who(role), "edit", OTHER, role in ("reviewer", "admin")) for role in ROLES),
    *((who(role), "edit", NOBODYS, role in ("reviewer", "admin")) for role in ROLES),
    *((who(role), "see-private", OTHER, role in ("reviewer", "admin")) for role in ROLES),
    *((who(role), "see-queue", None, role in ("reviewer", "admin")) for role in ROLES),
    *((who(role), "review", OTHER, role in ("reviewer", "admin")) for role in ROLES),
    (REVIEWER, "review", OWN, False),
    (ADMIN, "review", OWN, True),
    (CONTRIBUTOR, "answer", OWN, True),
    (CONTRIBUTOR, "answer", OTHER, False),
    (CONTRIBUTOR, "identify", OTHER, True),
    (CONTRIBUTOR, "identify", Thing("p2", "pending"), False),
    (CONTRIBUTOR, "see-private", OWN, True),
    *((who(role), "administer", None, role == "admin") for role in ROLES),
    (READ_TOKEN, "upload", None, False),
    (READ_TOKEN, "count", None, False),
    (READ_TOKEN, "edit", OWN, False),
    (READ_TOKEN, "see-private", OWN, True),
    (READ_TOKEN, "have-account", None, False),
    (UPLOAD_TOKEN, "upload", None, True),
    (UPLOAD_TOKEN, "count", None, False),
    (UPLOAD_TOKEN, "edit", OWN, True),
    (UPLOAD_TOKEN, "edit", OTHER, False),
    (UPLOAD_TOKEN, "see-private", OWN, False),
    (COUNT_TOKEN, "count", None, True),
    (COUNT_TOKEN, "upload", None, False),
    (ADMIN_TOKEN, "administer", None, False),
    (ADMIN_TOKEN, "have-account", None, False),
    (ADMIN_TOKEN, "edit", OTHER, True),
    (ADMIN_TOKEN, "review", OTHER, True),
    (who("reviewer", "read", "upload"), "review", OTHER, False),
    (who("reviewer", "read"), "see-exact-counts", None, True),
    (who("reviewer", "count"), "see-exact-counts", None, False),
    (GRANTED, "see-exact-counts", None, True),
    (ENDED, "see-exact-counts", None, False),
    (PRESS, "see-exact-counts", None, False),
    (SYSTEM, "administer", None, True),
    (SYSTEM, "edit", OTHER, True),
    *((who(role), "edit", OWN_DRAFT, True) for role in ROLES),
    *((who(role), "publish", OWN_DRAFT, True) for role in ROLES),
    *((who(role), "publish", DRAFT, False) for role in ROLES),
    *((who(role), "review", thing, False) for role in ROLES for thing in (DRAFT, OWN_DRAFT)),
    *(
        (who(role), what, DRAFT, role == "admin")
        for role in ROLES
        for what in ("edit", "answer", "see-private", "identify")
    ),
    (UPLOAD_TOKEN, "publish", OWN_DRAFT, True),
    (READ_TOKEN, "publish", OWN_DRAFT, False),
    (SYSTEM, "publish", DRAFT, False),
]


@pytest.mark.parametrize(("actor", "action", "thing", "allowed"), MAY)
def test_may_answers_the_table(
    actor: Actor, action: Action, thing: Thing | None, allowed: bool
) -> None:
    assert may(actor, action, thing, NOW) is allowed


PENDING, REJECTED, QUERIED = (
    Thing("p2", "pending"),
    Thing("p2", "rejected"),
    Thing("p2", "queried"),
)
EMBARGOED, LIFTED = Thing("p2", embargo_until=LATER), Thing("p2", embargo_until=NOW)
WITHHELD = Thing("p2", is_withheld=True)
SECRET = Thing("p2", embargo_until=LATER, is_withheld=True)

VIEW: list[tuple[Actor, Thing, View | None]] = [
    *((one, OTHER, "public") for one in (VISITOR, CONTRIBUTOR, PRESS, ENDED, READ_TOKEN)),
    *((one, OTHER, "full") for one in (REVIEWER, ADMIN, ADMIN_TOKEN, SYSTEM)),
    (GRANTED, OTHER, "researcher"),
    (CONTRIBUTOR, OWN, "full"),
    (READ_TOKEN, OWN, "full"),
    (UPLOAD_TOKEN, OWN, "public"),
    *(
        (one, thing, None)
        for one in (VISITOR, CONTRIBUTOR, PRESS, GRANTED, ENDED)
        for thing in (PENDING, REJECTED, QUERIED)
    ),
    *((REVIEWER, thing, "full") for thing in (PENDING, REJECTED, QUERIED, EMBARGOED, SECRET)),
    (CONTRIBUTOR, Thing("p1", "rejected"), "full"),
    *((one, DRAFT, None) for one in (VISITOR, CONTRIBUTOR, PRESS, GRANTED, ENDED, REVIEWER)),
    *((one, DRAFT, "full") for one in (ADMIN, ADMIN_TOKEN, SYSTEM)),
    *((one, OWN_DRAFT, "full") for one in (CONTRIBUTOR, REVIEWER, READ_TOKEN)),
    (UPLOAD_TOKEN, OWN_DRAFT, None),
    *((one, EMBARGOED, None) for one in (VISITOR, CONTRIBUTOR, GRANTED, ENDED)),
    (PRESS, EMBARGOED, "press"),
    (who("press", "read"), EMBARGOED, "press"),
    (who("press", "upload"), EMBARGOED, None),
    (PRESS, SECRET, None),
    *((one, LIFTED, "public") for one in (VISITOR, CONTRIBUTOR, PRESS)),
    *((one, WITHHELD, None) for one in (VISITOR, CONTRIBUTOR, PRESS, ENDED)),
    (GRANTED, WITHHELD, "researcher"),
    (Actor("p9", "researcher", frozenset({"upload"}), grant_until=LATER), WITHHELD, None),
]


@pytest.mark.parametrize(("actor", "thing", "seen"), VIEW)
def test_view_answers_the_table(actor: Actor, thing: Thing, seen: View | None) -> None:
    assert view(thing, actor, NOW) == seen


def test_lens_is_no_wider_than_the_view_of_a_published_thing() -> None:
    assert [lens_of(one, NOW) for one in (VISITOR, CONTRIBUTOR, ENDED, UPLOAD_TOKEN)] == [
        PUBLIC
    ] * 4
    assert [lens_of(one, NOW) for one in (REVIEWER, ADMIN, SYSTEM)] == [FULL] * 3
    assert lens_of(PRESS, NOW) == Lens("press")
    assert lens_of(GRANTED, NOW) == Lens("researcher")
    assert lens_of(CONTRIBUTOR, NOW, owner_id="p1") == FULL
    assert lens_of(CONTRIBUTOR, NOW, owner_id="p2") == PUBLIC
    assert lens_of(UPLOAD_TOKEN, NOW, owner_id="p1") == PUBLIC


def test_tokens_never_make_tokens_and_only_reviewers_grant_review() -> None:
    assert grantable_scopes(CONTRIBUTOR) == ("read", "upload", "count")
    assert grantable_scopes(REVIEWER) == ("read", "upload", "count", "review")
    assert grantable_scopes(ADMIN_TOKEN) == ()
    assert grantable_scopes(VISITOR) == ()
