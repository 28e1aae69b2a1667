"""The two series of suites: nothing of either is left out, and no failure is lost."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.suites import ROOT

PROGRAM = """
import sys
from tests import lanes
def steps(*lines):
    return tuple(lanes.Step(line, ("sh", "-c", line)) for line in lines)
lanes.FIRST = steps("echo a; sleep 0.2", "echo b; exit {first}")
lanes.SECOND = steps("echo c; exit {second}", "sleep 1; echo d >&2")
sys.exit(lanes.main())
"""


@pytest.mark.parametrize(
    ("first", "second", "status"), [(0, 0, 0), (5, 0, 5), (0, 7, 7), (5, 7, 5)]
)
def test_both_series_run_to_their_end_and_the_first_failure_is_the_status(
    first: int, second: int, status: int
) -> None:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM.format(first=first, second=second)],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == status, done.stderr
    said = done.stdout.splitlines()
    assert [line for line in said if len(line) == 1] == ["a", "b", "c", "d"]
    assert [line[-1] for line in said if "exit status" in line] == [
        "0",
        str(first),
        str(second),
        "0",
    ]
