"""What changed: for mirrors, in public; and for owners the history of a thing, and its undoing."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from birdwatch.api import change_contract as contract
from birdwatch.api.answers import send_list, send_written
from birdwatch.api.contract import Query
from birdwatch.api.query import read_query
from birdwatch.domain.errors import NotFoundError
from birdwatch.http.accounts import require_signed_in
from birdwatch.intake.archive import Archive
from birdwatch.intake.undoing import HistoryEntry, read_history, undo_change
from birdwatch.storage.feed import PublicChange, public_changes

DIGITS = 15  # versions are far smaller, and databases hold no larger numbers


async def list_changes(request: Request) -> Response:
    """What a mirror has to read again: the last change of each thing, in order."""
    query = read_query(request, contract.ChangesQuery)
    archive: Archive = request.app.state.archive

    async def make(version: int) -> contract.PublicChanges:
        page = await public_changes(
            archive.db, since=query.since, limit=query.limit, cursor=query.cursor
        )
        return contract.PublicChanges([_dump(item) for item in page.items], page.next, version)

    return await send_list(request, query, contract.PublicChange, make)


async def get_photo_changes(request: Request) -> Response:
    """Every change of a photo, withdrawn or not, for those who may edit it."""
    return await _send_history(request, "photo")


async def get_survey_history(request: Request) -> Response:
    """Every change of a survey, withdrawn or not, for those who may edit it."""
    return await _send_history(request, "survey")


async def _send_history(request: Request, noun: str) -> Response:
    query = read_query(request, Query)
    archive: Archive = request.app.state.archive
    actor = request.state.actor
    require_signed_in(actor)

    async def make(_version: int) -> contract.History:
        entries = await read_history(
            archive.db, noun, request.path_params["id"], actor=actor, now=request.state.now
        )
        return contract.History([_dump_entry(entry) for entry in entries], None)

    return await send_list(request, query, contract.HistoryEntry, make)


async def undo_one(request: Request) -> Response:
    """Take back one change; what then stands is a new version, which can be undone too."""
    require_signed_in(request.state.actor)
    history = await undo_change(
        request.app.state.archive,
        read_version(request.path_params["version"]),
        actor=request.state.actor,
        now=request.state.now,
    )
    last = history.changes[-1]
    return send_written(
        contract.Undone(last.version, history.noun, history.noun_id, history.is_open)
    )


def read_version(text: str) -> int:
    """The version in a path. Raises NotFoundError for what is no number."""
    if text.isascii() and text.isdigit() and len(text) <= DIGITS:
        return int(text)
    raise NotFoundError(
        "change.unknown",
        zh="没有这个版本。请从内容的历史中选择。",
        en="There is no such version. Choose one from the history of the record.",
    )


def _dump(change: PublicChange) -> contract.PublicChange:
    return contract.PublicChange(
        version=change.version,
        at=change.at.isoformat(),
        action=change.action,
        noun=change.noun,
        id=change.noun_id,
        tombstone=change.is_gone,
    )


def _dump_entry(entry: HistoryEntry) -> contract.HistoryEntry:
    return contract.HistoryEntry(
        version=entry.version,
        at=entry.at.isoformat(),
        actor=entry.actor_name,
        action=entry.action,
        noun=entry.noun,
        changed=entry.changed,
        undoes=entry.undoes,
        is_undone=entry.is_undone,
        can_undo=entry.can_undo,
        reason=entry.reason,
    )
