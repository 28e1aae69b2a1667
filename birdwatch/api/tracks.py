"""GPX tracks of one's own: sent, shown with the photos they place, applied, deleted."""

from __future__ import annotations

from collections.abc import AsyncIterator

from starlette.requests import Request
from starlette.responses import Response

from birdwatch.api import clock_contract, track_contract
from birdwatch.api.answers import send_written
from birdwatch.api.clocks import text_of, who, who_previews, who_reads
from birdwatch.api.contract import Query
from birdwatch.api.query import invalid, read_json, read_query
from birdwatch.intake.adjusting import Line
from birdwatch.intake.tracking import (
    apply_track,
    list_tracks,
    own_track,
    preview_track,
    receive_track,
    remove_track,
)
from birdwatch.storage.tracks import OwnTrack


async def list_own_tracks(request: Request) -> Response:
    """One's tracks."""
    read_query(request, Query)
    archive, actor = who_reads(request)
    found = await list_tracks(archive, actor=actor)
    return send_written(track_contract.OwnTracks([_track(one) for one in found]))


async def post_track(request: Request) -> Response:
    """Keep a GPX file, sent as the body."""
    archive, actor = who(request)
    name = read_query(request, track_contract.TrackQuery).file_name
    track_id = await receive_track(
        archive, _body(request), name, actor=actor, now=request.state.now
    )
    return send_written(_track(await own_track(archive, track_id, actor=actor)), 201)


async def preview_placing(request: Request) -> Response:
    """Where the track puts the photos of its time."""
    archive, actor = who_previews(request)
    offset, overwrites, _ = await _placing(request)
    found = await preview_track(
        archive, request.path_params["id"], offset, overwrites=overwrites, actor=actor
    )
    left = [
        clock_contract.Unmoved(one.photo.id, one.reason.get(request.state.locale))
        for one in found.plan.left
    ]
    items = [placed for line in found.plan.lines if (placed := _placed(line)) is not None]
    return send_written(
        track_contract.PlacingPreview(digest=found.plan.digest, items=items, left=left)
    )


async def post_placing(request: Request) -> Response:
    """Place the photos so."""
    archive, actor = who(request)
    offset, overwrites, seen = await _placing(request)
    done = await apply_track(
        archive,
        request.path_params["id"],
        offset,
        overwrites=overwrites,
        actor=actor,
        now=request.state.now,
        seen=seen,
    )
    return send_written(clock_contract.Adjusted(done.adjustment_id, done.photos), 201)


async def delete_track(request: Request) -> Response:
    """Delete a track; what was placed by it stays."""
    archive, actor = who(request)
    await remove_track(archive, request.path_params["id"], actor=actor, now=request.state.now)
    return Response(status_code=204)


async def _placing(request: Request) -> tuple[str, bool, str | None]:
    raw = await read_json(request, track_contract.PlacingIn)
    overwrites = raw.get("overwrite", False)
    if not isinstance(overwrites, bool):
        raise invalid("overwrite", "只能是 true 或 false。", "Must be true or false.")
    return text_of(raw, "offset"), overwrites, text_of(raw, "seen") or None


async def _body(request: Request) -> AsyncIterator[bytes]:
    async for chunk in request.stream():
        if chunk:
            yield chunk


def _track(one: OwnTrack) -> track_contract.OwnTrack:
    return track_contract.OwnTrack(
        id=one.id,
        name=one.name,
        points=one.points,
        first=one.first.isoformat(timespec="seconds"),
        last=one.last.isoformat(timespec="seconds"),
    )


def _placed(line: Line) -> track_contract.Placed | None:
    place = line.facts.place
    if place is None:
        return None
    return track_contract.Placed(
        photo=line.photo.id,
        latitude=place.point.lat,
        longitude=place.point.lon,
        gap_s=place.gap_s,
        confidence=place.confidence,
        site=line.facts.site,
    )
