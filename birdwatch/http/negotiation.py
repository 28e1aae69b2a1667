"""What the reader prefers: the language of sentences, and JSON or a table."""

from __future__ import annotations

from functools import lru_cache
from typing import cast

from starlette.datastructures import Headers, QueryParams
from starlette.requests import Request, cookie_parser

from birdwatch.domain.text import LOCALES, Locale

DEFAULT_LOCALE: Locale = "zh"
LOCALE_COOKIE = "locale"


def choose_locale(query: QueryParams, headers: Headers) -> Locale:
    """The language asked for: `?lang=`, then the cookie, then Accept-Language, then Chinese."""
    asked = query.get("lang", "")
    if asked in LOCALES:
        return asked
    chosen = cookie_parser(headers.get("cookie", "")).get(LOCALE_COOKIE, "")
    if chosen in LOCALES:
        return chosen
    return accepted_locale(headers.get("accept-language", ""))


@lru_cache(maxsize=512)
def accepted_locale(header: str) -> Locale:
    """The best of our languages in an Accept-Language header; the first named wins a tie."""
    best: Locale = DEFAULT_LOCALE
    best_quality = 0.0
    for tag, quality in weighted(header):
        primary = tag.split("-")[0].lower()
        if primary in LOCALES and quality > best_quality:
            best, best_quality = primary, quality
    return best


def weighted(header: str) -> list[tuple[str, float]]:
    """The entries of an Accept-like header with their q values; what cannot be read counts 0."""
    entries = []
    for part in header.split(",")[:32]:
        name, _, parameters = part.strip().partition(";")
        quality = 1.0
        for parameter in parameters.split(";"):
            key, _, value = parameter.strip().partition("=")
            if key.lower() == "q":
                quality = _quality(value)
        if name:
            entries.append((name.strip(), quality))
    return entries


def _quality(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        return 0.0
    return value if 0.0 <= value <= 1.0 else 0.0


def wants_csv(request: Request) -> bool:
    """Whether the answer is asked for as a table: a path ending in .csv, or Accept: text/csv."""
    if request.url.path.endswith(".csv"):
        return True
    qualities = {name.lower(): q for name, q in weighted(request.headers.get("accept", ""))}
    return qualities.get("text/csv", 0.0) > qualities.get("application/json", 0.0)


def locale_of(request: Request) -> Locale:
    """The locale that the middleware chose for this request, or would choose."""
    locale = getattr(request.state, "locale", None)
    if locale in LOCALES:
        return cast("Locale", locale)
    return choose_locale(request.query_params, request.headers)
