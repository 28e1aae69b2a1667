"""That nothing is skipped unseen where everything must run."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.suites import ROOT, TESTS

SKIPS = """
from tests.suites import needs

def test_that_needs_a_tool():
    needs(False, "a tool that nobody has")
"""


@pytest.fixture
def run_skipping(tmp_path: Path) -> Path:
    """A project whose one test is skipped, with our conftest."""
    (tmp_path / "tests" / "real").mkdir(parents=True)
    for name in ("__init__.py", "conftest.py", "suites.py"):
        (tmp_path / "tests" / name).write_bytes((TESTS / name).read_bytes())
    (tmp_path / "pyproject.toml").write_bytes((ROOT / "pyproject.toml").read_bytes())
    return tmp_path


@pytest.mark.parametrize(
    ("file", "wants_all", "closing"),
    [
        ("tests/test_tool.py", "", "1 skipped"),
        ("tests/test_tool.py", "1", "1 failed"),
        ("tests/real/test_tool.py", "1", "1 skipped"),
    ],
)
def test_skip_is_a_failure_where_everything_must_run(
    run_skipping: Path, file: str, wants_all: str, closing: str
) -> None:
    (run_skipping / file).write_text(SKIPS)
    run = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-rs", "-p", "no:cacheprovider"],
        cwd=run_skipping,
        env=os.environ | {"BIRDWATCH_TEST_ALL": wants_all},
        capture_output=True,
        check=False,
        text=True,
    )
    assert "a tool that nobody has" in run.stdout
    assert run.stdout.splitlines()[-1].split(" in ")[0] == closing
