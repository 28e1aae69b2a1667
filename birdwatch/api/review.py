"""The queue, decisions, the dialogue of a record, and names proposed for photos."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from birdwatch.api import contract, review_contract
from birdwatch.api.answers import send_list, send_written
from birdwatch.api.filters import species_code
from birdwatch.api.query import invalid, read_json, read_query
from birdwatch.domain.errors import ForbiddenError
from birdwatch.domain.identification import Identification
from birdwatch.domain.message import NOUNS, Message, Noun
from birdwatch.domain.policy import Actor, Thing
from birdwatch.http.accounts import require
from birdwatch.intake.archive import Archive
from birdwatch.intake.identifications import accept, dismiss, propose
from birdwatch.intake.review import DECIDED, Decision, answer, decide_many, find_record, no_record
from birdwatch.storage.identifications import identifications_of
from birdwatch.storage.messages import messages_of
from birdwatch.storage.review import QueueFilter, Waiting, list_waiting


async def list_queue(request: Request) -> Response:
    """A page of what waits, longest first."""
    query = read_query(request, review_contract.QueueQuery)
    require(request.state.actor, "see-queue")
    archive: Archive = request.app.state.archive
    where = QueueFilter(
        species=await species_code(archive.db, query.species),
        owner_id=query.person,
        flag=query.flag,
        noun=query.noun,
    )

    async def make(_version: int) -> review_contract.Queue:
        shown = await list_waiting(archive.db, where, limit=query.limit, cursor=query.cursor)
        return review_contract.Queue([_dump_waiting(one) for one in shown.items], shown.next)

    return await send_list(request, query, review_contract.QueueItem, make)


async def post_decisions(request: Request) -> Response:
    """Publish, query or reject many records: all of them, or none."""
    actor: Actor = request.state.actor
    require(actor, "see-queue")
    raw = await read_json(request, review_contract.DecisionsIn)
    status = next((one for one in DECIDED if one == raw.get("status")), None)
    if status is None:
        known = ", ".join(DECIDED)
        raise invalid("status", f"只能是：{known}。", f"Choose one of {known}.")
    wanted = _decisions(raw.get("items"))
    await decide_many(
        request.app.state.archive,
        wanted,
        status,
        _text(raw, "reason"),
        actor=actor,
        now=request.state.now,
    )
    return send_written(review_contract.Decided(status, len(set(wanted))))


async def list_photo_messages(request: Request) -> Response:
    """What was said of a photo."""
    return await _list_messages(request, "photo")


async def list_survey_messages(request: Request) -> Response:
    """What was said of a survey."""
    return await _list_messages(request, "survey")


async def list_sighting_messages(request: Request) -> Response:
    """What was said of a sighting."""
    return await _list_messages(request, "sighting")


async def post_photo_message(request: Request) -> Response:
    """Say something of a photo; the owner's answer puts a queried one back in the queue."""
    return await _post_message(request, "photo")


async def post_survey_message(request: Request) -> Response:
    """As for a photo."""
    return await _post_message(request, "survey")


async def post_sighting_message(request: Request) -> Response:
    """As for a photo."""
    return await _post_message(request, "sighting")


async def _list_messages(request: Request, noun: Noun) -> Response:
    query = read_query(request, contract.Query)
    archive: Archive = request.app.state.archive
    record_id: str = request.path_params["id"]

    async def make(_version: int) -> review_contract.Messages:
        record = await find_record(archive.db, noun, record_id)
        require(request.state.actor, "see-private", record.thing if record else Thing())
        if record is None:
            raise no_record()
        said = (await messages_of(archive.db, noun, [record_id])).get(record_id, [])
        return review_contract.Messages([_dump_message(one) for one in said], None)

    return await send_list(request, query, review_contract.Message, make)


async def _post_message(request: Request, noun: Noun) -> Response:
    _refuse(request.state.actor)
    raw = await read_json(request, review_contract.MessageIn)
    said = await answer(
        request.app.state.archive,
        noun,
        request.path_params["id"],
        _text(raw, "text"),
        actor=request.state.actor,
        now=request.state.now,
    )
    return send_written(_dump_message(said), 201)


