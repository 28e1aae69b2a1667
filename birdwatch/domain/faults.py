"""Collects everything that is wrong with an input, so that it can be corrected in one go."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeVar

from birdwatch.domain.errors import FieldError
from birdwatch.domain.text import Text
from birdwatch.domain.written import Refusal, clean

W = TypeVar("W", bound=str)


@dataclass(slots=True)
class Faults:
    """The faults found so far, each under the name of its field."""

    errors: list[FieldError] = field(default_factory=list)

    def add(self, name: str, code: str, zh: str, en: str) -> None:
        self.errors.append(FieldError(name, Text(zh, en), code))

    def refuse(self, name: str, refusal: Refusal) -> None:
        self.errors.append(FieldError(name, refusal.message, refusal.code))


def read_word(value: object, name: str, words: Mapping[str, W], faults: Faults) -> W | None:
    """One of the words the field knows, in either language; None for nothing written."""
    text = clean(value, 40).casefold()
    if not text:
        return None
    word = words.get(text) or words.get(text.replace(" ", "_").replace("-", "_"))
    if word is None:
        known = list(dict.fromkeys(words.values()))
        faults.add(
            name,
            f"{name.rpartition('.')[2]}.unknown",
            f"“{text}”未知。可用：{'、'.join(known)}。",
            f"“{text}” is unknown. Use one of {', '.join(known)}.",
        )
    return word
