"""Words that people give with a photo, read into the archive's own: cleaned, found, or refused."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Mapping
from typing import TypeVar

from birdwatch.domain.credit import Credit, parse_credit
from birdwatch.domain.errors import FieldError, InvalidInputError
from birdwatch.domain.place import Site
from birdwatch.domain.place import find_site as find_named_site
from birdwatch.domain.species import SpeciesIndex
from birdwatch.domain.text import Text

LICENSES: tuple[str, ...] = (
    "CC-BY-4.0",
    "CC-BY-SA-4.0",
    "CC-BY-NC-4.0",
    "CC0-1.0",
    "all-rights-reserved",
)
DEFAULT_LICENSE = "all-rights-reserved"
MAX_CAPTION_CHARS = 2000
MAX_CREDIT_CHARS = 200
MAX_NAME_CHARS = 200
MAX_ENDING_CHARS = 8
T = TypeVar("T")


def clean_caption(caption: Text) -> Text:
    """The caption without control characters. Raises InvalidInputError when too long."""
    cleaned = Text(clean_line(caption.zh, keep="\n"), clean_line(caption.en, keep="\n"))
    if max(len(cleaned.zh), len(cleaned.en)) > MAX_CAPTION_CHARS:
        raise invalid(
            "caption",
            f"图片说明最多 {MAX_CAPTION_CHARS} 字，请缩短。",
            f"A caption has at most {MAX_CAPTION_CHARS} characters. Shorten it.",
        )
    return cleaned


def clean_credit(text: str) -> Credit:
    """The credit line read into roles. Raises InvalidInputError when too long."""
    line = clean_line(text)
    if len(line) > MAX_CREDIT_CHARS:
        raise invalid(
            "credit",
            f"署名最多 {MAX_CREDIT_CHARS} 字，请缩短。",
            f"A credit has at most {MAX_CREDIT_CHARS} characters. Shorten it.",
        )
    return parse_credit(line)


def clean_license(text: str) -> str:
    """The licence id as listed, whatever its case; empty gives the default."""
    if not text.strip():
        return DEFAULT_LICENSE
    for known in LICENSES:
        if known.lower() == text.strip().lower():
            return known
    names = ", ".join(LICENSES)
    raise invalid(
        "license",
        f"不认识的许可“{text.strip()[:40]}”。可用：{names}。",
        f"Unknown licence “{text.strip()[:40]}”. Use one of {names}.",
    )


def find_species(name: str | None, species: SpeciesIndex) -> str | None:
    """The code of a species given by any name. Raises InvalidInputError naming near matches."""
    if name is None or not name.strip():
        return None
    return species.resolve(name).code


def find_site(name: str | None, sites: Mapping[str, Site]) -> str | None:
    """The id of a count site given by id or name; the estuary's outline is not one."""
    wanted = (name or "").strip()
    if not wanted:
        return None
    found = find_named_site(wanted, sites)
    if found is not None and not found.is_outline:
        return found.id
    zh = "、".join(site.name.zh or site.id for site in sites.values() if not site.is_outline)
    en = ", ".join(site.id for site in sites.values() if not site.is_outline)
    raise invalid(
        "site",
        f"没有名为“{wanted[:40]}”的地点。已有：{zh}。",
        f"There is no site “{wanted[:40]}”. Known: {en}.",
    )


def clean_line(text: str, keep: str = "") -> str:
    """Text in NFC without control and direction-changing characters, trimmed."""
    normal = unicodedata.normalize("NFC", text.replace("\r\n", "\n"))
    if keep != "\n":
        normal = normal.replace("\n", " ").replace("\t", " ")
    return "".join(c for c in normal if c in keep or not _is_hidden(c)).strip()


def clean_file_name(name: str) -> str:
    """The last part of a sender's file name, safe to show and store; it is never used as a path."""
    last = clean_line(name.replace("\\", "/").rsplit("/", 1)[-1])
    if len(last) <= MAX_NAME_CHARS:
        return last.strip(". ") and last
    stem, dot, ending = last.rpartition(".")
    if not dot or len(ending) > MAX_ENDING_CHARS:
        return last[:MAX_NAME_CHARS]
    return stem[: MAX_NAME_CHARS - len(ending) - 1] + "." + ending


def _is_hidden(char: str) -> bool:
    """Control, format (direction marks among them), surrogate and unassigned characters."""
    return unicodedata.category(char) in ("Cc", "Cf", "Cs", "Cn", "Zl", "Zp")


def collect(errors: list[FieldError], field: str, read: Callable[[], T], otherwise: T) -> T:
    """What `read` gives; where it refuses, its field errors go to the list instead."""
    try:
        return read()
    except InvalidInputError as error:
        errors.extend(error.errors or (FieldError(field, error.text, error.code),))
        return otherwise


def invalid(field: str, zh: str, en: str) -> InvalidInputError:
    """One wrong field as an error."""
    return invalid_fields((FieldError(field, Text(zh, en)),))


def invalid_fields(errors: tuple[FieldError, ...]) -> InvalidInputError:
    """One error for all wrong fields, its sentence made of theirs."""
    return InvalidInputError(
        "photo.invalid",
        zh="".join(error.message.zh for error in errors),
        en=" ".join(error.message.en for error in errors),
        errors=errors,
    )
