"""A whole folder into the archive: hashed first, asked for, then sent, a few at a time.

Everything that was settled is in the journal before the next step, so it can be stopped or killed
at any moment and run again: what is there is not sent again, what was begun goes on.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import Literal, TypeVar

import anyio
import anyio.to_thread
from anyio.streams.memory import MemoryObjectReceiveStream

from birdwatch.client.connection import Connection, Cut, Refusal
from birdwatch.client.folder import Found, hash_file
from birdwatch.client.journal import Entry, Journal
from birdwatch.client.uploads import FileChangedError, end_upload, known_photos, send_file

T = TypeVar("T")
# What became of a file. `left`: not begun, or begun and not finished, when the run ended.
End = Literal["sent", "known", "refused", "changed", "left"]
GROUP = 24  # hashed, then asked for in one question
# What concerns this file, whatever comes after it. Any other refusal is of the account, the words
# or the archive, and the run stops.
OF_THE_FILE = frozenset({409, 410, 413, 415, 422})


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a file, and why if it is not in the archive."""

    file: Found
    end: End
    photo: str = ""
    reason: str = ""
    is_waiting: bool = False
    bytes_sent: int = 0


@dataclass(frozen=True, slots=True)
class Event:
    """Something to show while it runs: `at` is how many of a file's bytes are there."""

    kind: Literal["hashing", "sending", "moved", "ended"]
    file: Found
    at: int = 0
    outcome: Outcome | None = None


@dataclass(frozen=True, slots=True)
class Report:
    """What became of every file, in the order of the folder; `stopped` tells why it ended early."""

    outcomes: tuple[Outcome, ...]
    stopped: str = ""

    def of(self, *ends: End) -> tuple[Outcome, ...]:
        """Those that ended so."""
        return tuple(one for one in self.outcomes if one.end in ends)


class _Stop(Exception):  # noqa: N818
    """Nothing more can be sent now."""


@dataclass(slots=True)
class Sending:
    """One run: what it works with, and what has become of the files so far."""

    connection: Connection
    journal: Journal
    words: Mapping[str, str]
    on_event: Callable[[Event], None]
    parallel: int = 3
    is_again: bool = False  # send also what was refused before
    ends: dict[str, Outcome] = field(default_factory=dict)
    first_with: dict[str, str] = field(default_factory=dict)  # of each hash, the file that is sent
    copies: list[tuple[Found, str]] = field(default_factory=list)
    stopped: str = ""

    def end(self, outcome: Outcome) -> None:
        """Keep what became of a file, and show it."""
        self.ends[outcome.file.name] = outcome
        self.on_event(Event("ended", outcome.file, outcome.file.size, outcome))

    def report(self, files: tuple[Found, ...]) -> Report:
        """What is known now; files without an end were left."""
        for file, name in self.copies:
            first = self.ends.get(name)
            if file.name not in self.ends and first is not None and first.end != "left":
                end: End = "known" if first.end == "sent" else first.end
                self.ends[file.name] = replace(first, file=file, end=end, bytes_sent=0)
        outcomes = (self.ends.get(file.name, Outcome(file, "left")) for file in files)
        return Report(tuple(outcomes), self.stopped)


async def check_archive(connection: Connection) -> None:
    """Whether an archive is there that takes this token. Raises Refusal, or Cut."""
    await known_photos(connection, [])


async def send_folder(sending: Sending, files: tuple[Found, ...]) -> Report:
    """Send these files. When this is cancelled, `sending.report(files)` tells how far it came."""
    put, take = anyio.create_memory_object_stream[tuple[Found, Entry]](GROUP)
    try:
        async with anyio.create_task_group() as tasks:
            for _ in range(sending.parallel):
                tasks.start_soon(_send_from, sending, take.clone())
            take.close()
            async with put:
                for group in _groups(files, GROUP):
                    for item in await _prepare(sending, group):
                        await put.send(item)
    except* (_Stop, OSError) as stop:
        sending.stopped = _first_words(stop)
    return sending.report(files)


