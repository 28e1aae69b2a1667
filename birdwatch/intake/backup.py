"""`birdwatch backup`: the whole archive into a folder, while it is in use, and only what is new.

The rows are taken first, as of one moment; then the files they speak of, which were durable before
the rows were. A file whose bytes are not what its row says is not taken: a good copy of an earlier
backup stays, and the report names it.
"""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import anyio
import anyio.to_thread
import msgspec

import birdwatch
from birdwatch.domain.errors import ConflictError, InvalidInputError
from birdwatch.domain.text import Text
from birdwatch.intake.archive import Archive
from birdwatch.intake.backup_folder import (
    ABOUT,
    FORMAT,
    MANIFEST,
    ROWS,
    SNAPSHOT,
    SNAPSHOTS,
    About,
    Entry,
    Lost,
    Progress,
    SnapshotInfo,
    cannot_write,
    in_use,
    read_about,
    read_manifest,
    snapshots_in,
)
from birdwatch.storage.backup import Snapshot, take_snapshot
from birdwatch.storage.blobs.files import FileBlobs, sync_folder
from birdwatch.storage.blobs.inspection import ASIDE, Expected, digest_of, files_below
from birdwatch.storage.blobs.pool import (
    FILES,
    clear_parts,
    has_pooled,
    held,
    prune_pool,
    put_pooled,
    sync_pool,
)
from birdwatch.storage.db import sqlite_path
from birdwatch.storage.inspection import KeptPhoto

PHOTOS_AT_ONCE = 100
COPIERS = 4
NOT_TAKEN = ("originals", "renditions", "incoming", ASIDE)  # by the rows, or not at all
TABLES = Text("数据库", "Rows")
PHOTOS = Text("照片", "Photos")


@dataclass(frozen=True, slots=True)
class BackupReport:
    """What a backup took: the snapshot's name, its files, what of them was new, what was lost."""

    snapshot: str
    info: SnapshotInfo
    new_files: int
    new_bytes: int
    pruned: int = 0


@dataclass(slots=True)
class _Taking:
    """A backup under way."""

    root: Path
    blobs: FileBlobs
    is_deep: bool
    page: list[tuple[Entry, bool]] = field(default_factory=list)  # in hand; whether it is new
    lost: list[Lost] = field(default_factory=list)
    files: int = 0
    bytes: int = 0
    new_files: int = 0
    new_bytes: int = 0


def files_of_backup(root: Path) -> Path:
    """Where the originals of a backup lie. Raises InvalidInputError where there is no backup."""
    if read_about(root) is None:
        raise InvalidInputError(
            "backup.none",
            zh=f"{root} 里没有完整的备份。请检查路径。",
            en=f"There is no complete backup in {root}. Check the path.",
        )
    return root / FILES


async def take_backup(
    archive: Archive,
    root: Path,
    progress: Progress,
    *,
    now: datetime | None = None,
    deep: bool = False,
    keep: int | None = None,
) -> BackupReport:
    """Add a snapshot of the archive as it is now to the backup in this folder.

    `deep` reads again what the backup has; `keep` then removes all but so many snapshots.
    Raises ConflictError for a folder of another archive, UnavailableError when it is full.
    """
    _check_place(archive, root)
    try:
        async with _prepared(archive, root) as folder:
            name = _name_for(root, now or datetime.now(UTC))
            taking = _Taking(root, archive.blobs, deep)
            part = folder / f".{name}.part"
            info = await _take(archive, taking, part, progress, now or datetime.now(UTC))
            await anyio.to_thread.run_sync(_complete, part, folder / name, root)
            pruned = await anyio.to_thread.run_sync(_prune, root, keep) if keep else 0
    except OSError as error:
        raise cannot_write(root, error) from error
    return BackupReport(name, info, taking.new_files, taking.new_bytes, pruned)


def _check_place(archive: Archive, root: Path) -> None:
    home = archive.settings.home.resolve()
    if root.resolve() == home or home in root.resolve().parents:
        raise InvalidInputError(
            "backup.inside",
            zh="备份不能放在档案自己的文件夹里。请选择另一块磁盘上的文件夹。",
            en="A backup inside the archive's own folder is none. Choose a folder on another disk.",
        )


@asynccontextmanager
async def _prepared(archive: Archive, root: Path) -> AsyncIterator[Path]:
    """The folder of snapshots, held by this process and swept."""
    marker = await anyio.to_thread.run_sync(archive.blobs.marker)
    for folder in (root, root / FILES, root / SNAPSHOTS):
        await anyio.Path(folder).mkdir(mode=0o700, parents=True, exist_ok=True)
    with held(root) as is_held:
        if not is_held:
            raise in_use()
        about = read_about(root)
        if about is None:
            data = msgspec.json.encode(About(FORMAT, marker or ""))
            await anyio.to_thread.run_sync(_write, root / ABOUT, data)
        elif about.archive != marker:
            raise ConflictError(
                "backup.other",
                zh="这个文件夹里是另一个档案的备份。请选择另一个文件夹。",
                en="This folder holds the backup of another archive. Choose another folder.",
            )
        await anyio.to_thread.run_sync(clear_parts, root)
        yield root / SNAPSHOTS


def _name_for(root: Path, now: datetime) -> str:
    plain = now.astimezone(UTC).strftime("%Y%m%dT%H%M%SZ")
    names, number = set(snapshots_in(root)), 1
    name = plain
    while name in names:
        number += 1
        name = f"{plain}-{number}"
    return name


