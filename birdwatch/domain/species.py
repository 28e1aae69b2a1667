"""Which bird: rows of the taxonomy, and finding one by any name people use."""

from __future__ import annotations

from dataclasses import dataclass

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
