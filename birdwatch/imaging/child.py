"""The process that decodes: it limits itself, then answers one request per line until its pipe ends.

Run as `python -m birdwatch.imaging.child MEMORY_BYTES CPU_SECONDS FILE_BYTES`.
"""

from __future__ import annotations

import os
import resource
import sys
from pathlib import Path
from typing import BinaryIO

from birdwatch.domain.errors import BirdwatchError
from birdwatch.imaging.opening import PARSER_FAILURES, undecodable
from birdwatch.imaging.probe import probe
from birdwatch.imaging.protocol import (
    READY_LINE,
    Answer,
    ProbeAnswer,
    ProbeRequest,
    RenderAnswer,
    Request,
    describe_error,
    encode_line,
    request_decoder,
)
from birdwatch.imaging.renditions import render


def answer(request: Request) -> Answer:
    """Do what is asked; an expected failure is an answer too."""
    try:
        if isinstance(request, ProbeRequest):
            return ProbeAnswer(
                probe(
                    Path(request.path), max_pixels=request.max_pixels, file_name=request.file_name
                )
            )
        return RenderAnswer(
            render(
                Path(request.path),
                Path(request.out_dir),
                max_pixels=request.max_pixels,
                sizes=request.sizes,
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


def serve(requests: BinaryIO, answers: BinaryIO, cpu_seconds: int) -> None:
    """Say that we are there, then answer every line until there are no more."""
    answers.write(READY_LINE)
    answers.flush()
    for line in requests:
        limit_cpu(cpu_seconds)
        answers.write(encode_line(answer(request_decoder.decode(line))))
        answers.flush()


def main() -> None:
    """Take the pipes for ourselves, so that no codec can write into an answer."""
    memory_bytes, cpu_seconds, file_bytes = (int(text) for text in sys.argv[1:4])
    limit_process(memory_bytes, file_bytes)
    with os.fdopen(os.dup(0), "rb") as requests, os.fdopen(os.dup(1), "wb") as answers:
        nothing = os.open(os.devnull, os.O_RDWR)
        os.dup2(nothing, 0)
        os.dup2(nothing, 1)
        serve(requests, answers, cpu_seconds)


if __name__ == "__main__":
    main()
