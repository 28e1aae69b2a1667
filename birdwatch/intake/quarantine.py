"""A picture that takes down its decoders is set aside with the reason; its sender loses nothing.

The same bytes of the same sender are not decoded again until someone asks for it: each try costs
three decoders. See quarantine_retry for the way back.
"""

from __future__ import annotations

import json
from dataclasses import asdict
from datetime import datetime
from pathlib import Path

from birdwatch.domain.errors import InvalidInputError
from birdwatch.domain.photo import Photo
from birdwatch.domain.policy import SYSTEM, Actor
from birdwatch.domain.quota import Quota, Uploads, check_quota, quota_day
from birdwatch.domain.text import Text
from birdwatch.imaging.probe import Probe
from birdwatch.imaging.renditions import RenderResult
from birdwatch.imaging.sandbox import DecoderDiedError
from birdwatch.intake.archive import Archive
from birdwatch.intake.photo_request import PhotoRequest
from birdwatch.storage.blobs.files import Incoming
from birdwatch.storage.blobs.quarantine import hold
from birdwatch.storage.quarantine import add_quarantined, held_for
from birdwatch.storage.requests import add_upload, uploads_of


class QuarantinedError(InvalidInputError):
    """The file was set aside (422)."""

    def __init__(self, reason: Text, deaths: int) -> None:
        super().__init__(
            "photo.quarantined",
            zh=f"照片 {deaths} 次使解码程序中断（{reason.zh}），已隔离保存，没有丢失。"
            "可以在“账号 → 隔离的文件”重试；也可以从相机重新导出后再上传。",
            en=f"The picture ended its decoder {deaths} times ({reason.en}). It is kept in"
            " quarantine and not lost: try it again under Account, Quarantine, or export it from"
            " the camera again.",
        )


async def probe_or_set_aside(
    archive: Archive, incoming: Incoming, request: PhotoRequest, *, actor: Actor, now: datetime
) -> Probe:
    """The facts of received bytes; raises as Sandbox.probe() does, or QuarantinedError.

    `request` holds the name of the file as it will be kept.
    """
    held = await held_for(archive.db, incoming.sha256, actor.person_id, now)
    if held is not None:
        raise QuarantinedError(held.reason, held.deaths)
    try:
        return await archive.sandbox.probe(incoming.path, request.file_name)
    except DecoderDiedError as error:
        await _set_aside(archive, incoming, request, error, actor=actor, now=now)
        raise QuarantinedError(error.reason, error.deaths) from None


async def render_or_note(
    archive: Archive,
    photo: Photo,
    source: Path,
    out_dir: Path,
    sizes: tuple[int, ...],
    *,
    now: datetime,
) -> RenderResult:
    """Renditions of a photo; if making them takes down the decoders, that is written down too."""
    try:
        return await archive.sandbox.render(source, out_dir, sizes)
    except DecoderDiedError as error:
        async with archive.db.write(SYSTEM, now) as tx:
            await add_quarantined(
                tx,
                sha256=photo.sha256,
                size=photo.size_bytes,
                owner_id=photo.owner_id,
                photo_id=photo.id,
                file_name=photo.original_name,
                reason=error.reason,
                deaths=error.deaths,
            )
        raise


async def _set_aside(
    archive: Archive,
    incoming: Incoming,
    request: PhotoRequest,
    error: DecoderDiedError,
    *,
    actor: Actor,
    now: datetime,
) -> None:
    """Keep the bytes, then the row; they count for the day as any photo does."""
    settings, day = archive.settings, quota_day(now)
    more = Uploads(1, incoming.size, 0)
    if actor.person_id is not None:
        quota = Quota(settings.quota_files, settings.quota_bytes, settings.quota_pixels)
        check_quota(quota, await uploads_of(archive.db, actor.person_id, day), more, now)
    await hold(archive.blobs, incoming)
    async with archive.db.write(actor, now) as tx:
        if actor.person_id is not None:
            await add_upload(tx, actor.person_id, day, more)
        await add_quarantined(
            tx,
            sha256=incoming.sha256,
            size=incoming.size,
            owner_id=actor.person_id,
            file_name=request.file_name,
            words=json.dumps(asdict(request), ensure_ascii=False),
            reason=error.reason,
            deaths=error.deaths,
        )
