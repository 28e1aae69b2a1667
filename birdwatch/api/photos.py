"""Photos in and out: upload, lists, one, its history, corrections."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from datetime import datetime, timedelta, timezone
from email.message import Message

from starlette.datastructures import UploadFile
from starlette.requests import Request
from starlette.responses import Response

from birdwatch.api import contract
from birdwatch.api.answers import send_list, send_one, send_written
from birdwatch.api.burst_contract import Burst
from birdwatch.api.filters import known_dekad, known_id, known_season, known_site, species_code
from birdwatch.api.query import invalid, read_json, read_pairs, read_query
from birdwatch.domain.burst import cover
from birdwatch.domain.credit import render_credit
from birdwatch.domain.errors import NotFoundError, UnsupportedMediaError
from birdwatch.domain.ids import is_id
from birdwatch.domain.photo import Photo, PhotoFacts, PhotoFilter, PhotoVersion, rendition_url
from birdwatch.domain.place import SettledPlace, read_box
from birdwatch.domain.policy import Reader, Thing
from birdwatch.domain.publication import public_photo, seen_photo
from birdwatch.domain.text import Locale, Text
from birdwatch.http.accounts import require
from birdwatch.http.room import require_room
from birdwatch.intake.archive import Archive
from birdwatch.intake.photo_correction import correct_photo, undo_correction, withdraw_photo
from birdwatch.intake.photo_intake import Receipt, receive_photo
from birdwatch.intake.photo_request import PhotoRequest
from birdwatch.storage import photos as photo_rows
from birdwatch.storage.bursts import seen_frames
from birdwatch.storage.tombstones import refuse_withdrawn

CHUNK_BYTES = 1024 * 1024
FIELD_BYTES = 64 * 1024
MAX_FIELDS = 32
PHOTO_FIELD = "photo"
RAW_TYPES = ("application/octet-stream",)


async def list_photos(request: Request) -> Response:
    """A page of photos, newest first."""
    query = read_query(request, contract.PhotosQuery)
    archive: Archive = request.app.state.archive
    where = await _filter(archive, query)

    async def make(_version: int) -> contract.Photos:
        page = await photo_rows.list_photos(
            archive.db,
            where,
            reader=_reader(request),
            limit=query.limit,
            cursor=query.cursor,
            newest_first=query.sort == "newest",
        )
        return contract.Photos(await dump_photos(request, page.items), page.next)

    return await send_list(request, query, contract.Photo, make)


async def _filter(archive: Archive, query: contract.PhotosQuery) -> PhotoFilter:
    return PhotoFilter(
        day=query.day,
        day_from=query.day_from,
        day_to=query.day_to,
        species=await species_code(archive.db, query.species),
        site=await known_site(archive.db, query.site),
        season=known_season(query.season),
        phase=query.phase,
        dekad=known_dekad(query.dekad),
        photographer=query.photographer,
        survey_id=known_id("survey", query.survey),
        box=read_box(query.bbox) if query.bbox else None,
    )


async def get_photo(request: Request) -> Response:
    """One photo."""
    query = read_query(request, contract.Query)

    async def make(_version: int) -> contract.Photo:
        return await _dump(request, await _find(request))

    return await send_one(request, query, contract.Photo, make)


async def get_photo_history(request: Request) -> Response:
    """Every version of a photo, for those who may see its private values."""
    query = read_query(request, contract.Query)
    archive: Archive = request.app.state.archive

    async def make(_version: int) -> contract.PhotoHistory:
        photo = await _find(request)
        if photo.view != "full":
            require(request.state.actor, "see-private", photo.thing)
        versions = await photo_rows.photo_history(archive.db, photo.id)
        items = [_dump_version(version, request.state.locale) for version in versions]
        return contract.PhotoHistory(items, None)

    return await send_list(request, query, contract.PhotoVersion, make)


async def post_photo(request: Request) -> Response:
    """201 with the photo when it is durable; 200 when the same bytes were here already."""
    require(request.state.actor, "upload")
    await require_room(request, request.app.state.archive.settings.max_photo_bytes)
    content_type = request.headers.get("content-type", "").split(";")[0].strip().lower()
    if content_type == "multipart/form-data":
        receipt = await _receive_form(request)
    elif content_type.startswith("image/") or content_type in RAW_TYPES:
        query = read_query(request, contract.PhotoUploadQuery)
        name = query.file_name or _disposition_name(request.headers.get("content-disposition", ""))
        receipt = await _receive(request, _stream(request), query, name)
    else:
        raise UnsupportedMediaError(
            "photo.content_type",
            zh="请以 multipart/form-data（字段 photo）或 Content-Type: image/jpeg 等直接发送照片。",
            en="Send the photo as multipart/form-data (field photo), or its bytes with a"
            " Content-Type such as image/jpeg.",
        )
    photo = await _dump(request, _own(request, receipt.photo))
    fields = {name: getattr(photo, name) for name in photo.__struct_fields__}
    answer = contract.ReceivedPhoto(**fields, duplicate=receipt.is_duplicate)
    status = 200 if receipt.is_duplicate else 201
    return send_written(answer, status, f"/api/v1/photos/{photo.id}")


async def _receive_form(request: Request) -> Receipt:
    async with request.form(max_files=2, max_fields=MAX_FIELDS, max_part_size=FIELD_BYTES) as form:
        texts = [(name, value) for name, value in form.multi_items() if isinstance(value, str)]
        files = [
            (name, value) for name, value in form.multi_items() if isinstance(value, UploadFile)
        ]
        words = read_pairs(texts, contract.PhotoUploadQuery)
        if len(files) != 1 or files[0][0] != PHOTO_FIELD:
            raise invalid(
                PHOTO_FIELD,
                "请在字段 photo 中发送一个文件。",
                "Send one file, in the field photo.",
            )
        file = files[0][1]
        return await _receive(request, _read(file), words, words.file_name or file.filename or "")


async def _read(file: UploadFile) -> AsyncIterator[bytes]:
    while chunk := await file.read(CHUNK_BYTES):
        yield chunk


async def _stream(request: Request) -> AsyncIterator[bytes]:
    async for chunk in request.stream():
        if chunk:
            yield chunk


async def _receive(
    request: Request,
    chunks: AsyncIterator[bytes],
    words: contract.PhotoUploadQuery,
    file_name: str,
) -> Receipt:
    photo_request = PhotoRequest(
        file_name=file_name,
        caption=Text(words.caption_zh, words.caption_en),
        credit=words.credit,
        license=words.license,
        species=words.species,
        low=words.low,
        best=words.best if words.best is not None else words.count,
        high=words.high,
        site=words.site,
        method=words.method or "",
        note=words.note,
        draft=words.draft,
    )
    return await receive_photo(
        request.app.state.archive,
        chunks,
        photo_request,
        actor=request.state.actor,
        now=request.state.now,
    )


def _disposition_name(header: str) -> str:
    """The file name in a Content-Disposition header, `filename*` included."""
    message = Message()
    try:
        message["Content-Disposition"] = header.encode("latin-1").decode()
        return message.get_filename() or ""
    except (UnicodeError, LookupError, ValueError):
        return ""


async def patch_photo(request: Request) -> Response:
    """Correct a photo; the value before stays in its history."""
    photo_id = (await _find_own(request)).id
    changes = await read_json(request, contract.PhotoChangesIn)
    photo = await correct_photo(
        request.app.state.archive,
        photo_id,
        changes,
        actor=request.state.actor,
        now=request.state.now,
    )
    return send_written(await _dump(request, _own(request, photo)))


async def delete_photo(request: Request) -> Response:
    """Withdraw a photo; its address answers 410 with the reason, and this can be undone."""
    query = read_query(request, contract.WithdrawQuery)
    await withdraw_photo(
        request.app.state.archive,
        (await _find_own(request)).id,
        query.reason,
        actor=request.state.actor,
        now=request.state.now,
    )
    return Response(status_code=204)


async def post_undo(request: Request) -> Response:
    """Go back to the facts before the last correction."""
    photo = await undo_correction(
        request.app.state.archive,
        (await _find_own(request)).id,
        actor=request.state.actor,
        now=request.state.now,
    )
    return send_written(await _dump(request, _own(request, photo)))


async def _dump(request: Request, photo: Photo) -> contract.Photo:
    return (await dump_photos(request, [photo]))[0]


async def dump_photos(request: Request, photos: Sequence[Photo]) -> list[contract.Photo]:
    """Photos of which no more is here than the reader may see, each with its burst."""
    archive: Archive = request.app.state.archive
    frames = await seen_frames(archive.db, photos, _reader(request))
    locale: Locale = request.state.locale
    return [dump_photo(photo, locale, frames.get(photo.id, ())) for photo in photos]


async def _find(request: Request) -> Photo:
    archive: Archive = request.app.state.archive
    photo_id: str = request.path_params["id"]
    reader = _reader(request)
    photo = await photo_rows.see_photo(archive.db, photo_id, reader) if is_id(photo_id) else None
    if photo is None:
        await refuse_withdrawn(archive.db, "photo", photo_id)
        raise NotFoundError(
            "photo.not_found",
            zh="没有这张照片。请检查编号。",
            en="There is no such photo. Check the identifier.",
        )
    return photo


async def _find_own(request: Request) -> Photo:
    """The photo of the path, for those who may correct it."""
    archive: Archive = request.app.state.archive
    photo_id: str = request.path_params["id"]
    photo = await photo_rows.find_photo(archive.db, photo_id) if is_id(photo_id) else None
    require(request.state.actor, "edit", Thing() if photo is None else photo.thing)
    return await _find(request) if photo is None else photo


def _reader(request: Request) -> Reader:
    return Reader(request.state.actor, request.state.now)


def _own(request: Request, photo: Photo) -> Photo:
    """What is told of a photo to the one who just wrote it: with a token that may not read, little."""
    return seen_photo(photo, request.state.actor, request.state.now) or public_photo(photo)


def dump_photo(photo: Photo, locale: Locale, frames: Sequence[Photo]) -> contract.Photo:
    """The photo and the frames of its burst, of which no more is here than its reader may see."""
    facts = photo.facts
    sees_private = photo.view == "full"
    dumped = contract.Photo(
        id=photo.id,
        state=photo.state,
        taken_at=_taken_at(facts),
        time_source=facts.time.source,
        time_confidence=facts.time.confidence,
        position=_position(facts.place),
        is_outside=facts.is_outside,
        site=facts.site,
        season=facts.season,
        phase=facts.phase,
        dekad=facts.dekad,
        camera=contract.Camera(
            make=photo.camera.make,
            model=photo.camera.model,
            lens=photo.camera.lens,
            exposure_s=photo.camera.exposure_s,
            f_number=photo.camera.f_number,
            iso=photo.camera.iso,
            focal_mm=photo.camera.focal_mm,
        ),
        species=facts.species,
        survey=facts.survey_id,
        sighting=facts.sighting_id,
        burst=_burst(frames),
        caption=_text(facts.caption),
        credit=render_credit(facts.credit, locale),
        license=facts.license,
        width=photo.width,
        height=photo.height,
        renditions={r.key: rendition_url(photo.id, r) for r in photo.renditions},
        thumbhash=photo.thumbhash,
        received_at=_received_at(photo),
        version=photo.version,
        level=facts.level,
        view=photo.view,
        status=facts.status,
        embargo_until=facts.embargo_until.isoformat() if facts.embargo_until else None,
    )
    if sees_private:
        dumped.sha256 = photo.sha256
        dumped.original_name = photo.original_name
        dumped.failure = photo.failure.get(locale) if photo.failure else None
    return dumped


def _burst(frames: Sequence[Photo]) -> Burst | None:
    """Named by its first frame that the reader sees: the first of all may be hidden."""
    if not frames:
        return None
    ids = tuple(frame.id for frame in frames)
    telling = [frame.id for frame in frames if frame.facts.sighting_id]
    return Burst(ids[0], cover(ids, telling), ids)


def _dump_version(version: PhotoVersion, locale: Locale) -> contract.PhotoVersion:
    facts = version.facts
    return contract.PhotoVersion(
        since=version.since,
        until=version.until,
        at=version.at.isoformat(timespec="seconds"),
        actor=version.actor_name,
        action=version.action,
        taken_at=_taken_at(facts),
        time_source=facts.time.source,
        time_confidence=facts.time.confidence,
        position=_position(facts.place),
        site=facts.site,
        season=facts.season,
        phase=facts.phase,
        dekad=facts.dekad,
        species=facts.species,
        caption=_text(facts.caption),
        credit=render_credit(facts.credit, locale),
        license=facts.license,
    )


def _received_at(photo: Photo) -> str | None:
    """None of a protected photo: its neighbours in the same upload would tell its place."""
    if photo.received_at.year == 1:
        return None
    return photo.received_at.isoformat(timespec="seconds")


def _taken_at(facts: PhotoFacts) -> str | None:
    """RFC 3339 with the offset of the place where the photo was taken."""
    time = facts.time
    if time.wall is None or time.offset_min is None:
        return None
    return _with_offset(time.wall, time.offset_min).isoformat()


def _with_offset(wall: datetime, offset_min: int) -> datetime:
    return wall.replace(tzinfo=timezone(timedelta(minutes=offset_min)))


def _position(place: SettledPlace | None) -> contract.Position | None:
    if place is None:
        return None
    return contract.Position(place.point.lat, place.point.lon, place.source, place.confidence)


def _text(text: Text) -> contract.Text:
    return contract.Text(text.zh, text.en)
