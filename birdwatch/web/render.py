"""One way to make a page: the template, the reader's language, and what every page shows."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from functools import cache, partial
from pathlib import Path
from urllib.parse import urlencode

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from birdwatch.domain.credit import render_credit
from birdwatch.domain.photo import Photo, rendition_url
from birdwatch.domain.policy import VISITOR, Actor, may
from birdwatch.domain.review import FLAG_TEXTS
from birdwatch.domain.text import Locale
from birdwatch.intake.words import LICENSES
from birdwatch.web.figures import Figures
from birdwatch.web.pictures import average_colour, headline, ratio_class, srcset
from birdwatch.web.words import say, say_count

HERE = Path(__file__).parent
STATIC_FOLDER = HERE / "static"


@cache
def environment() -> Environment:
    """The templates, escaped by default; an unknown name in one is an error, not a blank."""
    made = Environment(
        loader=FileSystemLoader(HERE / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.globals.update(
        static=static_url,
        srcset=srcset,
        ratio_class=ratio_class,
        average_colour=average_colour,
        headline=headline,
        rendition_url=rendition_url,
        may=may,
        licenses=LICENSES,
        flag_texts=FLAG_TEXTS,
        with_query=with_query,
    )
    return made


@cache
def static_url(name: str) -> str:
    """Where a file of static/ is, with a mark that changes when the file does."""
    path = STATIC_FOLDER / name
    if not path.is_file():
        return f"/static/{name}"
    return f"/static/{name}?v={hashlib.sha256(path.read_bytes()).hexdigest()[:10]}"


def with_query(path: str, values: Mapping[str, object], **changes: object) -> str:
    """The same address with some query values changed; None and empty ones are left out."""
    merged = {**values, **changes}
    kept = {name: value for name, value in merged.items() if value not in (None, "")}
    return f"{path}?{urlencode(kept)}" if kept else path


def locale_of(request: Request) -> Locale:
    """The reader's language."""
    locale: Locale = getattr(request.state, "locale", "zh")
    return locale


def actor_of(request: Request) -> Actor:
    """Who asks."""
    actor: Actor = getattr(request.state, "actor", VISITOR)
    return actor


def page(request: Request, template: str, status: int = 200, /, **values: object) -> Response:
    """The page as HTML, with the language, the reader and the form token every template knows."""
    locale = locale_of(request)
    html = (
        environment()
        .get_template(template)
        .render(
            t=partial(say, locale),
            n=partial(_count, locale),
            f=Figures(locale),
            locale=locale,
            actor=actor_of(request),
            csrf=getattr(request.state, "csrf", ""),
            waiting=getattr(request.state, "waiting", None),
            path=request.url.path,
            here=_here(request),
            credit_line=partial(_credit, locale=locale),
            **values,
        )
    )
    return HTMLResponse(html, status, {"Vary": "Cookie, Accept-Language"})


def _count(locale: Locale, key: str, number: int) -> str:
    return say_count(locale, key, number, Figures(locale).number(number))


def _credit(photo: Photo, *, locale: Locale) -> str:
    return render_credit(photo.facts.credit, locale)


def _here(request: Request) -> str:
    """This address, for coming back after a change of language or a sign-in."""
    query = request.url.query
    return f"{request.url.path}?{query}" if query and request.method == "GET" else request.url.path
