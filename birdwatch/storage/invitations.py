"""Links that make or mend an account, kept as hashes, each of one use; and the open door, if open.

What a link says when it no longer opens is said here, for the page and the command line alike.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from birdwatch.domain.errors import GoneError, NotFoundError
from birdwatch.domain.ids import new_id
from birdwatch.domain.person import Invitation
from birdwatch.domain.policy import Role, Trust
from birdwatch.storage import ledger
from birdwatch.storage.columns import Row, clean, from_instant, time_or_none, to_instant
from birdwatch.storage.transactions import Source, Write

RESET_LASTS = timedelta(hours=24)
KEEP_USED = timedelta(days=90)
REGISTRATION = "registration"


async def add_invitation(  # noqa: PLR0917
    tx: Write, token_hash: str, role: Role, trust: Trust, expires_at: datetime, note: str = ""
) -> Invitation:
    """A new invitation; those long over are swept out."""
    await tx.run("DELETE FROM invitation WHERE expires_at < $1", to_instant(tx.now - KEEP_USED))
    made = Invitation(
        new_id(tx.now), role, trust, clean(note).strip(), clean(tx.actor.name), tx.now, expires_at
    )
    await tx.run(
        "INSERT INTO invitation (id, token_hash, role, trust, note, made_by, made_at, expires_at)"
        " VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
        made.id,
        token_hash,
        role,
        trust,
        made.note,
        made.made_by,
        to_instant(tx.now),
        to_instant(expires_at),
    )
    return made


async def find_invitation(db: Source, token_hash: str, now: datetime) -> Invitation:
    """The open invitation of this link. Raises NotFoundError, or GoneError when it is over."""
    rows = await db.rows("SELECT * FROM invitation WHERE token_hash = $1", token_hash)
    if not rows:
        raise NotFoundError(
            "invitation.unknown",
            zh="没有这个邀请。请检查链接是否完整，或向邀请您的人要一个新链接。",
            en="There is no such invitation. Check that the link is whole, or ask for a new one.",
        )
    found = _invitation(rows[0])
    state = found.state(now)
    if state != "open":
        raise _over(state)
    return found


async def use_invitation(tx: Write, invitation: Invitation, person_id: str) -> None:
    """Take the invitation, once. Raises GoneError where somebody was quicker."""
    await tx.lock()
    rows = await tx.rows(
        "UPDATE invitation SET used_at = $1, used_by = $2 WHERE id = $3 AND used_at IS NULL"
        " AND revoked_at IS NULL AND expires_at > $4 RETURNING id",
        to_instant(tx.now),
        person_id,
        invitation.id,
        to_instant(tx.now),
    )
    if not rows:
        raise _over("used")


async def revoke_invitation(tx: Write, invitation_id: str) -> None:
    """Make an unused invitation worthless. Raises NotFoundError for any other."""
    rows = await tx.rows(
        "UPDATE invitation SET revoked_at = $1 WHERE id = $2 AND used_at IS NULL"
        " AND revoked_at IS NULL RETURNING id",
        to_instant(tx.now),
        invitation_id,
    )
    if not rows:
        raise NotFoundError(
            "invitation.unknown",
            zh="没有这个邀请，或它已被使用。",
            en="There is no such invitation, or it was used.",
        )


async def list_invitations(db: Source) -> list[Invitation]:
    """The latest invitations, newest first."""
    rows = await db.rows("SELECT * FROM invitation ORDER BY id DESC LIMIT 100")
    return [_invitation(row) for row in rows]


async def add_reset(tx: Write, person_id: str, token_hash: str) -> datetime:
    """A new reset link, which ends older ones of this person; gives when it expires."""
    await tx.run(
        "DELETE FROM password_reset WHERE person_id = $1 OR expires_at < $2",
        person_id,
        to_instant(tx.now - KEEP_USED),
    )
    expires_at = tx.now + RESET_LASTS
    await tx.run(
        "INSERT INTO password_reset (token_hash, person_id, made_at, expires_at)"
        " VALUES ($1, $2, $3, $4)",
        token_hash,
        person_id,
        to_instant(tx.now),
        to_instant(expires_at),
    )
    return expires_at


async def find_reset(db: Source, token_hash: str, now: datetime) -> str:
    """Whose password this link sets. Raises NotFoundError, or GoneError when it is over."""
    rows = await db.rows(
        "SELECT r.*, p.is_disabled FROM password_reset r JOIN person p ON p.id = r.person_id"
        " WHERE r.token_hash = $1",
        token_hash,
    )
    if not rows or rows[0]["is_disabled"]:
        raise NotFoundError(
            "reset.unknown",
            zh="没有这个重设链接。请检查链接是否完整，或请管理员发一个新的。",
            en="There is no such reset link. Check that it is whole, or ask for a new one.",
        )
    if rows[0]["used_at"] is not None or rows[0]["expires_at"] <= to_instant(now):
        raise _reset_over()
    return str(rows[0]["person_id"])


async def use_reset(tx: Write, token_hash: str) -> str:
    """Take the link, once, and give whose it is. Raises GoneError where it was taken.

    Tokens, passkeys and links to accounts elsewhere end with it: whoever had the old password may
    have made them.
    """
    rows = await tx.rows(
        "UPDATE password_reset SET used_at = $1 WHERE token_hash = $2 AND used_at IS NULL"
        " AND expires_at > $3 RETURNING person_id",
        to_instant(tx.now),
        token_hash,
        to_instant(tx.now),
    )
    if not rows:
        raise _reset_over()
    person_id = str(rows[0]["person_id"])
    await tx.run(
        "UPDATE token SET revoked_at = $1 WHERE person_id = $2 AND revoked_at IS NULL",
        to_instant(tx.now),
        person_id,
    )
    for table in ("passkey", "outside_identity"):
        await tx.run(f"DELETE FROM {table} WHERE person_id = $1", person_id)
    return person_id


async def may_register(db: Source) -> bool:
    """Whether an administrator lets anyone make an account."""
    rows = await db.rows("SELECT value FROM archive WHERE name = $1", REGISTRATION)
    return bool(rows) and rows[0]["value"] == "open"


async def set_registration(tx: Write, *, is_open: bool) -> None:
    """Let anyone make an account, or nobody."""
    await tx.lock()
    value = "open" if is_open else "closed"
    await tx.run(
        "INSERT INTO archive (name, value) VALUES ($1, $2)"
        " ON CONFLICT (name) DO UPDATE SET value = excluded.value",
        REGISTRATION,
        value,
    )
    await ledger.append(tx, "edit", "setting", REGISTRATION, detail={"value": value})


def _over(state: str) -> GoneError:
    zh, en = {
        "used": ("已被使用", "has been used"),
        "revoked": ("已被撤回", "was withdrawn"),
        "expired": ("已过期", "has expired"),
    }[state]
    return GoneError(
        f"invitation.{state}",
        zh=f"这个邀请{zh}。如仍需要账号，请向邀请您的人要一个新链接。",
        en=f"This invitation {en}. If you still need an account, ask for a new link.",
    )


def _reset_over() -> GoneError:
    return GoneError(
        "reset.over",
        zh="这个重设链接已被使用或已过期。请要一个新的。",
        en="This reset link has been used or has expired. Ask for a new one.",
    )


def _invitation(row: Row) -> Invitation:
    return Invitation(
        id=row["id"],
        role=row["role"],
        trust=row["trust"],
        note=row["note"],
        made_by=row["made_by"],
        made_at=from_instant(row["made_at"]),
        expires_at=from_instant(row["expires_at"]),
        used_at=time_or_none(row["used_at"]),
        used_by=row["used_by"],
        revoked_at=time_or_none(row["revoked_at"]),
    )
