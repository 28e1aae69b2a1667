"""Whether what a sender announces would fit, before a byte of it is read."""

from __future__ import annotations

import anyio.to_thread
from starlette.requests import Request

from birdwatch.storage.blobs.parts import check_room


async def require_room(request: Request, most: int) -> None:
    """Raises UnavailableError where the disk would not keep its reserve, or takes nothing now.

    `most`: what is taken at most, whatever is announced. Who announces nothing is stopped by the
    reserve as it is now.
    """
    text = request.headers.get("content-length", "")
    announced = int(text) if text.isascii() and text.isdigit() else 0
    blobs = request.app.state.archive.blobs
    await anyio.to_thread.run_sync(check_room, blobs, min(announced, most))
