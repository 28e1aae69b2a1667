"""`/review`: what waits, why, and the decision; and the dialogue on the pages of the records."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from functools import wraps

from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from birdwatch.domain.errors import BirdwatchError, ConflictError, InvalidInputError, NotFoundError
from birdwatch.domain.identification import Identification
from birdwatch.domain.message import NOUNS, Message, Noun
from birdwatch.domain.person import Person
from birdwatch.domain.photo import Photo
from birdwatch.domain.policy import Status, may
from birdwatch.domain.review import FLAGS
from birdwatch.domain.sighting import Sighting
from birdwatch.domain.survey import Survey
from birdwatch.http.accounts import require, require_csrf, safe_next
from birdwatch.intake.identifications import accept, dismiss, propose
from birdwatch.intake.review import DECIDED, Decision, answer, decide_many, find_record
from birdwatch.storage.identifications import open_identifications
from birdwatch.storage.ledger import Change, changes_of
from birdwatch.storage.messages import messages_of
from birdwatch.storage.people import find_person
from birdwatch.storage.photos import photos_of_survey
from birdwatch.storage.review import (
    PersonRecord,
    QueueFilter,
    Waiting,
    count_waiting,
    list_waiting,
    records_of,
    waiting_owners,
)
from birdwatch.storage.sites import load_sites
from birdwatch.storage.species import load_species
from birdwatch.storage.surveys import find_survey
from birdwatch.web.forms import typed
from birdwatch.web.reading import archive_of, now_of, query_text, reader_of
from birdwatch.web.render import actor_of, page

PAGE_SIZE = 20
PICTURES = 3
MAX_FIELDS = 300
Handler = Callable[[Request], Awaitable[Response]]


@dataclass(frozen=True, slots=True)
class Entry:
    """One thing that waits, with what a reviewer needs to decide."""

    waiting: Waiting
    can_decide: bool
    owner: Person | None
    record: PersonRecord
    history: list[Change]
    messages: list[Message]
    photos: list[Photo]
    proposals: list[Identification]
    survey: Survey | None = None
    sightings: tuple[Sighting, ...] = ()

    @property
    def key(self) -> str:
        """What its checkbox sends: the record, and the version that was looked at."""
        return f"{self.waiting.noun}:{self.waiting.id}:{self.waiting.version}"

    @property
    def href(self) -> str:
        if self.waiting.noun == "photo":
            return f"/photos/{self.waiting.id}"
        return f"/surveys/{self.waiting.survey_id or self.waiting.id}"


@dataclass(frozen=True, slots=True)
class RecordReview:
    """What the page of a photo or survey shows of its review to this reader."""

    noun: Noun
    id: str
    version: int
    status: Status
    flags: tuple[str, ...]
    messages: list[Message]
    proposals: list[Identification]
    can_answer: bool
    can_decide: bool
    can_identify: bool
    can_dismiss: bool


async def show_queue(request: Request) -> Response:
    """What waits, longest first."""
    require(actor_of(request), "see-queue")
    return await _queue_page(request)


async def take_decisions(request: Request) -> Response:
    """Publish, query or reject the chosen records, all of them or none."""
    actor = actor_of(request)
    require(actor, "see-queue")
    form = await request.form(max_fields=MAX_FIELDS)
    require_csrf(request, form)
    values = typed(form)
    chosen = [value for value in form.getlist("item") if isinstance(value, str)]
    status = _status(values.get("status"))
    try:
        await decide_many(
            archive_of(request),
            [_decision(value) for value in chosen],
            status,
            values.get("reason", ""),
            actor=actor,
            now=now_of(request),
        )
    except (InvalidInputError, ConflictError) as error:
        return await _queue_page(request, error=error, values=values, chosen=frozenset(chosen))
    target = safe_next(values.get("next"), "/review")
    return RedirectResponse(_saying(target, "done", str(len(chosen))), 303)


async def take_answer(request: Request) -> Response:
    """The owner or a reviewer says something of a record."""
    form, values = await _posted(request)
    noun = _noun(values.get("noun"))
    back = safe_next(values.get("next"), "/")
    try:
        await answer(
            archive_of(request),
            noun,
            values.get("id", ""),
            str(form.get("text", "")),
            actor=actor_of(request),
            now=now_of(request),
        )
    except InvalidInputError:
        return RedirectResponse(_saying(back, "empty", "1") + "#review", 303)
    return RedirectResponse(f"{back}#review", 303)


async def take_proposal(request: Request) -> Response:
    """Somebody proposes a name for a photo."""
    _, values = await _posted(request)
    photo_id = request.path_params["id"]
    await propose(
        archive_of(request),
        photo_id,
        values.get("species", ""),
        values.get("note", ""),
        actor=actor_of(request),
        now=now_of(request),
    )
    return RedirectResponse(f"/photos/{photo_id}#review", 303)


async def settle_proposal(request: Request) -> Response:
    """The owner or a reviewer takes the name; or a reviewer puts it aside."""
    _, values = await _posted(request)
    settle = dismiss if values.get("outcome") == "dismissed" else accept
    photo = await settle(
        archive_of(request), request.path_params["id"], actor=actor_of(request), now=now_of(request)
    )
    return RedirectResponse(f"/photos/{photo.id}#review", 303)


async def review_of(request: Request, noun: Noun, value: Photo | Survey) -> RecordReview:
    """What a page shows of the review; to strangers only that they may propose a name."""
    actor, db = actor_of(request), archive_of(request).db
    is_whole = value.view == "full"
    facts = value.facts if isinstance(value, Photo) else value
    can_answer = is_whole and may(actor, "answer", value.thing)
    messages: list[Message] = []
    if can_answer:
        messages = (await messages_of(db, noun, [value.id])).get(value.id, [])
    if can_answer and isinstance(value, Survey):
        of_sightings = await messages_of(db, "sighting", [s.id for s in value.sightings])
        messages += [message for said in of_sightings.values() for message in said]
        messages.sort(key=lambda message: message.at)
    proposals: list[Identification] = []
    if can_answer and noun == "photo":
        proposals = (await open_identifications(db, [value.id])).get(value.id, [])
    return RecordReview(
        noun=noun,
        id=value.id,
        version=value.version,
        status=facts.status,
        flags=facts.flags if is_whole else (),
        messages=messages,
        proposals=proposals,
        can_answer=can_answer,
        can_decide=is_whole and may(actor, "see-queue") and may(actor, "review", value.thing),
        can_identify=noun == "photo" and may(actor, "identify", value.thing, now_of(request)),
        can_dismiss=may(actor, "see-queue"),
    )


def with_waiting(handler: Handler) -> Handler:
    """The page with the number of the queue in its navigation, for those who may see the queue."""

    @wraps(handler)
    async def counted(request: Request) -> Response:
        if may(actor_of(request), "see-queue"):
            request.state.waiting = await count_waiting(archive_of(request).db)
        return await handler(request)

    return counted


async def _posted(request: Request) -> tuple[FormData, dict[str, str]]:
    require(actor_of(request), "have-account")
    form = await request.form()
    require_csrf(request, form)
    return form, typed(form)


async def _queue_page(
    request: Request,
    *,
    error: BirdwatchError | None = None,
    values: Mapping[str, str] | None = None,
    chosen: frozenset[str] = frozenset(),
) -> Response:
    archive = archive_of(request)
    species = await load_species(archive.db)
    named = query_text(request, "species")
    bird = species.find(named) if named else None
    narrowed = {name: query_text(request, name) for name in ("species", "person", "flag", "noun")}
    where = QueueFilter(
        species=(bird.code if bird else named) if named else None,
        owner_id=narrowed["person"],
        flag=next((flag for flag in FLAGS if flag == narrowed["flag"]), None),
        noun=next((noun for noun in NOUNS if noun == narrowed["noun"]), None),
    )
    cursor = query_text(request, "cursor")
    shown = await list_waiting(archive.db, where, limit=PAGE_SIZE, cursor=cursor)
    found = [await _entry(request, waiting) for waiting in shown.items]
    return page(
        request,
        "review.html",
        (409 if isinstance(error, ConflictError) else 422) if error else 200,
        entries=[entry for entry in found if entry is not None],
        next_cursor=shown.next,
        total=await count_waiting(archive.db),
        narrowed=narrowed,
        owners=await _owners(request),
        flags=FLAGS,
        nouns=NOUNS,
        error=error,
        reason=(values or {}).get("reason", ""),
        chosen=chosen,
        done=query_text(request, "done"),
        species=species,
        sites=await load_sites(archive.db),
    )


async def _entry(request: Request, waiting: Waiting) -> Entry | None:
    db = archive_of(request).db
    record = await find_record(db, waiting.noun, waiting.id)
    if record is None:
        return None
    value = record.value
    survey: Survey | None = value if isinstance(value, Survey) else None
    sightings: tuple[Sighting, ...] = ()
    if isinstance(value, Photo):
        survey_id = value.facts.survey_id
        survey = await find_survey(db, survey_id) if survey_id else None
        pictures = [value]
        proposals = (await open_identifications(db, [value.id])).get(value.id, [])
        sightings = survey.sightings if survey and survey.protocol == "photo" else ()
    else:
        survey_id = waiting.survey_id or waiting.id
        survey = survey or await find_survey(db, survey_id)
        pictures = await photos_of_survey(db, survey_id, reader=reader_of(request))
        proposals = []
        sightings = (value,) if isinstance(value, Sighting) else value.sightings
    return Entry(
        waiting=waiting,
        can_decide=may(actor_of(request), "review", record.thing),
        owner=await find_person(db, waiting.owner_id) if waiting.owner_id else None,
        record=await records_of(db, waiting.owner_id),
        history=await changes_of(db, waiting.noun, waiting.id),
        messages=(await messages_of(db, waiting.noun, [waiting.id])).get(waiting.id, []),
        photos=pictures[:PICTURES],
        proposals=proposals,
        survey=survey,
        sightings=sightings,
    )


async def _owners(request: Request) -> list[tuple[Person, int]]:
    db = archive_of(request).db
    found = [(await find_person(db, one), number) for one, number in await waiting_owners(db)]
    return [(person, number) for person, number in found if person is not None]


def _decision(value: str) -> Decision:
    noun, _, rest = value.partition(":")
    record_id, _, version = rest.partition(":")
    is_number = version.isascii() and version.isdigit() and len(version) < 19
    return Decision(_noun(noun), record_id, int(version) if is_number else None)


def _noun(text: str | None) -> Noun:
    for noun in NOUNS:
        if noun == text:
            return noun
    raise NotFoundError(
        "review.noun",
        zh="没有这种记录。请从审核页面操作。",
        en="There is no such kind of record. Decide from the review page.",
    )


def _status(text: str | None) -> Status:
    """What the pressed button says; what is no decision is refused further in."""
    return next((one for one in DECIDED if one == text), "pending")


def _saying(target: str, name: str, value: str) -> str:
    return f"{target}{'&' if '?' in target else '?'}{name}={value}"
