"""Which bird: rows of the taxonomy, and finding one by any name people use."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Final

from birdwatch.domain.errors import FieldError, InvalidInputError
from birdwatch.domain.text import Text


@dataclass(frozen=True, slots=True)
class Species:
    """One row of the taxonomy; `code` is the eBird code and the key everywhere."""

    code: str
    rank: str  # species, spuh ("sp."), slash, issf, family, order …
    scientific_name: str
    name: Text
    aliases: tuple[str, ...] = ()  # other Chinese and English names
    synonyms: tuple[str, ...] = ()  # other scientific names
    pinyin_initials: str = ""  # 大滨鹬 -> dby
    family: str = ""
    family_zh: str = ""
    order: str = ""
    order_zh: str = ""
    is_shorebird: bool = False
    iucn: str | None = None
    protection_cn: str | None = None
    one_percent: int | None = None  # 1 % of the flyway population
    one_percent_source: str | None = None
    sort: int = 0  # taxonomic order


# Columns of the species table, as in the seed and in `birdwatch import species`.
COLUMNS: Final = (
    "code", "rank", "scientific_name", "english_name", "chinese_name", "chinese_aliases",
    "english_aliases", "scientific_synonyms", "pinyin_initials", "family", "family_zh", "order",
    "order_zh", "is_shorebird", "iucn", "protection_cn", "one_percent", "one_percent_source",
)  # fmt: skip
RANKS: Final = (
    "species", "spuh", "slash", "issf", "form", "hybrid", "domestic", "intergrade",
    "subspecies", "genus", "subfamily", "family", "order", "class",
)  # fmt: skip
MAX_NEAR = 5
_CODE = re.compile(r"[a-z0-9_-]{2,20}", re.ASCII)
_DROPPED = re.compile(r"[\s\-‐‑‒–—_'’ʼ`.·,，。]+")


def name_key(name: str) -> str:
    """A name as it is compared: width, case, spaces, hyphens, apostrophes and grey/gray ignored."""
    folded = unicodedata.normalize("NFKC", name).casefold()
    return _DROPPED.sub("", folded).replace("grey", "gray")


class SpeciesIndex:
    """The species table in memory, by every name: built once per dataset version."""

    def __init__(self, rows: Iterable[Species]) -> None:
        self.all: tuple[Species, ...] = tuple(sorted(rows, key=lambda s: (s.sort, s.code)))
        self._by_code = {species.code: species for species in self.all}
        self._by_name: dict[str, Species] = {}
        # A first name beats an alias of another species, an alias beats a synonym.
        for names in (_first_names, lambda s: s.aliases, lambda s: s.synonyms):
            for species in self.all:
                for name in names(species):
                    if key := name_key(name):
                        self._by_name.setdefault(key, species)
        self._keys = tuple((_search_keys(species), species) for species in self.all)

    def __len__(self) -> int:
        return len(self.all)

    def __iter__(self) -> Iterator[Species]:
        return iter(self.all)

    def get(self, code: str) -> Species | None:
        """The species with exactly this code."""
        return self._by_code.get(code)

    def find(self, name: str) -> Species | None:
        """The species with this code or name in any language, alias or synonym; None if none."""
        return self._by_code.get(name) or self._by_name.get(name_key(name))

    def resolve(self, name: str, field: str = "species") -> Species:
        """As `find`. Raises InvalidInputError that names near matches."""
        if species := self.find(name):
            return species
        message = unknown_species(name, self.near(name))
        raise InvalidInputError(
            "species.unknown",
            zh=message.zh,
            en=message.en,
            errors=(FieldError(field, message, "species.unknown"),),
        )

    def suggest(self, prefix: str, limit: int = 10) -> tuple[Species, ...]:
        """What somebody who has typed this may mean: whole names, beginnings, then parts."""
        key = name_key(prefix)
        if not key:
            return ()
        ranked = []
        for place, (keys, species) in enumerate(self._keys):
            rank = _match_rank(key, keys)
            if rank is not None:
                ranked.append((rank, place, species))
        ranked.sort(key=lambda item: item[:2])
        return tuple(species for _, _, species in ranked[:limit])

    def near(self, name: str, limit: int = MAX_NEAR) -> tuple[Species, ...]:
        """Species whose names look like this one: misspelt, or a part of it, or its initials."""
        key = name_key(name)[:80]
        if not key:
            return ()
        scored: dict[str, float] = {}
        matcher = SequenceMatcher(b=key, autojunk=False)
        # A Chinese name has few characters: one wrong of three is still near.
        cutoff = 0.7 if key.isascii() else 0.5
        for other, species in self._by_name.items():
            matcher.set_seq1(other)
            if matcher.real_quick_ratio() < cutoff or matcher.quick_ratio() < cutoff:
                continue
            score = matcher.ratio()
            if score >= cutoff and score > scored.get(species.code, 0):
                scored[species.code] = score
        best = sorted(scored, key=lambda code: (-scored[code], self._by_code[code].sort, code))
        found = [self._by_code[code] for code in best]
        found += [s for s in self.suggest(name, limit) if s.code not in scored]
        return tuple(found[:limit])


def unknown_species(name: str, near: Iterable[Species]) -> Text:
    """The sentence for a name that no species has."""
    near = tuple(near)
    shown = name.strip()[:80]
    if not near:
        return Text(
            f"没有名为“{shown}”的物种。请用中文名、学名、英文名或代码。",
            f"No species is called “{shown}”. Use its Chinese, scientific or English name, or its"
            " code.",
        )
    zh = "、".join(f"{s.name.zh or s.scientific_name}（{s.code}）" for s in near)
    en = ", ".join(f"{s.name.en or s.scientific_name} ({s.code})" for s in near)
    return Text(
        f"没有名为“{shown}”的物种。是不是：{zh}？",
        f"No species is called “{shown}”. Did you mean {en}?",
    )


def species_from_row(row: Mapping[str, str | None], sort: int = 0) -> Species:
    """One row of the species table (columns COLUMNS; lists are separated by `;`).

    Raises InvalidInputError naming the column that is wrong.
    """
    cell = {name: (row.get(name) or "").strip() for name in COLUMNS}
    errors = _row_errors(cell)
    if errors:
        raise InvalidInputError(
            "species.invalid",
            zh="；".join(e.message.zh for e in errors),
            en=" ".join(e.message.en for e in errors),
            errors=tuple(errors),
        )
    return Species(
        code=cell["code"],
        rank=cell["rank"].lower() or "species",
        scientific_name=cell["scientific_name"],
        name=Text(cell["chinese_name"], cell["english_name"]),
        aliases=_split(cell["chinese_aliases"]) + _split(cell["english_aliases"]),
        synonyms=_split(cell["scientific_synonyms"]),
        pinyin_initials=cell["pinyin_initials"].lower(),
        family=cell["family"],
        family_zh=cell["family_zh"],
        order=cell["order"],
        order_zh=cell["order_zh"],
        is_shorebird=cell["is_shorebird"].lower() in ("1", "true", "yes"),
        iucn=cell["iucn"] or None,
        protection_cn=cell["protection_cn"] or None,
        one_percent=int(cell["one_percent"]) if cell["one_percent"] else None,
        one_percent_source=cell["one_percent_source"] or None,
        sort=sort,
    )


def _row_errors(cell: Mapping[str, str]) -> list[FieldError]:
    errors = []
    if not _CODE.fullmatch(cell["code"]):
        message = Text(
            f"代码“{cell['code']}”须为 2–20 个小写字母、数字、- 或 _。",
            f"The code “{cell['code']}” must be 2-20 lower-case letters, digits, - or _.",
        )
        errors.append(FieldError("code", message))
    if not (cell["scientific_name"] or cell["chinese_name"] or cell["english_name"]):
        message = Text("请至少给出一个名称。", "Give at least one name.")
        errors.append(FieldError("scientific_name", message))
    if cell["rank"] and cell["rank"].lower() not in RANKS:
        message = Text(
            f"等级“{cell['rank']}”未知。可用：{'、'.join(RANKS)}。",
            f"The rank “{cell['rank']}” is unknown. Use one of {', '.join(RANKS)}.",
        )
        errors.append(FieldError("rank", message))
    if cell["one_percent"] and not re.fullmatch(r"[0-9]{1,9}", cell["one_percent"]):
        message = Text("1% 标准须为整数。", "The 1 % threshold must be a whole number.")
        errors.append(FieldError("one_percent", message))
    return errors


def _split(cell: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in re.split(r"[;；|]", cell) if part.strip())


def _first_names(species: Species) -> tuple[str, ...]:
    return (species.code, species.name.zh, species.scientific_name, species.name.en)


@dataclass(frozen=True, slots=True)
class _SearchKeys:
    """What a search looks at: whole names, and the words of those written with spaces."""

    whole: tuple[str, ...]
    words: tuple[str, ...]


def _search_keys(species: Species) -> _SearchKeys:
    names = (*_first_names(species), species.pinyin_initials, *species.aliases, *species.synonyms)
    words = [word for name in names for word in re.split(r"[\s\-/]+", name)[1:]]
    return _SearchKeys(
        tuple(dict.fromkeys(key for name in names if (key := name_key(name)))),
        tuple(dict.fromkeys(key for word in words if (key := name_key(word)))),
    )


def _match_rank(key: str, keys: _SearchKeys) -> int | None:
    if key in keys.whole:
        return 0
    if any(whole.startswith(key) for whole in keys.whole):
        return 1
    if any(word.startswith(key) for word in keys.words):
        return 2
    # Two letters inside a word are no clue; two Chinese characters are.
    if (len(key) >= 3 or not key.isascii()) and any(key in whole for whole in keys.whole):
        return 3
    return None
