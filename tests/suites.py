"""What a suite needs of the machine, and what happens where it is not there.

A suite that cannot run says in one line why it was skipped. With BIRDWATCH_TEST_ALL=1, as in
continuous integration, a skip is a failure; only tests/real, which reads pictures that are not in
the repository, may be skipped there too.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

TESTS = Path(__file__).parent
ROOT = TESTS.parent
MAY_BE_SKIPPED = TESTS / "real"


def needs(is_there: object, what: str) -> None:
    """Skip the running test, naming what the machine lacks, unless it is there."""
    if not is_there:
        pytest.skip(f"needs {what}")


def is_skip_a_failure(path: Path) -> bool:
    """Whether a skip of a test in this file counts as a failure in this run."""
    wants_all = os.environ.get("BIRDWATCH_TEST_ALL") == "1"
    return wants_all and not path.resolve().is_relative_to(MAY_BE_SKIPPED)
