"""Accounts through their pages: joining, profile, sessions, resets, and the administrator's side."""

from __future__ import annotations

import re
import socketserver
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest

from birdwatch.domain.policy import SYSTEM, Role
from birdwatch.domain.text import LOCALES, Locale
from birdwatch.http.hashing import hash_secret
from birdwatch.storage import grants, invitations, ledger, passkeys, people
from birdwatch.web.profile import device_of
from tests.service import PASSWORD, Service, running
from tests.web.conftest import Member, sign_in
from tests.web.pages import faults_of

pytestmark = pytest.mark.anyio
LANGS = {"zh": "zh-CN", "en": "en"}
NEW = {"login": "wu", "name_zh": "吴", "name_en": "Wu", "password": "mud and reeds"}


@pytest.fixture
async def chief(service: Service) -> Member:
    """A signed-in administrator."""
    return await signed_in(service, "chief", "admin")


async def signed_in(service: Service, login: str, role: Role) -> Member:
    await service.add_person(login, role)
    return await again(service, login)


async def again(service: Service, login: str, password: str = PASSWORD) -> Member:
    """Another browser of somebody who has an account."""
    signed_in = await service.sign_in(login, password, **{"User-Agent": f"Browser of {login}"})
    found = await people.find_login(service.archive.db, login)
    assert found
    return Member(found[0], *signed_in)


async def is_in(member: Member) -> bool:
    return (await member.browser.get("/account")).status_code == 200


def link_in(answer: httpx.Response) -> str:
    found = re.search(r"http://birds\.test(/(?:invitations|reset)/[\w-]{43})<", answer.text)
    assert found, answer.text
    return found[1]


async def invited(chief: Member, **values: str) -> str:
    answer = await chief.post("/admin/invitations", {"role": "press", "days": "7", **values})
    assert answer.status_code == 200
    return link_in(answer)


async def test_invitation_makes_one_account_with_its_role(service: Service, chief: Member) -> None:
    link = await invited(chief, role="researcher", note="for Wu")
    browser = service.client()
    assert "Researcher" in (await browser.get(link)).text
    joined = await browser.post(link, data=NEW)
    assert (joined.status_code, joined.headers["location"]) == (303, "/account")
    assert (await browser.get("/account")).status_code == 200
    found = await people.find_login(service.archive.db, "wu")
    assert found
    assert (found[0].role, found[0].trust) == ("researcher", "checked")
    again = await service.visitor.post(link, data={**NEW, "login": "zhao"})
    assert (again.status_code, "has been used" in again.text) == (410, True)
    assert await people.find_login(service.archive.db, "zhao") is None


async def test_invitation_that_is_over_or_forged_says_so(service: Service, chief: Member) -> None:
    link = await invited(chief)
    made = (await invitations.list_invitations(service.archive.db))[0]
    assert (await chief.post(f"/admin/invitations/{made.id}/end")).status_code == 303
    withdrawn = await service.visitor.get(link)
    assert (withdrawn.status_code, "was withdrawn" in withdrawn.text) == (410, True)
    async with service.archive.db.write(SYSTEM, datetime.now(UTC)) as tx:
        past = tx.now - timedelta(minutes=1)
        await invitations.add_invitation(tx, hash_secret("old"), "press", "checked", past)
    for method in ("GET", "POST"):
        expired = await service.visitor.request(method, "/invitations/old", data=NEW)
        assert (expired.status_code, "has expired" in expired.text) == (410, True)
    assert (await service.visitor.get("/invitations/" + "x" * 43)).status_code == 404


async def test_join_form_gives_back_what_was_typed(service: Service, chief: Member) -> None:
    link = await invited(chief)
    for wrong, said in (
        ({"login": "two words"}, "A login has"),
        ({"login": "chief"}, "is taken"),
        ({"name_zh": "", "name_en": ""}, "Give the name"),
        ({"password": "short"}, "A password has"),
        ({"email": "nowhere"}, "mail address"),
    ):
        answer = await service.visitor.post(link, data={**NEW, **wrong})
        assert (answer.status_code, said in answer.text) == (422, True), wrong
        assert faults_of(answer.text, "en") == []
        assert "mud and reeds" not in answer.text
    assert (await service.visitor.get(link)).status_code == 200


