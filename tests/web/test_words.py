from __future__ import annotations

import re
from pathlib import Path
from string import Formatter
from typing import get_args

import pytest

import birdwatch.web
from birdwatch.domain.photo import TimeSource
from birdwatch.domain.place import Confidence, PositionSource
from birdwatch.domain.policy import ROLES, SCOPES
from birdwatch.domain.season import PHASES
from birdwatch.domain.summary import TideClass
from birdwatch.domain.survey import METHODS, PROTOCOLS, TIDES
from birdwatch.domain.text import LOCALES, Locale
from birdwatch.intake.words import LICENSES
from birdwatch.web.words import catalog, say, say_count
from birdwatch.worker.loop import JOBS
from birdwatch.worker.schedule import SCHEDULE

HERE = Path(birdwatch.web.__file__).parent
SOURCES = [*HERE.glob("templates/**/*.html"), *HERE.glob("*.py")]
WHOLE_KEY = re.compile(r"""\bt\(\s*['"]([a-z_.A-Z0-9]+)['"]\s*[,)]""")
COUNT_KEY = re.compile(r"""\bn\(\s*['"]([a-z_]+)['"]""")
PART_KEY = re.compile(r"""\bt\(\s*['"]([a-z_.]+\.)['"]\s*~""")
SAID = re.compile(r"""say\(self\.locale, f?['"]([a-z_.]+)""")
WHOLE_FAMILIES = {
    "time_source.": get_args(TimeSource),
    "place_source.": get_args(PositionSource),
    "confidence.": get_args(Confidence),
    "phase.": PHASES,
    "method.": METHODS,
    "protocol.": PROTOCOLS,
    "tide.": TIDES,
    "tide_class.": get_args(TideClass),
    "license.": LICENSES,
    "role.": ROLES,
    "scope.": SCOPES,
    "job_kind.": JOBS,
    "schedule.": [piece.name for piece in SCHEDULE],
}


def keys_used() -> set[str]:
    text = "\n".join(path.read_text("utf-8") for path in SOURCES)
    counted = {f"{key}.{form}" for key in COUNT_KEY.findall(text) for form in ("one", "other")}
    return set(WHOLE_KEY.findall(text)) | counted


def parts_used() -> set[str]:
    text = "\n".join(path.read_text("utf-8") for path in SOURCES)
    return set(PART_KEY.findall(text)) | set(SAID.findall(text)) | {"dekad.part."}


def test_catalogs_have_the_same_keys() -> None:
    assert set(catalog("zh")) == set(catalog("en"))


def test_catalogs_fill_in_the_same_values() -> None:
    def names(sentence: str) -> set[str]:
        return {name for _, name, _, _ in Formatter().parse(sentence) if name}

    different = [
        key for key in catalog("zh") if names(catalog("zh")[key]) != names(catalog("en")[key])
    ]
    assert different == []


def test_catalogs_leave_no_sentence_empty() -> None:
    empty = [
        (locale, key) for locale in LOCALES for key, said in catalog(locale).items() if not said
    ]
    assert empty == []


def test_catalogs_hold_every_key_that_pages_use() -> None:
    assert sorted(keys_used() - set(catalog("zh"))) == []


def test_catalogs_hold_no_key_that_no_page_uses() -> None:
    unused = [
        key
        for key in catalog("zh")
        if key not in keys_used() and not key.startswith(tuple(parts_used()))
    ]
    assert unused == []


@pytest.mark.parametrize("family", sorted(WHOLE_FAMILIES))
def test_catalogs_name_every_value_of_the_domain(family: str) -> None:
    missing = [one for one in WHOLE_FAMILIES[family] if f"{family}{one}" not in catalog("zh")]
    assert missing == []


@pytest.mark.parametrize(
    ("locale", "number", "said"),
    [
        ("zh", 1, "1 张照片"),
        ("zh", 12, "12 张照片"),
        ("en", 0, "0 photos"),
        ("en", 1, "1 photo"),
        ("en", 12, "12 photos"),
    ],
)
def test_say_count_uses_the_form_of_the_language(locale: Locale, number: int, said: str) -> None:
    assert say_count(locale, "photos", number, str(number)) == said


def test_say_refuses_a_key_that_does_not_exist() -> None:
    with pytest.raises(KeyError):
        say("zh", "no.such.sentence")
