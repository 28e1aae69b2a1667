"""One process that decodes, as the archive sees it: asked, timed, and ended.

Whatever it does, it cannot do more than fail: it gets open files, never paths, and a picture that
takes it down is told from one that it only refuses.
"""

from __future__ import annotations

import os
import select
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import msgspec

import birdwatch
from birdwatch.domain.text import Text
from birdwatch.imaging.budget import PixelBudget
from birdwatch.imaging.protocol import (
    GO,
    Answer,
    Request,
    SizeAnswer,
    answer_decoder,
    encode_line,
    ready_decoder,
)

MAX_ANSWER_BYTES = 4 * 1024 * 1024
START_S = 60.0  # to load the codecs, on a machine that is very busy
END_S = 10.0  # to be gone after a kill
PACKAGE_PARENT = Path(birdwatch.__file__).resolve().parent.parent


@dataclass(frozen=True, slots=True)
class Limits:
    """What one child may use."""

    memory_bytes: int = 1024 * 1024 * 1024
    cpu_s: int = 60
    wall_s: float = 180.0  # long: on a busy machine 60 seconds of CPU take their time
    file_bytes: int = 64 * 1024 * 1024
    files_per_child: int = 500


class ChildDiedError(Exception):
    """The child ended or hung while it had a picture in hand; `reason` ends "because …"."""

    def __init__(self, reason: Text) -> None:
        super().__init__(reason.en)
        self.reason = reason


class ChildNotStartedError(Exception):
    """The child ended before it could be asked anything: the fault is ours, not a picture's."""


class Child:
    """One process; its methods block, and only one thread at a time may use them."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self.served = 0
        self.landlock: int | None = None  # known once it is ready
        ours, theirs = socket.socketpair()
        self._requests = ours
        with theirs:
            self._process = subprocess.Popen(  # noqa: S603  our own interpreter and module
                [
                    sys.executable,
                    "-m",
                    "birdwatch.imaging.child",
                    str(limits.memory_bytes),
                    str(limits.cpu_s),
                    str(limits.file_bytes),
                ],
                stdin=theirs.fileno(),
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                bufsize=0,
                cwd="/",
                start_new_session=True,  # an interrupt at the terminal is for the archive to handle
                env={"PYTHONPATH": str(PACKAGE_PARENT), "LANG": "C.UTF-8", "MALLOC_ARENA_MAX": "2"},
            )

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def is_alive(self) -> bool:
        return self._process.poll() is None

    def ask(self, request: Request, files: Sequence[int], budget: PixelBudget) -> Answer:
        """The answer to one request on these open files; after any error the child is of no use.

        Raises ChildDiedError, and ChildNotStartedError if it never lived.
        """
        self._wait_until_ready()
        self.served += 1
        try:
            return self._converse(request, files, budget)
        except TimeoutError:
            raise ChildDiedError(_too_slow(self._limits.wall_s)) from None
        except (OSError, EOFError, ValueError) as error:
            raise ChildDiedError(self._how_it_ended()) from error

    def _converse(self, request: Request, files: Sequence[int], budget: PixelBudget) -> Answer:
        """Send, let it decode when the pixels are free (the wait is not its fault), and read."""
        wall_s = self._limits.wall_s
        with ExitStack() as held:
            socket.send_fds(self._requests, [encode_line(request)], files)
            answer = self._read_answer(time.monotonic() + wall_s)
            if isinstance(answer, SizeAnswer):
                held.enter_context(budget.hold(answer.pixels))
                self._requests.sendall(GO)
                answer = self._read_answer(time.monotonic() + wall_s)
            return answer

    def _wait_until_ready(self) -> None:
        if self.landlock is not None:
            return
        try:
            line = self._read_line(time.monotonic() + START_S)
            self.landlock = ready_decoder.decode(line).landlock
        except (OSError, EOFError, msgspec.MsgspecError) as error:
            raise ChildNotStartedError from error

    def _read_answer(self, deadline: float) -> Answer:
        answer: Answer = answer_decoder.decode(self._read_line(deadline))
        return answer

    def _read_line(self, deadline: float) -> bytes:
        if self._process.stdout is None:
            raise EOFError
        out = self._process.stdout.fileno()
        poll = select.poll()
        poll.register(out, select.POLLIN | select.POLLHUP)
        got = bytearray()
        while not got.endswith(b"\n"):
            left_s = deadline - time.monotonic()
            if left_s <= 0 or not poll.poll(left_s * 1000):  # no chance decides: late is late
                raise TimeoutError
            part = os.read(out, 65_536)
            if not part or len(got) > MAX_ANSWER_BYTES:
                raise EOFError
            got += part
        return bytes(got)

    def _how_it_ended(self) -> Text:
        try:
            status = self._process.wait(END_S)
        except subprocess.TimeoutExpired:
            return Text("解码程序的回答无法理解", "the decoder answered what cannot be understood")
        if status == -signal.SIGXCPU:
            return _too_slow(self._limits.cpu_s)
        if status == -signal.SIGKILL:
            return Text("解码程序被系统终止，可能是内存不足", "the system ended the decoder")
        name = signal.Signals(-status).name if status < 0 else str(status)
        return Text(f"解码程序崩溃（{name}）", f"the decoder crashed ({name})")

    def kill(self) -> None:
        """End the process now, whatever it does; a thread that waits for it is let go."""
        self._process.kill()

    def close(self) -> None:
        """End the process and leave neither a zombie nor an open pipe."""
        self._process.kill()
        self._process.communicate()
        self._requests.close()


def _too_slow(seconds: float) -> Text:
    return Text(f"解码超过 {seconds:g} 秒没有结果", f"decoding took more than {seconds:g} seconds")
