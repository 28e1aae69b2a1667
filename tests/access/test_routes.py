"""Every route of the running application, asked by everyone for a thing of every kind.

The table below is the whole policy as readers meet it. A route without a row fails the test.
`python -m tests.access.test_routes` prints it.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal

import pytest
from starlette.applications import Starlette
from starlette.routing import Mount, Route

from birdwatch.app import create_app
from birdwatch.settings import Settings
from tests.access.cast import KINDS, NAMES, Cast, gather
from tests.service import Service

pytestmark = pytest.mark.anyio
Outcome = Literal["ok", "401", "403", "404", "410"]
TOKENS = ("reading token", "uploading token")
SEES: dict[str, set[str]] = {
    "visitor": {"published", "protected"},
    "other": {"published", "protected"},
    "press": {"published", "protected", "embargoed"},
    "researcher": {"published", "protected"},
    "granted": {"published", "protected", "withheld"},
    "reviewer": {*KINDS} - {"withdrawn", "draft"},
    "admin": {*KINDS} - {"withdrawn"},
    "owner": {*KINDS} - {"withdrawn"},
    "reading token": {*KINDS} - {"withdrawn"},
    "uploading token": {"published", "protected"},
}
OWNS = {"owner", "reviewer", "admin", "reading token"}  # and may read what is their own


def keeps(reader: str, kind: str) -> bool:
    """Who sees it whole: of a draft, not the reviewer."""
    return reader in OWNS and not (kind == "draft" and reader == "reviewer")


def see(reader: str, kind: str) -> Outcome:
    if kind == "withdrawn":
        return "410"
    return "ok" if kind in SEES[reader] else "404"


def see_survey(reader: str, kind: str) -> Outcome:
    """A survey is never protected as a whole; its sightings are."""
    return see(reader, "published" if kind in ("protected", "withheld") else kind)


def see_whole(reader: str, kind: str) -> Outcome:
    if kind == "withdrawn":
        return "410"
    return "ok" if keeps(reader, kind) else "404"


def see_history(reader: str, kind: str) -> Outcome:
    """Their owner and reviewers, also of what was withdrawn; nobody else learns that it is there."""
    if keeps(reader, kind):
        return "ok"
    return {"visitor": "401", "uploading token": "403"}.get(reader, "404")  # type: ignore[return-value]


def see_versions(reader: str, kind: str) -> Outcome:
    """The history of a photo hangs on the photo: who does not see it hears that it is not there."""
    seen = see(reader, kind)
    if seen != "ok" or keeps(reader, kind):
        return seen
    return "401" if reader == "visitor" else "404"


def see_changes(reader: str, kind: str) -> Outcome:
    """As a history; a token that may not read hears of nothing."""
    return "404" if reader == "uploading token" else see_history(reader, kind)


def see_open(reader: str, kind: str) -> Outcome:
    """What hangs on the open record: of what was withdrawn there is none."""
    if kind == "withdrawn":
        return "401" if reader == "visitor" else "404"
    return see_history(reader, kind)


def edit_open(reader: str, kind: str) -> Outcome:
    """Putting right what is there; the withdrawn is brought back first, by undo."""
    if kind == "withdrawn":
        return {"visitor": "401", "reviewer": "410", "admin": "410"}.get(reader, "404")  # type: ignore[return-value]
    return edit(reader, kind)


def answers(reader: str, kind: str) -> Outcome:
    if kind == "withdrawn":
        return {"visitor": "401", "reading token": "403"}.get(reader, "404")  # type: ignore[return-value]
    return edit(reader, kind)


def edit(reader: str, kind: str) -> Outcome:
    if reader == "visitor":
        return "401"
    if reader == "reading token":
        return "403"
    return "ok" if keeps(reader, kind) or reader == "uploading token" else "404"


def page_edit(reader: str, kind: str) -> Outcome:
    """On pages a reader who does not even see the thing hears that it is not there."""
    seen = see(reader, kind)
    return seen if seen != "ok" else edit(reader, kind)


def everyone(reader: str, kind: str) -> Outcome:
    del reader, kind
    return "ok"


def signed_in(reader: str, kind: str) -> Outcome:
    del kind
    return "401" if reader == "visitor" else "ok"


def contributes(reader: str, kind: str) -> Outcome:
    return "403" if reader == "reading token" else signed_in(reader, kind)


def previews(reader: str, kind: str) -> Outcome:
    """Tells what is there for a change to come: by a token that may do both."""
    return "403" if reader in TOKENS else signed_in(reader, kind)


def previews_nobodys(reader: str, kind: str) -> Outcome:
    return "403" if reader in TOKENS else nobodys(reader, kind)


def reads_own(reader: str, kind: str) -> Outcome:
    return "403" if reader == "uploading token" else signed_in(reader, kind)


def nobodys(reader: str, kind: str) -> Outcome:
    """A thing of one's own that is not there."""
    return "401" if reader == "visitor" else "404"


