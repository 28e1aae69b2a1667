"""Clocks of one's cameras: calibrations and shifts, shown before they are done, and undone."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

from starlette.requests import Request
from starlette.responses import Response

from birdwatch.api import clock_contract
from birdwatch.api.answers import send_written
from birdwatch.api.contract import Query
from birdwatch.api.query import invalid, read_json, read_query
from birdwatch.domain.photo import SettledTime
from birdwatch.domain.policy import Actor, Thing
from birdwatch.domain.time_ladder import SITE_ZONE_MIN
from birdwatch.http.accounts import require
from birdwatch.intake.adjusting import Applied, Plan, list_adjustments, undo_adjustment
from birdwatch.intake.archive import Archive
from birdwatch.intake.calibration import CalibrationRequest, apply_calibration, preview_calibration
from birdwatch.intake.shifting import ShiftRequest, apply_shift, preview_shift
from birdwatch.storage.clocks import cameras_of

SITE_ZONE = timezone(timedelta(minutes=SITE_ZONE_MIN))


async def list_cameras(request: Request) -> Response:
    """The cameras of one's photos."""
    read_query(request, Query)
    archive, actor = who_reads(request)
    found = await cameras_of(archive.db, actor.person_id or "")
    return send_written(
        clock_contract.OwnCameras(
            [
                clock_contract.OwnCamera(
                    make=one.camera.make,
                    model=one.camera.model,
                    serial=one.camera.serial,
                    photos=one.photos,
                    first=_moment(one.first),
                    last=_moment(one.last),
                )
                for one in found
            ]
        )
    )


async def preview_calibrating(request: Request) -> Response:
    """What a calibration would do."""
    archive, actor = who_previews(request)
    wanted, _ = await _calibration(request)
    shown = await preview_calibration(archive, wanted, actor=actor, now=request.state.now)
    return send_written(_preview(request, shown.plan))


async def post_calibration(request: Request) -> Response:
    """Put a camera's clock right, for the photos that are there and for those to come."""
    archive, actor = who(request)
    wanted, seen = await _calibration(request)
    done = await apply_calibration(archive, wanted, actor=actor, now=request.state.now, seen=seen)
    return _adjusted(done)


async def preview_shifting(request: Request) -> Response:
    """What a shift would do."""
    archive, actor = who_previews(request)
    wanted, _ = await _shift(request)
    plan = await preview_shift(archive, wanted, actor=actor, now=request.state.now)
    return send_written(_preview(request, plan))


async def post_shift(request: Request) -> Response:
    """Move the times of many photos alike."""
    archive, actor = who(request)
    wanted, seen = await _shift(request)
    return _adjusted(
        await apply_shift(archive, wanted, actor=actor, now=request.state.now, seen=seen)
    )


async def list_own_adjustments(request: Request) -> Response:
    """What was adjusted among one's photos."""
    read_query(request, Query)
    archive, actor = who_reads(request)
    found = await list_adjustments(archive, actor.person_id or "", actor=actor)
    return send_written(
        clock_contract.Adjustments(
            [
                clock_contract.Adjustment(
                    id=one.id,
                    kind=one.kind,
                    at=one.made_at.isoformat(timespec="seconds"),
                    by=one.made_by_name,
                    photos=one.photos,
                    undone_at=one.undone_at.isoformat(timespec="seconds")
                    if one.undone_at
                    else None,
                )
                for one in found
            ]
        )
    )


async def undo_adjusting(request: Request) -> Response:
    """Take an adjustment back, all of its photos at once."""
    archive, actor = who(request)
    back = await undo_adjustment(
        archive, request.path_params["id"], actor=actor, now=request.state.now
    )
    kept = [
        clock_contract.Unmoved(photo_id, reason.get(request.state.locale))
        for photo_id, reason in back.kept
    ]
    return send_written(clock_contract.TakenBack(back.photos, kept))


def who(request: Request) -> tuple[Archive, Actor]:
    """The archive, and the one who asks, who must be allowed to send photos."""
    actor: Actor = request.state.actor
    require(actor, "upload")
    archive: Archive = request.app.state.archive
    return archive, actor


def who_reads(request: Request) -> tuple[Archive, Actor]:
    """The archive, and the one who asks, whose token may read: times and places are private."""
    actor: Actor = request.state.actor
    require(actor, "see-private", Thing(actor.person_id))
    archive: Archive = request.app.state.archive
    return archive, actor


def who_previews(request: Request) -> tuple[Archive, Actor]:
    """As for a change, by a token that may read too: a preview tells what is there."""
    who_reads(request)
    return who(request)


async def _calibration(request: Request) -> tuple[CalibrationRequest, str | None]:
    raw = await read_json(request, clock_contract.CalibrationIn)
    marks = raw.get("marks")
    if not isinstance(marks, list) or not all(isinstance(one, dict) for one in marks):
        raise invalid(
            "marks",
            "请写成 [{photo, true_time}]。",
            "Write a list of {photo, true_time}.",
        )
    wanted = CalibrationRequest(
        marks=tuple((text_of(one, "photo"), text_of(one, "true_time")) for one in marks),
        first=text_of(raw, "first"),
        last=text_of(raw, "last"),
        zone=text_of(raw, "zone"),
    )
    return wanted, text_of(raw, "seen") or None


async def _shift(request: Request) -> tuple[ShiftRequest, str | None]:
    raw = await read_json(request, clock_contract.ShiftIn)
    photos = raw.get("photos")
    if not isinstance(photos, list) or not all(isinstance(one, str) for one in photos):
        raise invalid("photos", "请写成编号的列表。", "Write a list of identifiers.")
    wanted = ShiftRequest(
        photos=tuple(photos),
        shift=text_of(raw, "shift"),
        clock_zone=text_of(raw, "clock_zone"),
        zone=text_of(raw, "zone"),
    )
    return wanted, text_of(raw, "seen") or None


def text_of(raw: dict[str, object], name: str) -> str:
    """The text of this name; empty where there is none. Raises InvalidInputError for another type."""
    value = raw.get(name)
    if value is None:
        return ""
    if not isinstance(value, str):
        raise invalid(name, f"{name} 要是文字。", f"The value of {name} is a text.")
    return value


def _adjusted(done: Applied) -> Response:
    return send_written(clock_contract.Adjusted(done.adjustment_id, done.photos), 201)


def _preview(request: Request, plan: Plan) -> clock_contract.Preview:
    return clock_contract.Preview(
        digest=plan.digest,
        items=[
            clock_contract.Retimed(
                photo=line.photo.id,
                before=_told(line.photo.facts.time),
                after=_told(line.facts.time),
                season=line.facts.season,
                phase=line.facts.phase,
                dekad=line.facts.dekad,
            )
            for line in plan.lines
        ],
        left=[
            clock_contract.Unmoved(one.photo.id, one.reason.get(request.state.locale))
            for one in plan.left
        ],
    )


def _told(time: SettledTime) -> str | None:
    if time.wall is None or time.offset_min is None:
        return None
    zone = timezone(timedelta(minutes=time.offset_min))
    return time.wall.replace(tzinfo=zone).isoformat()


def _moment(moment: datetime | None) -> str | None:
    return None if moment is None else moment.astimezone(SITE_ZONE).isoformat()
