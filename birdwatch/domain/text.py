"""A sentence in both languages of the archive. Everything a reader may see is one of these."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Locale = Literal["zh", "en"]
LOCALES: tuple[Locale, ...] = ("zh", "en")


@dataclass(frozen=True, slots=True)
class Text:
    """Chinese and English of the same thing; either may be empty when nobody has written it."""

    zh: str = ""
    en: str = ""

    def get(self, locale: Locale) -> str:
        """The text in this language, or in the other one where this is empty."""
        return (self.zh or self.en) if locale == "zh" else (self.en or self.zh)

    def __bool__(self) -> bool:
        return bool(self.zh or self.en)
