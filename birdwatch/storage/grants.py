"""Leave for researchers to see exact values: until when, for what, by whom; all in the ledger."""

from __future__ import annotations

from datetime import datetime

from birdwatch.domain.errors import FieldError, InvalidInputError, NotFoundError
from birdwatch.domain.ids import new_id
from birdwatch.domain.person import Grant, Person
from birdwatch.domain.text import Text
from birdwatch.storage import ledger
from birdwatch.storage.columns import clean, from_instant, time_or_none, to_instant
from birdwatch.storage.transactions import Source, Write

MAX_REASON_CHARS = 500


async def add_grant(tx: Write, person: Person, until: datetime, reason: str) -> Grant:
    """A new grant. Raises InvalidInputError without a reason, or where the end has passed."""
    why = clean(reason).strip()
    wrong = []
    if not 0 < len(why) <= MAX_REASON_CHARS:
        wrong.append(
            FieldError(
                "reason",
                Text(
                    f"请写明授权理由，不超过 {MAX_REASON_CHARS} 字。",
                    f"Give the reason of the grant, in at most {MAX_REASON_CHARS} characters.",
                ),
            )
        )
    if until <= tx.now:
        message = Text("授权的截止日期应在今天之后。", "A grant must end after today.")
        wrong.append(FieldError("until", message))
    if person.role != "researcher":
        message = Text(
            "只有研究者可以获得授权。请先更改角色。",
            "Only a researcher can have a grant. Change the role first.",
        )
        wrong.append(FieldError("role", message))
    if wrong:
        raise InvalidInputError(
            "grant.invalid",
            zh="".join(one.message.zh for one in wrong),
            en=" ".join(one.message.en for one in wrong),
            errors=tuple(wrong),
        )
    grant = Grant(new_id(tx.now), person.id, until, why, tx.actor.name, tx.now)
    await tx.lock()
    await tx.run(
        "INSERT INTO access_grant (id, person_id, until, reason, made_by, made_at)"
        " VALUES ($1, $2, $3, $4, $5, $6)",
        grant.id,
        person.id,
        to_instant(until),
        why,
        clean(grant.made_by),
        to_instant(tx.now),
    )
    detail: dict[str, object] = {"grant": grant.id, "until": until.isoformat(), "reason": why}
    await ledger.append(tx, "edit", "person", person.id, detail=detail)
    return grant


async def revoke_grant(tx: Write, person_id: str, grant_id: str) -> None:
    """End a grant now. Raises NotFoundError where this person has no such grant."""
    await tx.lock()
    rows = await tx.rows(
        "UPDATE access_grant SET revoked_at = $1 WHERE id = $2 AND person_id = $3"
        " AND revoked_at IS NULL RETURNING id",
        to_instant(tx.now),
        grant_id,
        person_id,
    )
    if not rows:
        raise NotFoundError(
            "grant.unknown",
            zh="没有这项授权，或它已被撤销。",
            en="There is no such grant, or it was revoked.",
        )
    detail: dict[str, object] = {"grant": grant_id, "revoked": True}
    await ledger.append(tx, "edit", "person", person_id, detail=detail)


async def list_grants(db: Source, person_id: str) -> list[Grant]:
    """Every grant this person ever had, newest first."""
    rows = await db.rows(
        "SELECT * FROM access_grant WHERE person_id = $1 ORDER BY id DESC LIMIT 100", person_id
    )
    return [
        Grant(
            id=row["id"],
            person_id=row["person_id"],
            until=from_instant(row["until"]),
            reason=row["reason"],
            made_by=row["made_by"],
            made_at=from_instant(row["made_at"]),
            revoked_at=time_or_none(row["revoked_at"]),
        )
        for row in rows
    ]
