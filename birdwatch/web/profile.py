"""What people say of themselves, their password, and the browsers in which they are signed in."""

from __future__ import annotations

import re

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from birdwatch.domain.credit import render_credit
from birdwatch.domain.errors import BirdwatchError, FieldError, InvalidInputError
from birdwatch.domain.person import Person
from birdwatch.domain.text import LOCALES, Text
from birdwatch.http.accounts import hash_in_thread, is_own_password, require, require_csrf
from birdwatch.http.negotiation import LOCALE_COOKIE
from birdwatch.http.oidc import has_provider
from birdwatch.http.sessions import is_secure, session_hash
from birdwatch.intake.words import LICENSES, clean_credit, clean_license, clean_line
from birdwatch.storage import people
from birdwatch.storage.passkeys import list_passkeys
from birdwatch.web.forms import field_errors, typed
from birdwatch.web.reading import archive_of, now_of
from birdwatch.web.render import actor_of, page

MAX_NAME_CHARS = 80
EMAIL = re.compile(r"[^@\s<>,;:\"]{1,64}@[^@\s<>,;:\"]{1,190}")
YEAR_S = 365 * 24 * 3600


# Most browsers name the others too: the first that is found is the one it is.
BROWSERS = (
    ("MicroMessenger", "WeChat"),
    ("Edg", "Edge"),
    ("OPR/", "Opera"),
    ("SamsungBrowser", "Samsung Internet"),
    ("HuaweiBrowser", "Huawei Browser"),
    ("Firefox", "Firefox"),
    ("FxiOS", "Firefox"),
    ("Chrome", "Chrome"),
    ("CriOS", "Chrome"),
    ("Safari", "Safari"),
)
SYSTEMS = (
    ("OpenHarmony", "HarmonyOS"),
    ("Android", "Android"),
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Windows", "Windows"),
    ("Mac OS X", "macOS"),
    ("CrOS", "ChromeOS"),
    ("Linux", "Linux"),
)


def device_of(user_agent: str) -> str:
    """Browser and system in words that people know: "Firefox · Android"; else what it calls itself."""
    found = [
        next((name for sign, name in signs if sign in user_agent), "")
        for signs in (BROWSERS, SYSTEMS)
    ]
    return " · ".join(filter(None, found)) if found[0] else user_agent[:60]


async def show_profile(request: Request) -> Response:
    """The forms for profile and password, and the list of sessions."""
    return await _profile_page(request, await own_account(request))


async def save_profile(request: Request) -> Response:
    """Take what the form says; a mistake gives it back as typed."""
    person = await own_account(request)
    form = await request.form()
    require_csrf(request, form)
    values = typed(form)
    try:
        name = read_name(values)
        credit = render_credit(clean_credit(values.get("credit", "")), "zh")
        license_id = values.get("license", "")
        email = read_email(values.get("email", ""))
        locale = next((one for one in LOCALES if one == values.get("locale")), person.locale)
        async with archive_of(request).db.write(actor_of(request), now_of(request)) as tx:
            await people.set_profile(
                tx,
                person.id,
                name,
                credit,
                clean_license(license_id) if license_id else None,
                email,
                locale,
            )
    except InvalidInputError as error:
        return await _profile_page(request, person, 422, values=values, error=error)
    response = RedirectResponse("/account/profile?saved=1", 303)
    response.set_cookie(
        LOCALE_COOKIE, locale, max_age=YEAR_S, samesite="lax", secure=is_secure(request)
    )
    return response


async def change_password(request: Request) -> Response:
    """A new password for who knows the old one; every other session ends."""
    person = await own_account(request)
    form = await request.form()
    require_csrf(request, form)
    # Not by typed(): blanks belong to a password.
    old, new = (str(form.get(name, "")) for name in ("old_password", "password"))
    try:
        if not await is_own_password(request, old):
            message = Text("原密码不正确。", "The old password is not right.")
            raise InvalidInputError(
                "password.old",
                zh=message.zh,
                en=message.en,
                errors=(FieldError("old_password", message),),
            )
        password_hash = await hash_in_thread(new)
    except BirdwatchError as error:
        if not isinstance(error, InvalidInputError):
            raise
        return await _profile_page(request, person, 422, error=error)
    async with archive_of(request).db.write(actor_of(request), now_of(request)) as tx:
        await people.set_password(tx, person.id, password_hash, keep_session=session_hash(request))
    return RedirectResponse("/account/profile?saved=1", 303)


async def end_session(request: Request) -> Response:
    """Sign one browser out."""
    person = await own_account(request)
    require_csrf(request, await request.form())
    async with archive_of(request).db.write(actor_of(request), now_of(request)) as tx:
        await people.close_sessions(tx, person.id, session_id=request.path_params["id"])
    return RedirectResponse("/account/profile#sessions", 303)


async def end_other_sessions(request: Request) -> Response:
    """Sign every browser out but this one."""
    person = await own_account(request)
    require_csrf(request, await request.form())
    async with archive_of(request).db.write(actor_of(request), now_of(request)) as tx:
        await people.close_sessions(tx, person.id, keep=session_hash(request))
    return RedirectResponse("/account/profile#sessions", 303)


def read_name(values: dict[str, str]) -> Text:
    """The display name of a form, in one language at least. Raises InvalidInputError."""
    name = Text(clean_line(values.get("name_zh", "")), clean_line(values.get("name_en", "")))
    if name and max(len(name.zh), len(name.en)) <= MAX_NAME_CHARS:
        return name
    message = Text(
        f"请填写显示的姓名，至少一种语言，每种不超过 {MAX_NAME_CHARS} 字。",
        f"Give the name to show, in one language at least, each within {MAX_NAME_CHARS}"
        " characters.",
    )
    raise InvalidInputError(
        "person.name", zh=message.zh, en=message.en, errors=(FieldError("name_zh", message),)
    )


def read_email(text: str) -> str:
    """A mail address, lower case, or nothing. Raises InvalidInputError."""
    email = text.strip().casefold()
    if not email or (EMAIL.fullmatch(email) and email.isprintable()):
        return email
    message = Text("邮箱地址的格式不对。", "This is not the form of a mail address.")
    raise InvalidInputError(
        "person.email", zh=message.zh, en=message.en, errors=(FieldError("email", message),)
    )


async def own_account(request: Request) -> Person:
    """The account of who asks; a token has none."""
    actor = actor_of(request)
    require(actor, "have-account")
    found = await people.find_person(archive_of(request).db, actor.person_id or "")
    if found is None:
        raise LookupError(actor.person_id)
    return found


async def _profile_page(
    request: Request,
    person: Person,
    status: int = 200,
    *,
    values: dict[str, str] | None = None,
    error: InvalidInputError | None = None,
) -> Response:
    said = {
        "name_zh": person.name.zh,
        "name_en": person.name.en,
        "credit": person.credit,
        "license": person.default_license or "",
        "email": person.email,
        "locale": person.locale,
    }
    response = page(
        request,
        "profile.html",
        status,
        person=person,
        values={**said, **(values or {})},
        all_licenses=LICENSES,
        sessions=await people.list_sessions(
            archive_of(request).db, person.id, now_of(request), current=session_hash(request)
        ),
        passkeys=await list_passkeys(archive_of(request).db, person.id),
        device_of=device_of,
        has_provider=has_provider(archive_of(request).settings),
        is_saved="saved" in request.query_params,
        error=error,
        errors=field_errors(error, request),
    )
    response.headers["Cache-Control"] = "no-store"
    return response
