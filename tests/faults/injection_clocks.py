"""Faults of cameras, adjustments, tracks, what was placed by them, and bursts."""

from __future__ import annotations

from birdwatch.storage.columns import Row
from birdwatch.storage.sql import insert
from tests.faults.injection import Fault, Injector, Sort, Undo


def writing_back_row(injector: Injector, table: str, row: Row, *keys: str) -> Undo:
    """Put a row back as it was, whatever became of it."""
    where = " AND ".join(f"{key} = ${at}" for at, key in enumerate(keys, 1))
    which = tuple(row[key] for key in keys)

    async def undo() -> None:
        delete = (f"DELETE FROM {table} WHERE {where}", which)
        await injector.run(delete, (insert(table, tuple(row)), tuple(row.values())))

    return undo


async def _frames_beside(injector: Injector, photo_id: str) -> list[str]:
    """The frames of a photo's burst; itself where it is in none."""
    rows = await injector.rows(
        "SELECT photo_id FROM burst WHERE burst_id ="
        f" (SELECT burst_id FROM burst WHERE photo_id = '{photo_id}') AND photo_id <> '{photo_id}'"
    )
    return [photo_id, *(row["photo_id"] for row in rows)]


async def alter_camera(injector: Injector) -> Fault | None:
    rows = await injector.rows("SELECT * FROM photo WHERE owner_id IS NOT NULL ORDER BY id")
    row = injector.dice.choice(rows)
    photo_id = row["id"]
    beside = await _frames_beside(injector, photo_id)
    # Its pictures are made again with its fingerprint, and the other way round.
    if not injector.free(("files", photo_id), *(("burst", one) for one in beside)):
        return None
    column, value = injector.dice.choice(
        [
            ("camera_serial", "Mallory"), ("camera_key", "a|b|c"), ("clock_at", 7),
            ("fingerprint", "no hex"), ("clock_at", (row["clock_at"] or 0) + 10**6),
        ]
    )  # fmt: skip
    update = f"UPDATE photo SET {column} = $1 WHERE id = $2"
    await injector.run((update, (value, photo_id)))

    async def undo() -> None:
        await injector.run((update, (row[column], photo_id)))

    return Fault(f"altered {column}", ("camera", photo_id), undo)


async def alter_adjustment(injector: Injector) -> Fault | None:
    row = await injector.claimed("adjustment")
    if row is None:
        return None
    changes: list[tuple[str, object]] = [
        ("detail", "{broken"), ("detail", "[]"), ("kind", "wish"), ("undone_at", 5),
        ("owner_id", "nobody"),
    ]  # fmt: skip
    if row["kind"] == "calibration":
        moved = row["detail"].replace("00]]", "01]]")
        changes += [("detail", moved), ("detail", "{}"), ("last_at", 5), ("camera_key", None)]
    column, value = injector.dice.choice(changes)
    if value == row[column]:
        return None
    update = f"UPDATE adjustment SET {column} = $1 WHERE id = $2"
    await injector.run((update, (value, row["id"])))
    undo = writing_back_row(injector, "adjustment", row, "id")
    return Fault(f"altered adjustment {column}", ("adjustment", row["id"]), undo)


async def alter_adjusted(injector: Injector) -> Fault | None:
    """Which version of a photo an adjustment wrote: another, none, or one too many."""
    rows = await injector.rows(
        "SELECT n.*, l.version AS told FROM adjustment_photo n LEFT JOIN ledger l"
        " ON l.version = n.version AND l.detail LIKE '%adjustment%'"
        " JOIN adjustment a ON a.id = n.adjustment_id ORDER BY n.adjustment_id, n.photo_id"
    )
    if not rows:
        return None
    told = injector.dice.choice(rows)
    row = {name: value for name, value in told.items() if name != "told"}
    adjustment_id, photo_id = row["adjustment_id"], row["photo_id"]
    claims = (("adjustment", adjustment_id), ("version", row["version"]))
    if told["told"] is None or not injector.free(*claims):
        return None
    where = "WHERE adjustment_id = $1 AND photo_id = $2"
    key = (adjustment_id, photo_id)
    how = injector.dice.choice(["altered", "lost", "added"])
    if how == "altered":
        await injector.run((f"UPDATE adjustment_photo SET version = 1 {where}", key))
    elif how == "lost":
        await injector.run((f"DELETE FROM adjustment_photo {where}", key))
    else:
        photo_id = "made-up"
        stranger = (adjustment_id, photo_id, 1)
        await injector.run((insert("adjustment_photo", tuple(row)), stranger))

        async def undo() -> None:
            await injector.run((f"DELETE FROM adjustment_photo {where}", stranger[:2]))

        return Fault("added adjusted", ("adjustment", f"{adjustment_id}/{photo_id}"), undo)
    back = writing_back_row(injector, "adjustment_photo", row, "adjustment_id", "photo_id")
    return Fault(f"{how} adjusted", ("adjustment", f"{adjustment_id}/{photo_id}"), back)


