"""Forms that forget nothing: what was typed, and what is wrong with it, by field."""

from __future__ import annotations

from collections.abc import Mapping

from starlette.datastructures import FormData
from starlette.requests import Request

from birdwatch.domain.errors import BirdwatchError
from birdwatch.web.render import locale_of


def typed(form: FormData) -> dict[str, str]:
    """The text fields as they were typed, without outer blanks."""
    return {name: value.strip() for name, value in form.items() if isinstance(value, str)}


def field_errors(error: BirdwatchError | None, request: Request) -> Mapping[str, str]:
    """Sentences by field, in the reader's language; several for one field are joined."""
    locale = locale_of(request)
    found: dict[str, str] = {}
    for one in error.errors if error else ():
        sentence = one.message.get(locale)
        found[one.field] = f"{found[one.field]} {sentence}" if one.field in found else sentence
    return found
