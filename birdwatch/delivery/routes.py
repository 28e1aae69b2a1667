"""Every route that sends picture bytes."""

from __future__ import annotations

from starlette.routing import Route

from birdwatch.delivery.bytes import send_original, send_rendition

routes = [
    Route("/media/{photo}/original", send_original, methods=["GET"], name="media_original"),
    Route("/media/{photo}/{name}", send_rendition, methods=["GET"], name="media_rendition"),
]
