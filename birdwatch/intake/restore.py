"""`birdwatch restore`: a snapshot back into an empty place, after every byte of it was checked.

Until all is there the home carries a file that keeps the service from starting on half an archive.
An interrupted restore is taken up by running it again: files that are there are read and kept.
"""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import anyio
import anyio.to_thread
import msgspec

from birdwatch.domain.errors import BirdwatchError, ConflictError, InvalidInputError
from birdwatch.domain.text import Text
from birdwatch.intake.archive import RESTORING
from birdwatch.intake.backup_folder import (
    MANIFEST,
    ROWS,
    SNAPSHOTS,
    Entry,
    Progress,
    SnapshotInfo,
    cannot_write,
    damaged,
    read_manifest,
    read_snapshot,
)
from birdwatch.settings import Settings
from birdwatch.storage.backup import dialect_of, end_uploads, is_empty, load_tables, loaded_moment
from birdwatch.storage.blobs.files import FOLDERS, MARKER, sync_folder
from birdwatch.storage.blobs.inspection import digest_of
from birdwatch.storage.blobs.pool import copy_hashed, pool_path
from birdwatch.storage.db import make_schema, sqlite_path
from birdwatch.storage.migrations import MIGRATIONS

THREADS = max(2, os.cpu_count() or 1)
FILES_AT_ONCE = 200
MAY_BE_THERE = frozenset({"README.md", ".gitkeep", "lost+found"})
MOST_TOLD = 20
CHECKING = Text("检查备份", "Checking")
COPYING = Text("恢复文件", "Files")
LOADING = Text("恢复数据库", "Rows")


@dataclass(frozen=True, slots=True)
class Checked:
    """A snapshot of which every byte is as it should be."""

    root: Path
    name: str
    info: SnapshotInfo

    @property
    def folder(self) -> Path:
        return self.root / SNAPSHOTS / self.name

    def entries(self) -> Iterator[Entry]:
        return read_manifest(self.folder / MANIFEST)


class Resumed(msgspec.Struct, frozen=True):
    """What the file RESTORING says: which snapshot is on its way in."""

    archive: str
    snapshot: str


async def check_backup(root: Path, name: str | None, progress: Progress) -> Checked:
    """Read every byte of a snapshot, by default the latest. Raises InvalidInputError."""
    chosen, info = await anyio.to_thread.run_sync(read_snapshot, root, name)
    checked = Checked(root, chosen, info)
    for entry in (info.manifest, *info.rows):
        if not await anyio.to_thread.run_sync(_is_right, checked.folder / entry.path, entry):
            raise damaged(f"{chosen}/{entry.path}")
    wrong: list[Entry] = []
    done = 0

    def check(entry: Entry) -> None:
        if not _is_right(pool_path(root, entry.sha256), entry):
            wrong.append(entry)

    entries = checked.entries()
    while some := list(islice(entries, FILES_AT_ONCE)):
        await _in_threads(check, some)
        done += sum(entry.size for entry in some)
        progress(CHECKING, done, info.bytes)
    if wrong:
        listed = ", ".join(sorted(entry.path for entry in wrong)[:MOST_TOLD])
        raise damaged(f"{listed} ({len(wrong)})")
    return checked


def _is_right(path: Path, entry: Entry) -> bool:
    try:
        return path.lstat().st_size == entry.size and digest_of(path) == entry.sha256
    except FileNotFoundError:
        return False


async def _in_threads(work: Callable[[Entry], None], entries: Iterable[Entry]) -> None:
    """Raises what the first that failed raised, by itself and not in a group."""
    threads = anyio.CapacityLimiter(THREADS)
    failed: list[BirdwatchError | OSError] = []

    async def one(entry: Entry) -> None:
        try:
            await anyio.to_thread.run_sync(work, entry, limiter=threads)
        except (BirdwatchError, OSError) as error:
            failed.append(error)
            tasks.cancel_scope.cancel()

    async with anyio.create_task_group() as tasks:
        for entry in entries:
            tasks.start_soon(one, entry)
    if failed:
        raise failed[0]


async def restore_backup(settings: Settings, checked: Checked, progress: Progress) -> None:
    """Bring a checked snapshot to the home and database of these settings, which must be empty.

    Raises ConflictError where something is there, InvalidInputError where it does not fit.
    """
    _check_fits(settings, checked)
    try:
        is_resumed = await anyio.to_thread.run_sync(_claim, settings, checked)
        await _check_database(settings, checked, is_resumed=is_resumed)
        await _restore_files(settings, checked, progress)
        await _restore_rows(settings, checked, progress)
        await end_uploads(settings.database_url)
        await anyio.to_thread.run_sync(_release, settings, checked)
    except OSError as error:
        raise cannot_write(settings.home, error) from error


def _check_fits(settings: Settings, checked: Checked) -> None:
    info, dialect = checked.info, dialect_of(settings.database_url)
    if info.dialect != dialect:
        raise InvalidInputError(
            "restore.dialect",
            zh=f"备份来自 {info.dialect}，而 BIRDWATCH_DATABASE 指向 {dialect}。请改为同一种数据库。",
            en=f"The backup is of a {info.dialect} database, and BIRDWATCH_DATABASE names one of"
            f" {dialect}. Set it to the same kind.",
        )
    if unknown := set(info.migrations) - {step.name for step in MIGRATIONS}:
        raise InvalidInputError(
            "backup.newer",
            zh="这个备份由更新的版本制作。请用那个版本恢复。",
            en=f"A newer version made this backup ({', '.join(sorted(unknown))}). Restore it with"
            " that version.",
        )


