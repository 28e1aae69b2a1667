"""Keys that people keep in their devices, identities they have elsewhere, and questions put to both.

A question (challenge) is asked of one browser, lasts minutes and is taken once.
"""

from __future__ import annotations

from datetime import timedelta

from birdwatch.domain.errors import ConflictError, NotFoundError
from birdwatch.domain.person import Passkey, Person
from birdwatch.storage import people
from birdwatch.storage.columns import (
    Row,
    clean,
    from_instant,
    from_json,
    time_or_none,
    to_instant,
    to_json,
)
from birdwatch.storage.transactions import Source, Write

ASKED_LASTS = timedelta(minutes=5)
MOST_PASSKEYS = 20


async def ask(
    tx: Write, token_hash: str, kind: str, detail: dict[str, str], person_id: str | None = None
) -> None:
    """Remember a question put to the browser that holds this token; old ones are swept out."""
    await tx.run("DELETE FROM challenge WHERE expires_at <= $1", to_instant(tx.now))
    await tx.run(
        "INSERT INTO challenge (token_hash, kind, person_id, detail, expires_at)"
        " VALUES ($1, $2, $3, $4, $5)",
        token_hash,
        kind,
        person_id,
        to_json(detail),
        to_instant(tx.now + ASKED_LASTS),
    )


async def take(
    tx: Write, token_hash: str, kind: str, person_id: str | None = None
) -> dict[str, str] | None:
    """What was asked of this browser, once; None where nothing was, or too long ago."""
    rows = await tx.rows(
        "DELETE FROM challenge WHERE token_hash = $1 RETURNING kind, person_id, detail, expires_at",
        token_hash,
    )
    if not rows or (rows[0]["kind"], rows[0]["person_id"]) != (kind, person_id):
        return None
    found: dict[str, str] = from_json(rows[0]["detail"])
    return found if to_instant(tx.now) < rows[0]["expires_at"] else None


async def add_passkey(  # noqa: PLR0917
    tx: Write, person_id: str, key_id: str, public_key: str, sign_count: int, name: str
) -> None:
    """Keep the public half of a new key. Raises ConflictError for a known one, or one too many."""
    await tx.lock()
    if await tx.rows("SELECT id FROM passkey WHERE id = $1", key_id):
        raise ConflictError(
            "passkey.exists",
            zh="这把通行密钥已经登记过了。",
            en="This passkey is registered already.",
        )
    if len(await list_passkeys(tx, person_id)) >= MOST_PASSKEYS:
        raise ConflictError(
            "passkey.too_many",
            zh=f"每个账号最多 {MOST_PASSKEYS} 把通行密钥。请先删除不用的。",
            en=f"An account has at most {MOST_PASSKEYS} passkeys. Remove one first.",
        )
    await tx.run(
        "INSERT INTO passkey (id, person_id, name, public_key, sign_count, made_at)"
        " VALUES ($1, $2, $3, $4, $5, $6)",
        key_id,
        person_id,
        clean(name),
        public_key,
        sign_count,
        to_instant(tx.now),
    )


async def find_passkey(db: Source, key_id: str) -> tuple[Passkey, Person] | None:
    """The key of this id and whose it is; None for one we do not know or of a closed account."""
    rows = await db.rows("SELECT * FROM passkey WHERE id = $1", clean(key_id))
    person = await people.find_person(db, rows[0]["person_id"]) if rows else None
    return (_passkey(rows[0]), person) if person and not person.disabled else None


async def list_passkeys(db: Source, person_id: str) -> list[Passkey]:
    """The keys of this person, oldest first."""
    rows = await db.rows(
        "SELECT * FROM passkey WHERE person_id = $1 ORDER BY made_at, id", person_id
    )
    return [_passkey(row) for row in rows]


async def note_passkey(tx: Write, key_id: str, sign_count: int) -> None:
    """A key was used; its counter tells a copied one."""
    await tx.run(
        "UPDATE passkey SET sign_count = $1, last_used_at = $2 WHERE id = $3",
        sign_count,
        to_instant(tx.now),
        key_id,
    )


async def remove_passkey(tx: Write, person_id: str, key_id: str) -> None:
    """Forget a key of this person. Raises NotFoundError where they have no such key."""
    if not await tx.rows(
        "DELETE FROM passkey WHERE id = $1 AND person_id = $2 RETURNING id",
        clean(key_id),
        person_id,
    ):
        raise NotFoundError(
            "passkey.unknown", zh="没有这把通行密钥。", en="There is no such passkey."
        )


async def find_outside(db: Source, issuer: str, subject: str) -> Person | None:
    """Whom this provider's subject is here; None for somebody new."""
    rows = await db.rows(
        "SELECT person_id FROM outside_identity WHERE issuer = $1 AND subject = $2",
        clean(issuer),
        clean(subject),
    )
    return await people.find_person(db, rows[0]["person_id"]) if rows else None


async def link_outside(tx: Write, person_id: str, issuer: str, subject: str) -> None:
    """From now on this provider's subject is this person."""
    await tx.run(
        "INSERT INTO outside_identity (issuer, subject, person_id, made_at)"
        " VALUES ($1, $2, $3, $4)",
        clean(issuer),
        clean(subject),
        person_id,
        to_instant(tx.now),
    )


def _passkey(row: Row) -> Passkey:
    return Passkey(
        id=row["id"],
        person_id=row["person_id"],
        name=row["name"],
        public_key=row["public_key"],
        sign_count=row["sign_count"],
        made_at=from_instant(row["made_at"]),
        last_used_at=time_or_none(row["last_used_at"]),
    )
