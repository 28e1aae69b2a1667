"""Every suite, in two series at once, which two cores end in little more than half of the time.

The first series is seen as it runs; what the second says is shown whole when the first is done.
The two share nothing but the disk.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import threading
import time
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import IO

PYTEST = (sys.executable, "-m", "pytest", "--durations=15")
ON_POSTGRES = ("tests/storage", "tests/contracts", "tests/intake", "tests/api")
LOOK_S = 0.5


@dataclass(frozen=True)
class Step:
    """One run of some suites."""

    name: str
    command: tuple[str, ...]


# The browser's driver keeps an event loop running in its process, where no other can run beside it.
FIRST = (Step("every suite but the browser's, on SQLite", (*PYTEST, "--ignore=tests/browser")),)
SECOND = (
    Step(
        "storage, contracts, intake and API, on PostgreSQL",
        (sys.executable, "tests/postgres.py", *PYTEST, "-p", "no:cacheprovider", *ON_POSTGRES),
    ),
    Step("the pages in a real browser", (*PYTEST, "-p", "no:cacheprovider", "tests/browser")),
)


def main() -> int:
    """Run both series; the exit status of what failed first in each, the first series before."""
    stop = threading.Event()
    with tempfile.NamedTemporaryFile(buffering=0) as said, ThreadPoolExecutor(1) as beside:
        second = beside.submit(run, SECOND, said, stop)
        try:
            status = run(FIRST, sys.stdout.buffer, stop)
            show(said.name, second)
        except KeyboardInterrupt:  # what runs beside heard it too, and ends
            stop.set()
            raise
        return status or second.result()


def run(steps: tuple[Step, ...], out: IO[bytes], stop: threading.Event) -> int:
    """One after the other, all of them; the exit status of the first that failed."""
    failed = 0
    for step in steps:
        if stop.is_set():
            break
        say(out, step.name)
        began = time.monotonic()
        status = subprocess.run(step.command, stdout=out, stderr=out, check=False).returncode
        say(out, f"{step.name}: took {time.monotonic() - began:.0f} s, exit status {status}")
        failed = failed or status
    return failed


def say(out: IO[bytes], line: str) -> None:
    out.write(f"birdwatch: {line}\n".encode())
    out.flush()


def show(name: str, second: Future[int]) -> None:
    """What the second series said so far, and what it says until it is done."""
    with Path(name).open("rb") as said:
        while True:
            is_done = second.done()
            sys.stdout.buffer.write(said.read())
            sys.stdout.buffer.flush()
            if is_done:
                return
            time.sleep(LOOK_S)


if __name__ == "__main__":
    sys.exit(main())
