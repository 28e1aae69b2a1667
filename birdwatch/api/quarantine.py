"""Files that took down their decoders: one's own, or everybody's for administrators."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from birdwatch.api import quarantine_contract
from birdwatch.api.answers import send_written
from birdwatch.api.contract import Text
from birdwatch.api.query import read_query
from birdwatch.domain.policy import Actor, Thing
from birdwatch.domain.quarantine import Quarantined
from birdwatch.http.accounts import require
from birdwatch.intake import quarantine_retry
from birdwatch.intake.archive import Archive
from birdwatch.storage.quarantine import list_quarantined


async def list_files(request: Request) -> Response:
    """A page of them. Never from a cache: they do not move the dataset version."""
    query = read_query(request, quarantine_contract.QuarantineQuery)
    actor: Actor = request.state.actor
    require(actor, "see-private", Thing(actor.person_id))
    found = await list_quarantined(
        _archive_of(request).db,
        query.limit,
        query.cursor,
        owner_id=None if actor.role == "admin" else actor.person_id,
    )
    return send_written(
        quarantine_contract.Quarantine(items=[_dump(one) for one in found.items], next=found.next)
    )


async def post_retry(request: Request) -> Response:
    """Take a file in once more."""
    require(request.state.actor, "upload")
    photo_id = await quarantine_retry.retry(
        _archive_of(request),
        request.path_params["id"],
        actor=request.state.actor,
        now=request.state.now,
    )
    return send_written(quarantine_contract.Retried(photo_id))


async def delete_file(request: Request) -> Response:
    """Throw a file away."""
    require(request.state.actor, "upload")
    await quarantine_retry.discard(
        _archive_of(request),
        request.path_params["id"],
        actor=request.state.actor,
        now=request.state.now,
    )
    return Response(status_code=204)


def _archive_of(request: Request) -> Archive:
    archive: Archive = request.app.state.archive
    return archive


def _dump(one: Quarantined) -> quarantine_contract.Quarantined:
    return quarantine_contract.Quarantined(
        id=one.id,
        sha256=one.sha256,
        size_bytes=one.size,
        photo=one.photo_id,
        file_name=one.file_name,
        person=one.owner_name,
        reason=Text(one.reason.zh, one.reason.en),
        deaths=one.deaths,
        first_at=one.first_at.isoformat("T", "seconds"),
        last_at=one.last_at.isoformat("T", "seconds"),
    )
