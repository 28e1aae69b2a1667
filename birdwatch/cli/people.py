"""`birdwatch user` and `birdwatch token`: accounts, their roles, and what opens them."""

from __future__ import annotations

import secrets
import sys
from datetime import UTC, date, datetime, time, timedelta
from typing import Annotated, TypeVar
from zoneinfo import ZoneInfo

import typer

from birdwatch.cli.speech import out, say, with_archive
from birdwatch.domain.errors import InvalidInputError, NotFoundError
from birdwatch.domain.paging import MAX_LIMIT
from birdwatch.domain.person import Person
from birdwatch.domain.policy import ROLES, SCOPES, SYSTEM, TRUSTS, Role, Trust
from birdwatch.domain.text import Text
from birdwatch.http.accounts import create_token, hash_password
from birdwatch.http.hashing import hash_secret, make_link_secret
from birdwatch.intake.archive import Archive
from birdwatch.storage import grants, invitations, people

Known = TypeVar("Known", Role, Trust)
TRUST_HELP = "trusted: published at once; checked: waits for a reviewer."
ESTUARY = ZoneInfo("Asia/Shanghai")


def add_user(  # noqa: PLR0917 (typer asks by position)
    login: Annotated[str, typer.Argument(help="Name to sign in with.")],
    role: Annotated[str, typer.Option(help=f"{', '.join(ROLES)}.")] = "contributor",
    trust: Annotated[str, typer.Option(help=TRUST_HELP)] = "trusted",
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
        return await put_user(
            archive,
            login,
            _one_of(role, ROLES),
            name,
            password,
            now=datetime.now(UTC),
            trust=_one_of(trust, TRUSTS),
        )

    person = with_archive(work)
    say(f"已添加账号 {person.login}（{person.role}）。", f"Added {person.login} ({person.role}).")
    if not password_stdin:
        say(f"密码（只显示一次）：{password}", f"Password (shown once): {password}")


def add_token(
    login: Annotated[str, typer.Argument(help="Whose token.")],
    name: Annotated[str, typer.Option(help="What it is for.")] = "command line",
    scope: Annotated[list[str], typer.Option(help=f"{', '.join(SCOPES)}; may be repeated.")] = [  # noqa: B006
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


def set_role(
    login: Annotated[str, typer.Argument(help="Whose role.")],
    role: Annotated[str, typer.Argument(help=f"{', '.join(ROLES)}.")],
) -> None:
    """Give an account another role. It counts from the next request."""

    async def work(archive: Archive) -> None:
        await change(archive, login, role=_one_of(role, ROLES))

    with_archive(work)
    say(f"{login} 的角色现在是 {role}。", f"{login} is now {role}.")


def set_trust(
    login: Annotated[str, typer.Argument(help="Whose trust.")],
    trust: Annotated[str, typer.Argument(help=TRUST_HELP)],
) -> None:
    """Say whether what this person sends waits for a reviewer."""

    async def work(archive: Archive) -> None:
        await change(archive, login, trust=_one_of(trust, TRUSTS))

    with_archive(work)
    say(f"{login} 现在是 {trust}。", f"{login} is now {trust}.")


def grant(
    login: Annotated[str, typer.Argument(help="The researcher.")],
    until: Annotated[str, typer.Option(help="Last day, as 2027-06-30.")],
    reason: Annotated[str, typer.Option(help="What the exact values are for.")],
) -> None:
    """Let a researcher see exact values until a day. It is written in the ledger."""

    async def work(archive: Archive) -> None:
        end = _end_of_day(until)
        person = await find_person(archive, login)
        async with archive.db.write(SYSTEM, datetime.now(UTC)) as tx:
            await grants.add_grant(tx, person, end, reason)

    with_archive(work)
    say(f"{login} 可查看精确数据至 {until}。", f"{login} sees exact values until {until}.")


def disable(login: Annotated[str, typer.Argument(help="Which account.")]) -> None:
    """Close an account: its sessions and tokens do nothing from now on."""

    async def work(archive: Archive) -> None:
        await change(archive, login, disabled=True)

    with_archive(work)
    say(f"已停用 {login}。", f"{login} is closed.")


def enable(login: Annotated[str, typer.Argument(help="Which account.")]) -> None:
    """Open a closed account again."""

    async def work(archive: Archive) -> None:
        await change(archive, login, disabled=False)

    with_archive(work)
    say(f"已启用 {login}。", f"{login} is open again.")


def list_users() -> None:
    """Every account: login, role, trust, state, name; one line each, separated by tabs."""

    async def work(archive: Archive) -> None:
        cursor = None
        while True:
            page = await people.list_people(archive.db, MAX_LIMIT, cursor)
            for one in page.items:
                state = "disabled" if one.disabled else "open"
                line = (one.login, one.role, one.trust, state, one.shown_name)
                typer.echo("\t".join(line))
            cursor = page.next
            if cursor is None:
                return

    with_archive(work)


def reset(login: Annotated[str, typer.Argument(help="Who forgot the password.")]) -> None:
    """Print a link that sets a new password, once, within a day."""

    async def work(archive: Archive) -> str:
        person = await find_person(archive, login)
        link = make_link_secret()
        async with archive.db.write(SYSTEM, datetime.now(UTC)) as tx:
            await invitations.add_reset(tx, person.id, hash_secret(link))
        settings = archive.settings
        base = settings.base_url or f"http://{settings.host}:{settings.port}"
        return f"{base}/reset/{link}"

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
    archive: Archive,
    login: str,
    role: Role,
    name: Text,
    password: str,
    *,
    now: datetime,
    trust: Trust = "trusted",
) -> Person:
    """Make an account. Raises ConflictError for a login that is taken."""
    password_hash = hash_password(password)
    async with archive.db.write(SYSTEM, now) as tx:
        return await people.add_person(tx, login, password_hash, role, name, trust=trust)


def new_password() -> str:
    """A password that can be read out on the telephone: 60 random bits in four groups."""
    letters = "abcdefghjkmnpqrstuvwxyz23456789x"
    return "-".join("".join(secrets.choice(letters) for _ in range(3)) for _ in range(4))


async def change(
    archive: Archive,
    login: str,
    *,
    role: Role | None = None,
    trust: Trust | None = None,
    disabled: bool | None = None,
) -> None:
    """Change what an account may do; it counts from the next request everywhere."""
    person = await find_person(archive, login)
    async with archive.db.write(SYSTEM, datetime.now(UTC)) as tx:
        await people.set_standing(tx, person, role=role, trust=trust, disabled=disabled)


def _one_of(text: str, known: tuple[Known, ...]) -> Known:
    for one in known:
        if one == text:
            return one
    names = ", ".join(known)
    raise InvalidInputError(
        "word.unknown",
        zh=f"没有“{text}”。可用：{names}。",
        en=f"There is no {text!r}. Use one of {names}.",
    )


def _end_of_day(text: str) -> datetime:
    """The end of this day at the estuary."""
    try:
        day = date.fromisoformat(text)
    except ValueError:
        raise InvalidInputError(
            "until.invalid",
            zh="截止日期请写成 2027-06-30 的形式。",
            en="Write the last day as 2027-06-30.",
        ) from None
    return datetime.combine(day + timedelta(days=1), time.min, ESTUARY)
