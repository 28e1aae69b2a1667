"""One's own drafts, and many photos edited or published at once."""

from __future__ import annotations

from collections.abc import Mapping

from starlette.requests import Request
from starlette.responses import Response

from birdwatch.api import contract, draft_contract
from birdwatch.api.answers import send_written
from birdwatch.api.photos import dump_photos
from birdwatch.api.query import invalid, read_json, read_query
from birdwatch.domain.errors import BirdwatchError
from birdwatch.domain.photo import Photo
from birdwatch.domain.policy import Thing
from birdwatch.domain.publication import public_photo, seen_photo
from birdwatch.domain.text import Locale
from birdwatch.http.accounts import require
from birdwatch.http.errors import FieldProblem, Problem, status_of
from birdwatch.intake.photo_batch import Answer, edit_many, publish_many
from birdwatch.storage.drafts import DraftNumber, find_numbers, list_drafts


async def list_own_drafts(request: Request) -> Response:
    """A page of the asker's own drafts, earliest first."""
    query = read_query(request, draft_contract.DraftsQuery)
    owner = request.state.actor.person_id
    require(request.state.actor, "see-private", Thing(owner))
    db = request.app.state.archive.db
    page = await list_drafts(db, owner, limit=query.limit, cursor=query.cursor)
    numbers = await find_numbers(db, [photo.id for photo in page.items])
    dumped = await dump_photos(request, page.items)
    items = [
        _dump(photo, told, numbers.get(photo.id))
        for photo, told in zip(page.items, dumped, strict=True)
    ]
    # Numbers of drafts are outside the ledger, so no version of it can tell that they changed.
    return send_written(draft_contract.Drafts(items, page.next))


async def post_edit(request: Request) -> Response:
    """The same changes to many photos; each is done or refused for itself."""
    require(request.state.actor, "upload")
    body = await read_json(request, draft_contract.EditManyIn)
    changes = body.get("changes")
    if not isinstance(changes, Mapping) or not changes:
        raise invalid(
            "changes",
            "changes 要写明至少一项更改，例如 {“species”: “大滨鹬”}。",
            "Name at least one change in changes, such as {“species”: “Great Knot”}.",
        )
    answers = await edit_many(
        request.app.state.archive,
        _ids(body),
        changes,
        actor=request.state.actor,
        now=request.state.now,
    )
    return await _answer(request, answers)


async def post_publish(request: Request) -> Response:
    """Send in many drafts; each is published, waits for a reviewer, or is refused for itself."""
    require(request.state.actor, "upload")
    body = await read_json(request, draft_contract.PublishManyIn)
    answers = await publish_many(
        request.app.state.archive, _ids(body), actor=request.state.actor, now=request.state.now
    )
    return await _answer(request, answers)


def _ids(body: Mapping[str, object]) -> list[str]:
    ids = body.get("ids")
    if not isinstance(ids, list) or not all(isinstance(one, str) for one in ids):
        raise invalid(
            "ids",
            "ids 应为照片编号的列表。",
            "ids must be a list of the photos' identifiers.",
        )
    return ids


async def _answer(request: Request, answers: list[Answer]) -> Response:
    locale: Locale = request.state.locale
    photos = [_told(request, one.photo) for one in answers if one.photo]
    dumped = {one.id: one for one in await dump_photos(request, photos)}
    items = [
        draft_contract.PhotoAnswer(
            one.photo_id,
            dumped.get(one.photo.id) if one.photo else None,
            _problem(one.error, locale) if one.error else None,
        )
        for one in answers
    ]
    refused = sum(one.error is not None for one in answers)
    return send_written(draft_contract.PhotoAnswers(items, len(items) - refused, refused))


def _told(request: Request, photo: Photo) -> Photo:
    """With a token that may not read, little."""
    return seen_photo(photo, request.state.actor, request.state.now) or public_photo(photo)


def _problem(error: BirdwatchError, locale: Locale) -> Problem:
    return Problem(
        f"/api/v1/docs#{error.code}",
        error.sentence(locale),
        status_of(error),
        error.sentence(locale),
        [FieldProblem(one.field, one.message.get(locale)) for one in error.errors],
    )


def _dump(photo: Photo, told: contract.Photo, number: DraftNumber | None) -> draft_contract.Draft:
    fields = {name: getattr(told, name) for name in told.__struct_fields__}
    return draft_contract.Draft(
        **fields, flags=list(photo.facts.flags), number=_dump_number(number)
    )


def _dump_number(number: DraftNumber | None) -> draft_contract.DraftNumber | None:
    if number is None:
        return None
    return draft_contract.DraftNumber(
        number.low, number.best, number.high, number.method, number.note
    )
