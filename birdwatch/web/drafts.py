"""The workbench below the upload: one's own drafts in a table, many set or published at once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from birdwatch.domain.errors import InvalidInputError
from birdwatch.domain.ids import RANDOM_CHARS
from birdwatch.domain.paging import Page
from birdwatch.domain.photo import Photo
from birdwatch.domain.policy import Thing, may
from birdwatch.http.accounts import require, require_csrf
from birdwatch.intake.photo_batch import Answer, edit_many, publish_many, withdraw_many
from birdwatch.storage.drafts import DraftNumber, count_drafts, find_numbers, list_drafts
from birdwatch.storage.sites import load_sites
from birdwatch.storage.species import load_species
from birdwatch.web.forms import field_errors, typed
from birdwatch.web.reading import archive_of, now_of, query_text
from birdwatch.web.render import actor_of, locale_of, page, with_query

SHOWN: Final = 300
MAX_FILES: Final = 50  # of one plain form
FIELDS: Final = (
    "species", "best", "low", "high", "site", "credit", "license", "caption_zh", "caption_en",
    "clear",
)  # fmt: skip
CLEARED: Final[dict[str, dict[str, object]]] = {
    "number": {"low": None, "best": None, "high": None},
    "species": {"species": None},
    "site": {"site": None},
    "caption": {"caption": None},
}
DONE: Final = ("set", "publish", "remove")
SCRIPT_WORDS: Final = (  # sentences that the script shows
    "hashing", "ready", "sending", "checking", "paused", "waiting", "known", "refused", "look",
    "pause", "resume", "retry", "remove", "unreadable", "line", "broken", "unfinished", "left",
    "all_done", "begun", "pace", "seconds", "minutes",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Result:
    """What became of one file of the plain form."""

    name: str
    outcome: str  # accepted, duplicate, refused
    photo_id: str | None = None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Bench:
    """What the page says after something was done: to whom, with which words, and what went wrong."""

    results: Sequence[Result] = ()
    was_sent: bool = False
    values: Mapping[str, str] = field(default_factory=dict)
    chosen: frozenset[str] = frozenset()
    refused: Mapping[str, str] = field(default_factory=dict)  # sentence by photo id
    error: InvalidInputError | None = None
    said: Mapping[str, object] = field(default_factory=dict)


async def change_drafts(request: Request) -> Response:
    """Set words of the chosen drafts, publish them (with these words), or take them away."""
    require(actor_of(request), "upload")
    form = await request.form(max_fields=3 * SHOWN)
    require_csrf(request, form)
    values = typed(form)
    ids = _chosen(form)
    try:
        answers = await _change(request, values, ids)
    except InvalidInputError as error:
        bench = Bench(values=values, chosen=frozenset(ids), error=error)
        return await bench_page(request, bench, 422)
    locale = locale_of(request)
    refused = {one.photo_id: one.error.sentence(locale) for one in answers if one.error}
    said = _said(values.get("do", ""), answers)
    is_set = said["done"] == "set"  # what was set is usually published next: it stays picked
    if not refused:
        picked = _picked_text(ids) if is_set else None
        cursor = query_text(request, "cursor")
        return RedirectResponse(
            with_query("/upload", said, picked=picked, cursor=cursor) + "#drafts", 303
        )
    chosen = frozenset(ids if is_set else refused)
    bench = Bench(values=values, chosen=chosen, refused=refused, said=said)
    return await bench_page(request, bench, 422)


def _chosen(form: FormData) -> list[str]:
    name = "shown" if form.get("which") == "all" else "id"
    return [one for one in form.getlist(name) if isinstance(one, str)]


def _picked_text(ids: Sequence[str]) -> str:
    """These photos in an address: the random end of each, so that 300 fit into one header."""
    return "".join(one[-RANDOM_CHARS:] for one in dict.fromkeys(ids))


def _picked(request: Request, drafts: Sequence[Photo]) -> frozenset[str]:
    """Those of the drafts that the address says are picked."""
    text = (query_text(request, "picked") or "")[: SHOWN * RANDOM_CHARS]
    ends = {text[at : at + RANDOM_CHARS] for at in range(0, len(text), RANDOM_CHARS)}
    return frozenset(photo.id for photo in drafts if photo.id[-RANDOM_CHARS:] in ends)


async def _change(request: Request, values: dict[str, str], ids: list[str]) -> list[Answer]:
    archive, actor, now = archive_of(request), actor_of(request), now_of(request)
    action = values.get("do")
    if action == "remove":
        return await withdraw_many(archive, ids, values.get("reason", ""), actor=actor, now=now)
    changes = changes_of(values)
    answers: list[Answer] = []
    if changes or action != "publish":
        answers = await edit_many(archive, ids, changes, actor=actor, now=now)
    if action != "publish":
        return answers
    refused = [one for one in answers if one.error]
    sound = [one for one in ids if one not in {other.photo_id for other in refused}]
    if not sound and refused:
        return refused
    return [*refused, *await publish_many(archive, sound, actor=actor, now=now)]


def changes_of(values: Mapping[str, str]) -> dict[str, object]:
    """What the filled fields change; an empty one leaves what is there."""
    changes: dict[str, object] = dict(CLEARED.get(values.get("clear", ""), {}))
    given = {name: values[name] for name in FIELDS if values.get(name)}
    changes |= {n: given[n] for n in ("species", "site", "credit", "license") if n in given}
    caption = {n[-2:]: given[n] for n in ("caption_zh", "caption_en") if n in given}
    if caption:
        changes["caption"] = caption
    number = {name: given.get(name) for name in ("low", "best", "high")}
    if any(number.values()):
        changes |= number
    return changes


def _said(action: str, answers: list[Answer]) -> dict[str, object]:
    """What was done, as the query of the page that says it."""
    done = [one.photo for one in answers if one.error is None]
    waiting = sum(one is not None and one.facts.status == "pending" for one in done)
    said = {"done": action if action in DONE else "set", "n": len(done)}
    return {**said, "waiting": waiting} if waiting else said


async def bench_page(request: Request, bench: Bench, status: int = 200) -> Response:
    """The page of uploads and drafts."""
    archive, owner = archive_of(request), actor_of(request).person_id or ""
    shown: Page[Photo] = Page(())
    total = 0
    if may(actor_of(request), "see-private", Thing(owner)):  # not so by a token that only sends
        cursor = query_text(request, "cursor")
        shown = await list_drafts(archive.db, owner, limit=SHOWN, cursor=cursor)
        if cursor and not shown.items:  # the rest of them is published: those before it are next
            shown = await list_drafts(archive.db, owner, limit=SHOWN)
        total = await count_drafts(archive.db, owner)
    numbers = await find_numbers(archive.db, [photo.id for photo in shown.items])
    response = page(
        request,
        "upload.html",
        status,
        values={**dict.fromkeys(FIELDS, ""), **bench.values},
        bench=bench,
        chosen=bench.chosen or _picked(request, shown.items),
        errors={**dict.fromkeys((*FIELDS, "caption"), ""), **field_errors(bench.error, request)},
        problems=Counter(bench.refused.values()).most_common(),
        done=_done(request, bench),
        drafts=shown.items,
        numbers=numbers,
        total=total,
        next_cursor=shown.next,
        cursor=query_text(request, "cursor"),
        has_pictures=_has_pictures,
        max_files=MAX_FILES,
        max_bytes=archive.settings.max_photo_bytes,
        species=await load_species(archive.db),
        sites=await load_sites(archive.db),
        script_words=SCRIPT_WORDS,
        number_text=_number_text,
    )
    response.headers["Cache-Control"] = "no-store"
    return response


def _has_pictures(photo: Photo) -> bool:
    return bool(photo.renditions)


def _number_text(number: DraftNumber | None) -> tuple[int | None, int | None, int | None] | None:
    return None if number is None else (number.low, number.best, number.high)


def _done(request: Request, bench: Bench) -> tuple[str, int, int] | None:
    """What was done before this page: its name, how many, and how many of them wait."""
    query = dict(request.query_params)
    if bench.said:
        query = {name: str(value) for name, value in bench.said.items()}
    if query.get("done") not in DONE:
        return None
    number, waiting = query.get("n", ""), query.get("waiting", "0")
    if not (number.isascii() and number.isdigit() and waiting.isascii() and waiting.isdigit()):
        return None
    return query["done"], int(number[:6]), int(waiting[:6])
