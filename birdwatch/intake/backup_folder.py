"""How a backup lies in its folder, and what can be wrong with it.

    backup.json               which archive it is of
    files/ab/cd/<sha256>      every original and rendition once, shared by all snapshots
    snapshots/<time>/         one moment: snapshot.json, manifest.jsonl, and the rows in database/

A snapshot is complete when its folder has its name: until then it is called `.<time>.part`. Every
file can be checked without this program, since its name or snapshot.json tells its SHA-256.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path, PurePosixPath

import msgspec

from birdwatch.domain.errors import ConflictError, InvalidInputError, UnavailableError
from birdwatch.domain.ids import SHA256
from birdwatch.domain.text import Text

FORMAT = 1
ABOUT = "backup.json"
SNAPSHOTS = "snapshots"
ROWS = "database"
SNAPSHOT = "snapshot.json"
MANIFEST = "manifest.jsonl"
ROWS_FILE = re.compile(r"[0-9A-Za-z_]+(\.[0-9A-Za-z_]+)+", re.ASCII)
Progress = Callable[[Text, int, int], None]  # what is done, how much of it, and of how much


class About(msgspec.Struct, frozen=True):
    """Which archive a folder holds backups of."""

    format: int
    archive: str


class Entry(msgspec.Struct, frozen=True):
    """One file of the archive's folder: a line of the manifest."""

    path: str
    sha256: str
    size: int


class Lost(msgspec.Struct, frozen=True):
    """A file that the archive should have had, and could not be read when it was backed up."""

    path: str
    what: str  # missing or damaged


class SnapshotInfo(msgspec.Struct, frozen=True):
    """What snapshot.json says. `rows` and `manifest` are paths below the snapshot's folder."""

    format: int
    program: str
    made_at: str
    archive: str
    dialect: str
    migrations: tuple[str, ...]
    version: int
    photos: int
    files: int
    bytes: int
    rows: tuple[Entry, ...]
    manifest: Entry
    lost: tuple[Lost, ...] = ()


def snapshots_in(root: Path) -> list[str]:
    """The complete snapshots of a backup, the oldest first."""
    folder = root / SNAPSHOTS
    if not folder.is_dir():
        return []
    return sorted(one.name for one in folder.iterdir() if not one.name.startswith("."))


def read_about(root: Path) -> About | None:
    """Which archive this folder is a backup of; None where it is none."""
    try:
        return msgspec.json.decode((root / ABOUT).read_bytes(), type=About)
    except FileNotFoundError:
        return None
    except (OSError, msgspec.DecodeError) as error:
        raise damaged(ABOUT) from error


def read_snapshot(root: Path, name: str | None) -> tuple[str, SnapshotInfo]:
    """A snapshot, by default the latest. Raises InvalidInputError."""
    about, names = read_about(root), snapshots_in(root)
    if about is None or not names:
        raise InvalidInputError(
            "backup.none",
            zh=f"{root} 里没有完整的备份。请检查路径。",
            en=f"There is no complete backup in {root}. Check the path.",
        )
    if name is not None and name not in names:
        listed = "、".join(names)
        raise InvalidInputError(
            "backup.no_snapshot",
            zh=f"没有快照 {name}。已有：{listed}。",
            en=f"There is no snapshot {name}. There are: {', '.join(names)}.",
        )
    chosen = name or names[-1]
    try:
        data = (root / SNAPSHOTS / chosen / SNAPSHOT).read_bytes()
        info = msgspec.json.decode(data, type=SnapshotInfo)
    except (OSError, msgspec.DecodeError) as error:
        raise damaged(f"{SNAPSHOTS}/{chosen}/{SNAPSHOT}") from error
    if info.format > FORMAT:
        raise InvalidInputError(
            "backup.newer",
            zh="这个备份由更新的版本制作。请用那个版本恢复。",
            en="A newer version made this backup. Restore it with that version.",
        )
    if info.manifest.path != MANIFEST or not info.rows or not all(map(_holds_rows, info.rows)):
        raise damaged(f"{SNAPSHOTS}/{chosen}/{SNAPSHOT}")
    return chosen, info


def _holds_rows(entry: Entry) -> bool:
    """Whether this names a file of the snapshot's own rows; tables are named by these names."""
    folder, _, name = entry.path.partition("/")
    return folder == ROWS and bool(ROWS_FILE.fullmatch(name))


def read_manifest(path: Path) -> Iterator[Entry]:
    """The files of a snapshot, line by line. Raises InvalidInputError for what is no manifest."""
    decoder = msgspec.json.Decoder(Entry)
    with path.open("rb") as lines:
        for line in lines:
            try:
                entry = decoder.decode(line)
            except msgspec.DecodeError as error:
                raise damaged(path.name) from error
            if not _is_sound(entry):
                raise damaged(path.name)
            yield entry


def _is_sound(entry: Entry) -> bool:
    """Whether it stays below the archive's folder and is named by a hash: a backup may be anyone's."""
    path = PurePosixPath(entry.path)
    is_plain = str(path) == entry.path and "\0" not in entry.path and not path.is_absolute()
    is_below = is_plain and not any(part.startswith(".") for part in path.parts)
    return is_below and bool(path.parts) and bool(SHA256.fullmatch(entry.sha256))


def damaged(what: str) -> InvalidInputError:
    """The backup itself cannot be trusted."""
    return InvalidInputError(
        "backup.damaged",
        zh=f"备份已损坏：{what}。请换一个快照或另一份备份。",
        en=f"The backup is damaged: {what}. Use another snapshot or another backup.",
    )


def in_use() -> ConflictError:
    """Two backups of one folder at the same time."""
    return ConflictError(
        "backup.in_use",
        zh="另一个进程正在使用这个备份文件夹。请等它结束。",
        en="Another process is using this backup folder. Wait until it is done.",
    )


def cannot_write(root: Path, error: OSError) -> UnavailableError:
    """The target of a backup or a restore refuses."""
    return UnavailableError(
        "backup.unwritable",
        zh=f"不能写入 {root}（{error.strerror}）。请检查磁盘空间和权限，然后重新运行，已完成的部分会保留。",
        en=f"{root} cannot be written ({error.strerror}). Check its space and permissions and run"
        " this again; what is done is kept.",
    )
