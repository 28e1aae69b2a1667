"""The page a reader sees when something is wrong: what it is, and what to do."""

from __future__ import annotations

from http import HTTPStatus

from starlette.requests import Request
from starlette.responses import Response

from birdwatch.domain.text import Text
from birdwatch.web.render import locale_of, page


def render_error(request: Request, status: int, title: Text, detail: str) -> Response:
    """An error as a page; app.py registers this for every surface but the API."""
    return page(
        request,
        "error.html",
        status,
        code=status,
        title=title.get(locale_of(request)),
        detail=detail,
        needs_sign_in=status == HTTPStatus.UNAUTHORIZED,
    )
