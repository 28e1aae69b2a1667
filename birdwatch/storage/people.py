"""People, their sessions and tokens. Secrets come and stay here as hashes only."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from birdwatch.domain.errors import ConflictError, NotFoundError
from birdwatch.domain.ids import new_id
from birdwatch.domain.person import Person, TokenInfo
from birdwatch.domain.policy import Role, Scope
from birdwatch.domain.text import Locale, Text
from birdwatch.storage import models
from birdwatch.storage.columns import (
    Row,
    clean,
    from_instant,
    from_json,
    instant_or_none,
    time_or_none,
    to_instant,
    to_json,
)
from birdwatch.storage.transactions import Source, Write

__all__ = ["Person", "TokenInfo"]
OF_SESSION = (
    "SELECT p.*, s.csrf FROM session s JOIN person p ON p.id = s.person_id"
    " WHERE s.token_hash = $1 AND s.expires_at > $2 AND NOT p.is_disabled"
)
OF_TOKEN = (
    "SELECT p.*, t.scopes FROM token t JOIN person p ON p.id = t.person_id"  # noqa: S105
    " WHERE t.token_hash = $1 AND (t.expires_at IS NULL OR t.expires_at > $2)"
    " AND t.revoked_at IS NULL AND NOT p.is_disabled"
)


async def add_person(  # noqa: PLR0917
    tx: Write,
    login: str,
    password_hash: str,
    role: Role,
    name: Text,
    locale: Locale = "zh",
) -> Person:
    """A new account. Raises ConflictError where the login is taken."""
    await tx.lock()
    if await find_login(tx, login):
        raise ConflictError(
            "person.exists",
            zh=f"登录名“{login}”已被使用。请换一个。",
            en=f"The login “{login}” is taken. Choose another.",
        )
    person = Person(new_id(tx.now), _login_key(login), name, role, locale)
    await models.Person.create(
        id=person.id,
        login=person.login,
        password_hash=password_hash,
        role=role,
        name_zh=clean(name.zh),
        name_en=clean(name.en),
        locale=locale,
        is_disabled=False,
        created_at=to_instant(tx.now),
        using_db=tx.client,
    )
    return person


async def find_person(db: Source, person_id: str) -> Person | None:
    """The person with this id, disabled or not."""
    row = await _one(db, id=person_id)
    return _person(row) if row else None


async def find_login(db: Source, login: str) -> tuple[Person, str] | None:
    """The person with this login, whatever its case, and the hash of the password."""
    row = await _one(db, login=_login_key(login))
    return (_person(row), row.password_hash) if row else None


async def list_people(db: Source) -> list[Person]:
    """Everybody, by login."""
    with db.database.activate():
        rows = await models.Person.all().using_db(db.client).order_by("login")
    return [_person(row) for row in rows]


async def set_password(tx: Write, person_id: str, password_hash: str) -> None:
    """A new password, which ends every session of this person."""
    await _update(tx, person_id, password_hash=password_hash)
    await tx.run("DELETE FROM session WHERE person_id = $1", person_id)


async def set_locale(tx: Write, person_id: str, locale: Locale) -> None:
    """The language this person reads."""
    await _update(tx, person_id, locale=locale)


async def set_disabled(tx: Write, person_id: str, *, disabled: bool) -> None:
    """Close an account, or open it again. Sessions and tokens of a closed one do nothing."""
    await _update(tx, person_id, is_disabled=disabled)


async def open_session(
    tx: Write, person_id: str, token_hash: str, csrf: str, expires_at: datetime
) -> None:
    """Begin a session; sessions that have expired are swept out."""
    await tx.run("DELETE FROM session WHERE expires_at <= $1", to_instant(tx.now))
    await tx.run(
        "INSERT INTO session (token_hash, person_id, csrf, created_at, expires_at)"
        " VALUES ($1, $2, $3, $4, $5)",
        token_hash,
        person_id,
        csrf,
        to_instant(tx.now),
        to_instant(expires_at),
    )


async def find_session(db: Source, token_hash: str, now: datetime) -> tuple[Person, str] | None:
    """Who this session is, and its CSRF token; None when it ended."""
    rows = await db.rows(OF_SESSION, token_hash, to_instant(now))
    return (_person_of(rows[0]), rows[0]["csrf"]) if rows else None


async def close_session(tx: Write, token_hash: str) -> None:
    """End a session at once, in every process."""
    await tx.run("DELETE FROM session WHERE token_hash = $1", token_hash)


async def add_token(  # noqa: PLR0917
    tx: Write,
    person_id: str,
    name: str,
    token_hash: str,
    prefix: str,
    scopes: Iterable[Scope],
    expires_at: datetime | None = None,
) -> TokenInfo:
    """A new API token of this person."""
    info = TokenInfo(
        new_id(tx.now), person_id, clean(name), prefix, frozenset(scopes), tx.now, expires_at
    )
    await tx.run(
        "INSERT INTO token (id, person_id, name, token_hash, prefix, scopes, created_at,"
        " expires_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
        info.id,
        person_id,
        info.name,
        token_hash,
        prefix,
        to_json(sorted(info.scopes)),
        to_instant(tx.now),
        instant_or_none(expires_at),
    )
    return info


async def find_token(
    db: Source, token_hash: str, now: datetime
) -> tuple[Person, frozenset[Scope]] | None:
    """Whom this token acts for, and its scopes; None when it expired or was revoked."""
    rows = await db.rows(OF_TOKEN, token_hash, to_instant(now))
    return (_person_of(rows[0]), frozenset(from_json(rows[0]["scopes"]))) if rows else None


async def list_tokens(db: Source, person_id: str) -> list[TokenInfo]:
    """The tokens of this person that were not revoked, oldest first."""
    rows = await db.rows(
        "SELECT * FROM token WHERE person_id = $1 AND revoked_at IS NULL ORDER BY id", person_id
    )
    return [
        TokenInfo(
            id=row["id"],
            person_id=row["person_id"],
            name=row["name"],
            prefix=row["prefix"],
            scopes=frozenset(from_json(row["scopes"])),
            created_at=from_instant(row["created_at"]),
            expires_at=time_or_none(row["expires_at"]),
            revoked_at=None,
        )
        for row in rows
    ]


async def revoke_token(tx: Write, person_id: str, token_id: str) -> None:
    """End a token of this person at once. Raises NotFoundError where they have no such token."""
    rows = await tx.rows(
        "UPDATE token SET revoked_at = $1 WHERE id = $2 AND person_id = $3 AND revoked_at IS NULL"
        " RETURNING id",
        to_instant(tx.now),
        token_id,
        person_id,
    )
    if not rows:
        raise NotFoundError(
            "token.unknown", zh="没有这个令牌，或它已被吊销。", en="No such token, or revoked."
        )


async def _one(db: Source, **key: str) -> models.Person | None:
    with db.database.activate():
        return await models.Person.get_or_none(using_db=db.client, **key)


async def _update(tx: Write, person_id: str, **values: object) -> None:
    if not await models.Person.filter(id=person_id).using_db(tx.client).update(**values):
        raise NotFoundError("person.unknown", zh="没有这个账号。", en="There is no such account.")


def _login_key(login: str) -> str:
    return clean(login).strip().casefold()


def _person(row: models.Person) -> Person:
    return _person_of(
        {name: getattr(row, name) for name in
         ("id", "login", "name_zh", "name_en", "role", "locale", "is_disabled")}
    )  # fmt: skip


def _person_of(row: Row) -> Person:
    return Person(
        id=row["id"],
        login=row["login"],
        name=Text(row["name_zh"], row["name_en"]),
        role=row["role"],
        locale=row["locale"],
        disabled=bool(row["is_disabled"]),
    )