async def test_registration_is_closed_until_an_administrator_opens_it(
    service: Service, chief: Member
) -> None:
    assert (await service.visitor.get("/register")).status_code == 404
    assert (await service.visitor.post("/register", data=NEW)).status_code == 404
    await chief.post("/admin/registration", {"open": "1"})
    assert 'href="/register"' in (await service.visitor.get("/sign-in")).text
    browser = service.client()
    joined = await browser.post("/register", data={**NEW, "role": "admin", "trust": "trusted"})
    assert joined.status_code == 303
    found = await people.find_login(service.archive.db, "wu")
    assert found
    assert (found[0].role, found[0].trust) == ("contributor", "checked")
    await chief.post("/admin/registration", {"open": "0"})
    assert (await service.visitor.get("/register")).status_code == 404


async def test_reset_link_sets_a_password_once_and_ends_all_else_that_opened_the_account(
    service: Service, chief: Member, member: Member
) -> None:
    link = link_in(await chief.post(f"/admin/people/{member.person.id}/reset"))
    assert await is_in(member)
    person, db = member.person, service.archive.db
    program = await service.token_client(person, "read")
    assert (await program.get("/api/v1/counts")).status_code == 200
    async with db.write(SYSTEM, datetime.now(UTC)) as tx:
        await passkeys.add_passkey(tx, person.id, "key", "public", 0, "phone")
        await passkeys.link_outside(tx, person.id, "https://elsewhere.example", "subject")
    short = await service.visitor.post(link, data={"password": "short"})
    assert (short.status_code, "A password has" in short.text) == (422, True)
    done = await service.visitor.post(link, data={"password": "another word"})
    assert (done.status_code, done.headers["location"]) == (303, "/sign-in")
    assert not await is_in(member)
    assert (await program.get("/api/v1/counts")).status_code == 401
    assert await passkeys.list_passkeys(db, person.id) == []
    assert await passkeys.find_outside(db, "https://elsewhere.example", "subject") is None
    assert await is_in(await again(service, "guoying", "another word"))
    for answer in (
        await service.visitor.get(link),
        await service.visitor.post(link, data={"password": "a third word"}),
    ):
        assert (answer.status_code, "has been used" in answer.text) == (410, True)
    assert (await service.visitor.get("/reset/" + "x" * 43)).status_code == 404
    details = [one.detail for one in await ledger.changes(service.archive.db) if one.detail]
    assert not any(link.rsplit("/", 1)[1] in str(detail) for detail in details)


@pytest.mark.parametrize(
    ("user_agent", "said"),
    [
        (
            "Mozilla/5.0 (Windows NT 10.0; Win64; x64) Chrome/131.0 Safari/537.36 Edg/131.0",
            "Edge · Windows",
        ),
        (
            "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) MicroMessenger/8.0.50",
            "WeChat · iPhone",
        ),
        (
            "Mozilla/5.0 (Android 14; Mobile; rv:132.0) Gecko/132.0 Firefox/132.0",
            "Firefox · Android",
        ),
        ("curl/8.5.0", "curl/8.5.0"),
        ("", ""),
    ],
)
async def test_device_is_told_in_words_that_people_know(user_agent: str, said: str) -> None:
    assert device_of(user_agent) == said


async def test_profile_is_kept_and_speaks_its_language(service: Service, member: Member) -> None:
    form = {
        "name_zh": "国颖", "name_en": "Guo Ying", "credit": "摄/国颖", "license": "CC-BY-4.0",
        "email": "Guo@Birds.example", "locale": "zh",
    }  # fmt: skip
    saved = await member.post("/account/profile", form)
    assert saved.status_code == 303
    person = await people.find_person(service.archive.db, member.person.id)
    assert person
    assert (person.name.zh, person.name.en, person.credit, person.default_license) == (
        "国颖", "Guo Ying", "摄/国颖", "CC-BY-4.0",
    )  # fmt: skip
    assert (person.email, person.locale) == ("guo@birds.example", "zh")
    assert 'lang="zh-CN"' in (await member.browser.get("/account/profile")).text
    wrong = await member.post("/account/profile", {**form, "name_zh": "", "name_en": ""})
    assert wrong.status_code == 422
    markup = await member.post("/account/profile", {**form, "name_zh": "<b>国</b>"})
    assert markup.status_code == 303
    assert "<b>国</b>" not in (await member.browser.get("/account")).text


async def test_change_of_password_asks_for_the_old_one_and_ends_other_sessions(
    service: Service, member: Member
) -> None:
    other = await again(service, "guoying")
    wrong = await member.post(
        "/account/password", {"old_password": "guess", "password": "another word"}
    )
    assert (wrong.status_code, "old password is not right" in wrong.text) == (422, True)
    assert await is_in(other)
    right = await member.post(
        "/account/password", {"old_password": PASSWORD, "password": "another word"}
    )
    assert right.status_code == 303
    assert (await is_in(member), await is_in(other)) == (True, False)


