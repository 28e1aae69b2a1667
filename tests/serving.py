"""`birdwatch serve` beside the tests that are its clients, as an operator starts it."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

from tests.suites import ROOT

BIRDWATCH = (sys.executable, "-m", "birdwatch")
READY_WITHIN_S = 120  # a busy machine is slow, not wrong
ENDS_WITHIN_S = 60


@dataclass(frozen=True)
class Served:
    """A server that answers: its address, its port and its process."""

    base: str
    port: int
    process: subprocess.Popen[bytes]


def variables(**more: str) -> dict[str, str]:
    """The environment with no settings of the archive but these."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("BIRDWATCH_")}
    return kept | more


@contextmanager
def serving(
    environment: Mapping[str, str],
    *,
    command: Sequence[str | Path] = BIRDWATCH,
    folder: Path = ROOT,
    log: Path | None = None,
) -> Iterator[Served]:
    """A server on a port of its own, asked to end afterwards; what it says goes to this file."""
    port = _free_port()
    with contextlib.ExitStack() as stack:
        said = stack.enter_context(log.open("wb")) if log else None
        process = subprocess.Popen(
            [*command, "serve"],
            cwd=folder,
            env={**environment, "BIRDWATCH_PORT": str(port)},
            stdout=said,
            stderr=said,
            start_new_session=True,
        )
        stack.callback(_end, process)
        served = Served(f"http://127.0.0.1:{port}", port, process)
        _wait_until_ready(served)
        yield served


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _wait_until_ready(served: Served) -> None:
    deadline = time.monotonic() + READY_WITHIN_S
    with httpx.Client(trust_env=False, timeout=READY_WITHIN_S) as client:
        while time.monotonic() < deadline:
            assert served.process.poll() is None, "the server ended at its start"
            with contextlib.suppress(httpx.TransportError):
                if client.get(f"{served.base}/readyz").status_code == 200:
                    return
            time.sleep(0.05)
    raise AssertionError(f"nothing answers at {served.base}")


def _end(process: subprocess.Popen[bytes]) -> None:
    """End it with what it runs under: strace takes no notice, and does not take its child along."""
    for word in (signal.SIGTERM, signal.SIGKILL):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, word)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(ENDS_WITHIN_S)
