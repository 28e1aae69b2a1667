"""`/account/clocks` and `/account/times`: the times of many of one's photos, put right at once.

Every change is shown before it is made: the first button previews, the second applies exactly that.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from birdwatch.domain.errors import BirdwatchError, ConflictError, InvalidInputError, NotFoundError
from birdwatch.domain.photo import Photo, PhotoFilter
from birdwatch.domain.policy import may
from birdwatch.domain.text import Text
from birdwatch.http.accounts import require, require_csrf
from birdwatch.intake.adjusting import Applied, Plan, list_adjustments, undo_adjustment
from birdwatch.intake.calibration import CalibrationRequest, apply_calibration, preview_calibration
from birdwatch.intake.shifting import ShiftRequest, apply_shift, preview_shift
from birdwatch.storage.clocks import ARCHIVE, Adjustment, OwnCamera, cameras_of, find_frame
from birdwatch.storage.photos import list_photos, see_photo
from birdwatch.storage.sites import load_sites
from birdwatch.storage.species import load_species
from birdwatch.web.figures import ESTUARY_ZONE
from birdwatch.web.forms import field_errors, typed
from birdwatch.web.reading import archive_of, now_of, parse_day, query_text, reader_of
from birdwatch.web.render import actor_of, page

SHOWN = 100  # lines of a preview; the rest is told by number
CHOSEN_FROM = 200
MARKS = (1, 2)
NO_SUCH_PHOTO = Text(
    "没有这张照片。请从照片页复制地址或编号。",
    "There is no such photo. Copy the address or the identifier from its page.",
)


@dataclass(frozen=True, slots=True)
class Marked:
    """One row of the form: the photo, what its camera said, and the time as typed."""

    number: int
    photo: Photo | None
    reads: datetime | None


@dataclass(frozen=True, slots=True)
class Owned:
    """The cameras of one owner, and what was put right: one's own, or those of no owner."""

    is_archive: bool
    cameras: list[OwnCamera]
    adjustments: list[Adjustment]


async def show_clocks(request: Request) -> Response:
    """One's cameras with the span of their clocks, and what was put right so far."""
    require(actor_of(request), "have-account")
    return await _clocks_page(request)


async def undo(request: Request) -> Response:
    """Take back one adjustment, all its photos at once."""
    actor = actor_of(request)
    require(actor, "have-account")
    require_csrf(request, await request.form())
    try:
        back = await undo_adjustment(
            archive_of(request), request.path_params["id"], actor=actor, now=now_of(request)
        )
    except ConflictError as error:
        return await _clocks_page(request, error)
    return RedirectResponse(f"/account/clocks?undone={back.photos}&kept={len(back.kept)}", 303)


async def show_mark(request: Request) -> Response:
    """The form for marking a frame's true time; `photo` in the address is the first of them."""
    require(actor_of(request), "have-account")
    photo = query_text(request, "photo") or ""
    return await _mark_page(request, {"photo_1": _photo_id(photo)})


async def mark(request: Request) -> Response:
    """Preview a calibration, or apply the one that was shown."""
    actor, archive, now = actor_of(request), archive_of(request), now_of(request)
    require(actor, "have-account")
    form = await request.form()
    require_csrf(request, form)
    values = typed(form)
    wanted = CalibrationRequest(
        marks=tuple(
            (_photo_id(values.get(f"photo_{n}", "")), values.get(f"true_{n}", ""))
            for n in MARKS
            if values.get(f"photo_{n}") or values.get(f"true_{n}")
        ),
        first=values.get("first", ""),
        last=values.get("last", ""),
        zone=values.get("zone", ""),
    )
    try:
        if values.get("do") == "apply":
            done = await apply_calibration(
                archive, wanted, actor=actor, now=now, seen=values.get("seen", "")
            )
            return _done(done)
        shown = await preview_calibration(archive, wanted, actor=actor, now=now)
    except (InvalidInputError, ConflictError) as error:
        return await _mark_page(request, values, error=error)
    return await _mark_page(request, values, plan=shown.plan)


async def show_times(request: Request) -> Response:
    """One's photos of a day, to choose from."""
    require(actor_of(request), "have-account")
    return await _times_page(request, {"day": query_text(request, "day") or ""}, [])


