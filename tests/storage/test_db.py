from __future__ import annotations

import signal
import time

import anyio
import pytest
from anyio import to_thread
from tortoise import Model
from tortoise.exceptions import BaseORMException

from birdwatch.domain.errors import UnavailableError
from birdwatch.domain.policy import SYSTEM
from birdwatch.storage import counts, ledger, models
from birdwatch.storage.db import Database, connections_of, open_database
from birdwatch.storage.migrations import migrate
from birdwatch.storage.sites import load_sites
from birdwatch.storage.species import load_species
from birdwatch.storage.surveys import insert_survey
from birdwatch.storage.windows import load_windows
from tests.storage.makers import NOW, sighting, survey, writing
from tests.storage.processes import run_together, start

pytestmark = pytest.mark.anyio


async def test_new_archive_knows_species_sites_and_windows(db: Database) -> None:
    species = (await load_species(db)).find("大滨鹬")
    assert species is not None
    assert species.code == "grekno"
    assert [s.id for s in (await load_sites(db)).values() if s.is_outline] == ["liao-estuary"]
    assert [w.id for w in await load_windows(db)] == [
        "spring-peak",
        "spring-viewing",
        "autumn-wave",
    ]


async def test_opening_again_changes_nothing(db: Database, database_url: str) -> None:
    version = await db.dataset_version()
    again = await open_database(database_url)
    try:
        assert await again.dataset_version() == version
        with again.activate():
            assert await migrate(again.writer, again.dialect) == []
    finally:
        await again.close()


async def test_processes_that_start_together_make_one_archive(empty_database_url: str) -> None:
    await to_thread.run_sync(run_together, "open_only", empty_database_url)
    db = await open_database(empty_database_url)
    try:
        assert [c.noun for c in await ledger.changes(db)] == ["species", "site", "window"]
    finally:
        await db.close()


async def test_read_then_write_of_four_processes_loses_nothing(
    db: Database, database_url: str
) -> None:
    async with writing(db) as tx:
        await tx.run("INSERT INTO archive (name, value) VALUES ('sum', '0')")
    before = await db.dataset_version()
    await to_thread.run_sync(run_together, "add_up", database_url, "50")
    rows = await db.rows("SELECT value FROM archive WHERE name = 'sum'")
    assert rows[0]["value"] == "200"
    assert [c.version for c in await ledger.changes(db, before)] == list(
        range(before + 1, before + 201)
    )


async def test_counts_stay_right_under_four_writers(db: Database, database_url: str) -> None:
    await to_thread.run_sync(run_together, "add_surveys", database_url, "10")
    assert await counts.wrong_daily_counts(db) == []
    (day,) = await counts.survey_days(db)
    assert day.surveys == 40


async def test_a_process_killed_while_writing_leaves_nothing(
    db: Database, database_url: str
) -> None:
    before = await db.dataset_version()
    process = start("die_while_writing", database_url)
    await to_thread.run_sync(lambda: process.communicate(timeout=60))
    assert process.returncode == -signal.SIGKILL
    assert await db.dataset_version() == before
    async with writing(db) as tx:
        kept = await insert_survey(tx, survey(sighting("grekno", 7)))
    assert [c.used for c in await counts.daily_counts(db)] == [kept.id]


async def test_dataset_version_follows_other_processes(db: Database, database_url: str) -> None:
    before = await db.dataset_version()
    assert db.cached_version() == (before if db.dialect == "sqlite" else None)
    await to_thread.run_sync(lambda: run_together("add_surveys", database_url, "1", processes=1))
    assert await db.dataset_version() == before + 1
    assert db.cached_version() == (before + 1 if db.dialect == "sqlite" else None)


async def test_cached_version_costs_microseconds(db: Database) -> None:
    if db.probe is None:
        return
    began = time.perf_counter()
    for _ in range(1000):
        db.cached_version()
    assert time.perf_counter() - began < 0.2


async def test_reads_do_not_wait_for_a_write(db: Database) -> None:
    async with writing(db) as tx:
        await insert_survey(tx, survey(sighting()))
        with anyio.fail_after(30):  # the write is open until then, however long
            assert await counts.daily_counts(db) == []
    assert len(await counts.daily_counts(db)) == 1


