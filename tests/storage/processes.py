"""Starts the programs of tests.storage.programs beside the test."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def start(name: str, url: str, argument: str = "") -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-W", "error", "-m", "tests.storage.programs", name, url, argument],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def run_together(name: str, url: str, argument: str = "", *, processes: int = 4) -> list[str]:
    """What each of them printed. Fails with what the first failing one said."""
    started = [start(name, url, argument) for _ in range(processes)]
    outputs = []
    for process in started:
        out, err = process.communicate(timeout=120)
        assert (process.returncode, err) == (0, "")
        outputs.append(out)
    return outputs
