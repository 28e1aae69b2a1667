"""Faults of uploads and their files, of jobs and periodic work, and of the quarantine's rows."""

from __future__ import annotations

from birdwatch.storage.blobs.parts import part_path
from birdwatch.storage.sql import insert
from tests.faults.injection import Fault, Injector, Sort
from tests.faults.injection_clocks import writing_back_row


async def alter_upload(injector: Injector) -> Fault | None:
    """A row that cannot be, or one of a photo that is not there."""
    row = await injector.claimed("upload", "state <> 'refused'")
    if row is None:
        return None
    row = {**row, "is_duplicate": bool(row["is_duplicate"])}
    column, value = injector.dice.choice(
        [
            ("state", "lost"), ("kind", "?"), ("metadata", "{"), ("metadata", "[1]"),
            ("parts", "7"), ("length", -1), ("owner_id", "nobody"), ("photo_id", "nothing"),
            ("error_code", "what"), ("expires_at", 0),
        ]
    )  # fmt: skip
    update = f"UPDATE upload SET {column} = $1 WHERE id = $2"
    await injector.run((update, (value, row["id"])))
    undo = writing_back_row(injector, "upload", row, "id")
    return Fault(f"altered upload {column}", ("upload", row["id"]), undo)


async def swap_photo(injector: Injector) -> Fault | None:
    """An upload that is said to have become a photo of other bytes."""
    rows = await injector.rows("SELECT * FROM upload WHERE state = 'done' ORDER BY id")
    if not rows:
        return None
    row = {**injector.dice.choice(rows)}
    row["is_duplicate"] = bool(row["is_duplicate"])
    other = await injector.any_photo()
    if other["id"] == row["photo_id"] or not injector.free(("upload", row["id"])):
        return None
    await injector.run(("UPDATE upload SET photo_id = $1 WHERE id = $2", (other["id"], row["id"])))
    undo = writing_back_row(injector, "upload", row, "id")
    return Fault("swapped photo", ("upload", row["id"]), undo)


async def lose_part(injector: Injector) -> Fault | None:
    """The bytes of an upload that is not finished: gone, or more than there can be."""
    row = await injector.claimed("upload", "state = 'open'")
    if row is None:
        return None
    path = part_path(injector.archive.blobs, row["id"])
    data = path.read_bytes()
    if injector.dice.random() < 0.5:
        path.unlink()
    else:
        path.write_bytes(data + bytes(row["length"]))

    async def undo() -> None:
        path.write_bytes(data)

    return Fault("lost part", ("upload", row["id"]), undo)


async def add_incoming(injector: Injector) -> Fault | None:
    """A part file that no upload knows, which is no fault, or something else altogether."""
    name = f"{injector.dice.randrange(10**16):016}"
    is_part = injector.dice.random() < 0.5
    path = injector.home / "incoming" / (f"{name}.upload" if is_part else f"{name}.txt")
    path.write_bytes(b"x")

    async def undo() -> None:
        path.unlink()

    place = path.relative_to(injector.home).as_posix()
    return Fault("stray incoming", ("upload", place), undo, is_leftover=is_part)


async def add_job(injector: Injector) -> Fault | None:
    """One that nobody would ever do."""
    job_id = f"{injector.dice.randrange(16**16):016x}"
    row: dict[str, object] = {
        "id": job_id, "kind": "later", "subject_id": job_id, "state": "waiting", "attempts": 0,
        "run_at": 0, "lease_until": None, "worker": None, "error": None, "created_at": 0,
    }  # fmt: skip
    changes: list[dict[str, object]] = [
        {"state": "asleep"}, {"state": "running"}, {"attempts": -3}, {"run_at": 2**60},
        {"state": "running", "worker": "w", "lease_until": 2**60}, {"kind": "burst"},
        {"kind": "render_rest"},
    ]  # fmt: skip
    row |= injector.dice.choice(changes)
    await injector.run((insert("job", tuple(row)), tuple(row.values())))

    async def undo() -> None:
        await injector.run(("DELETE FROM job WHERE id = $1", (job_id,)))

    return Fault("stuck job", ("job", job_id), undo)


async def hold_turn(injector: Injector) -> Fault | None:
    """Periodic work that somebody holds for ever."""
    row = injector.dice.choice(await injector.rows("SELECT * FROM schedule ORDER BY name"))
    if not injector.free(("schedule", row["name"])):
        return None
    update = "UPDATE schedule SET lease_until = $1 WHERE name = $2"
    await injector.run((update, (2**60, row["name"])))

    async def undo() -> None:
        await injector.run((update, (row["lease_until"], row["name"])))

    return Fault("held turn", ("job", row["name"]), undo)


async def alter_quarantined(injector: Injector) -> Fault | None:
    row = await injector.claimed("quarantine", "first_at > 0")
    if row is None:
        return None
    changes: list[tuple[str, object]] = [
        ("deaths", 0), ("first_at", 2**60), ("owner_id", "nobody"), ("size_bytes", 0),
    ]  # fmt: skip
    changes += [("sha256", "f" * 64)] if row["photo_id"] else [("words", "{"), ("words", "")]
    column, value = injector.dice.choice(changes)
    if column == "size_bytes" and not row["photo_id"]:
        return None  # told of the file
    update = f"UPDATE quarantine SET {column} = $1 WHERE id = $2"
    await injector.run((update, (value, row["id"])))
    undo = writing_back_row(injector, "quarantine", row, "id")
    return Fault(f"altered quarantined {column}", ("quarantine", row["id"]), undo)


UPLOAD_SORTS: tuple[Sort, ...] = (
    alter_upload, swap_photo, lose_part, add_incoming, add_job, hold_turn, alter_quarantined,
)  # fmt: skip
