"""The administrator's pages: who has an account, what they may do, and who is invited."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta

from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from birdwatch.domain.errors import (
    BirdwatchError,
    ConflictError,
    FieldError,
    InvalidInputError,
    NotFoundError,
)
from birdwatch.domain.person import Person
from birdwatch.domain.policy import ROLES, TRUSTS, Role, Trust
from birdwatch.domain.text import Text
from birdwatch.http.accounts import require, require_csrf
from birdwatch.http.hashing import hash_secret, make_link_secret
from birdwatch.intake.words import clean_line
from birdwatch.storage import grants, invitations, ledger, people
from birdwatch.web.figures import ESTUARY_ZONE
from birdwatch.web.forms import field_errors, typed
from birdwatch.web.reading import archive_of, now_of, query_text
from birdwatch.web.render import actor_of, page

PAGE_SIZE = 50
INVITATION_DAYS = ("1", "7", "30", "90")
MAX_NOTE_CHARS = 200


async def show_people(request: Request) -> Response:
    """Everybody, the invitations, and whether the door is open."""
    require(actor_of(request), "administer")
    return await _people_page(request)


async def invite(request: Request) -> Response:
    """Make an invitation and show its link, this once."""
    form = await _form(request)
    values = typed(form)
    role: Role = next((one for one in ROLES if one == values.get("role")), "contributor")
    trust: Trust = next((one for one in TRUSTS if one == values.get("trust")), "checked")
    days = values.get("days", "")
    lasts = timedelta(days=int(days) if days in INVITATION_DAYS else 7)
    secret, now = make_link_secret(), now_of(request)
    async with archive_of(request).db.write(actor_of(request), now) as tx:
        note = clean_line(values.get("note", ""))[:MAX_NOTE_CHARS]
        await invitations.add_invitation(tx, hash_secret(secret), role, trust, now + lasts, note)
    return await _people_page(request, link=absolute(request, f"/invitations/{secret}"))


async def withdraw_invitation(request: Request) -> Response:
    """Make an invitation worthless that nobody has used."""
    await _form(request)
    async with archive_of(request).db.write(actor_of(request), now_of(request)) as tx:
        await invitations.revoke_invitation(tx, request.path_params["id"])
    return RedirectResponse("/admin/people#invitations", 303)


async def switch_registration(request: Request) -> Response:
    """Let anyone make an account, or nobody."""
    form = await _form(request)
    async with archive_of(request).db.write(actor_of(request), now_of(request)) as tx:
        await invitations.set_registration(tx, is_open=form.get("open") == "1")
    return RedirectResponse("/admin/people#registration", 303)


async def show_person(request: Request) -> Response:
    """One account: its standing and its grants."""
    require(actor_of(request), "administer")
    return await _person_page(request, await _person(request))


async def change_person(request: Request) -> Response:
    """Role, trust and whether the account is open."""
    values = typed(await _form(request))
    person = await _person(request)
    try:
        async with archive_of(request).db.write(actor_of(request), now_of(request)) as tx:
            await people.set_standing(
                tx,
                person,
                role=next((one for one in ROLES if one == values.get("role")), None),
                trust=next((one for one in TRUSTS if one == values.get("trust")), None),
                disabled={"closed": True, "open": False}.get(values.get("state", "")),
            )
    except ConflictError as error:
        return await _person_page(request, person, 409, error=error)
    return RedirectResponse(f"/admin/people/{person.id}?saved=1", 303)


async def give_grant(request: Request) -> Response:
    """Let a researcher see exact values until the end of a day."""
    values = typed(await _form(request))
    person = await _person(request)
    try:
        until = _end_of_day(values.get("until", ""))
        async with archive_of(request).db.write(actor_of(request), now_of(request)) as tx:
            await grants.add_grant(tx, person, until, clean_line(values.get("reason", "")))
    except InvalidInputError as error:
        return await _person_page(request, person, 422, values=values, error=error)
    return RedirectResponse(f"/admin/people/{person.id}#grants", 303)


async def revoke_grant(request: Request) -> Response:
    """End a grant now."""
    await _form(request)
    person = await _person(request)
    async with archive_of(request).db.write(actor_of(request), now_of(request)) as tx:
        await grants.revoke_grant(tx, person.id, request.path_params["grant"])
    return RedirectResponse(f"/admin/people/{person.id}#grants", 303)


async def make_reset(request: Request) -> Response:
    """Make a reset link and show it, this once; that it was made is in the ledger."""
    await _form(request)
    person = await _person(request)
    secret = make_link_secret()
    async with archive_of(request).db.write(actor_of(request), now_of(request)) as tx:
        await invitations.add_reset(tx, person.id, hash_secret(secret))
        await ledger.append(tx, "edit", "person", person.id, detail={"reset_link": True})
    return await _person_page(request, person, link=absolute(request, f"/reset/{secret}"))


def absolute(request: Request, path: str) -> str:
    """The whole address of a path of ours, to hand on."""
    base: str = archive_of(request).settings.base_url
    return f"{base or f'{request.url.scheme}://{request.url.netloc}'}{path}"


async def _form(request: Request) -> FormData:
    """The posted form, from an administrator's own page."""
    require(actor_of(request), "administer")
    form = await request.form()
    require_csrf(request, form)
    return form


async def _person(request: Request) -> Person:
    found = await people.find_person(archive_of(request).db, request.path_params["id"])
    if found is None:
        raise NotFoundError("person.unknown", zh="没有这个账号。", en="There is no such account.")
    return found


def _end_of_day(text: str) -> datetime:
    try:
        day = date.fromisoformat(text)
        return datetime.combine(day + timedelta(days=1), time.min, ESTUARY_ZONE)
    except (ValueError, OverflowError):
        message = Text("请选择截止日期。", "Choose the last day.")
        raise InvalidInputError(
            "until.invalid", zh=message.zh, en=message.en, errors=(FieldError("until", message),)
        ) from None


async def _people_page(request: Request, *, link: str = "") -> Response:
    db = archive_of(request).db
    found = await people.list_people(db, PAGE_SIZE, query_text(request, "cursor"))
    return _private(
        page(
            request,
            "admin_people.html",
            people=found,
            invitations=await invitations.list_invitations(db),
            invitation_days=INVITATION_DAYS,
            is_open=await invitations.may_register(db),
            roles=ROLES,
            trusts=TRUSTS,
            link=link,
            now=now_of(request),
        )
    )


async def _person_page(
    request: Request,
    person: Person,
    status: int = 200,
    *,
    values: dict[str, str] | None = None,
    error: BirdwatchError | None = None,
    link: str = "",
) -> Response:
    return _private(
        page(
            request,
            "admin_person.html",
            status,
            person=person,
            grants=await grants.list_grants(archive_of(request).db, person.id),
            values={"until": "", "reason": "", **(values or {})},
            roles=ROLES,
            trusts=TRUSTS,
            link=link,
            is_saved="saved" in request.query_params,
            now=now_of(request),
            error=error,
            errors=field_errors(error, request),
        )
    )


def _private(response: Response) -> Response:
    response.headers["Cache-Control"] = "no-store"
    return response