async def list_identifications(request: Request) -> Response:
    """Every name ever proposed for a photo, for its owner and reviewers."""
    query = read_query(request, contract.Query)
    archive: Archive = request.app.state.archive
    photo_id: str = request.path_params["id"]

    async def make(_version: int) -> review_contract.Identifications:
        record = await find_record(archive.db, "photo", photo_id)
        require(request.state.actor, "see-private", record.thing if record else Thing())
        if record is None:
            raise no_record()
        found = await identifications_of(archive.db, photo_id)
        return review_contract.Identifications([_dump_identification(one) for one in found], None)

    return await send_list(request, query, review_contract.Identification, make)


async def post_identification(request: Request) -> Response:
    """Propose a name for a photo."""
    _refuse(request.state.actor)
    raw = await read_json(request, review_contract.IdentificationIn)
    made = await propose(
        request.app.state.archive,
        request.path_params["id"],
        _text(raw, "species"),
        _text(raw, "note"),
        actor=request.state.actor,
        now=request.state.now,
    )
    return send_written(_dump_identification(made), 201)


async def post_outcome(request: Request) -> Response:
    """Take a proposed name, or put it aside."""
    _refuse(request.state.actor)
    raw = await read_json(request, review_contract.OutcomeIn)
    settle = {"accepted": accept, "dismissed": dismiss}.get(_text(raw, "outcome"))
    if settle is None:
        raise invalid(
            "outcome",
            "只能是：accepted, dismissed。",
            "Choose one of accepted, dismissed.",
        )
    photo = await settle(
        request.app.state.archive,
        request.path_params["id"],
        actor=request.state.actor,
        now=request.state.now,
    )
    return send_written(review_contract.Settled(photo.id, photo.facts.species))


def _refuse(actor: Actor) -> None:
    """Raise for a visitor, and for a token that could do none of this for anybody."""
    require(actor, "identify" if actor.role is None else "read")
    if actor.scopes is not None and not actor.scopes & {"upload", "count", "review"}:
        raise ForbiddenError(
            "not_allowed",
            zh="此令牌没有所需的权限范围。请使用带 upload、count 或 review 权限的令牌。",
            en="This token has none of the scopes for it. Use one with upload, count or review.",
        )


def _decisions(items: object) -> list[Decision]:
    if not isinstance(items, list):
        raise invalid(
            "items",
            "请给出列表：[{noun, id, version}]。",
            "Give a list: [{noun, id, version}].",
        )
    return [_decision(item, f"items[{index}]") for index, item in enumerate(items)]


def _decision(item: object, at: str) -> Decision:
    found = item if isinstance(item, dict) else {}
    noun = next((one for one in NOUNS if one == found.get("noun")), None)
    record_id, version = found.get("id"), found.get("version")
    is_version = version is None or (isinstance(version, int) and not isinstance(version, bool))
    if noun is None or not isinstance(record_id, str) or not is_version:
        raise invalid(
            at,
            "应为 {noun: photo|survey|sighting, id, version}。",
            "This must be {noun: photo|survey|sighting, id, version}.",
        )
    return Decision(noun, record_id, version)


def _text(raw: dict[str, object], name: str) -> str:
    value = raw.get(name)
    if value is None:
        return ""
    if not isinstance(value, str):
        raise invalid(name, f"{name} 应为文字。", f"{name} must be a text.")
    return value


def _dump_waiting(one: Waiting) -> review_contract.QueueItem:
    return review_contract.QueueItem(
        noun=one.noun,
        id=one.id,
        version=one.version,
        status=one.status,
        flags=list(one.flags),
        person=one.owner_id,
        survey=one.survey_id,
    )


def _dump_message(one: Message) -> review_contract.Message:
    return review_contract.Message(
        one.id, one.text, one.person_name, one.at.isoformat("T", "seconds")
    )


def _dump_identification(one: Identification) -> review_contract.Identification:
    return review_contract.Identification(
        id=one.id,
        photo=one.photo_id,
        species=one.species,
        note=one.note,
        person=one.person_name,
        at=one.at.isoformat("T", "seconds"),
        open=one.until is None,
    )
