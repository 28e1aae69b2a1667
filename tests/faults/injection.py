"""Faults put into an archive on purpose, each with what a verification must call it and its undoing.

One fault touches one file, one row or one day, so that what is found can be told apart.
"""

from __future__ import annotations

import hashlib
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

from birdwatch.domain.policy import SYSTEM
from birdwatch.intake.archive import Archive
from birdwatch.storage.chain import TABLES
from birdwatch.storage.columns import Row
from birdwatch.storage.sql import insert
from tests.intake.archives import NOW

Undo = Callable[[], Awaitable[None]]
Found = tuple[str, str]  # kind and subject of a finding
TRIGGERS = ("ledger_keeps_rows", "ledger_loses_nothing")
PLAIN = {"photo_fact": "since", "survey": "since", "sighting": "since", "photo": "first_version"}


@dataclass(frozen=True)
class Fault:
    """What must be found, and how to undo it."""

    name: str
    found: Found
    undo: Undo
    is_leftover: bool = False


class Injector:
    """Breaks one archive in one place after another; `taken` keeps faults apart."""

    def __init__(
        self, archive: Archive, dice: random.Random, sorts: tuple[Sort, ...] | None = None
    ) -> None:
        self.archive = archive
        self.dice = dice
        self.sorts = sorts or SORTS
        self.taken: set[object] = set()
        self.home = archive.settings.home

    async def begin(self) -> None:
        """Take the guards off the ledger, as somebody with the database in their hands would."""
        async with self.archive.db.write(SYSTEM, NOW) as tx:
            for name in TRIGGERS:
                if self.archive.db.dialect == "sqlite":
                    await tx.run(f"DROP TRIGGER IF EXISTS {name}")
                elif name == TRIGGERS[0]:
                    await tx.run(f"DROP TRIGGER IF EXISTS {name} ON ledger")

    async def rows(self, sql: str) -> list[Row]:
        return await self.archive.db.rows(sql)

    async def run(self, *statements: tuple[str, tuple[object, ...]]) -> None:
        async with self.archive.db.write(SYSTEM, NOW) as tx:
            for sql, values in statements:
                await tx.run(sql, *values)

    def free(self, *claims: object) -> bool:
        """Whether nothing touched these yet; from now on something does."""
        if self.taken & set(claims):
            return False
        self.taken |= set(claims)
        return True

    async def inject(self) -> Fault | None:
        """One fault of a random sort, or None where the place was taken."""
        return await self.dice.choice(self.sorts)(self)

    async def claimed(self, table: str, where: str = "TRUE") -> Row | None:
        """A random row with an id that nothing touched yet, for this fault alone; None: none."""
        rows = await self.rows(f"SELECT * FROM {table} WHERE {where} ORDER BY id")
        row = self.dice.choice(rows) if rows else None
        return row if row is not None and self.free((table, row["id"])) else None

    async def any_photo(self) -> Row:
        return self.dice.choice(await self.rows("SELECT * FROM photo ORDER BY id"))


def _original(injector: Injector, photo: Row) -> Path:
    return injector.archive.blobs.original_path(photo["sha256"])


def _writing_back(path: Path, data: bytes) -> Undo:
    async def undo() -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.unlink(missing_ok=True)
        path.write_bytes(data)
        path.chmod(0o444)

    return undo


def _unlinking(path: Path) -> Undo:
    async def undo() -> None:
        path.unlink()

    return undo


def _overwrite(path: Path, data: bytes) -> None:
    path.chmod(0o644)
    path.write_bytes(data)


def _flipped(data: bytes, dice: random.Random) -> bytes:
    at = dice.randrange(len(data))
    return data[:at] + bytes([data[at] ^ (1 << dice.randrange(8))]) + data[at + 1 :]


async def lose_original(injector: Injector) -> Fault | None:
    photo = await injector.any_photo()
    path = _original(injector, photo)
    if not injector.free(("files", photo["id"])):
        return None
    data = path.read_bytes()
    path.unlink()
    return Fault("lost original", ("original_missing", photo["id"]), _writing_back(path, data))


