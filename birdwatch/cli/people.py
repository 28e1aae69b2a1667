"""`birdwatch user add` and `birdwatch token add`."""

from __future__ import annotations

import secrets
import sys
from datetime import UTC, datetime, timedelta
from typing import Annotated

import typer

from birdwatch.cli.speech import out, say, with_archive
from birdwatch.domain.errors import InvalidInputError, NotFoundError
from birdwatch.domain.person import Person
from birdwatch.domain.policy import ROLES, SCOPES, SYSTEM, Role
from birdwatch.domain.text import Text
from birdwatch.http.accounts import create_token, hash_password
from birdwatch.intake.archive import Archive
from birdwatch.storage import people


def add_user(
    login: Annotated[str, typer.Argument(help="Name to sign in with.")],
    role: Annotated[str, typer.Option(help="contributor or admin.")] = "contributor",
    name_zh: Annotated[str, typer.Option(help="Name shown, in Chinese.")] = "",
    name_en: Annotated[str, typer.Option(help="Name shown, in English.")] = "",
    password_stdin: Annotated[
        bool, typer.Option("--password-stdin", help="Read the password from standard input.")
    ] = False,
) -> None:
    """Make an account. Without --password-stdin a password is made up and printed once."""
    given = sys.stdin.readline().rstrip("\r\n") if password_stdin else ""
    password = given if password_stdin else new_password()
    name = Text(name_zh or name_en or login, name_en or name_zh or login)

    async def work(archive: Archive) -> Person:
        return await put_user(archive, login, _role(role), name, password, now=datetime.now(UTC))

    person = with_archive(work)
    say(f"已添加账号 {person.login}（{person.role}）。", f"Added {person.login} ({person.role}).")
    if not password_stdin:
        say(f"密码（只显示一次）：{password}", f"Password (shown once): {password}")


def add_token(
    login: Annotated[str, typer.Argument(help="Whose token.")],
    name: Annotated[str, typer.Option(help="What it is for.")] = "command line",
    scope: Annotated[list[str], typer.Option(help="read, upload, count; may be repeated.")] = [  # noqa: B006
        "read"
    ],
    days: Annotated[int, typer.Option(help="Days until it ends; 0: never.")] = 0,
) -> None:
    """Make an API token and print it, once, as the only line of output."""
    now = datetime.now(UTC)

    async def work(archive: Archive) -> str:
        person = await find_person(archive, login)
        expires_at = now + timedelta(days=days) if days else None
        async with archive.db.write(SYSTEM, now) as tx:
            return await create_token(tx, person.id, name, scope, expires_at)

    out.print(with_archive(work), markup=False)


async def find_person(archive: Archive, login: str) -> Person:
    """The account of this login. Raises NotFoundError."""
    found = await people.find_login(archive.db, login)
    if found is None:
        raise NotFoundError(
            "person.not_found",
            zh=f"没有账号“{login}”。可用 birdwatch user add 添加。",
            en=f"There is no account {login!r}. Add it with birdwatch user add.",
        )
    return found[0]


async def put_user(
    archive: Archive, login: str, role: Role, name: Text, password: str, *, now: datetime
) -> Person:
    """Make an account. Raises ConflictError for a login that is taken."""
    password_hash = hash_password(password)
    async with archive.db.write(SYSTEM, now) as tx:
        return await people.add_person(tx, login, password_hash, role, name)


def new_password() -> str:
    """A password that can be read out on the telephone: 60 random bits in four groups."""
    letters = "abcdefghjkmnpqrstuvwxyz23456789x"
    return "-".join("".join(secrets.choice(letters) for _ in range(3)) for _ in range(4))


def _role(text: str) -> Role:
    for role in ROLES:
        if role == text:
            return role
    names = ", ".join(ROLES)
    raise InvalidInputError(
        "role.unknown",
        zh=f"没有角色“{text}”。可用：{names}。",
        en=f"There is no role {text!r}. Use one of {names}; scopes {', '.join(SCOPES)} belong to"
        " tokens.",
    )