async def _prepare(sending: Sending, group: list[Found]) -> list[tuple[Found, Entry]]:
    """Hash the files, ask which are there, and give those to send."""
    entries: dict[str, Entry] = {}
    limiter = anyio.CapacityLimiter(sending.parallel)

    async def hash_one(file: Found) -> None:
        entry = await _hashed(sending, file, limiter)
        if entry is not None:
            entries[file.name] = entry

    async with anyio.create_task_group() as tasks:
        for file in group:
            tasks.start_soon(hash_one, file)
    wanted = []
    for file in group:
        entry = entries.get(file.name)
        if entry is None:
            continue
        first = sending.first_with.setdefault(entry.sha256, file.name)
        if first == file.name:
            wanted.append((file, entry))
        else:
            sending.copies.append((file, first))
    try:
        known = await known_photos(sending.connection, [entry.sha256 for _, entry in wanted])
    except (Cut, Refusal) as error:
        raise _Stop(str(error)) from error
    return [(file, entry) for file, entry in wanted if not _is_settled(sending, file, entry, known)]


async def _hashed(sending: Sending, file: Found, limiter: anyio.CapacityLimiter) -> Entry | None:
    """The journal's entry of a file, hashed if it is not yet; None for one that changes."""
    entry = sending.journal.find(file)
    if entry is not None:
        return entry
    sending.on_event(Event("hashing", file))
    try:
        sha256 = await anyio.to_thread.run_sync(
            hash_file, file.path, limiter=limiter, abandon_on_cancel=True
        )
    except OSError as error:
        sending.end(Outcome(file, "changed", reason=error.strerror or ""))
        return None
    if not file.is_unchanged:
        sending.end(Outcome(file, "changed"))
        return None
    return sending.journal.note(Entry(file.name, file.size, file.mtime_ns, sha256))


def _is_settled(sending: Sending, file: Found, entry: Entry, known: Mapping[str, str]) -> bool:
    """Whether nothing is to be sent of this file: it is there, or it was refused before."""
    photo = known.get(entry.sha256)
    if photo is not None:
        if entry.state != "done":
            sending.journal.note(entry, state="done", photo=photo)
        sending.end(Outcome(file, "known", photo))
        return True
    if entry.state == "refused" and not sending.is_again:
        sending.end(Outcome(file, "refused", reason=entry.reason))
        return True
    return False


async def _send_from(
    sending: Sending, queue: MemoryObjectReceiveStream[tuple[Found, Entry]]
) -> None:
    async with queue:
        async for file, entry in queue:
            sending.on_event(Event("sending", file))
            sending.end(await _send(sending, file, entry))


async def _send(sending: Sending, file: Found, entry: Entry) -> Outcome:
    """Send one file, and keep in the journal what became of it."""
    moves: list[int] = []  # where it began, and where it is
    upload = entry.upload if entry.state == "open" else ""

    def begun(path: str) -> None:
        nonlocal upload
        upload = path
        sending.journal.note(entry, state="open", upload=path)

    def moved(at: int) -> None:
        moves[1:] = [at]
        sending.on_event(Event("moved", file, at))

    try:
        arrival = await send_file(
            sending.connection,
            file,
            entry.sha256,
            sending.words,
            upload=upload,
            on_begun=begun,
            on_moved=moved,
        )
    except FileChangedError:
        if upload:
            await end_upload(sending.connection, upload)
        sending.journal.note(entry, state="hashed", upload="")
        return Outcome(file, "changed")
    except Cut as error:
        raise _Stop(str(error)) from error
    except Refusal as error:
        return await _refused(sending, file, entry, error, has_begun=bool(upload))
    sending.journal.note(entry, state="done", photo=arrival.photo, upload="")
    sent = max(moves[-1] - moves[0], 0) if moves else 0
    return Outcome(
        file,
        "known" if arrival.is_duplicate else "sent",
        arrival.photo,
        is_waiting=arrival.is_waiting,
        bytes_sent=sent,
    )


async def _refused(
    sending: Sending, file: Found, entry: Entry, error: Refusal, *, has_begun: bool
) -> Outcome:
    """What a refusal means: for this file, or that nothing more can be sent now."""
    if error.status >= 500 and error.is_passing:
        try:  # is it this file, or the archive?
            await check_archive(sending.connection)
        except (Cut, Refusal) as other:
            raise _Stop(str(other)) from error
        return Outcome(file, "left", reason=error.sentence)
    if error.status == 423:
        return Outcome(file, "left", reason=error.sentence)
    if error.status not in OF_THE_FILE or (error.status == 422 and not has_begun):
        raise _Stop(error.sentence) from error
    sending.journal.note(entry, state="refused", reason=error.sentence, upload="")
    return Outcome(file, "refused", reason=error.sentence)


def _first_words(error: BaseException) -> str:
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return str(error) or type(error).__name__


def _groups(items: tuple[T, ...], size: int) -> Iterator[list[T]]:
    rest = iter(items)
    while group := list(islice(rest, size)):
        yield group