async def alter_original(injector: Injector) -> Fault | None:
    """One bit, the end cut off, something added, or nothing left."""
    photo = await injector.any_photo()
    path = _original(injector, photo)
    if not injector.free(("files", photo["id"])):
        return None
    data = path.read_bytes()
    cut = injector.dice.randrange(len(data))
    altered = injector.dice.choice([_flipped(data, injector.dice), data[:cut], data + b"x", b""])
    _overwrite(path, altered)
    return Fault("altered original", ("original_damaged", photo["id"]), _writing_back(path, data))


async def swap_original_for_a_folder(injector: Injector) -> Fault | None:
    photo = await injector.any_photo()
    path = _original(injector, photo)
    if not injector.free(("files", photo["id"])):
        return None
    data = path.read_bytes()
    path.unlink()
    path.mkdir()

    async def undo() -> None:
        path.rmdir()
        await _writing_back(path, data)()

    return Fault("folder for original", ("original_missing", photo["id"]), undo)


async def add_stranger(injector: Injector) -> Fault | None:
    """A file whose name is no hash, or the hash of something else, or at the wrong place."""
    dice = injector.dice
    name = dice.choice(["notes.txt", f"{dice.randrange(16**64):064x}", "x" * 40])
    folder = injector.home / "originals" / f"{dice.randrange(256):02x}" / "ab"
    path = folder / f"{name}"
    if path.exists():
        return None
    folder.mkdir(parents=True, exist_ok=True)
    path.write_bytes(dice.randbytes(20))
    place = path.relative_to(injector.home).as_posix()
    return Fault("stranger", ("original_extra", place), _unlinking(path))


async def add_leftover(injector: Injector) -> Fault | None:
    """A whole file that an upload left: told, and no fault."""
    data = injector.dice.randbytes(30)
    path = injector.archive.blobs.original_path(hashlib.sha256(data).hexdigest())
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    place = path.relative_to(injector.home).as_posix()
    return Fault("leftover", ("original_extra", place), _unlinking(path), is_leftover=True)


def _renditions(injector: Injector, photo: Row) -> list[Path]:
    folder = injector.home / "renditions" / photo["id"][-2:] / photo["id"]
    return sorted(folder.iterdir())


async def lose_rendition(injector: Injector) -> Fault | None:
    photo = await injector.any_photo()
    if not injector.free(("files", photo["id"])):
        return None
    path = injector.dice.choice(_renditions(injector, photo))
    data = path.read_bytes()
    path.unlink()
    subject = f"{photo['id']}/{path.stem}"
    return Fault("lost rendition", ("rendition_missing", subject), _writing_back(path, data))


async def alter_rendition(injector: Injector) -> Fault | None:
    photo = await injector.any_photo()
    if not injector.free(("files", photo["id"])):
        return None
    path = injector.dice.choice(_renditions(injector, photo))
    data = path.read_bytes()
    cut = injector.dice.randrange(len(data))
    _overwrite(path, injector.dice.choice([_flipped(data, injector.dice), data[:cut]]))
    subject = f"{photo['id']}/{path.stem}"
    return Fault("altered rendition", ("rendition_damaged", subject), _writing_back(path, data))


async def add_rendition(injector: Injector) -> Fault | None:
    photo = await injector.any_photo()
    photo_id = injector.dice.choice([photo["id"], f"{injector.dice.randrange(16**16):016x}"])
    if not injector.free(("files", photo_id)):
        return None
    path = injector.home / "renditions" / photo_id[-2:] / photo_id / "9000.webp"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"RIFF")
    place = path.relative_to(injector.home).as_posix()
    return Fault("extra rendition", ("rendition_extra", place), _unlinking(path))


async def forget_job(injector: Injector) -> Fault | None:
    """The row says that pictures are still to be made, and nothing will make them."""
    photo = await injector.any_photo()
    if not injector.free(("files", photo["id"])):
        return None
    await injector.run(("UPDATE photo SET state = 'received' WHERE id = $1", (photo["id"],)))
    files = {path: path.read_bytes() for path in _renditions(injector, photo)}

    async def undo() -> None:
        await injector.run(("UPDATE photo SET state = 'ready' WHERE id = $1", (photo["id"],)))
        for path, data in files.items():
            await _writing_back(path, data)()

    return Fault("forgotten job", ("unfinished", photo["id"]), undo)