async def shift(request: Request) -> Response:
    """Preview a shift, or apply the one that was shown."""
    actor, archive, now = actor_of(request), archive_of(request), now_of(request)
    require(actor, "have-account")
    form = await request.form()
    require_csrf(request, form)
    values = typed(form)
    chosen = [one for one in form.getlist("photos") if isinstance(one, str)]
    wanted = ShiftRequest(
        photos=tuple(chosen),
        shift=values.get("shift", ""),
        clock_zone=values.get("clock_zone", ""),
        zone=values.get("zone", ""),
    )
    try:
        if values.get("do") == "apply":
            done = await apply_shift(
                archive, wanted, actor=actor, now=now, seen=values.get("seen", "")
            )
            return _done(done)
        plan = await preview_shift(archive, wanted, actor=actor, now=now)
    except (InvalidInputError, ConflictError) as error:
        return await _times_page(request, values, chosen, error=error)
    return await _times_page(request, values, chosen, plan=plan)


def _done(done: Applied) -> Response:
    return RedirectResponse(f"/account/clocks?done={done.photos}", 303)


async def _clocks_page(request: Request, error: BirdwatchError | None = None) -> Response:
    archive, actor = archive_of(request), actor_of(request)
    owners = [actor.person_id or "", *([ARCHIVE] if may(actor, "administer") else [])]
    return page(
        request,
        "clocks.html",
        409 if error else 200,
        owned=[
            Owned(
                is_archive=owner_id == ARCHIVE,
                cameras=await cameras_of(archive.db, owner_id),
                adjustments=await list_adjustments(archive, owner_id, actor=actor),
            )
            for owner_id in owners
        ],
        error=error,
        done=_number(request, "done"),
        undone=_number(request, "undone"),
        kept=_number(request, "kept"),
    )


async def _mark_page(
    request: Request,
    values: Mapping[str, str],
    *,
    plan: Plan | None = None,
    error: BirdwatchError | None = None,
) -> Response:
    marked = [await _marked(request, n, values.get(f"photo_{n}", "")) for n in MARKS]
    for one in marked:
        if one.photo is None and values.get(f"photo_{one.number}") and error is None:
            raise NotFoundError("clock.photo", zh=NO_SUCH_PHOTO.zh, en=NO_SUCH_PHOTO.en)
    known = {f"{name}_{n}": "" for name in ("photo", "true") for n in MARKS}
    return page(
        request,
        "clock_mark.html",
        _status(error),
        marked=marked,
        values={**known, "first": "", "last": "", "zone": "+08:00", **values},
        errors=field_errors(error, request),
        error=error,
        plan=plan,
        shown=SHOWN,
        site_zone=ESTUARY_ZONE,
        species=await load_species(archive_of(request).db),
        sites=await load_sites(archive_of(request).db),
    )


async def _times_page(
    request: Request,
    values: Mapping[str, str],
    chosen: list[str],
    *,
    plan: Plan | None = None,
    error: BirdwatchError | None = None,
) -> Response:
    archive = archive_of(request)
    day = parse_day(values["day"]) if values.get("day") else None
    own = await list_photos(
        archive.db,
        PhotoFilter(owner_id=actor_of(request).person_id or "", day=day),
        reader=reader_of(request),
        limit=CHOSEN_FROM,
    )
    return page(
        request,
        "clock_times.html",
        _status(error),
        photos=own.items,
        has_more=own.next is not None,
        chosen=chosen,
        values={"day": "", "shift": "", "clock_zone": "", "zone": "", **values},
        errors=field_errors(error, request),
        error=error,
        plan=plan,
        shown=SHOWN,
        species=await load_species(archive.db),
        sites=await load_sites(archive.db),
    )


async def _marked(request: Request, number: int, text: str) -> Marked:
    db, photo_id = archive_of(request).db, _photo_id(text)
    photo = await see_photo(db, photo_id, reader_of(request)) if photo_id else None
    if photo is None or photo.view != "full":
        return Marked(number, None, None)
    frame = await find_frame(db, photo_id)
    return Marked(number, photo, frame.reads if frame else None)


def _photo_id(text: str) -> str:
    """The identifier in an address of a photo's page, or the text as it is."""
    found = re.search(r"/photos/([^/?#]+)", text)
    return (found[1] if found else text).strip()


def _number(request: Request, name: str) -> int | None:
    text = request.query_params.get(name, "")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 7 else None


def _status(error: BirdwatchError | None) -> int:
    if error is None:
        return 200
    return 409 if isinstance(error, ConflictError) else 422
