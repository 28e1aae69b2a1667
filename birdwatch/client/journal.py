"""Where an upload of a folder was: what is hashed, begun, done and refused, file by file.

Lines of JSON, the last of a file counts. Each is on the disk before the next step is taken, so after
a crash at any moment the next run goes on; a line that was being written is left out. One run at a
time holds it.
"""

from __future__ import annotations

import contextlib
import json
import os
import sys
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import IO, Any, Literal, Self

from birdwatch.client.folder import Found

if sys.platform != "win32":
    import fcntl

FORM = 1
State = Literal["hashed", "open", "done", "refused"]


class JournalInUseError(Exception):
    """Another run is at work on this folder."""


@dataclass(frozen=True, slots=True)
class Entry:
    """What is known of one file, as long as its size and time stay."""

    name: str
    size: int
    mtime_ns: int
    sha256: str
    state: State = "hashed"
    upload: str = ""  # the path of the upload that was begun
    photo: str = ""
    reason: str = ""


class Journal:
    """The entries of one folder and one archive, in a file. Use it as `with`."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._entries: dict[str, Entry] = {}
        self._file: IO[bytes] | None = None
        self._lock: IO[bytes] | None = None

    def __enter__(self) -> Self:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self._take_lock()
        self._entries = _read(self.path)
        self._write_anew()
        self._file = self.path.open("ab")
        return self

    def __exit__(self, *exc: object) -> None:
        for file in (self._file, self._lock):
            if file is not None:
                file.close()
        self._file = self._lock = None

    def find(self, file: Found) -> Entry | None:
        """What is known of this file, if it is still the same."""
        entry = self._entries.get(file.name)
        if entry is None or (entry.size, entry.mtime_ns) != (file.size, file.mtime_ns):
            return None
        return entry

    def note(self, entry: Entry, **changes: Any) -> Entry:
        """Keep this of a file; it is on the disk when this returns."""
        if self._file is None:
            raise RuntimeError("The journal is not open.")
        noted = replace(entry, **changes)
        self._entries[noted.name] = noted
        self._file.write(_line(noted))
        self._file.flush()
        os.fsync(self._file.fileno())
        return noted

    def _take_lock(self) -> None:
        """Held by this process for as long as it lives, however it ends."""
        lock = self.path.with_name(self.path.name + ".lock").open("ab")
        if sys.platform != "win32":
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                lock.close()
                raise JournalInUseError(str(self.path)) from None
        self._lock = lock

    def _write_anew(self) -> None:
        """One line for each file, put in the place of the old lines at once."""
        fresh = self.path.with_name(self.path.name + ".new")
        with fresh.open("wb") as file:
            file.write(b'{"journal": %d}\n' % FORM)
            file.writelines(_line(entry) for entry in self._entries.values())
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(self.path)
        with contextlib.suppress(OSError):  # not every system opens a folder
            folder = os.open(self.path.parent, os.O_RDONLY)
            try:
                os.fsync(folder)
            finally:
                os.close(folder)


def _line(entry: Entry) -> bytes:
    return json.dumps(asdict(entry)).encode() + b"\n"


def _read(path: Path) -> dict[str, Entry]:
    try:
        lines = path.read_bytes().split(b"\n")
    except FileNotFoundError:
        return {}
    entries: dict[str, Entry] = {}
    for line in lines:
        entry = _entry(line)
        if entry is not None:
            entries[entry.name] = entry
    return entries


def _entry(line: bytes) -> Entry | None:
    """The entry of a line; None for the first line, an empty one, and one that was torn."""
    try:
        raw = json.loads(line)
    except ValueError:
        return None
    if not isinstance(raw, dict) or "sha256" not in raw:
        return None
    known = {field.name: raw[field.name] for field in fields(Entry) if field.name in raw}
    try:
        return Entry(**known)
    except TypeError:
        return None
