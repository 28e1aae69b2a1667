"""People, their sessions and tokens. Secrets come and stay here as hashes only."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta

from birdwatch.domain.errors import ConflictError, NotFoundError
from birdwatch.domain.ids import new_id
from birdwatch.domain.paging import Page, decode_cursor, encode_cursor
from birdwatch.domain.person import Person, SessionInfo, TokenInfo
from birdwatch.domain.policy import SYSTEM, Role, Scope, Trust
from birdwatch.domain.text import Locale, Text
from birdwatch.storage import ledger, models
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
from birdwatch.storage.transactions import Database, Source, Write

__all__ = ["Person", "TokenInfo"]
# With the person comes the end of their grant, so that no request asks twice who somebody is.
PERSON = (
    "p.*, (SELECT MAX(g.until) FROM access_grant g"
    " WHERE g.person_id = p.id AND g.revoked_at IS NULL) AS grant_until"
)
OF_SESSION = (
    f"SELECT {PERSON}, s.csrf FROM session s JOIN person p ON p.id = s.person_id"
    " WHERE s.token_hash = $1 AND s.expires_at > $2 AND NOT p.is_disabled"
)
OF_TOKEN = (
    f"SELECT {PERSON}, t.scopes FROM token t JOIN person p ON p.id = t.person_id"
    " WHERE t.token_hash = $1 AND (t.expires_at IS NULL OR t.expires_at > $2)"
    " AND t.revoked_at IS NULL AND NOT p.is_disabled"
)
SEEN_EVERY = timedelta(minutes=1)
MAX_USER_AGENT_CHARS = 200


async def add_person(  # noqa: PLR0917
    tx: Write,
    login: str,
    password_hash: str,
    role: Role,
    name: Text,
    locale: Locale = "zh",
    *,
    trust: Trust = "checked",
    email: str = "",
) -> Person:
    """A new account. Raises ConflictError where the login is taken."""
    await tx.lock()
    if await find_login(tx, login):
        raise ConflictError(
            "person.exists",
            zh=f"登录名“{login}”已被使用。请换一个。",
            en=f"The login “{login}” is taken. Choose another.",
        )
    person = Person(
        new_id(tx.now), _login_key(login), name, role, locale, trust=trust, email=clean(email)
    )
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
        trust=trust,
        email=person.email,
        credit="",
        default_license=None,
        using_db=tx.client,
    )
    return person


async def find_person(db: Source, person_id: str) -> Person | None:
    """The person with this id, disabled or not."""
    rows = await db.rows(f"SELECT {PERSON} FROM person p WHERE p.id = $1", person_id)
    return _person_of(rows[0]) if rows else None


async def find_login(db: Source, login: str) -> tuple[Person, str] | None:
    """The person with this login, whatever its case, and the hash of the password."""
    rows = await db.rows(f"SELECT {PERSON} FROM person p WHERE p.login = $1", _login_key(login))
    return (_person_of(rows[0]), rows[0]["password_hash"]) if rows else None


async def find_by_email(db: Source, email: str) -> list[Person]:
    """The open accounts with this address; nothing keeps two people from sharing one."""
    rows = await db.rows(
        f"SELECT {PERSON} FROM person p WHERE p.email = $1 AND p.email <> ''"
        " AND NOT p.is_disabled ORDER BY p.id LIMIT 5",
        clean(email),
    )
    return [_person_of(row) for row in rows]


async def list_people(db: Source, limit: int = 50, cursor: str | None = None) -> Page[Person]:
    """Everybody, by login, page by page."""
    after = decode_cursor(cursor, str)[0] if cursor else ""
    rows = await db.rows(
        f"SELECT {PERSON} FROM person p WHERE p.login > $1 ORDER BY p.login LIMIT $2",
        after,
        limit + 1,
    )
    found = tuple(_person_of(row) for row in rows[:limit])
    return Page(found, encode_cursor(found[-1].login) if len(rows) > limit else None)


async def set_password(
    tx: Write, person_id: str, password_hash: str, *, keep_session: str = ""
) -> None:
    """A new password, which ends every session of this person but the one with this hash."""
    await _update(tx, person_id, password_hash=password_hash)
    await close_sessions(tx, person_id, keep=keep_session)


async def renew_hash(tx: Write, person_id: str, password_hash: str) -> None:
    """The same password, hashed as we hash today."""
    await _update(tx, person_id, password_hash=password_hash)


async def set_profile(  # noqa: PLR0917
    tx: Write,
    person_id: str,
    name: Text,
    credit: str,
    default_license: str | None,
    email: str,
    locale: Locale,
) -> None:
    """What a person says of themselves."""
    await _update(
        tx,
        person_id,
        name_zh=clean(name.zh),
        name_en=clean(name.en),
        credit=clean(credit),
        default_license=default_license,
        email=clean(email),
        locale=locale,
    )


async def set_locale(tx: Write, person_id: str, locale: Locale) -> None:
    """The language this person reads."""
    await _update(tx, person_id, locale=locale)


async def set_standing(
    tx: Write,
    person: Person,
    *,
    role: Role | None = None,
    trust: Trust | None = None,
    disabled: bool | None = None,
) -> None:
    """Change role, trust or whether the account is open; each change is in the ledger.

    It counts from the next request in every process. Raises ConflictError where no open account
    of an administrator would be left.
    """
    await tx.lock()
    changed: dict[str, object] = {}
    if role is not None and role != person.role:
        changed["role"] = role
    if trust is not None and trust != person.trust:
        changed["trust"] = trust
    if disabled is not None and disabled != person.disabled:
        changed["is_disabled"] = disabled
    if not changed:
        return
    await _update(tx, person.id, **changed)
    if person.role == "admin" and not await tx.rows(
        "SELECT id FROM person WHERE role = 'admin' AND NOT is_disabled LIMIT 1"
    ):
        raise ConflictError(
            "person.last_admin",
            zh="这是最后一位管理员，不能停用或更改角色。请先任命另一位管理员。",
            en="This is the last administrator. Appoint another before changing this account.",
        )
    await ledger.append(tx, "edit", "person", person.id, detail=changed)


async def set_disabled(tx: Write, person_id: str, *, disabled: bool) -> None:
    """Close an account, or open it again. Sessions and tokens of a closed one do nothing."""
    await _update(tx, person_id, is_disabled=disabled)


async def open_session(  # noqa: PLR0917
    tx: Write,
    person_id: str,
    token_hash: str,
    csrf: str,
    expires_at: datetime,
    user_agent: str = "",
) -> None:
    """Begin a session; sessions that have expired are swept out."""
    await _drop_ended(tx)
    await tx.run(
        "INSERT INTO session (token_hash, person_id, csrf, created_at, expires_at, id,"
        " user_agent, last_seen_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
        token_hash,
        person_id,
        csrf,
        to_instant(tx.now),
        to_instant(expires_at),
        new_id(tx.now),
        clean(user_agent)[:MAX_USER_AGENT_CHARS],
        to_instant(tx.now),
    )


async def sweep_sessions(db: Database, now: datetime) -> None:
    """Take away the sessions that have ended."""
    async with db.write(SYSTEM, now) as tx:
        await _drop_ended(tx)


async def _drop_ended(tx: Write) -> None:
    await tx.run("DELETE FROM session WHERE expires_at <= $1", to_instant(tx.now))


async def find_session(db: Source, token_hash: str, now: datetime) -> tuple[Person, str] | None:
    """Who this session is, and its CSRF token; None when it ended."""
    rows = await db.rows(OF_SESSION, token_hash, to_instant(now))
    return (_person_of(rows[0]), rows[0]["csrf"]) if rows else None


async def list_sessions(
    db: Source, person_id: str, now: datetime, *, current: str = ""
) -> list[SessionInfo]:
    """The signed-in browsers of this person, last seen first; `current` is the asker's hash."""
    rows = await db.rows(
        "SELECT * FROM session WHERE person_id = $1 AND expires_at > $2 AND id IS NOT NULL"
        " ORDER BY last_seen_at DESC, id DESC LIMIT 200",
        person_id,
        to_instant(now),
    )
    return [
        SessionInfo(
            id=row["id"],
            user_agent=row["user_agent"],
            created_at=from_instant(row["created_at"]),
            last_seen_at=from_instant(row["last_seen_at"] or row["created_at"]),
            is_current=row["token_hash"] == current,
        )
        for row in rows
    ]