async def alter_row(injector: Injector) -> Fault | None:
    """A column that the chain covers."""
    table = injector.dice.choice(TABLES[:4])
    rows = await injector.rows(f"SELECT * FROM {table.name} ORDER BY id, {table.since}")
    row = injector.dice.choice(rows)
    version = row[table.since]
    if not injector.free(("version", version)):
        return None
    column = injector.dice.choice(
        [name for name in ("caption_zh", "license", "note", "original_name") if name in row]
    )
    where = f"WHERE id = $2 AND {table.since} = $3"
    update = f"UPDATE {table.name} SET {column} = $1 {where}"
    await injector.run((update, (f"{row[column]}!", row["id"], version)))

    async def undo() -> None:
        await injector.run((update, (row[column], row["id"], version)))

    return Fault("altered row", ("chain", f"{version}/{table.name}"), undo)


async def alter_ledger(injector: Injector) -> Fault | None:
    rows = await injector.rows("SELECT * FROM ledger ORDER BY version")
    row = injector.dice.choice(rows)
    version = row["version"]
    if not injector.free(("version", version)):
        return None
    column, value = injector.dice.choice(
        [("actor_name", "Mallory"), ("at", row["at"] + 1), ("detail", '{"x":1}'), ("chain", None)]
    )
    update = f"UPDATE ledger SET {column} = $1 WHERE version = $2"
    await injector.run((update, (value, version)))

    async def undo() -> None:
        await injector.run((update, (row[column], version)))

    return Fault("altered ledger", ("chain", f"{version}/ledger"), undo)


async def lose_ledger(injector: Injector) -> Fault | None:
    """One in the middle: of the last nothing is left to tell, and some say where rows end."""
    rows = await injector.rows("SELECT * FROM ledger ORDER BY version")
    row = injector.dice.choice([one for one in rows[1:-1] if one["action"] == "create"])
    version = row["version"]
    if not injector.free(*(("version", version + step) for step in (-1, 0, 1))):
        return None
    await injector.run(("DELETE FROM ledger WHERE version = $1", (version,)))

    async def undo() -> None:
        await injector.run((insert("ledger", tuple(row)), tuple(row.values())))

    return Fault("lost ledger entry", ("chain", f"{version}/ledger"), undo)


async def lose_row(injector: Injector) -> Fault | None:
    """A closed version of a sighting."""
    table = "sighting"
    rows = await injector.rows(f"SELECT * FROM {table} WHERE until IS NOT NULL ORDER BY id, since")
    row = injector.dice.choice(rows)
    version = row["since"]
    if not injector.free(("version", version), ("record", row["survey_id"])):
        return None
    await injector.run((f"DELETE FROM {table} WHERE id = $1 AND since = $2", (row["id"], version)))

    async def undo() -> None:
        await injector.run((insert(table, tuple(row)), tuple(row.values())))

    return Fault("lost row", ("chain", f"{version}/{table}"), undo)


async def alter_derived(injector: Injector) -> Fault | None:
    """A column that the chain does not cover: who may see what."""
    table, column, value = injector.dice.choice(DERIVED)
    rows = await injector.rows(
        f"SELECT * FROM {table} WHERE until IS NULL AND status = 'published' ORDER BY id"
    )
    row = injector.dice.choice(rows)
    claim = ("record", row["survey_id"] if table == "sighting" else row["id"])
    if row[column] == value or not injector.free(claim):
        return None
    changed = (not row[column]) if value is None else value
    update = f"UPDATE {table} SET {column} = $1 WHERE id = $2 AND since = $3"
    await injector.run((update, (changed, row["id"], row["since"])))

    async def undo() -> None:
        was = bool(row[column]) if value is None else row[column]
        await injector.run((update, (was, row["id"], row["since"])))

    subject = row["survey_id"] if table == "sighting" else row["id"]
    return Fault(f"derived {column}", ("record", subject), undo)


DERIVED = (
    ("photo_fact", "is_public", None), ("photo_fact", "level", "0.001"),
    ("photo_fact", "public_sort", 7), ("photo_fact", "phase", "after"),
    ("survey", "phase", "unknown"), ("survey", "is_embargoed", None),
    ("survey", "has_birds", None), ("sighting", "level", "withhold"),
)  # fmt: skip


