"""Decodes pictures of strangers in child processes with limits, so that none can harm the archive.

A child lives for many files and is replaced when it dies, hangs, or has served long enough. It
gets paths, never our environment, and ends by itself when the archive does.
"""

from __future__ import annotations

import os
import select
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import Self

import anyio
import anyio.to_thread

import birdwatch
from birdwatch.domain.errors import UnavailableError
from birdwatch.domain.photo import RENDITION_SIZES
from birdwatch.imaging.opening import undecodable
from birdwatch.imaging.probe import MAX_PIXELS, Probe
from birdwatch.imaging.protocol import (
    READY_LINE,
    Answer,
    ErrorAnswer,
    ProbeAnswer,
    ProbeRequest,
    RenderAnswer,
    RenderRequest,
    Request,
    answer_decoder,
    encode_line,
    revive_error,
)
from birdwatch.imaging.renditions import RenderResult

MAX_ANSWER_BYTES = 4 * 1024 * 1024
MAX_NAME_CHARS = 300
START_S = 60.0  # to load the codecs, on a machine that is very busy
PACKAGE_PARENT = Path(birdwatch.__file__).resolve().parent.parent


@dataclass(frozen=True, slots=True)
class Limits:
    """What one child may use."""

    memory_bytes: int = 1024 * 1024 * 1024
    cpu_s: int = 60
    wall_s: float = 90.0
    file_bytes: int = 64 * 1024 * 1024
    files_per_child: int = 500


class ChildDiedError(Exception):
    """The child ended or hung while it had a picture in hand."""


class ChildNotStartedError(Exception):
    """The child ended before it could be asked anything: the fault is ours, not a picture's."""


class Child:
    """One process; its methods block, and only one thread at a time may use them."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self.served = 0
        self._is_ready = False
        self._process = subprocess.Popen(  # noqa: S603  our own interpreter and module
            [
                sys.executable,
                "-m",
                "birdwatch.imaging.child",
                str(limits.memory_bytes),
                str(limits.cpu_s),
                str(limits.file_bytes),
            ],
            stdin=subprocess.PIPE,
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

    def ask(self, request: Request) -> Answer:
        """The answer to one request; after any error the child is of no use.

        Raises ChildDiedError, and ChildNotStartedError if it never lived.
        """
        self._wait_until_ready()
        self.served += 1
        deadline = time.monotonic() + self._limits.wall_s
        try:
            self._write(encode_line(request))
            answer: Answer = answer_decoder.decode(self._read_line(deadline))
        except (OSError, EOFError, ValueError) as error:
            raise ChildDiedError from error
        return answer

    def _wait_until_ready(self) -> None:
        if self._is_ready:
            return
        try:
            self._is_ready = self._read_line(time.monotonic() + START_S) == READY_LINE
        except (OSError, EOFError) as error:
            raise ChildNotStartedError from error
        if not self._is_ready:
            raise ChildNotStartedError

    def _write(self, line: bytes) -> None:
        if self._process.stdin is None:
            raise EOFError
        self._process.stdin.write(line)

    def _read_line(self, deadline: float) -> bytes:
        if self._process.stdout is None:
            raise EOFError
        out = self._process.stdout.fileno()
        poll = select.poll()
        poll.register(out, select.POLLIN | select.POLLHUP)
        got = bytearray()
        while not got.endswith(b"\n"):
            left_ms = max(0.0, deadline - time.monotonic()) * 1000
            if not poll.poll(left_ms):
                raise TimeoutError
            part = os.read(out, 65_536)
            if not part or len(got) > MAX_ANSWER_BYTES:
                raise EOFError
            got += part
        return bytes(got)

    def kill(self) -> None:
        """End the process now, whatever it does; a thread that waits for it is let go."""
        self._process.kill()

    def close(self) -> None:
        """End the process and leave neither a zombie nor an open pipe."""
        self._process.kill()
        self._process.communicate()


class Sandbox:
    """A few children, each with one picture at a time. Close it when the archive closes."""

    def __init__(
        self, max_pixels: int = MAX_PIXELS, children: int = 1, limits: Limits | None = None
    ) -> None:
        self._max_pixels = max_pixels
        self._limits = limits or Limits()
        self._turns = anyio.CapacityLimiter(max(1, children))
        self._lock = Lock()
        self._idle: list[Child] = []
        self._busy: set[Child] = set()
        self._is_closed = False

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def probe(self, path: Path, file_name: str = "") -> Probe:
        """What this file is; raises as imaging.probe.probe() does."""
        name = file_name[:MAX_NAME_CHARS].encode("utf-8", "replace").decode()
        request = ProbeRequest(_absolute(path), self._max_pixels, name)
        answer = await self._ask(request)
        if not isinstance(answer, ProbeAnswer):
            raise undecodable()
        return answer.probe

    async def render(
        self, path: Path, out_dir: Path, sizes: tuple[int, ...] = RENDITION_SIZES
    ) -> RenderResult:
        """Renditions of this file in this folder; raises as imaging.renditions.render() does."""
        request = RenderRequest(_absolute(path), self._max_pixels, _absolute(out_dir), sizes)
        answer = await self._ask(request)
        if not isinstance(answer, RenderAnswer):
            raise undecodable()
        return answer.result

    async def close(self) -> None:
        """End all children, those at work too."""
        self._is_closed = True
        with self._lock:
            for child in self._busy:
                child.kill()  # its thread notices and closes it
            idle, self._idle = self._idle, []
        for child in idle:
            await anyio.to_thread.run_sync(child.close)

    async def _ask(self, request: Request) -> Answer:
        answer = await anyio.to_thread.run_sync(self._ask_child, request, limiter=self._turns)
        if isinstance(answer, ErrorAnswer):
            raise revive_error(answer)
        return answer

    def _ask_child(self, request: Request) -> Answer:
        child = self._take()
        try:
            answer = child.ask(request)
        except ChildNotStartedError:
            self._retire(child)
            raise (_closed() if self._is_closed else _no_decoder()) from None
        except ChildDiedError:
            self._retire(child)
            raise (_closed() if self._is_closed else undecodable()) from None
        except BaseException:
            self._retire(child)
            raise
        self._give_back(child)
        return answer

    def _take(self) -> Child:
        """An idle child that is still alive, or a new one."""
        while True:
            with self._lock:
                if self._is_closed:
                    raise _closed()
                child = self._idle.pop() if self._idle else Child(self._limits)
                self._busy.add(child)
            if child.is_alive:
                return child
            self._retire(child)

    def _give_back(self, child: Child) -> None:
        with self._lock:
            is_kept = not self._is_closed and child.served < self._limits.files_per_child
            if is_kept:
                self._busy.discard(child)
                self._idle.append(child)
        if not is_kept:
            self._retire(child)

    def _retire(self, child: Child) -> None:
        child.close()
        with self._lock:
            self._busy.discard(child)


def _absolute(path: Path) -> str:
    return str(path.absolute())  # the child works in another folder


def _no_decoder() -> UnavailableError:
    return UnavailableError(
        "imaging.unavailable",
        zh="照片解码程序无法启动，照片没有处理。请联系管理员。",
        en="The picture decoder cannot start, so the picture was not processed. Tell the operator.",
    )


def _closed() -> UnavailableError:
    return UnavailableError(
        "imaging.closed",
        zh="服务正在停止，照片没有处理。请稍后重试。",
        en="The service is stopping and did not process the picture. Try again later.",
    )