async def close_session(tx: Write, token_hash: str) -> None:
    """End a session at once, in every process."""
    await tx.run("DELETE FROM session WHERE token_hash = $1", token_hash)


async def close_sessions(
    tx: Write, person_id: str, *, session_id: str | None = None, keep: str = ""
) -> None:
    """End the session of this id, or all of this person but the one whose hash is `keep`."""
    if session_id is not None:
        await tx.run("DELETE FROM session WHERE person_id = $1 AND id = $2", person_id, session_id)
        return
    await tx.run("DELETE FROM session WHERE person_id = $1 AND token_hash <> $2", person_id, keep)


async def note_use(
    tx: Write, sessions: Mapping[str, datetime], tokens: Mapping[str, datetime]
) -> None:
    """Write down when sessions and tokens, by their hashes, were last used; only ever later."""
    await tx.run_many(
        "UPDATE session SET last_seen_at = $1 WHERE token_hash = $2 AND last_seen_at < $3",
        [(to_instant(at), one, to_instant(at)) for one, at in sessions.items()],
    )
    await tx.run_many(
        "UPDATE token SET last_used_at = $1 WHERE token_hash = $2"
        " AND (last_used_at IS NULL OR last_used_at < $3)",
        [(to_instant(at), one, to_instant(at)) for one, at in tokens.items()],
    )


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
            last_used_at=time_or_none(row["last_used_at"]),
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


async def _update(tx: Write, person_id: str, **values: object) -> None:
    if not await models.Person.filter(id=person_id).using_db(tx.client).update(**values):
        raise NotFoundError("person.unknown", zh="没有这个账号。", en="There is no such account.")


def _login_key(login: str) -> str:
    return clean(login).strip().casefold()


def _person_of(row: Row) -> Person:
    return Person(
        id=row["id"],
        login=row["login"],
        name=Text(row["name_zh"], row["name_en"]),
        role=row["role"],
        locale=row["locale"],
        disabled=bool(row["is_disabled"]),
        trust=row["trust"],
        email=row["email"],
        credit=row["credit"],
        default_license=row["default_license"],
        grant_until=time_or_none(row["grant_until"]),
    )