async def alter_end(injector: Injector) -> Fault | None:
    """A closed row that says it was open for longer."""
    rows = await injector.rows("SELECT * FROM sighting WHERE until IS NOT NULL ORDER BY id, since")
    row = injector.dice.choice(rows)
    if not injector.free(("record", row["survey_id"])):
        return None
    update = "UPDATE sighting SET until = $1 WHERE id = $2 AND since = $3"
    await injector.run((update, (row["until"] + 900, row["id"], row["since"])))

    async def undo() -> None:
        await injector.run((update, (row["until"], row["id"], row["since"])))

    return Fault("altered end", ("record", row["survey_id"]), undo)


async def unlink_photo(injector: Injector) -> Fault | None:
    rows = await injector.rows("SELECT * FROM sighting_photo ORDER BY photo_id, sighting_id")
    row = injector.dice.choice(rows)
    if not injector.free(("record", row["survey_id"])):
        return None
    delete = "DELETE FROM sighting_photo WHERE photo_id = $1 AND sighting_id = $2"
    await injector.run((delete, (row["photo_id"], row["sighting_id"])))

    async def undo() -> None:
        await injector.run((insert("sighting_photo", tuple(row)), tuple(row.values())))

    return Fault("lost link", ("record", row["survey_id"]), undo)


async def alter_count(injector: Injector) -> Fault | None:
    """A daily count or a day of visits: altered, lost, or made up."""
    table = injector.dice.choice(["daily_count", "survey_day"])
    rows = await injector.rows(f"SELECT * FROM {table} ORDER BY site, day")
    row = injector.dice.choice(rows)
    site, day = row["site"], row["day"]
    if not injector.free(("day", site, day)):
        return None
    names = tuple(row)
    delete = f"DELETE FROM {table} WHERE site = $1 AND day = $2"
    same = [one for one in rows if (one["site"], one["day"]) == (site, day)]
    is_told_once = {one["audience"] for one in same} == {"all"}
    how = injector.dice.choice(["lost", "altered", *(["doubled"] if is_told_once else [])])
    if how == "lost":
        await injector.run((delete, (site, day)))
    elif how == "altered":
        column = "count" if table == "daily_count" else "surveys"
        await injector.run(
            (f"UPDATE {table} SET {column} = 99999 WHERE site = $1 AND day = $2", (site, day))
        )
    else:
        twin = {**row, "audience": "exact"}
        await injector.run((insert(table, names), tuple(twin.values())))

    async def undo() -> None:
        back = [(insert(table, names), tuple(one.values())) for one in same]
        await injector.run((delete, (site, day)), *back)

    return Fault(f"{how} count", ("counts", f"{site}/{day}"), undo)


async def lose_quarantined(injector: Injector) -> Fault | None:
    """A row of the quarantine whose file is gone."""
    digest = f"{injector.dice.randrange(16**64):064x}"
    values = (digest[:16], digest, 9, "", "", "", '{"note": ""}', "", "", 3, 0, 0)
    names = (
        "id", "sha256", "size_bytes", "owner_id", "photo_id", "file_name", "words", "reason_zh",
        "reason_en", "deaths", "first_at", "last_at",
    )  # fmt: skip
    await injector.run((insert("quarantine", names), values))

    async def undo() -> None:
        await injector.run(("DELETE FROM quarantine WHERE id = $1", (digest[:16],)))

    return Fault("lost quarantined", ("quarantine", f"quarantine/{digest}"), undo)


Sort = Callable[[Injector], Awaitable[Fault | None]]
SORTS: tuple[Sort, ...] = (
    lose_original, alter_original, swap_original_for_a_folder, add_stranger, add_leftover,
    lose_rendition, alter_rendition, add_rendition, forget_job, alter_row, alter_ledger,
    lose_ledger, lose_row, alter_derived, alter_end, unlink_photo, alter_count,
    lose_quarantined,
)  # fmt: skip
FOR_GOOD = (
    alter_row,
    alter_ledger,
    lose_ledger,
    lose_row,
    lose_quarantined,
)  # what only a backup undoes
