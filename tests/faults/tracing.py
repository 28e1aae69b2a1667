"""Follows every system call of a process and all its threads, to end it or to fail one of them.

The counting of strace is by thread, so it cannot say "the 41st call of this intake"; this one
counts over all threads, and only between the marks that the program under test sets.
"""

from __future__ import annotations

import ctypes
import errno
import os
import platform
import signal
import struct
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

LIBC = ctypes.CDLL(None, use_errno=True)
LIBC.ptrace.argtypes = (ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p)
LIBC.ptrace.restype = ctypes.c_long
TRACEME, POKEUSER, SYSCALL, SETOPTIONS, GET_SYSCALL_INFO = 0, 6, 24, 0x4200, 0x420E
SYSGOOD, CLONE, EXITKILL = 1, 8, 0x100000
WALL = 0x40000000  # threads too
ENTRY = 1
RAX, ORIG_RAX = 10 * 8, 15 * 8
PRCTL, MARK = 157, 0x42495244  # a call that means nothing to the kernel
O_CREAT = os.O_CREAT
CALLS = {  # of x86-64: name, and whether the first or second argument is a path (else a file)
    0: ("read", None), 1: ("write", None), 17: ("pread", None), 18: ("pwrite", None),
    20: ("writev", None), 74: ("fsync", None), 75: ("fdatasync", None), 77: ("ftruncate", None),
    91: ("fchmod", None), 285: ("fallocate", None), 296: ("pwritev", None), 2: ("open", 0),
    257: ("open", 1), 82: ("rename", 1), 264: ("rename", 3), 316: ("rename", 3), 83: ("mkdir", 0),
    258: ("mkdir", 1), 86: ("link", 1), 265: ("link", 3), 87: ("unlink", 0), 263: ("unlink", 1),
    90: ("chmod", 0), 268: ("chmod", 1),
}  # fmt: skip
MAY_BE_FULL = {"write", "pwrite", "writev", "pwritev", "ftruncate", "fallocate", "rename", "mkdir",
               "link", "fsync", "fdatasync", "create"}  # fmt: skip


def can_trace() -> bool:
    """Whether this machine is one whose calls are known here, and lets us follow them."""
    return platform.system() == "Linux" and platform.machine() == "x86_64"


def mark(is_on: bool) -> None:
    """In the program under test: what follows counts, or does not any more."""
    LIBC.prctl(MARK, int(is_on), 0, 0, 0)


@dataclass(frozen=True, slots=True)
class Call:
    """A call that counted: its name, and the file it is about, where it is about one of ours."""

    number: int
    name: str
    path: str = ""


@dataclass(slots=True)
class Plan:
    """What to do at the n-th counted call: kill, or answer with this error. 0: only listen.

    `roots`: where the files that count lie; empty: every call counts.
    """

    at: int = 0
    error: int = 0
    roots: tuple[str, ...] = ()
    counts: Callable[[Call], bool] = lambda _call: True


@dataclass(slots=True)
class Heard:
    """The calls that counted, and how the process ended."""

    calls: list[Call] = field(default_factory=list)
    status: int = 0


def run_traced(program: Callable[[], None], plan: Plan) -> Heard:
    """Run the program in a process of its own and follow it to its end."""
    pid = os.fork()
    if pid == 0:
        try:
            LIBC.ptrace(TRACEME, 0, None, None)
            os.kill(os.getpid(), signal.SIGSTOP)
            program()
        except BaseException:  # noqa: BLE001 (nobody is above to print it)
            traceback.print_exc()
        finally:
            os._exit(1)
    os.waitpid(pid, 0)
    _ask(SETOPTIONS, pid, 0, SYSGOOD | CLONE | EXITKILL)
    _ask(SYSCALL, pid, 0, 0)
    return _Tracer(pid, plan).follow()


class _Tracer:
    def __init__(self, pid: int, plan: Plan) -> None:
        self._pid, self._plan = pid, plan
        self._heard = Heard()
        self._is_on = False
        self._failing: set[int] = set()
        self._known = {pid}

    def follow(self) -> Heard:
        while True:
            try:
                tid, status = os.waitpid(-1, WALL)
            except ChildProcessError:
                return self._heard
            if os.WIFSTOPPED(status):
                self._known.add(tid)
                passed_on = self._stopped(tid, status >> 8)
                _ask(SYSCALL, tid, 0, passed_on, or_gone=True)
            elif tid == self._pid:
                self._heard.status = status

    def _stopped(self, tid: int, stop: int) -> int:
        """Look at one stop; the signal to pass on."""
        if stop == signal.SIGTRAP | 0x80:
            self._syscall(tid)
            return 0
        if stop & 0xFF == signal.SIGTRAP or stop == signal.SIGSTOP:
            return 0  # a thread began
        return stop

    def _syscall(self, tid: int) -> None:
        info = ctypes.create_string_buffer(88)
        if _ask(GET_SYSCALL_INFO, tid, len(info), ctypes.addressof(info), or_gone=True) < 0:
            return
        if info.raw[0] != ENTRY:
            if tid in self._failing:
                self._failing.discard(tid)
                _ask(POKEUSER, tid, RAX, -self._plan.error & 0xFFFFFFFFFFFFFFFF, or_gone=True)
            return
        number, *arguments = struct.unpack_from("7Q", info.raw, 24)
        if number == PRCTL and arguments[0] == MARK:
            self._is_on = bool(arguments[1])
        elif self._is_on:
            self._counted(tid, _call_of(self._pid, number, arguments, self._plan.roots))

    def _counted(self, tid: int, call: Call) -> None:
        if (self._plan.roots and not call.path) or not self._plan.counts(call):
            return
        self._heard.calls.append(call)
        if len(self._heard.calls) != self._plan.at:
            return
        if self._plan.error:
            _ask(POKEUSER, tid, ORIG_RAX, 0xFFFFFFFFFFFFFFFF)
            self._failing.add(tid)
        else:
            os.kill(self._pid, signal.SIGKILL)


def _call_of(pid: int, number: int, arguments: list[int], roots: tuple[str, ...]) -> Call:
    name, path_at = CALLS.get(number, (str(number), None))
    if not roots or number not in CALLS:
        return Call(number, name)
    path = _path_of(pid, arguments, path_at)
    if name == "open" and arguments[1 if number == 2 else 2] & O_CREAT and not Path(path).exists():
        name = "create"
    inside = next((path[len(root) :] for root in roots if path.startswith(root)), "")
    return Call(number, name, inside)


def _path_of(pid: int, arguments: list[int], path_at: int | None) -> str:
    try:
        if path_at is None:
            return str(Path(f"/proc/{pid}/fd/{arguments[0]}").readlink())
        with Path(f"/proc/{pid}/mem").open("rb", buffering=0) as memory:
            memory.seek(arguments[path_at])
            return memory.read(4096).split(b"\0")[0].decode("utf-8", "replace")
    except (OSError, OverflowError):
        return ""


def _ask(what: int, tid: int, where: int, value: int, *, or_gone: bool = False) -> int:
    answer: int = LIBC.ptrace(what, tid, where, value)
    if answer < 0 and not (or_gone and ctypes.get_errno() == errno.ESRCH):
        error = ctypes.get_errno()
        raise OSError(error, os.strerror(error), f"ptrace {what}")
    return answer