def nobodys_to_write(reader: str, kind: str) -> Outcome:
    return "403" if reader == "reading token" else nobodys(reader, kind)


def nothing(reader: str, kind: str) -> Outcome:
    """A link nobody made, a road that is switched off."""
    return "404"


def reviews(reader: str, kind: str) -> Outcome:
    if reader in ("reviewer", "admin"):
        return "ok"
    return "401" if reader == "visitor" else "403"


def names(reader: str, kind: str) -> Outcome:
    """Proposing a name: for everyone who is signed in and sees the photo."""
    if reader == "visitor":
        return "401"
    if reader == "reading token":
        return "403"
    return "ok" if kind in SEES[reader] else "404"


def administers_one(reader: str, kind: str) -> Outcome:
    return "404" if reader == "admin" else administers(reader, kind)


def administers(reader: str, kind: str) -> Outcome:
    del kind
    return {"visitor": "401", "admin": "ok"}.get(reader, "403")  # type: ignore[return-value]


@dataclass(frozen=True)
class Road:
    """How a route is asked: its rule, and of which noun the thing in its path is."""

    rule: Callable[[str, str], Outcome]
    noun: Literal["photo", "survey", ""] = ""
    path: str = ""  # where the path has other parts to fill in
    body: Mapping[str, str] = field(
        default_factory=dict
    )  # sound, where the right is asked after it
    is_last: bool = False  # it takes the thing away


ROADS: dict[tuple[str, str], Road] = {}


def routes_of(app: Starlette) -> Iterator[tuple[str, str]]:
    """Method and path of every route but the static files."""
    for route in app.routes:
        if isinstance(route, Route):
            for method in sorted((route.methods or {"GET"}) - {"HEAD"}):
                yield method, route.path
        else:
            assert isinstance(route, Mount)
            assert route.path == "/static"


