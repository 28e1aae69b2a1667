"""The hash chain: whatever is altered behind the archive's back is found, and named."""

from __future__ import annotations

import pytest

from birdwatch.domain.policy import SYSTEM
from birdwatch.storage import chain, ledger
from birdwatch.storage.counts import recompute_for_import
from birdwatch.storage.db import Database, open_database
from birdwatch.storage.ledger import Break, verify_chain
from birdwatch.storage.photos import correct_photo, insert_photo, withdraw_photo
from birdwatch.storage.surveys import (
    append_sightings,
    delete_survey,
    insert_survey,
    insert_surveys,
    replace_survey,
)
from birdwatch.storage.windows import edit_window, load_windows
from tests.storage.makers import NOW, facts, photo, sighting, survey, writing

pytestmark = pytest.mark.anyio


async def _fill(db: Database) -> tuple[int, int]:
    """A little history: the version of the first photo and that of the first survey."""
    async with writing(db) as tx:
        first = await insert_photo(tx, photo(1))
    async with writing(db) as tx:
        one = await insert_survey(tx, survey(sighting(), sighting("calalp", 7)))
        await append_sightings(tx, one.id, [sighting("calruf", 2)])
    async with writing(db) as tx:
        await correct_photo(tx, first.id, facts(None))
        await replace_survey(tx, one.id, survey(sighting(best=9)))
    async with writing(db) as tx:
        await withdraw_photo(tx, first.id, "blurred")
        await delete_survey(tx, one.id)
    return first.version, one.version


async def _tamper(db: Database, statement: str, *values: object) -> None:
    """Write past the archive, as someone with the database in their hands would."""
    drop = "DROP TRIGGER IF EXISTS {}" + (" ON ledger" if db.dialect == "postgres" else "")
    async with db.write(SYSTEM, NOW) as tx:
        await tx.run(drop.format("ledger_keeps_rows"))
        if db.dialect == "sqlite":
            await tx.run(drop.format("ledger_loses_nothing"))
        await tx.run(statement, *values)


async def test_chain_of_an_untouched_archive_holds(db: Database) -> None:
    await _fill(db)
    report = await verify_chain(db)
    assert report.broken is None
    assert report.version == await ledger.latest(db)
    assert len(report.head) == 64


async def test_chain_is_clean_after_windows_move_and_counts_are_derived(db: Database) -> None:
    async with writing(db) as tx:
        await insert_photo(tx, photo(1))
        await insert_survey(tx, survey(sighting()))
    window = next(w for w in await load_windows(db) if w.half_year == "spring" and w.sets_phase)
    async with writing(db) as tx:
        await edit_window(tx, window.id, start=(4, 20), end=(4, 28))
    assert (await verify_chain(db)).broken is None


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("at", 1), ("actor_id", "x"), ("actor_name", "x"), ("action", "edit"), ("noun", "site"),
        ("noun_id", "x"), ("before_version", 1), ("after_version", 1), ("detail", "{}"),
        ("chain", "00"), ("chain", None),
    ],
)  # fmt: skip
async def test_chain_finds_an_altered_entry(db: Database, column: str, value: object) -> None:
    version, _ = await _fill(db)
    await _tamper(db, f"UPDATE ledger SET {column} = $1 WHERE version = $2", value, version)
    assert (await verify_chain(db)).broken == Break(version, "ledger")


async def test_chain_finds_a_removed_entry(db: Database) -> None:
    version, _ = await _fill(db)
    await _tamper(db, "DELETE FROM ledger WHERE version = $1", version)
    assert (await verify_chain(db)).broken == Break(version, "ledger", is_missing=True)


@pytest.mark.parametrize("table", chain.TABLES[:4], ids=lambda table: table.name)
async def test_chain_finds_every_altered_column(db: Database, table: chain.Digested) -> None:
    await _fill(db)
    rows = await db.rows(f"SELECT * FROM {table.name} ORDER BY {table.since}, id LIMIT 1")
    version = rows[0][table.since]
    for column in table.columns:
        if column in {"id", table.since}:
            continue
        was = rows[0][column]
        altered = _altered(was, is_boolean=column in table.booleans, name=column)
        where = f"WHERE id = '{rows[0]['id']}' AND {table.since} = {version}"
        await _tamper(db, f"UPDATE {table.name} SET {column} = $1 {where}", altered)
        assert (await verify_chain(db)).broken == Break(version, table.name), column
        await _tamper(db, f"UPDATE {table.name} SET {column} = $1 {where}", was)
    assert (await verify_chain(db)).broken is None


NUMBERS = {
    "taken_at", "offset_min", "clock_error_s", "lat", "lon", "accuracy_m", "direction_deg",
    "embargo_until", "end_at", "end_offset_min", "low", "best", "high",
}  # fmt: skip


def _altered(was: object, *, is_boolean: bool, name: str) -> object:
    if is_boolean:
        return not was
    if isinstance(was, int | float):
        return was + 1
    if was is None:
        return 1 if name in NUMBERS else "x"
    return f"{was} "


async def test_chain_finds_missing_and_added_rows(db: Database) -> None:
    _, version = await _fill(db)
    row = (await db.rows("SELECT id FROM sighting WHERE since = $1 ORDER BY id", version))[0]
    await _tamper(db, "DELETE FROM sighting WHERE id = $1 AND since = $2", row["id"], version)
    assert (await verify_chain(db)).broken == Break(version, "sighting", is_missing=True)


async def test_chain_finds_rows_of_no_version(db: Database) -> None:
    _, version = await _fill(db)
    beyond = await ledger.latest(db) + 7
    columns = [name for name in chain.TABLES[2].columns if name != "since"]
    listed = ", ".join([*columns, "has_birds", "phase", "dekad"])
    await _tamper(
        db,
        f"INSERT INTO survey (since, {listed}) SELECT {beyond}, {listed} FROM survey"
        " WHERE since = $1",
        version,
    )
    assert (await verify_chain(db)).broken == Break(beyond, "survey")


async def test_chain_digests_an_import_page_by_page(
    db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(chain, "PAGE", 7)
    async with writing(db) as tx:
        version = await ledger.append(tx, "import", "survey", "*")
        batch = [survey(sighting(), sighting("calalp", 7), key=f"k{n}") for n in range(25)]
        await insert_surveys(tx, batch, import_version=version)
        await recompute_for_import(tx, version)
    monkeypatch.setattr(chain, "PAGE", 13)
    assert (await verify_chain(db)).broken is None
    found = await db.rows("SELECT chain FROM ledger WHERE version = $1", version)
    assert " survey=25:" in found[0]["chain"]
    assert " sighting=50:" in found[0]["chain"]


async def test_chain_takes_in_what_an_older_process_wrote(db: Database, database_url: str) -> None:
    async with writing(db) as tx:
        await insert_photo(tx, photo(1))
        tx.appended.clear()  # as a process that knows no chain
    assert (await verify_chain(db)).broken is not None
    other = await open_database(database_url)
    try:
        assert (await verify_chain(other)).broken is None
    finally:
        await other.close()


async def test_chain_of_an_entry_is_written_once(db: Database) -> None:
    await _fill(db)

    for statement in (
        "UPDATE ledger SET chain = 'x' WHERE version = 1",
        "UPDATE ledger SET chain = NULL WHERE version = 1",
        "UPDATE ledger SET actor_name = 'x' WHERE version = 1",
        "DELETE FROM ledger WHERE version = 1",
    ):
        with pytest.raises(Exception, match="append-only"):
            async with writing(db) as tx:
                await tx.run(statement)
    assert (await verify_chain(db)).broken is None
