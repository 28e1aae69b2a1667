"""How an account begins, and how a forgotten password is mended: by links that open once."""

from __future__ import annotations

import re

from starlette.background import BackgroundTask
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from birdwatch.domain.errors import (
    BirdwatchError,
    ConflictError,
    FieldError,
    InvalidInputError,
    NotFoundError,
)
from birdwatch.domain.person import Invitation, Person
from birdwatch.domain.policy import VISITOR
from birdwatch.domain.text import Text
from birdwatch.http.accounts import hash_in_thread, require_csrf, start_session
from birdwatch.http.hashing import hash_secret
from birdwatch.http.mail import can_mail, mail_reset
from birdwatch.http.oidc import has_provider
from birdwatch.storage import invitations, people
from birdwatch.storage.invitations import find_invitation, find_reset
from birdwatch.web.forms import field_errors, typed
from birdwatch.web.profile import read_email, read_name
from birdwatch.web.reading import archive_of, now_of
from birdwatch.web.render import locale_of, page, with_query

LOGIN = re.compile(r"[\w.@+-]{2,64}")


async def show_invitation(request: Request) -> Response:
    """The form of who was invited; a link that is over says so."""
    return _join_page(request, await _invitation(request))


async def take_invitation(request: Request) -> Response:
    """Make the account and sign in; the link is used up in the same transaction."""
    invitation = await _invitation(request)
    return await _join(request, invitation)


async def show_register(request: Request) -> Response:
    """The form for a new account, where an administrator has opened the door."""
    await _require_open(request)
    return _join_page(request, None)


async def take_register(request: Request) -> Response:
    """Make the account of somebody nobody invited: a contributor whose records are checked."""
    await _require_open(request)
    return await _join(request, None)


async def show_reset(request: Request) -> Response:
    """The form for a new password, behind its link."""
    await find_reset(archive_of(request).db, _link_hash(request), now_of(request))
    return _reset_page(request)


async def take_reset(request: Request) -> Response:
    """Set the password, once; all else that opened the account ends."""
    archive, now = archive_of(request), now_of(request)
    await find_reset(archive.db, _link_hash(request), now)
    form = await request.form()
    require_csrf(request, form)
    try:
        password_hash = await hash_in_thread(str(form.get("password", "")))
    except InvalidInputError as error:
        return _reset_page(request, 422, error)
    async with archive.db.write(VISITOR, now) as tx:
        person_id = await invitations.use_reset(tx, _link_hash(request))
        await people.set_password(tx, person_id, password_hash)
    return RedirectResponse("/sign-in", 303)


async def show_forgotten(request: Request) -> Response:
    """The form that asks for a reset link by mail, where the archive can send mail."""
    _require_mail(request)
    return _private(page(request, "forgotten.html", is_sent=False))


async def take_forgotten(request: Request) -> Response:
    """The same answer for every address; whether it is known is looked up after the answer."""
    _require_mail(request)
    form = await request.form()
    require_csrf(request, form)
    response = _private(page(request, "forgotten.html", is_sent=True))
    try:
        email = read_email(typed(form).get("email", ""))
    except InvalidInputError:
        return response
    if email:
        # Counted like guesses, known address or not, so that nobody floods a mailbox through us.
        address = request.client.host if request.client else ""
        await request.app.state.sign_in_attempts.check((f"mail {email}", address))
        response.background = BackgroundTask(
            mail_reset, archive_of(request).settings, archive_of(request).db, email, now_of(request)
        )
    return response


async def _join(request: Request, invitation: Invitation | None) -> Response:
    form = await request.form()
    require_csrf(request, form)
    values = typed(form)
    try:
        login, name, email = (
            _read_login(values.get("login", "")),
            read_name(values),
            read_email(values.get("email", "")),
        )
        password_hash = await hash_in_thread(str(form.get("password", "")))
        person = await _make(request, invitation, login, password_hash, name, email)
    except (InvalidInputError, ConflictError) as error:
        return _join_page(request, invitation, 422, values, error)
    response = RedirectResponse("/account", 303)
    await start_session(request, response, person)
    return response


async def _make(  # noqa: PLR0917
    request: Request,
    invitation: Invitation | None,
    login: str,
    password_hash: str,
    name: Text,
    email: str,
) -> Person:
    async with archive_of(request).db.write(VISITOR, now_of(request)) as tx:
        person = await people.add_person(
            tx,
            login,
            password_hash,
            invitation.role if invitation else "contributor",
            name,
            locale_of(request),
            trust=invitation.trust if invitation else "checked",
            email=email,
        )
        if invitation:
            await invitations.use_invitation(tx, invitation, person.id)
    return person


def _read_login(text: str) -> str:
    if LOGIN.fullmatch(text):
        return text
    message = Text(
        "用户名为 2 到 64 个字母、汉字、数字或 . @ + - _，不含空格。",
        "A login has 2 to 64 letters, digits or . @ + - _, and no blanks.",
    )
    raise InvalidInputError(
        "person.login", zh=message.zh, en=message.en, errors=(FieldError("login", message),)
    )


async def _invitation(request: Request) -> Invitation:
    return await find_invitation(archive_of(request).db, _link_hash(request), now_of(request))


def _link_hash(request: Request) -> str:
    return hash_secret(request.path_params["token"])


async def _require_open(request: Request) -> None:
    if not await invitations.may_register(archive_of(request).db):
        raise NotFoundError(
            "register.closed",
            zh="本站不开放自行注册。请向管理员要一个邀请链接。",
            en="Accounts are by invitation here. Ask an administrator for a link.",
        )


def _require_mail(request: Request) -> None:
    if not can_mail(archive_of(request).settings):
        raise NotFoundError(
            "reset.no_mail",
            zh="本站不能发送邮件。请向管理员要一个重设密码的链接。",
            en="This archive sends no mail. Ask an administrator for a reset link.",
        )


def _join_page(
    request: Request,
    invitation: Invitation | None,
    status: int = 200,
    values: dict[str, str] | None = None,
    error: BirdwatchError | None = None,
) -> Response:
    empty = {"login": "", "name_zh": "", "name_en": "", "email": ""}
    return _private(
        page(
            request,
            "join.html",
            status,
            invitation=invitation,
            action=request.url.path,
            outside=_outside(request, invitation),
            values={**empty, **(values or {})},
            error=error,
            errors=field_errors(error, request),
        )
    )


def _outside(request: Request, invitation: Invitation | None) -> str:
    """Where one joins by an account elsewhere; empty without a provider."""
    if not has_provider(archive_of(request).settings):
        return ""
    token = {"invitation": request.path_params["token"]} if invitation else {}
    return with_query("/sign-in/oidc", {"next": "/account", **token})


def _reset_page(
    request: Request, status: int = 200, error: InvalidInputError | None = None
) -> Response:
    return _private(
        page(request, "reset.html", status, action=request.url.path, error=error,
             errors=field_errors(error, request))
    )  # fmt: skip


def _private(response: Response) -> Response:
    response.headers["Cache-Control"] = "no-store"
    return response
