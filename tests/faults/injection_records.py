"""Faults of the feed and of the tides: what follows from records, and what came in by tables."""

from __future__ import annotations

from birdwatch.storage.sql import insert
from tests.faults.injection import Fault, Injector, Sort


async def alter_feed(injector: Injector) -> Fault | None:
    """A thing that mirrors are told of at the wrong time, or as gone."""
    row = injector.dice.choice(await injector.rows("SELECT * FROM feed ORDER BY noun, noun_id"))
    noun, noun_id, version = row["noun"], row["noun_id"], row["version"]
    if not injector.free(("record", noun_id)):
        return None
    column, value = injector.dice.choice(
        [("is_gone", True), ("at", row["at"] + 7), ("version", 10**6), ("first_version", 10**6)]
    )
    if row["is_gone"] and column == "is_gone":
        return None
    is_shared = noun not in ("photo", "survey")
    if is_shared and column in ("at", "first_version"):
        return None
    claims = {("version", version), ("version", row["first_version"])}
    if column != "is_gone" and not injector.free(*claims):
        return None
    update = f"UPDATE feed SET {column} = $1 WHERE noun = $2 AND noun_id = $3"
    await injector.run((update, (value, noun, noun_id)))

    async def undo() -> None:
        was = bool(row[column]) if column == "is_gone" else row[column]
        await injector.run((update, (was, noun, noun_id)))

    return Fault(f"altered feed {column}", ("feed", f"{noun}/{noun_id}"), undo)


async def lose_from_feed(injector: Injector) -> Fault | None:
    rows = await injector.rows("SELECT * FROM feed ORDER BY noun, noun_id")
    row = injector.dice.choice([one for one in rows if not one["is_gone"]])
    noun, noun_id = row["noun"], row["noun_id"]
    if not injector.free(("record", noun_id), ("version", row["version"])):
        return None
    await injector.run(("DELETE FROM feed WHERE noun = $1 AND noun_id = $2", (noun, noun_id)))

    async def undo() -> None:
        values = tuple({**row, "is_gone": bool(row["is_gone"])}.values())
        await injector.run((insert("feed", tuple(row)), values))

    return Fault("lost from feed", ("feed", f"{noun}/{noun_id}"), undo)


async def add_to_feed(injector: Injector) -> Fault | None:
    """A thing that is not there, or that nobody may see."""
    noun = injector.dice.choice(["photo", "survey", "species", "rumour"])
    noun_id = f"{injector.dice.randrange(16**16):016x}"
    row = {
        "noun": noun, "noun_id": noun_id, "version": 1, "at": 0, "first_version": 1,
        "is_gone": injector.dice.random() < 0.5,
    }  # fmt: skip
    if not injector.free(("record", noun_id), ("version", 1)):
        return None
    await injector.run((insert("feed", tuple(row)), tuple(row.values())))

    async def undo() -> None:
        await injector.run(("DELETE FROM feed WHERE noun = $1 AND noun_id = $2", (noun, noun_id)))

    return Fault("made up in feed", ("feed", f"{noun}/{noun_id}"), undo)


async def alter_tide_source(injector: Injector) -> Fault | None:
    rows = await injector.rows("SELECT id, since, tide_source FROM survey ORDER BY id, since")
    row = injector.dice.choice(rows)
    if not injector.free(("record", row["id"]), ("version", row["since"])):
        return None
    update = "UPDATE survey SET tide_source = $1 WHERE id = $2 AND since = $3"
    other = injector.dice.choice(["Elsewhere, other.csv", None if row["tide_source"] else "x"])
    await injector.run((update, (other, row["id"], row["since"])))

    async def undo() -> None:
        await injector.run((update, (row["tide_source"], row["id"], row["since"])))

    return Fault("altered tide source", ("tide_source", row["id"]), undo)


async def alter_station(injector: Injector) -> Fault | None:
    """A station that cannot be read, or says what no table of tides says."""
    rows = await injector.rows("SELECT * FROM tide_station ORDER BY id")
    if len(rows) < 2:
        return None
    row = injector.dice.choice(rows)
    if not injector.free(("tide", row["id"])):
        return None
    column, value = injector.dice.choice(
        [
            ("sites", '["nowhere"]'), ("sites", "[broken"), ("source", "Mallory"),
            ("constants", '[["M2", -1, 0]]'), ("constants", "7"), ("level_m", 900.0),
        ]
    )  # fmt: skip
    update = f"UPDATE tide_station SET {column} = $1 WHERE id = $2"
    await injector.run((update, (value, row["id"])))

    async def undo() -> None:
        await injector.run((update, (row[column], row["id"])))

    return Fault("altered tide station", ("tide", row["id"]), undo)


async def alter_water(injector: Injector) -> Fault | None:
    """One between others of its station: of a kind or height that cannot be."""
    rows = await injector.rows("SELECT * FROM tide_water ORDER BY station_id, at")
    if not rows:
        return None
    row = injector.dice.choice(rows)
    of = [one for one in rows if one["station_id"] == row["station_id"]]
    place = of.index(row)
    near = [("water", row["station_id"], one["at"]) for one in of[max(0, place - 2) : place + 3]]
    if not 1 < place < len(of) - 2 or not injector.free(("tide", row["station_id"]), *near):
        return None
    turned = "low" if row["kind"] == "high" else "high"
    column, value = injector.dice.choice(
        [
            ("kind", turned), ("kind", "?"), ("height_m", 444.0),
            ("height_m", -3.0 if row["kind"] == "high" else 9.0),
        ]
    )  # fmt: skip
    where = "WHERE station_id = $2 AND at = $3"
    update = f"UPDATE tide_water SET {column} = $1 {where}"
    await injector.run((update, (value, row["station_id"], row["at"])))

    async def undo() -> None:
        await injector.run((update, (row[column], row["station_id"], row["at"])))

    return Fault(f"altered water {column}", ("tide", f"{row['station_id']}/{row['at']}"), undo)


async def lose_station(injector: Injector) -> Fault | None:
    """Its waters stay; nobody can put it back but who imports it again."""
    rows = await injector.rows("SELECT * FROM tide_station ORDER BY id")
    row = injector.dice.choice(rows)
    if len(rows) < 2 or not injector.free(("tide", row["id"])):
        return None
    await injector.run(("DELETE FROM tide_station WHERE id = $1", (row["id"],)))

    async def undo() -> None:
        await injector.run((insert("tide_station", tuple(row)), tuple(row.values())))

    return Fault("lost tide station", ("tide", row["id"]), undo)


RECORD_SORTS: tuple[Sort, ...] = (
    alter_feed, lose_from_feed, add_to_feed, alter_tide_source, alter_station, alter_water,
    lose_station,
)  # fmt: skip
RECORDS_FOR_GOOD: tuple[Sort, ...] = (lose_station,)
