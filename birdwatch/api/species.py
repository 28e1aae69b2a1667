"""The taxonomy: all of it in its order, one row, or what somebody who has typed this may mean."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from birdwatch.api import contract
from birdwatch.api.answers import send_list, send_one
from birdwatch.api.query import read_query
from birdwatch.domain.errors import NotFoundError
from birdwatch.domain.paging import decode_cursor, encode_cursor
from birdwatch.domain.species import Species, SpeciesIndex
from birdwatch.storage.db import Database
from birdwatch.storage.species import load_species


async def list_species(request: Request) -> Response:
    """A page of the taxonomy, or of what fits a name."""
    query = read_query(request, contract.SpeciesQuery)
    db: Database = request.app.state.archive.db
    after = decode_cursor(query.cursor, int)[0] if query.cursor else None

    async def make(_version: int) -> contract.SpeciesList:
        chosen = _choose(await load_species(db), query)
        first = max(0, int(after or 0))
        page = chosen[first : first + query.limit]
        end = first + len(page)
        cursor = encode_cursor(end) if page and end < len(chosen) else None
        return contract.SpeciesList([_dump(species) for species in page], cursor)

    return await send_list(request, query, contract.Species, make)


def _choose(index: SpeciesIndex, query: contract.SpeciesQuery) -> tuple[Species, ...]:
    """All that fit, in taxonomic order, or the best first where a name is being typed."""
    rows = index.suggest(query.q, len(index.all)) if query.q else index.all
    if query.shorebird is None:
        return rows
    return tuple(row for row in rows if row.is_shorebird == query.shorebird)


async def get_species(request: Request) -> Response:
    """One species by its code."""
    query = read_query(request, contract.Query)
    db: Database = request.app.state.archive.db

    async def make(_version: int) -> contract.Species:
        species = (await load_species(db)).get(request.path_params["id"])
        if species is None:
            raise NotFoundError(
                "species.not_found",
                zh="没有这个代码的物种。可用 /api/v1/species?q= 查找。",
                en="There is no species of this code. Find it with /api/v1/species?q=.",
            )
        return _dump(species)

    return await send_one(request, query, contract.Species, make)


def _dump(species: Species) -> contract.Species:
    return contract.Species(
        code=species.code,
        rank=species.rank,
        scientific_name=species.scientific_name,
        name=contract.Text(species.name.zh, species.name.en),
        aliases=species.aliases,
        synonyms=species.synonyms,
        family=species.family,
        family_zh=species.family_zh,
        order=species.order,
        order_zh=species.order_zh,
        is_shorebird=species.is_shorebird,
        iucn=species.iucn,
        protection_cn=species.protection_cn,
        one_percent=species.one_percent,
        one_percent_source=species.one_percent_source,
    )
