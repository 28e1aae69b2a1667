"""The process that decodes: it limits itself, then answers one request per line until its pipe ends.

Run as `python -m birdwatch.imaging.child MEMORY_BYTES CPU_SECONDS FILE_BYTES`, with a socket as its
standard input. Everything it will ever need is loaded before it gives up opening files.
"""

from __future__ import annotations

import array
import codecs
import contextlib
import ctypes
import os
import resource
import socket
import sys
from collections.abc import Iterator
from typing import BinaryIO

from PIL import Image

from birdwatch.domain.errors import BirdwatchError
from birdwatch.imaging.confinement import confine
from birdwatch.imaging.exif import read_block
from birdwatch.imaging.opening import PARSER_FAILURES, Permit, register_heif, undecodable
from birdwatch.imaging.probe import probe_file
from birdwatch.imaging.protocol import (
    GO,
    MAX_FILES,
    Answer,
    ProbeAnswer,
    ProbeRequest,
    Ready,
    RenderAnswer,
    Request,
    SizeAnswer,
    describe_error,
    encode_line,
    request_decoder,
)
from birdwatch.imaging.renditions import render_file

MAX_LINE_BYTES = 65_536
TEXT_ENCODINGS = ("ascii", "latin-1", "utf-8", "utf-16", "utf-16-le", "utf-16-be", "shift_jis")
EMPTY_TIFF = b"II*\0\x08\0\0\0\0\0\0\0\0\0"


class Channel:
    """The way requests come in, and what answers go out by."""

    def __init__(self, requests: socket.socket, answers: BinaryIO) -> None:
        self._requests = requests
        self._answers = answers

    def receive(self) -> tuple[bytes, list[int]]:
        """The next line and the files that came with it; an empty line when there are no more."""
        line = b""
        files: list[int] = []
        while not line.endswith(b"\n") and len(line) <= MAX_LINE_BYTES:
            data, came = _receive_some(self._requests)
            files += came
            if not data:
                return b"", files
            line += data
        return line, files

    def answer(self, message: Answer | Ready) -> None:
        self._answers.write(encode_line(message))
        self._answers.flush()

    def ask_leave(self, pixels: int) -> None:
        """Wait until so many pixels may be decoded."""
        self.answer(SizeAnswer(pixels))
        if self.receive()[0] != GO:
            raise SystemExit(0)


def answer(request: Request, files: list[BinaryIO], permit: Permit) -> Answer:
    """Do what is asked; an expected failure is an answer too."""
    source, *outs = files
    try:
        if isinstance(request, ProbeRequest):
            return ProbeAnswer(
                probe_file(
                    source,
                    max_pixels=request.max_pixels,
                    file_name=request.file_name,
                    permit=permit,
                )
            )
        by_size = dict(zip(request.sizes, outs, strict=True))
        return RenderAnswer(
            render_file(
                source,
                lambda size, data: _write(by_size[size], data),
                max_pixels=request.max_pixels,
                sizes=request.sizes,
                permit=permit,
            )
        )
    except BirdwatchError as error:
        return describe_error(error)
    except PARSER_FAILURES:
        return describe_error(undecodable())


def limit_process(memory_bytes: int, file_bytes: int) -> None:
    """Limits for the whole life of this process; the CPU is limited anew for each request."""
    resource.setrlimit(resource.RLIMIT_AS, (memory_bytes, memory_bytes))
    resource.setrlimit(resource.RLIMIT_FSIZE, (file_bytes, file_bytes))
    resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def limit_cpu(seconds: int) -> None:
    """Let this process use so many more seconds of CPU; past them the system ends it."""
    usage = resource.getrusage(resource.RUSAGE_SELF)
    used = int(usage.ru_utime + usage.ru_stime)
    _, hard = resource.getrlimit(resource.RLIMIT_CPU)
    resource.setrlimit(resource.RLIMIT_CPU, (used + seconds + 1, hard))


def load_everything() -> None:
    """Load what is otherwise loaded at its first use, when no file can be opened any more."""
    Image.init()
    register_heif()
    for name in TEXT_ENCODINGS:
        codecs.lookup(name)
    read_block(EMPTY_TIFF)


def give_back_memory() -> None:
    """Return to the system what one large picture took, so that it does not stay with us."""
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)


def serve(channel: Channel, cpu_seconds: int) -> None:
    """Answer every line until there are no more."""
    while True:
        line, descriptors = channel.receive()
        if not line:
            return
        limit_cpu(cpu_seconds)
        with _opened(descriptors) as files:
            message = answer(request_decoder.decode(line), files, channel.ask_leave)
        channel.answer(message)
        give_back_memory()


@contextlib.contextmanager
def _opened(descriptors: list[int]) -> Iterator[list[BinaryIO]]:
    source, *outs = descriptors
    with contextlib.ExitStack() as stack:
        files: list[BinaryIO] = [stack.enter_context(os.fdopen(source, "rb"))]
        files += [stack.enter_context(os.fdopen(out, "wb", buffering=0)) for out in outs]
        yield files


def _write(out: BinaryIO, data: memoryview) -> None:
    while data:
        data = data[out.write(data) :]


def _receive_some(channel: socket.socket) -> tuple[bytes, list[int]]:
    files = array.array("i")
    data, ancillary, _, _ = channel.recvmsg(
        MAX_LINE_BYTES, socket.CMSG_SPACE(MAX_FILES * files.itemsize), socket.MSG_CMSG_CLOEXEC
    )
    for level, kind, sent in ancillary:
        if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
            files.frombytes(sent[: len(sent) - len(sent) % files.itemsize])
    return data, list(files)


def main() -> None:
    """Take the socket and the pipe for ourselves, so that no codec can write into an answer."""
    memory_bytes, cpu_seconds, file_bytes = (int(text) for text in sys.argv[1:4])
    limit_process(memory_bytes, file_bytes)
    with socket.socket(fileno=os.dup(0)) as requests, os.fdopen(os.dup(1), "wb") as answers:
        nothing = os.open(os.devnull, os.O_RDWR)
        os.dup2(nothing, 0)
        os.dup2(nothing, 1)
        load_everything()
        channel = Channel(requests, answers)
        channel.answer(Ready(confine()))
        serve(channel, cpu_seconds)


if __name__ == "__main__":
    main()
