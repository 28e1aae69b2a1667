"""Decodes pictures of strangers in child processes with limits, so that none can harm the archive.

A child lives for many files and is replaced when it dies, hangs, or has served long enough. It
gets open files, never paths or our environment, and ends by itself when the archive does. A picture
whose child dies is tried again in a new one, for a child may be killed for the sins of others;
after MAX_DEATHS the picture is told to be the cause.
"""

from __future__ import annotations

import contextlib
import logging
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from threading import Lock
from typing import Final, Self

import anyio
import anyio.to_thread

from birdwatch.domain.errors import InvalidInputError, UnavailableError
from birdwatch.domain.photo import RENDITION_SIZES
from birdwatch.domain.text import Text
from birdwatch.imaging.budget import PixelBudget
from birdwatch.imaging.decoder import Child, ChildDiedError, ChildNotStartedError, Limits
from birdwatch.imaging.opening import undecodable
from birdwatch.imaging.probe import MAX_PIXELS, Probe
from birdwatch.imaging.protocol import (
    Answer,
    ErrorAnswer,
    ProbeAnswer,
    ProbeRequest,
    RenderAnswer,
    RenderRequest,
    Request,
    revive_error,
)
from birdwatch.imaging.renditions import RenderResult, rendition_name

MAX_DEATHS: Final = 3
MAX_NAME_CHARS = 300
log = logging.getLogger(__name__)


class DecoderDiedError(InvalidInputError):
    """The picture took down as many decoders as it is given; `reason` says how the last one ended."""

    def __init__(self, deaths: int, reason: Text) -> None:
        super().__init__(
            "photo.killed_decoder",
            zh=f"照片 {deaths} 次使解码程序中断（{reason.zh}），没有处理。"
            "请从相机或存储卡重新导出后再上传。",
            en=f"The picture ended its decoder {deaths} times ({reason.en}) and was not processed."
            " Export it from the camera again and resend it.",
        )
        self.deaths = deaths
        self.reason = reason


class Sandbox:
    """A few children, each with one picture at a time. Close it when the archive closes.

    So many render, and as many others look at what comes in.
    """

    def __init__(
        self, max_pixels: int = MAX_PIXELS, children: int = 1, limits: Limits | None = None
    ) -> None:
        self._max_pixels = max_pixels
        self._limits = limits or Limits()
        self._turns = {  # each has its own: who uploads does not wait for pictures being made
            ProbeRequest: anyio.CapacityLimiter(max(1, children)),
            RenderRequest: anyio.CapacityLimiter(max(1, children)),
        }
        self._budget = PixelBudget(max_pixels)
        self._lock = Lock()
        self._idle: list[Child] = []
        self._busy: set[Child] = set()
        self._is_closed = False
        self._is_told = False

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    @property
    def idle_children(self) -> tuple[Child, ...]:
        """Those that wait for a picture."""
        return tuple(self._idle)

    async def probe(self, path: Path, file_name: str = "") -> Probe:
        """What this file is; raises as imaging.probe.probe() does, and DecoderDiedError."""
        name = file_name[:MAX_NAME_CHARS].encode("utf-8", "replace").decode()
        answer = await self._ask(ProbeRequest(self._max_pixels, name), path)
        if not isinstance(answer, ProbeAnswer):
            raise undecodable()
        return answer.probe

    async def render(
        self, path: Path, out_dir: Path, sizes: tuple[int, ...] = RENDITION_SIZES
    ) -> RenderResult:
        """Renditions of this file in this folder: all that were asked for, or none.

        Raises as imaging.renditions.render() does, and DecoderDiedError.
        """
        outs = [out_dir / rendition_name(size) for size in sizes]
        answer = await self._ask(RenderRequest(self._max_pixels, sizes), path, outs)
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

    async def _ask(self, request: Request, source: Path, outs: Sequence[Path] = ()) -> Answer:
        answer = await anyio.to_thread.run_sync(
            self._ask_with_files, request, source, outs, limiter=self._turns[type(request)]
        )
        if isinstance(answer, ErrorAnswer):
            raise revive_error(answer)
        return answer

    def _ask_with_files(self, request: Request, source: Path, outs: Sequence[Path]) -> Answer:
        made: set[str] = set()
        try:
            with _opened(source, outs) as files:
                answer = self._ask_until_answered(request, files)
            if isinstance(answer, RenderAnswer):
                made = {rendition_name(int(one.key)) for one in answer.result.renditions}
            return answer
        except OSError as error:  # the disk's fault, not the picture's
            raise _unreadable() from error
        finally:
            for out in outs:
                if out.name not in made:
                    out.unlink(missing_ok=True)

    def _ask_until_answered(self, request: Request, files: Sequence[int]) -> Answer:
        """One child after another, until one answers or the picture has ended enough of them."""
        deaths = 0
        while True:
            try:
                return self._ask_child(request, files)
            except ChildDiedError as error:
                if self._is_closed:
                    raise _closed() from None
                deaths += 1
                log.warning("event=decoder_died deaths=%s reason=%s", deaths, error.reason.en)
                if deaths >= MAX_DEATHS:
                    raise DecoderDiedError(deaths, error.reason) from None
                _rewind(files)

    def _ask_child(self, request: Request, files: Sequence[int]) -> Answer:
        child = self._take()
        try:
            answer = child.ask(request, files, self._budget)
        except ChildNotStartedError:
            self._retire(child)
            raise (_closed() if self._is_closed else _no_decoder()) from None
        except BaseException:
            self._retire(child)
            raise
        self._tell_confinement(child)
        self._give_back(child)
        return answer

    def _tell_confinement(self, child: Child) -> None:
        """Say once how children are held, and warn where the kernel does not help."""
        if not self._is_told:
            self._is_told = True
            level = logging.INFO if child.landlock else logging.WARNING
            log.log(level, "event=decoder_confined landlock=%s", child.landlock)

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


@contextlib.contextmanager
def _opened(source: Path, outs: Sequence[Path]) -> Iterator[list[int]]:
    """The source to read, then files to write."""
    files = [os.open(source, os.O_RDONLY | os.O_CLOEXEC)]
    try:
        for out in outs:
            file = os.open(out, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
            files.append(file)  # one by one: each is closed also when the next cannot be opened
        yield files
    finally:
        for file in files:
            os.close(file)


def _rewind(files: Sequence[int]) -> None:
    """Make the files as they were: a child reads and writes where the last one stopped."""
    for number, file in enumerate(files):
        os.lseek(file, 0, os.SEEK_SET)
        if number:
            os.ftruncate(file, 0)


def _no_decoder() -> UnavailableError:
    return UnavailableError(
        "imaging.unavailable",
        zh="照片解码程序无法启动，照片没有处理。请联系管理员。",
        en="The picture decoder cannot start, so the picture was not processed. Tell the operator.",
    )


def _unreadable() -> UnavailableError:
    return UnavailableError(
        "imaging.unreadable",
        zh="照片文件在磁盘上读写出错，照片没有处理。请稍后重试；若仍然出错，请联系管理员检查磁盘。",
        en="The file of the picture cannot be opened on the disk, so it was not processed. Try again"
        " later; if it stays so, the operator should check the disk.",
    )


def _closed() -> UnavailableError:
    return UnavailableError(
        "imaging.closed",
        zh="服务正在停止，照片没有处理。请稍后重试。",
        en="The service is stopping and did not process the picture. Try again later.",
    )