LISTS = ("photos", "surveys", "sightings", "counts", "seasons", "species", "sites", "windows")
READ = Road(everyone)
NAME = {"species": "ruff"}
MADE_UP = "0123456789abcdef"  # the id of nothing
ROADS |= {
    # what everyone reads
    **{("GET", path): READ for path in ("/healthz", "/readyz", "/", "/gallery", "/seasons")},
    **{("GET", path): READ for path in ("/species", "/sites", "/surveys", "/sign-in")},
    **{("GET", f"/api/v1/{name}"): READ for name in (*LISTS, "openapi.json", "docs")},
    **{("GET", f"/api/v1/{name}.csv"): READ for name in LISTS},
    ("GET", "/api/v1/seasons/{id}"): Road(everyone, path="/api/v1/seasons/2026-spring"),
    ("GET", "/api/v1/seasons/{id}.csv"): Road(everyone, path="/api/v1/seasons/2026-spring.csv"),
    ("GET", "/api/v1/species/{id}"): Road(everyone, path="/api/v1/species/grekno"),
    ("GET", "/api/v1/tides"): Road(everyone, path="/api/v1/tides?from=2026-04-14"),
    ("GET", "/api/v1/sites/{id}"): Road(everyone, path="/api/v1/sites/liaobin"),
    ("GET", "/seasons/{id}"): Road(everyone, path="/seasons/2026-spring"),
    ("GET", "/days/{day}"): Road(everyone, path="/days/2026-04-14"),
    ("GET", "/species/{code}"): Road(everyone, path="/species/spbsan1"),
    ("GET", "/sites/{id}"): Road(everyone, path="/sites/liaobin"),
    # one thing
    ("GET", "/photos/{id}"): Road(see, "photo"),
    ("GET", "/api/v1/photos/{id}"): Road(see, "photo"),
    ("GET", "/media/{photo}/{name}"): Road(see, "photo"),
    ("GET", "/media/{photo}/original"): Road(see_whole, "photo"),
    ("GET", "/api/v1/photos/{id}/history"): Road(see_versions, "photo"),
    ("GET", "/api/v1/photos/{id}/history.csv"): Road(see_versions, "photo"),
    ("GET", "/surveys/field"): READ,
    ("GET", "/surveys/field/session"): READ,
    ("GET", "/surveys/manifest.webmanifest"): READ,
    ("GET", "/surveys/worker.js"): READ,
    ("GET", "/surveys/{id}"): Road(see_survey, "survey"),
    ("GET", "/api/v1/surveys/{id}"): Road(see_survey, "survey"),
    # putting right
    ("POST", "/photos/{id}"): Road(page_edit, "photo"),
    ("POST", "/photos/{id}/withdraw"): Road(page_edit, "photo"),
    ("POST", "/photos/{id}/undo"): Road(page_edit, "photo"),
    ("PATCH", "/api/v1/photos/{id}"): Road(edit_open, "photo"),
    ("DELETE", "/api/v1/photos/{id}"): Road(edit_open, "photo"),
    ("POST", "/api/v1/photos/{id}/undo"): Road(edit_open, "photo"),
    ("PUT", "/api/v1/surveys/{id}"): Road(edit_open, "survey"),
    ("DELETE", "/api/v1/surveys/{id}"): Road(edit, "survey", is_last=True),
    # sending in
    ("GET", "/upload"): Road(signed_in),
    ("POST", "/upload"): Road(signed_in),
    ("POST", "/upload/drafts"): Road(signed_in),
    ("GET", "/surveys/new"): Road(signed_in),
    ("POST", "/surveys/new"): Road(signed_in),
    ("POST", "/api/v1/photos"): Road(contributes),
    ("POST", "/api/v1/surveys"): Road(contributes),
    # uploads in pieces: each is its sender's alone
    ("OPTIONS", "/api/v1/uploads"): READ,
    ("OPTIONS", "/api/v1/uploads/{id}"): READ,
    ("GET", "/api/v1/uploads"): Road(contributes),
    ("POST", "/api/v1/uploads"): Road(contributes),
    ("POST", "/api/v1/uploads/known"): Road(contributes),
    ("GET", "/api/v1/uploads/{id}"): Road(nobodys_to_write),
    ("PATCH", "/api/v1/uploads/{id}"): Road(nobodys_to_write),
    ("POST", "/api/v1/uploads/{id}"): Road(nobodys_to_write),
    ("DELETE", "/api/v1/uploads/{id}"): Road(nobodys_to_write),
    ("GET", "/api/v1/drafts"): Road(reads_own),
    ("POST", "/api/v1/photos/edit"): Road(contributes),
    ("POST", "/api/v1/photos/publish"): Road(contributes),
    # one's own account
    ("GET", "/account"): Road(signed_in),
    **{
        (method, path): Road(signed_in)
        for method, path in (
            ("GET", "/account/profile"),
            ("POST", "/account/profile"),
            ("POST", "/account/password"),
            ("POST", "/account/tokens"),
            ("POST", "/account/passkeys/options"),
            ("POST", "/account/passkeys"),
            ("POST", "/account/sessions/end"),
        )
    },
    ("POST", "/account/tokens/{id}/revoke"): Road(nobodys),
    ("POST", "/account/passkeys/{id}/remove"): Road(nobodys),
    ("POST", "/account/sessions/{id}/end"): Road(signed_in),
    # coming in
    ("POST", "/sign-in"): READ,
    ("POST", "/sign-in/passkey/options"): READ,
    ("POST", "/sign-in/passkey"): READ,
    ("POST", "/sign-out"): Road(everyone, is_last=True),
    ("POST", "/language"): READ,
    **{
        (method, path): Road(nothing)
        for method, path in (
            ("GET", "/sign-in/oidc"),
            ("GET", "/sign-in/oidc/callback"),
            ("GET", "/invitations/{token}"),
            ("POST", "/invitations/{token}"),
            ("GET", "/reset/{token}"),
            ("POST", "/reset/{token}"),
            ("GET", "/reset"),
            ("POST", "/reset"),
            ("GET", "/register"),
            ("POST", "/register"),
        )
    },
    # history and undo
    ("GET", "/api/v1/changes"): READ,
    ("GET", "/api/v1/changes.csv"): READ,
    ("POST", "/api/v1/changes/{version}/undo"): Road(nobodys),
    ("POST", "/changes/{version}/undo"): Road(nobodys),
    ("GET", "/api/v1/photos/{id}/changes"): Road(see_changes, "photo"),
    ("GET", "/api/v1/photos/{id}/changes.csv"): Road(see_changes, "photo"),
    ("GET", "/photos/{id}/history"): Road(see_history, "photo"),
    ("GET", "/surveys/{id}/history"): Road(see_history, "survey"),
    ("GET", "/api/v1/surveys/{id}/history"): Road(see_changes, "survey"),
    ("GET", "/api/v1/surveys/{id}/history.csv"): Road(see_changes, "survey"),
    # review
    ("GET", "/review"): Road(reviews),
    ("POST", "/review"): Road(reviews),
    ("POST", "/review/answer"): Road(nobodys),
    ("GET", "/api/v1/review"): Road(reviews),
    ("GET", "/api/v1/review.csv"): Road(reviews),
    ("POST", "/api/v1/review"): Road(reviews),
    ("GET", "/api/v1/photos/{id}/messages"): Road(see_open, "photo"),
    ("GET", "/api/v1/photos/{id}/messages.csv"): Road(see_open, "photo"),
    ("POST", "/api/v1/photos/{id}/messages"): Road(answers, "photo", body={"text": "Seen well."}),
    ("GET", "/api/v1/surveys/{id}/messages"): Road(see_open, "survey"),
    ("GET", "/api/v1/surveys/{id}/messages.csv"): Road(see_open, "survey"),
    ("POST", "/api/v1/surveys/{id}/messages"): Road(answers, "survey", body={"text": "Seen well."}),
    ("GET", "/api/v1/sightings/{id}/messages"): Road(nobodys),
    ("GET", "/api/v1/sightings/{id}/messages.csv"): Road(nobodys),
    ("POST", "/api/v1/sightings/{id}/messages"): Road(
        nobodys_to_write, body={"text": "Seen well."}
    ),
    # names proposed for a photo
    ("GET", "/api/v1/photos/{id}/identifications"): Road(see_open, "photo"),
    ("GET", "/api/v1/photos/{id}/identifications.csv"): Road(see_open, "photo"),
    ("POST", "/api/v1/photos/{id}/identifications"): Road(names, "photo", body=NAME),
    ("POST", "/photos/{id}/identifications"): Road(names, "photo", body=NAME),
    ("POST", "/api/v1/identifications/{id}"): Road(nobodys_to_write, body={"outcome": "accepted"}),
    ("POST", "/identifications/{id}"): Road(nobodys),
    # what took down its decoders
    ("GET", "/account/quarantine"): Road(signed_in),
    ("POST", "/account/quarantine/{id}/retry"): Road(nobodys),
    ("POST", "/account/quarantine/{id}/discard"): Road(nobodys),
    ("GET", "/admin/quarantine"): Road(administers),
    ("POST", "/admin/quarantine/{id}/retry"): Road(administers_one),
    ("POST", "/admin/quarantine/{id}/discard"): Road(administers_one),
    ("GET", "/api/v1/quarantine"): Road(reads_own),
    ("POST", "/api/v1/quarantine/{id}/retry"): Road(nobodys_to_write),
    ("DELETE", "/api/v1/quarantine/{id}"): Road(nobodys_to_write),
    # putting right a survey
    ("GET", "/surveys/{id}/edit"): Road(edit_open, "survey"),
    ("POST", "/surveys/{id}/edit"): Road(edit_open, "survey"),
    ("POST", "/surveys/{id}/withdraw"): Road(edit, "survey", is_last=True),
    # clocks of one's own cameras
    **{
        (method, path): Road(signed_in)
        for method, path in (
            ("GET", "/account/clocks"),
            ("GET", "/account/clocks/mark"),
            ("POST", "/account/clocks/mark"),
            ("GET", "/account/times"),
            ("GET", "/tracks"),
            ("POST", "/tracks"),
            ("POST", "/account/times"),
        )
    },
    ("POST", "/account/adjustments/{id}/undo"): Road(nobodys),
    ("GET", "/tracks/{id}"): Road(nobodys),
    ("POST", "/tracks/{id}"): Road(nobodys),
    ("POST", "/tracks/{id}/delete"): Road(nobodys),
    ("GET", "/api/v1/cameras"): Road(reads_own),
    ("GET", "/api/v1/tracks"): Road(reads_own),
    ("POST", "/api/v1/tracks"): Road(contributes),
    ("POST", "/api/v1/tracks/{id}/preview"): Road(previews_nobodys),
    ("POST", "/api/v1/tracks/{id}/apply"): Road(nobodys_to_write),
    ("DELETE", "/api/v1/tracks/{id}"): Road(nobodys_to_write),
    ("GET", "/api/v1/adjustments"): Road(reads_own),
    ("POST", "/api/v1/calibrations"): Road(contributes),
    ("POST", "/api/v1/calibrations/preview"): Road(previews),
    ("POST", "/api/v1/shifts"): Road(contributes),
    ("POST", "/api/v1/shifts/preview"): Road(previews),
    ("POST", "/api/v1/adjustments/{id}/undo"): Road(nobodys_to_write),
    # administering
    **{
        (method, path): Road(administers)
        for method, path in (
            ("GET", "/admin"),
            ("GET", "/admin/people"),
            ("GET", "/admin/sensitivity"),
            ("POST", "/admin/sensitivity"),
            ("POST", "/admin/invitations"),
            ("POST", "/admin/registration"),
            ("GET", "/admin/jobs"),
            ("POST", "/admin/jobs/revive"),
            ("GET", "/api/v1/jobs"),
            ("POST", "/api/v1/jobs/revive"),
        )
    },
    **{
        (method, path): Road(administers_one)
        for method, path in (
            ("GET", "/admin/people/{id}"),
            ("POST", "/admin/people/{id}"),
            ("POST", "/admin/people/{id}/reset"),
            ("POST", "/admin/people/{id}/grants"),
            ("POST", "/admin/people/{id}/grants/{grant}/end"),
            ("POST", "/admin/invitations/{id}/end"),
            ("POST", "/admin/jobs/{id}/revive"),
            ("POST", "/api/v1/jobs/{id}/revive"),
        )
    },
    ("PATCH", "/api/v1/windows/{id}"): Road(administers, path="/api/v1/windows/spring-peak"),
}


