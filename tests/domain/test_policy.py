import pytest

from birdwatch.domain.policy import SYSTEM, VISITOR, Action, Actor, Scope, may

OWN = "p1"
OTHER = "p2"
CONTRIBUTOR = Actor("p1", "contributor")
ADMIN = Actor("p9", "admin")


def token(*scopes: Scope, role: str = "contributor") -> Actor:
    return Actor("p1", "admin" if role == "admin" else "contributor", frozenset(scopes))


READ_TOKEN, UPLOAD_TOKEN, COUNT_TOKEN = token("read"), token("upload"), token("count")
ADMIN_TOKEN = token("read", "upload", "count", role="admin")

# who, what, of whom -> allowed; every row written out, since this table is the rule
TABLE: list[tuple[Actor, Action, str | None, bool]] = [
    *((who, "read", OTHER, True) for who in (VISITOR, CONTRIBUTOR, ADMIN, COUNT_TOKEN, SYSTEM)),
    *((VISITOR, what, None, False) for what in ("upload", "count", "administer")),
    *((VISITOR, what, OTHER, False) for what in ("edit", "see-private")),
    (VISITOR, "edit", None, False),
    (CONTRIBUTOR, "upload", None, True),
    (CONTRIBUTOR, "count", None, True),
    (CONTRIBUTOR, "edit", OWN, True),
    (CONTRIBUTOR, "edit", OTHER, False),
    (CONTRIBUTOR, "edit", None, False),
    (CONTRIBUTOR, "see-private", OWN, True),
    (CONTRIBUTOR, "see-private", OTHER, False),
    (CONTRIBUTOR, "administer", None, False),
    *((ADMIN, "edit", whose, True) for whose in (OWN, None)),
    *((ADMIN, "see-private", whose, True) for whose in (OWN, None)),
    (ADMIN, "administer", None, True),
    (READ_TOKEN, "upload", None, False),
    (READ_TOKEN, "count", None, False),
    (READ_TOKEN, "edit", OWN, False),
    (READ_TOKEN, "see-private", OWN, True),
    (UPLOAD_TOKEN, "upload", None, True),
    (UPLOAD_TOKEN, "count", None, False),
    (UPLOAD_TOKEN, "edit", OWN, True),
    (UPLOAD_TOKEN, "edit", OTHER, False),
    (UPLOAD_TOKEN, "see-private", OWN, False),
    (COUNT_TOKEN, "count", None, True),
    (COUNT_TOKEN, "upload", None, False),
    (ADMIN_TOKEN, "administer", None, False),
    (ADMIN_TOKEN, "edit", OTHER, True),
    (SYSTEM, "administer", None, True),
]


@pytest.mark.parametrize(("actor", "action", "owner", "allowed"), TABLE)
def test_may_answers_the_table(
    actor: Actor, action: Action, owner: str | None, allowed: bool
) -> None:
    assert may(actor, action, owner) is allowed
