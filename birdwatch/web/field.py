"""`/surveys/field`: counting on the mudflat, with or without a line.

The page is the same for every reader: a service worker keeps it on the phone, so nothing of anyone
may be in it. Who sends is asked for, apart from it, when there is something to send.
"""

from __future__ import annotations

import hashlib
from functools import cache

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from birdwatch.domain.policy import VISITOR
from birdwatch.domain.sensitivity import BEHAVIOURS
from birdwatch.domain.survey import METHODS, PROTOCOLS, TIDES
from birdwatch.storage.sites import load_sites
from birdwatch.storage.species import load_species
from birdwatch.storage.tides import load_stations
from birdwatch.web.reading import archive_of
from birdwatch.web.render import STATIC_FOLDER, actor_of, locale_of, page, static_url
from birdwatch.web.words import say

PATH = "/surveys/field"
PARTS = ("built/site.css", "built/field.js", "bird.svg", "icon-192.png", "icon-512.png")
WORKER = STATIC_FOLDER / "built" / "field-worker.js"
PAPER, RED = "#faf8f4", "#a8322a"


async def show_field(request: Request) -> Response:
    """The page as everyone gets it."""
    request.state.actor, request.state.csrf, request.state.waiting = VISITOR, "", None
    db = archive_of(request).db
    return page(
        request,
        "field.html",
        behaviours=BEHAVIOURS,
        methods=METHODS,
        protocols=PROTOCOLS,
        tides=TIDES,
        has_tables=bool(await load_stations(db)),
        species=await load_species(db),
        sites=await load_sites(db),
    )


async def tell_session(request: Request) -> Response:
    """Who sends from this browser, and the token of their forms; a visitor is nobody."""
    actor = actor_of(request)
    known = {"person": actor.person_id, "name": actor.name, "csrf": request.state.csrf}
    body = msgspec.json.encode(known if request.state.csrf else {"person": None})
    return Response(body, headers={"Cache-Control": "no-store"}, media_type="application/json")


async def send_manifest(request: Request) -> Response:
    """What a phone needs to put the page on its home screen."""
    locale = locale_of(request)
    body = {
        "id": PATH,
        "name": f"{say(locale, 'site.name')} · {say(locale, 'field.title')}",
        "short_name": say(locale, "field.title"),
        "lang": say(locale, "html.lang"),
        "start_url": PATH,
        "scope": "/surveys/",
        "display": "standalone",
        "background_color": PAPER,
        "theme_color": RED,
        "icons": [
            {
                "src": static_url(f"icon-{size}.png"),
                "sizes": f"{size}x{size}",
                "type": "image/png",
                "purpose": "any maskable",
            }
            for size in (192, 512)
        ],
    }
    headers = {"Cache-Control": "no-cache", "Vary": "Cookie, Accept-Language"}
    return Response(msgspec.json.encode(body), 200, headers, "application/manifest+json")


async def send_worker(request: Request) -> Response:
    """The service worker. Its place gives it its scope: what is under /surveys/ and no more."""
    del request
    # A worker is held to the policy of its own script, and this one has to fetch.
    headers = {"Cache-Control": "no-cache", "Content-Security-Policy": "default-src 'self'"}
    return Response(_worker(), headers=headers, media_type="text/javascript")


@cache
def _worker() -> bytes:
    """The script, told what to keep and under which name: another one when a part changes."""
    kept = [PATH, *(static_url(part) for part in PARTS)]
    script = WORKER.read_bytes() if WORKER.is_file() else b""
    version = hashlib.sha256(msgspec.json.encode(kept) + script).hexdigest()[:12]
    head = b"self.KEPT = " + msgspec.json.encode({"version": version, "files": kept}) + b";\n"
    return head + script
