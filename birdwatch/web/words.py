"""The sentences of the pages, in both languages: two flat catalogs with the same keys."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path

from babel import Locale as BabelLocale

from birdwatch.domain.text import Locale

LOCALE_FOLDER = Path(__file__).parent / "locale"
BABEL: dict[Locale, str] = {"zh": "zh_Hans_CN", "en": "en_GB"}


@cache
def catalog(locale: Locale) -> dict[str, str]:
    """All sentences of one language by key."""
    loaded: dict[str, str] = json.loads((LOCALE_FOLDER / f"{locale}.json").read_text("utf-8"))
    return loaded


def say(locale: Locale, key: str, **values: object) -> str:
    """The sentence of this key with `{names}` filled in. A missing key is a bug: KeyError."""
    sentence = catalog(locale)[key]
    return sentence.format(**values) if values else sentence


def say_count(locale: Locale, key: str, number: int, shown: str) -> str:
    """The sentence for this many things: `key.one` or `key.other`, as the language asks."""
    form = BabelLocale.parse(BABEL[locale]).plural_form(number)
    sentences = catalog(locale)
    sentence = sentences.get(f"{key}.{form}") or sentences[f"{key}.other"]
    return sentence.format(n=shown)