async def test_sessions_are_listed_and_ended_one_by_one_or_all(
    service: Service, member: Member
) -> None:
    others = [await again(service, "guoying") for _ in range(3)]
    stranger = await sign_in(service, "xuxin")
    page = (await member.browser.get("/account/profile")).text
    ids = re.findall(r'/account/sessions/(\w{16})/end"', page)
    assert (len(ids), page.count(">Browser of guoying</span></th>")) == (3, 3)
    assert all(hash_secret(one.browser.cookies["birdwatch_session"]) not in page for one in others)
    await stranger.post(f"/account/sessions/{ids[0]}/end")
    assert all([await is_in(one) for one in others])
    await member.post(f"/account/sessions/{ids[0]}/end")
    assert sum([await is_in(one) for one in others]) == 2
    await member.post("/account/sessions/end")
    assert (sum([await is_in(one) for one in others]), await is_in(member)) == (0, True)


async def test_session_is_never_one_that_the_visitor_set(service: Service) -> None:
    await service.add_person("guoying")
    browser = service.client()
    for chosen in ("fixed-by-somebody", ""):
        headers = {"Cookie": f"birdwatch_session={chosen}"}
        form = {"login": "guoying", "password": PASSWORD}
        answer = await browser.post("/sign-in", data=form, headers=headers)
        given = answer.cookies["birdwatch_session"]
        assert given != chosen
        assert len(given) == 43
        browser.cookies.clear()
        seen = await browser.get("/account", headers=headers)
        assert seen.status_code == 401


async def test_sign_in_ends_the_session_this_browser_had(service: Service, member: Member) -> None:
    old = member.browser.cookies["birdwatch_session"]
    form = {"login": "guoying", "password": PASSWORD, "csrf": member.csrf}
    await member.browser.post("/sign-in", data=form)
    assert member.browser.cookies["birdwatch_session"] != old
    seen = await service.visitor.get("/account", headers={"Cookie": f"birdwatch_session={old}"})
    assert seen.status_code == 401


async def test_administrator_changes_standing_and_it_counts_at_once(
    service: Service, chief: Member, member: Member
) -> None:
    path = f"/admin/people/{member.person.id}"
    change = {"role": "researcher", "trust": "checked", "state": "open"}
    assert (await chief.post(path, change)).status_code == 303
    assert "Researcher" in (await member.browser.get("/account")).text
    tomorrow = (datetime.now(UTC) + timedelta(days=2)).date().isoformat()
    assert (await chief.post(f"{path}/grants", {"until": "", "reason": ""})).status_code == 422
    given = await chief.post(f"{path}/grants", {"until": tomorrow, "reason": "thesis"})
    assert given.status_code == 303
    grant = (await grants.list_grants(service.archive.db, member.person.id))[0]
    assert (grant.reason, grant.made_by) == ("thesis", "chief")
    assert (await chief.post(f"{path}/grants/{grant.id}/end")).status_code == 303
    await chief.post(path, {**change, "state": "closed"})
    assert not await is_in(member)
    kept = await chief.post(f"/admin/people/{chief.person.id}", {"role": "contributor"})
    assert (kept.status_code, "last administrator" in kept.text) == (409, True)


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/admin/people"),
        ("GET", "/admin/people/{own}"),
        ("POST", "/admin/people/{own}"),
        ("POST", "/admin/people/{own}/reset"),
        ("POST", "/admin/people/{own}/grants"),
        ("POST", "/admin/people/{own}/grants/0000000000000000/end"),
        ("POST", "/admin/invitations"),
        ("POST", "/admin/invitations/0000000000000000/end"),
        ("POST", "/admin/registration"),
    ],
)
async def test_administration_is_for_administrators(
    service: Service, method: str, path: str
) -> None:
    assert (await service.visitor.request(method, path)).status_code == 401
    for role in ("contributor", "press", "researcher", "reviewer"):
        member = await signed_in(service, role, role)
        there = path.replace("{own}", member.person.id)
        form = {"csrf": member.csrf, "role": "admin", "open": "1"}
        data = form if method == "POST" else None
        assert (await member.browser.request(method, there, data=data)).status_code == 403, role
    admin = await service.add_person("chief", "admin")
    robot = await service.token_client(admin, "read", "upload", "count", "review")
    there = path.replace("{own}", admin.id)
    assert (await robot.request(method, there)).status_code == 403