async def _take(
    archive: Archive, taking: _Taking, part: Path, progress: Progress, now: datetime
) -> SnapshotInfo:
    rows = part / ROWS
    await anyio.Path(rows).mkdir(mode=0o700, parents=True)
    url = archive.settings.database_url
    told = _telling(progress, TABLES)
    async with take_snapshot(url, rows, told) as snapshot:
        await _take_files(archive, snapshot, taking, part / MANIFEST, progress)
        moment = snapshot.moment
    await anyio.to_thread.run_sync(sync_pool, taking.root)
    info = SnapshotInfo(
        format=FORMAT,
        program=birdwatch.__version__,
        made_at=now.astimezone(UTC).isoformat(),
        archive=moment.home,
        dialect=moment.dialect,
        migrations=moment.migrations,
        version=moment.version,
        photos=moment.photos,
        files=taking.files,
        bytes=taking.bytes,
        rows=tuple(await anyio.to_thread.run_sync(_entries_of, rows, part)),
        manifest=await anyio.to_thread.run_sync(_entry_of, part / MANIFEST, part),
        lost=tuple(taking.lost),
    )
    data = msgspec.json.format(msgspec.json.encode(info))
    await anyio.to_thread.run_sync(_write, part / SNAPSHOT, data)
    return info


def _telling(progress: Progress, what: Text) -> Callable[[int, int], None]:
    return lambda done, total: progress(what, done, total)


async def _take_files(
    archive: Archive, snapshot: Snapshot, taking: _Taking, manifest: Path, progress: Progress
) -> None:
    """Every file that the snapshot's rows speak of, and what else lies in the archive's folder."""
    threads = anyio.CapacityLimiter(COPIERS)
    done, after = 0, ""
    with manifest.open("xb") as lines:
        while page := await snapshot.photos(after, PHOTOS_AT_ONCE):
            async with anyio.create_task_group() as tasks:
                for photo in page:
                    tasks.start_soon(_take_photo, taking, photo, threads)
            _write_lines(taking, lines.write)
            after, done = page[-1].id, done + len(page)
            progress(PHOTOS, done, max(done, snapshot.moment.photos))
        await anyio.to_thread.run_sync(_take_others, archive, taking)
        _write_lines(taking, lines.write)
        lines.flush()
        os.fsync(lines.fileno())


async def _take_photo(taking: _Taking, photo: KeptPhoto, threads: anyio.CapacityLimiter) -> None:
    for file in photo.files(taking.blobs):
        await anyio.to_thread.run_sync(_take_file, taking, file, limiter=threads)


def _take_file(taking: _Taking, file: Expected) -> None:
    """One file into the pool, unless the pool has it. Runs in several threads at once."""
    path = file.path.relative_to(taking.blobs.home).as_posix()
    if file.sha256 and has_pooled(taking.root, file.sha256, file.size, deep=taking.is_deep):
        taking.page.append((Entry(path, file.sha256, file.size), False))
        return
    try:
        file.path.lstat()
    except FileNotFoundError:
        taking.lost.append(Lost(path, "missing"))
        return
    pooled = put_pooled(taking.root, file.path, file.sha256)
    if pooled is None:
        taking.lost.append(Lost(path, "damaged"))
    else:
        taking.page.append((Entry(path, pooled.sha256, pooled.size), pooled.is_new))


def _write_lines(taking: _Taking, write: Callable[[bytes], object]) -> None:
    """The page in hand into the manifest."""
    for entry, is_new in sorted(taking.page, key=lambda taken: taken[0].path):
        write(msgspec.json.encode(entry) + b"\n")
        taking.files += 1
        taking.bytes += entry.size
        if is_new:
            taking.new_files += 1
            taking.new_bytes += entry.size
    taking.page.clear()


def _take_others(archive: Archive, taking: _Taking) -> None:
    """What other parts of the archive keep in its folder: quarantine and the like."""
    home = archive.settings.home
    url = archive.settings.database_url
    database = sqlite_path(url).name if url.startswith("sqlite") else None
    for entry in sorted(home.iterdir()):
        is_database = database is not None and entry.name.startswith(database)
        if entry.name in NOT_TAKEN or entry.name.startswith(".") or is_database:
            continue
        for path in files_below(entry) if entry.is_dir() else [entry]:
            if path.is_symlink() or not path.is_file():
                continue
            pooled = put_pooled(taking.root, path)
            if pooled is not None:
                place = path.relative_to(home).as_posix()
                taking.page.append((Entry(place, pooled.sha256, pooled.size), pooled.is_new))


def _entries_of(folder: Path, base: Path) -> list[Entry]:
    return [_entry_of(path, base) for path in files_below(folder)]


def _entry_of(path: Path, base: Path) -> Entry:
    """A file of the snapshot itself, made durable."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    return Entry(path.relative_to(base).as_posix(), digest_of(path) or "", path.stat().st_size)


def _write(path: Path, data: bytes) -> None:
    with path.open("xb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def _complete(part: Path, folder: Path, root: Path) -> None:
    """From now on the snapshot counts."""
    sync_folder(part / ROWS)
    sync_folder(part)
    part.rename(folder)
    for changed in (folder.parent, root):
        sync_folder(changed)


def _prune(root: Path, keep: int) -> int:
    """Remove all but the latest snapshots, then the files that only the others named."""
    names = snapshots_in(root)
    for name in names[: max(0, len(names) - keep)]:
        folder = root / SNAPSHOTS / name
        hidden = folder.with_name(f".{name}.part")  # whatever happens, it is no snapshot any more
        folder.rename(hidden)
    clear_parts(root)
    wanted = {
        entry.sha256
        for name in snapshots_in(root)
        for entry in read_manifest(root / SNAPSHOTS / name / MANIFEST)
    }
    return prune_pool(root, wanted)