def _claim(settings: Settings, checked: Checked) -> bool:
    """Mark the home as on its way; whether it already was, with this very snapshot."""
    home = settings.home
    home.mkdir(mode=0o750, parents=True, exist_ok=True)
    mark = home / RESTORING
    wanted = Resumed(checked.info.archive, checked.name)
    if mark.exists():
        if msgspec.json.decode(mark.read_bytes(), type=Resumed) != wanted:
            raise _not_empty(settings)
        return True
    if any(one.name not in MAY_BE_THERE for one in home.iterdir()):
        raise _not_empty(settings)
    free = shutil.disk_usage(home).free
    if free < checked.info.bytes:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    _write(mark, msgspec.json.encode(wanted))
    return False


def _not_empty(settings: Settings) -> ConflictError:
    return ConflictError(
        "restore.not_empty",
        zh=f"{settings.home} 或它的数据库不是空的，没有改动任何东西。请用 BIRDWATCH_HOME 和"
        " BIRDWATCH_DATABASE 指向空的位置。",
        en=f"{settings.home} or its database is not empty, and nothing was changed. Point"
        " BIRDWATCH_HOME and BIRDWATCH_DATABASE to an empty place.",
    )


async def _check_database(settings: Settings, checked: Checked, *, is_resumed: bool) -> None:
    """Refuse rows that are there, but for those that an interrupted restore of this brought."""
    url, info = settings.database_url, checked.info
    try:
        if await is_empty(url):
            return
        if is_resumed and info.dialect == "sqlite":
            if await anyio.to_thread.run_sync(_is_right, sqlite_path(url), info.rows[0]):
                return
        elif is_resumed:
            moment = await loaded_moment(url)
            if (moment.home, moment.version) == (info.archive, info.version):
                return
    except BirdwatchError:
        _give_up_claim(settings, is_resumed=is_resumed)
        raise
    _give_up_claim(settings, is_resumed=is_resumed)
    raise _not_empty(settings)


def _give_up_claim(settings: Settings, *, is_resumed: bool) -> None:
    """Leave a home that was empty as it was."""
    if not is_resumed:
        (settings.home / RESTORING).unlink(missing_ok=True)


async def _restore_files(settings: Settings, checked: Checked, progress: Progress) -> None:
    home, done = settings.home, 0
    for folder in FOLDERS:
        await anyio.Path(home / folder).mkdir(mode=0o750, exist_ok=True)

    def bring(entry: Entry) -> None:
        _bring(checked.root, home, entry)

    entries = checked.entries()
    while some := list(islice(entries, FILES_AT_ONCE)):
        await _in_threads(bring, some)
        done += sum(entry.size for entry in some)
        progress(COPYING, done, checked.info.bytes)
    await anyio.to_thread.run_sync(os.sync)


def _bring(root: Path, home: Path, entry: Entry) -> None:
    """One file to its place, unless it is there already."""
    target = home / entry.path
    if home.resolve() not in target.resolve().parents:
        raise damaged(entry.path)
    if _is_right(target, entry):
        return
    target.parent.mkdir(mode=0o750, parents=True, exist_ok=True)
    part = target.with_name(f".{target.name}.restoring")
    part.unlink(missing_ok=True)
    sha256, _ = copy_hashed(pool_path(root, entry.sha256), part, 0o600)
    if sha256 != entry.sha256:
        part.unlink()
        raise damaged(entry.path)
    part.chmod(_mode_of(entry.path))
    part.replace(target)


def _mode_of(path: str) -> int:
    folder = path.partition("/")[0]
    return {"originals": 0o444, "renditions": 0o644}.get(folder, 0o600)


async def _restore_rows(settings: Settings, checked: Checked, progress: Progress) -> None:
    url, info = settings.database_url, checked.info

    def told(done: int, total: int) -> None:
        progress(LOADING, done, total)

    if info.dialect == "sqlite":
        await anyio.to_thread.run_sync(_restore_file, checked, sqlite_path(url))
        told(1, 1)
    elif await is_empty(url):
        await make_schema(url, info.migrations)
        files = sorted(checked.folder / ROWS / Path(entry.path).name for entry in info.rows)
        await load_tables(url, files, told)


def _restore_file(checked: Checked, target: Path) -> None:
    entry = checked.info.rows[0]
    if _is_right(target, entry):
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    part = target.with_name(f".{target.name}.restoring")
    part.unlink(missing_ok=True)
    sha256, _ = copy_hashed(checked.folder / entry.path, part, 0o640)
    if sha256 != entry.sha256:
        part.unlink()
        raise damaged(entry.path)
    part.replace(target)
    sync_folder(target.parent)


def _release(settings: Settings, checked: Checked) -> None:
    """The archive is whole: name its home, and let the service start."""
    marker = settings.home / MARKER
    marker.unlink(missing_ok=True)
    _write(marker, f"{checked.info.archive}\n".encode())
    (settings.home / RESTORING).unlink()
    sync_folder(settings.home)


def _write(path: Path, data: bytes) -> None:
    with path.open("xb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    sync_folder(path.parent)
