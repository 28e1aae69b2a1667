"""Asks a sweep of faults, a program of its own, for its trials; and what must hold at its end."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from tests.conftest import POSTGRES

ROOT = Path(__file__).parents[2]


def swept(
    program: str, which: str, home: Path, database: str, how_many: str
) -> list[dict[str, Any]]:
    """Every trial, and at last what the whole archive looks like."""
    done = subprocess.run(
        [sys.executable, "-m", program, which, str(home), database if POSTGRES else "", how_many],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-4000:]
    return [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]


def check_end(end: dict[str, Any]) -> None:
    """Nothing half-made is left: no finding, no file without a row, no part file."""
    assert (end["findings"], end["strays"], end["damaged"], end["parts"]) == ([], [], [], 0)
