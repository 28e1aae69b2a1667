"""The species table: small, kept in memory, read again when it changed."""

from __future__ import annotations

from collections.abc import Iterable

from birdwatch.domain.species import Species, SpeciesIndex
from birdwatch.domain.text import Text
from birdwatch.storage import ledger, models
from birdwatch.storage.columns import from_json, to_json
from birdwatch.storage.transactions import Source, Write, keep


async def load_species(db: Source) -> SpeciesIndex:
    """All species, to be found by any name."""
    return await keep(db, "species", _load)


async def put_species(tx: Write, rows: Iterable[Species]) -> int:
    """Add these species, or replace those of the same code; how many."""
    species = {row.code: row for row in rows}
    await ledger.append(tx, "import", "species", "*", detail={"rows": len(species)})
    await models.Species.filter(code__in=list(species)).using_db(tx.client).delete()
    await models.Species.bulk_create(
        [_to_model(row) for row in species.values()], batch_size=50, using_db=tx.client
    )
    return len(species)


async def _load(db: Source) -> SpeciesIndex:
    with db.database.activate():
        rows = await models.Species.all().using_db(db.client).order_by("sort", "code")
    return SpeciesIndex([_from_model(row) for row in rows])


def _to_model(row: Species) -> models.Species:
    return models.Species(
        code=row.code,
        rank=row.rank,
        scientific_name=row.scientific_name,
        name_zh=row.name.zh,
        name_en=row.name.en,
        aliases=to_json(row.aliases),
        synonyms=to_json(row.synonyms),
        pinyin_initials=row.pinyin_initials,
        family=row.family,
        family_zh=row.family_zh,
        order_name=row.order,
        order_zh=row.order_zh,
        is_shorebird=row.is_shorebird,
        iucn=row.iucn,
        protection_cn=row.protection_cn,
        one_percent=row.one_percent,
        one_percent_source=row.one_percent_source,
        sort=row.sort,
    )


def _from_model(row: models.Species) -> Species:
    return Species(
        code=row.code,
        rank=row.rank,
        scientific_name=row.scientific_name,
        name=Text(row.name_zh, row.name_en),
        aliases=tuple(from_json(row.aliases)),
        synonyms=tuple(from_json(row.synonyms)),
        pinyin_initials=row.pinyin_initials,
        family=row.family,
        family_zh=row.family_zh,
        order=row.order_name,
        order_zh=row.order_zh,
        is_shorebird=row.is_shorebird,
        iucn=row.iucn,
        protection_cn=row.protection_cn,
        one_percent=row.one_percent,
        one_percent_source=row.one_percent_source,
        sort=row.sort,
    )
