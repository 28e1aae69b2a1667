"""Looking at the files of an archive, and moving aside what does not belong. Nothing is deleted."""

from __future__ import annotations

import hashlib
import json
import os
import secrets
import stat
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from birdwatch.storage.blobs.files import sync_folder

ASIDE = "set-aside"  # below the home: what a repair took out of the way, by time and former place
Fault = Literal["missing", "truncated", "altered"]


@dataclass(frozen=True, slots=True)
class Expected:
    """A file as the rows tell of it. Without a hash only its size can be held against it."""

    name: str  # what to call it in a report
    path: Path
    size: int
    sha256: str = ""


def inspect(files: Sequence[Expected], *, deep: bool) -> list[tuple[Expected, Fault]]:
    """Those of these files that are not as expected; `deep` reads every byte."""
    found = ((file, _fault(file, deep=deep)) for file in files)
    return [(file, fault) for file, fault in found if fault]


def _fault(file: Expected, *, deep: bool) -> Fault | None:
    """What is wrong with a file. One that cannot be read to its end counts as altered."""
    try:
        found = file.path.lstat()
    except (FileNotFoundError, NotADirectoryError):
        return "missing"
    if not stat.S_ISREG(found.st_mode):
        return "missing"
    wrong_size: Fault | None = "truncated" if found.st_size != file.size else None
    if not deep or not file.sha256:
        return wrong_size
    return None if digest_of(file.path) == file.sha256 else wrong_size or "altered"


def digest_of(path: Path) -> str | None:
    """The SHA-256 of a file's bytes; None where they cannot all be read."""
    try:
        with path.open("rb", buffering=0) as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:
        return None


def files_below(folder: Path) -> Iterator[Path]:
    """Everything below a folder that is not a folder itself; links are not followed."""
    try:
        entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
    except (FileNotFoundError, NotADirectoryError):
        return
    for entry in entries:
        if entry.is_dir(follow_symlinks=False):
            yield from files_below(Path(entry.path))
        else:
            yield Path(entry.path)


def age_s(path: Path, now: datetime) -> float | None:
    """Seconds since the file was last written, linked or renamed; None where it is gone."""
    try:
        return now.timestamp() - path.lstat().st_ctime
    except FileNotFoundError:
        return None


def set_aside(home: Path, path: Path, now: datetime) -> Path:
    """Move a file out of the archive's way, durable, never over another; where it is now."""
    folder = home / ASIDE / now.astimezone(UTC).strftime("%Y%m%dT%H%M%SZ")
    target = folder / path.relative_to(home)
    number = 1
    while os.path.lexists(target):
        number += 1
        target = target.with_name(f"{path.name}.{number}")
    target.parent.mkdir(mode=0o750, parents=True, exist_ok=True)
    path.rename(target)
    for changed in (target.parent, path.parent):
        sync_folder(changed)
    return target


def set_aside_row(home: Path, table: str, row: Mapping[str, object], now: datetime) -> Path:
    """Write down what a row says, durable, before it is taken out of its table; where it is."""
    folder = home / ASIDE / now.astimezone(UTC).strftime("%Y%m%dT%H%M%SZ") / "rows"
    folder.mkdir(mode=0o750, parents=True, exist_ok=True)
    path = folder / f"{table}-{secrets.token_hex(8)}.json"
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o640)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        json.dump({"table": table, "row": dict(row)}, file, ensure_ascii=True, indent=1)
        file.flush()
        os.fsync(file.fileno())
    sync_folder(folder)
    return path


def aside_with_name(home: Path, name: str) -> list[Path]:
    """What was set aside under this name, the latest first."""
    found = [p for p in files_below(home / ASIDE) if p.name.partition(".")[0] == name]
    return sorted(found, reverse=True)