async def test_token_opens_no_account_and_makes_no_token(service: Service) -> None:
    person = await service.add_person("li", "admin")
    robot = await service.token_client(person, "read", "upload", "count", "review")
    token = (await people.list_tokens(service.archive.db, person.id))[0]
    for method, path in (
        ("GET", "/account"),
        ("GET", "/account/profile"),
        ("POST", "/account/profile"),
        ("POST", "/account/password"),
        ("POST", "/account/tokens"),
        ("POST", f"/account/tokens/{token.id}/revoke"),
        ("POST", "/account/sessions/end"),
        ("POST", "/account/sessions/0000000000000000/end"),
    ):
        data = {"name": "more", "scopes": "review"} if method == "POST" else None
        assert (await robot.request(method, path, data=data)).status_code == 403, path
    assert await people.list_tokens(service.archive.db, person.id) == [token]


async def test_contributor_is_not_offered_and_not_given_the_scope_of_reviewers(
    service: Service, member: Member
) -> None:
    assert 'value="review"' not in (await member.browser.get("/account")).text
    answer = await member.post("/account/tokens", {"name": "more", "scopes": "review"})
    assert answer.status_code == 422
    assert await people.list_tokens(service.archive.db, member.person.id) == []


@pytest.mark.parametrize("locale", LOCALES)
async def test_pages_of_people_are_whole(service: Service, chief: Member, locale: Locale) -> None:
    link = await invited(chief, note="for Wu")
    researcher = await service.add_person("wu", "researcher")
    reset = link_in(await chief.post(f"/admin/people/{researcher.id}/reset"))
    async with service.archive.db.write(SYSTEM, datetime.now(UTC)) as tx:
        await grants.add_grant(tx, researcher, tx.now + timedelta(days=9), "thesis")
    await chief.post("/admin/registration", {"open": "1"})
    faults = {}
    for path in (
        link, reset, "/register", "/account", "/account/profile", "/admin/people",
        f"/admin/people/{researcher.id}", f"/admin/people/{chief.person.id}",
    ):  # fmt: skip
        answer = await chief.browser.get(path, headers={"Accept-Language": locale})
        found = faults_of(answer.text, LANGS[locale])
        if answer.status_code != 200 or found or answer.headers["cache-control"] != "no-store":
            faults[path] = [answer.status_code, *found]
    assert faults == {}


class _Mailbox(socketserver.StreamRequestHandler):
    """Just enough of SMTP to take one message."""

    def handle(self) -> None:
        self.wfile.write(b"220 box\r\n")
        while line := self.rfile.readline():
            verb = line[:4].upper()
            if verb == b"DATA":
                self.wfile.write(b"354 go\r\n")
                lines = iter(self.rfile.readline, b".\r\n")
                self.server.mails.append(b"".join(lines).decode())  # type: ignore[attr-defined]
            if verb == b"QUIT":
                self.wfile.write(b"221 bye\r\n")
                return
            self.wfile.write(b"250 ok\r\n")


@pytest.fixture
def mailbox() -> Iterator[tuple[int, list[str]]]:
    """The port of a mail server on this machine, and the mails it took."""
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), _Mailbox) as server:
        server.mails = []  # type: ignore[attr-defined]
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server.server_address[1], server.mails  # type: ignore[attr-defined]
        server.shutdown()
        thread.join()


async def test_reset_by_mail_answers_alike_for_every_address(
    tmp_path: Path, database_url: str, mailbox: tuple[int, list[str]]
) -> None:
    port, mails = mailbox
    async with running(
        tmp_path / "home", database_url, smtp_host="127.0.0.1", smtp_port=port,
        smtp_from="birds@birds.test", base_url="http://birds.test",
    ) as service:  # fmt: skip
        member = await sign_in(service, "guoying")
        form = {"name_en": "Guo", "email": "guo@birds.example", "locale": "en"}
        assert (await member.post("/account/profile", form)).status_code == 303
        assert 'href="/reset"' in (await service.visitor.get("/sign-in")).text
        pages = [
            await service.visitor.post(
                "/reset", data={"email": email}, headers={"Host": "evil.example"}
            )
            for email in ("nobody@birds.example", "not an address", "", "Guo@birds.example")
        ]
        assert {(one.status_code, one.text) for one in pages} == {(200, pages[0].text)}
        assert len(mails) == 1
        assert "To: guo@birds.example" in mails[0]
        link = re.search(r"http://birds\.test(/reset/[\w-]{43})", mails[0])
        assert link
        assert (await service.visitor.get(link[1])).status_code == 200


async def test_reset_by_mail_is_not_there_without_a_mail_server(service: Service) -> None:
    assert (await service.visitor.get("/reset")).status_code == 404
    assert (await service.visitor.post("/reset", data={"email": "a@b.c"})).status_code == 404
