"""Which files of a folder are meant: pictures, in order, and never what is hidden."""

from __future__ import annotations

import hashlib
import os
import stat
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

PICTURES = (
    *(".jpg", ".jpeg", ".heic", ".heif", ".png", ".webp", ".tif", ".tiff", ".avif"),
    *(".cr2", ".cr3", ".nef", ".arw", ".dng", ".raf"),
)
READ_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class Found:
    """A file as it was seen: by size and time it is known whether it is still the same."""

    name: str  # below the folder, with slashes
    path: Path
    size: int
    mtime_ns: int

    @property
    def is_unchanged(self) -> bool:
        """Whether the file on the disk is still the one that was seen."""
        try:
            now = self.path.stat()
        except OSError:
            return False
        return (now.st_size, now.st_mtime_ns) == (self.size, self.mtime_ns)


@dataclass(frozen=True, slots=True)
class Listing:
    """What is in a folder: pictures to send, and names of what is left where it is."""

    pictures: tuple[Found, ...]
    others: tuple[str, ...]
    empty: tuple[str, ...]


def list_folder(folder: Path) -> Listing:
    """Every picture below a folder, by name. Hidden files and folders and links are not looked at."""
    pictures: list[Found] = []
    others: list[str] = []
    empty: list[str] = []
    for base, folders, names in os.walk(folder, onerror=_raise):
        folders[:] = sorted(one for one in folders if not _is_hidden(Path(base, one)))
        for path in (Path(base, name) for name in sorted(names)):
            facts = _facts(path)
            if facts is None or _is_hidden(path) or not stat.S_ISREG(facts.st_mode):
                continue
            name = PurePosixPath(path.relative_to(folder)).as_posix()
            if path.suffix.lower() not in PICTURES:
                others.append(name)
            elif facts.st_size == 0:
                empty.append(name)
            else:
                pictures.append(Found(name, path, facts.st_size, facts.st_mtime_ns))
    return Listing(tuple(pictures), tuple(others), tuple(empty))


def hash_file(path: Path) -> str:
    """The SHA-256 of a file's bytes."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(READ_BYTES):
            digest.update(block)
    return digest.hexdigest()


def _is_hidden(path: Path) -> bool:
    """By its name; on Windows by its mark."""
    marks = getattr(_facts(path), "st_file_attributes", 0)
    return path.name.startswith(".") or bool(marks & stat.FILE_ATTRIBUTE_HIDDEN)


def _facts(path: Path) -> os.stat_result | None:
    """What the system says of it; None for what has just gone."""
    try:
        return path.lstat()
    except FileNotFoundError:
        return None


def _raise(error: OSError) -> None:
    raise error