def outcome(status: int) -> Outcome:
    """What the answer says of the right; anything else is a matter of what was sent."""
    match status:
        case 401 | 403 | 404 | 410:
            return str(status)  # type: ignore[return-value]
        case _:
            return "ok"


def address(path: str, road: Road, cast: Cast, kind: str) -> str:
    """The path with the thing's id in it, and ids of nothing elsewhere."""
    if road.noun == "photo":
        thing = cast.photos[kind]
    elif road.noun == "survey":
        thing = cast.surveys[kind]
    else:
        thing = MADE_UP
    filled = (road.path or path).replace("{photo}/{name}", "{photo}/320.webp")
    return re.sub(r"\{[a-z]+\}", thing, filled)


def asked(path: str, road: Road) -> Iterator[tuple[str, str]]:
    """Who asks for a thing of which kind. Programs with tokens use no pages."""
    names = (
        NAMES if path.startswith(("/api/", "/media/")) else [n for n in NAMES if n not in TOKENS]
    )
    kinds = [one for one in KINDS if one != "draft" or road.noun == "photo"]  # no survey is one
    if not road.noun:
        kinds = ["published"]
    return ((name, kind) for kind in kinds for name in names)


def asked_last(one: tuple[tuple[str, str], Road]) -> tuple[bool, bool]:
    """What takes things away comes after all else, and leaving comes last."""
    (_, path), road = one
    return road.is_last, path == "/sign-out"


async def test_every_route_answers_every_reader_by_the_table(service: Service) -> None:
    cast = await gather(service)
    known = {one: ROADS[one] for one in routes_of(service.app) if one in ROADS}
    wrong = []
    for (method, path), road in sorted(known.items(), key=asked_last):
        for name, kind in asked(path, road):
            answer = await cast.readers[name].ask(
                method, address(path, road, cast, kind), road.body
            )
            told, right = outcome(answer.status_code), road.rule(name, kind)
            gone = road.is_last and told in ("404", "410") and right in ("ok", "403")
            if answer.status_code >= 500 or (told != right and not gone):
                wrong.append((method, path, name, kind, answer.status_code, right))
    assert wrong == []


def test_every_route_of_the_application_has_a_row() -> None:
    assert set(routes_of(create_app(Settings()))) == set(ROADS)


if __name__ == "__main__":
    rows = [
        (method, path, name, kind, road.rule(name, kind))
        for (method, path), road in ROADS.items()
        for name, kind in asked(path, road)
    ]
    for row in rows:
        sys.stdout.write(f"{row[0]:6} {row[1]:42} {row[2]:16} {row[3]:10} {row[4]}\n")
    sys.stdout.write(f"{len(ROADS)} routes, {len(rows)} rows\n")