async def lose_adjustment(injector: Injector) -> Fault | None:
    row = await injector.claimed("adjustment")
    if row is None:
        return None
    await injector.run(("DELETE FROM adjustment WHERE id = $1", (row["id"],)))
    undo = writing_back_row(injector, "adjustment", row, "id")
    return Fault("lost adjustment", ("adjustment", row["id"]), undo)


async def alter_track(injector: Injector) -> Fault | None:
    row = await injector.claimed("track")
    if row is None:
        return None
    body = row["body"]
    at = injector.dice.randrange(len(body))
    column, value = injector.dice.choice(
        [
            ("points", 999_999), ("first_at", 0), ("last_at", 9), ("owner_id", "nobody"),
            ("body", body[:at]), ("body", ""), ("body", body[:at] + " " + body[at + 1 :]),
        ]
    )  # fmt: skip
    update = f"UPDATE track SET {column} = $1 WHERE id = $2"
    await injector.run((update, (value, row["id"])))
    undo = writing_back_row(injector, "track", row, "id")
    return Fault(f"altered track {column}", ("track", row["id"]), undo)


PLACED = """
    SELECT f.id, f.since, f.gap_s, a.id AS adjustment_id, t.id AS track_id FROM photo_fact f
    JOIN adjustment_photo n ON n.photo_id = f.id AND n.version = f.since
    JOIN adjustment a ON a.id = n.adjustment_id AND a.kind = 'track'
    JOIN track t ON a.detail LIKE '%' || t.id || '%' ORDER BY f.id"""


async def alter_gap(injector: Injector) -> Fault | None:
    """Of a position off a track, or of one that never had a gap."""
    if injector.dice.random() < 0.7:
        rows, values = await injector.rows(PLACED), [None, -1.0, 9999.0, 17.0]
    else:
        rows = await injector.rows(
            "SELECT id, since, gap_s FROM photo_fact WHERE gap_s IS NULL ORDER BY id, since"
        )
        values = [40.0]
    if not rows:
        return None
    row = injector.dice.choice(rows)
    claims = [("record", row["id"]), ("version", row["since"])]
    if "track_id" in row:
        claims += [("track", row["track_id"]), ("adjustment", row["adjustment_id"])]
    if not injector.free(*claims):
        return None
    update = "UPDATE photo_fact SET gap_s = $1 WHERE id = $2 AND since = $3"
    await injector.run((update, (injector.dice.choice(values), row["id"], row["since"])))

    async def undo() -> None:
        await injector.run((update, (row["gap_s"], row["id"], row["since"])))

    return Fault("altered gap", ("gap", row["id"]), undo)


async def alter_burst(injector: Injector) -> Fault | None:
    """A frame that is lost from its burst, or in one that is not its own."""
    rows = await injector.rows(
        "SELECT b.* FROM burst b JOIN photo p ON p.id = b.burst_id ORDER BY burst_id, photo_id"
    )
    if not rows:
        return None
    row = injector.dice.choice(rows)
    frames = [one["photo_id"] for one in rows if one["burst_id"] == row["burst_id"]]
    if not injector.free(*(("burst", one) for one in frames)):
        return None
    if injector.dice.random() < 0.5:
        await injector.run(("DELETE FROM burst WHERE photo_id = $1", (row["photo_id"],)))
    else:
        update = "UPDATE burst SET burst_id = 'another' WHERE photo_id = $1"
        await injector.run((update, (row["photo_id"],)))
    listed = ", ".join(f"'{one}'" for one in frames)
    first = await injector.rows(
        f"SELECT id FROM photo WHERE id IN ({listed}) ORDER BY clock_at, id LIMIT 1"
    )
    undo = writing_back_row(injector, "burst", row, "photo_id")
    return Fault("altered burst", ("burst", first[0]["id"]), undo)


async def add_burst(injector: Injector) -> Fault | None:
    photo_id = f"{injector.dice.randrange(16**16):016x}"
    await injector.run((insert("burst", ("photo_id", "burst_id")), (photo_id, photo_id)))

    async def undo() -> None:
        await injector.run(("DELETE FROM burst WHERE photo_id = $1", (photo_id,)))

    return Fault("burst of nothing", ("burst", photo_id), undo)


CLOCK_SORTS: tuple[Sort, ...] = (
    alter_camera, alter_adjustment, alter_adjusted, lose_adjustment, alter_track, alter_gap,
    alter_burst, add_burst,
)  # fmt: skip
CLOCKS_FOR_GOOD: tuple[Sort, ...] = (lose_adjustment,)