async def test_writes_of_one_process_take_turns(db: Database) -> None:
    async def write() -> None:
        async with writing(db) as tx:
            version = await ledger.append(tx, "edit", "test", "turn")
            await anyio.sleep(0.01)
            assert await ledger.append(tx, "edit", "test", "turn") == version + 1

    async with anyio.create_task_group() as group:
        for _ in range(8):
            group.start_soon(write)


async def test_a_write_cancelled_at_any_moment_lets_the_next_one_in(db: Database) -> None:
    for delay in (0, 0.0002, 0.0005, 0.001, 0.002, 0.005):
        with anyio.move_on_after(delay):
            async with writing(db) as tx:
                await insert_survey(tx, survey(sighting()))
                await anyio.sleep(1)
    with anyio.fail_after(60):
        async with writing(db) as tx:
            await insert_survey(tx, survey(sighting()))
    assert (await counts.survey_days(db))[0].surveys == 1


async def test_ledger_rows_cannot_be_changed_or_removed(db: Database) -> None:
    for statement in ("UPDATE ledger SET action = 'edit'", "DELETE FROM ledger"):
        with pytest.raises(Exception, match="append-only"):
            async with writing(db) as tx:
                await tx.run(statement)
    assert [c.action for c in await ledger.changes(db)] == ["import"] * 3


async def test_changes_tell_who_what_and_when(db: Database) -> None:
    before = await db.dataset_version()
    async with writing(db) as tx:
        found = await insert_survey(tx, survey(sighting()))
    assert await ledger.changes(db, before) == [
        ledger.Change(
            version=before + 1,
            at=NOW,
            actor_id="li",
            actor_name="Li",
            action="create",
            noun="survey",
            noun_id=found.id,
            before=None,
            after=before + 1,
            detail={"sightings": 1},
        )
    ]
    assert await ledger.latest(db) == before + 1


async def test_small_tables_are_read_again_only_when_they_changed(db: Database) -> None:
    first = await load_species(db)
    async with writing(db) as tx:
        await insert_survey(tx, survey(sighting()))
    assert await load_species(db) is first
    async with db.write(SYSTEM, NOW) as tx:
        await ledger.append(tx, "import", "species", "*")
    assert await load_species(db) is not first


@pytest.mark.parametrize("model", [models.Species, models.Site, models.SeasonWindow, models.Person])
async def test_models_have_the_columns_of_their_tables(db: Database, model: type[Model]) -> None:
    table = model._meta.db_table
    if db.dialect == "sqlite":
        rows = await db.rows("SELECT name FROM pragma_table_info($1)", table)
    else:
        rows = await db.rows(
            "SELECT column_name AS name FROM information_schema.columns WHERE table_name = $1",
            table,
        )
    assert {row["name"] for row in rows} == set(model._meta.fields_db_projection.values())


async def test_a_statement_that_fails_rolls_back_the_whole_write(db: Database) -> None:
    async def write() -> None:
        async with writing(db) as tx:
            await insert_survey(tx, survey(sighting()))
            await tx.run("INSERT INTO no_such_table VALUES (1)")

    with pytest.raises(BaseORMException):
        await write()
    assert await counts.survey_days(db) == []


async def test_a_full_disk_is_said_in_words(db: Database) -> None:
    if db.dialect != "sqlite":
        return
    pages = (await db.writer.execute_query_dict("PRAGMA page_count"))[0]["page_count"]
    await db.writer.execute_query_dict(f"PRAGMA max_page_count = {pages}")

    async def write() -> None:
        async with writing(db) as tx:
            for number in range(2000):
                await insert_survey(tx, survey(sighting(), site=f"site-{number}"))

    with pytest.raises(UnavailableError) as refused:
        await write()
    assert refused.value.code == "storage.full"
    assert await counts.survey_days(db) == []
    await db.writer.execute_query_dict(f"PRAGMA max_page_count = {pages + 10_000}")
    async with writing(db) as tx:
        await insert_survey(tx, survey(sighting()))


def test_an_address_of_another_database_is_refused() -> None:
    with pytest.raises(UnavailableError) as refused:
        connections_of("mysql://host/name")
    assert refused.value.code == "storage.url"


async def test_a_reading_with_a_write_between_is_made_again(db: Database) -> None:
    made: list[int] = []

    async def make(version: int) -> int:
        if not made:
            async with db.write(SYSTEM, NOW) as tx:
                await ledger.append(tx, "edit", "photo", "x")
        made.append(version)
        return version

    assert await db.at_one_version(make) == await db.dataset_version()
    assert made == [made[0], made[0] + 1]
