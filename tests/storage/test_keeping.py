"""Small tables in memory: read once, and never out of date, in writes too."""

from __future__ import annotations

from dataclasses import replace

import pytest

from birdwatch.storage.db import Database
from birdwatch.storage.species import load_species, put_species
from tests.seeds import SPECIES
from tests.storage.makers import writing

pytestmark = pytest.mark.anyio
KNOT = SPECIES.resolve("grekno")


async def test_write_reads_what_is_kept(db: Database) -> None:
    kept = await load_species(db)
    async with writing(db) as tx:
        assert await load_species(tx) is kept


async def test_write_reads_its_own_change_and_keeps_nothing_of_it(db: Database) -> None:
    kept = await load_species(db)
    with pytest.raises(RuntimeError):
        await _change_and_break(db)
    assert await load_species(db) is kept


async def _change_and_break(db: Database) -> None:
    async with writing(db) as tx:
        await put_species(tx, [replace(KNOT, iucn="LC")])
        assert (await load_species(tx)).resolve("grekno").iucn == "LC"
        raise RuntimeError


async def test_change_is_read_by_everyone_after_it(db: Database) -> None:
    await load_species(db)
    async with writing(db) as tx:
        await put_species(tx, [replace(KNOT, iucn="LC")])
    async with writing(db) as tx:
        assert (await load_species(tx)).resolve("grekno").iucn == "LC"
    assert (await load_species(db)).resolve("grekno").iucn == "LC"
