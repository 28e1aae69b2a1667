"""Is the process alive, and can it do its work: for load balancers and container health checks."""

from __future__ import annotations

import anyio.to_thread
import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route


async def healthz(_request: Request) -> Response:
    """200 while the process answers at all."""
    return _json({"status": "ok"})


async def readyz(request: Request) -> Response:
    """200 when rows can be read and the media folder can be written; a problem answer otherwise."""
    archive = request.app.state.archive
    version = await archive.db.dataset_version()
    await anyio.to_thread.run_sync(archive.blobs.check_home)
    return _json({"status": "ready", "dataset_version": version})


def _json(body: dict[str, object]) -> Response:
    headers = {"Cache-Control": "no-store"}
    return Response(msgspec.json.encode(body), 200, headers, "application/json")


routes = [Route("/healthz", healthz), Route("/readyz", readyz)]
