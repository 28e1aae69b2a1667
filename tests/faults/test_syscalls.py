"""One intake, ended or failed at any of its system calls: all of a photo or nothing of it.

BIRDWATCH_TEST_SYSCALLS, BIRDWATCH_TEST_FAULTS and BIRDWATCH_TEST_KILLS say how many places are
tried; 0 means every system call there is. Here a few that are spread over them.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.faults.sweeps import check_end, swept
from tests.faults.tracing import can_trace
from tests.suites import needs

pytestmark = pytest.mark.faults
SYSCALLS = os.environ.get("BIRDWATCH_TEST_SYSCALLS", "6")
FAULTS = os.environ.get("BIRDWATCH_TEST_FAULTS", "3")
KILLS = os.environ.get("BIRDWATCH_TEST_KILLS", "5")
PROGRAM = "tests.faults.one_intake"


def test_intake_killed_at_any_system_call_is_whole_or_absent(
    tmp_path: Path, database_url: str
) -> None:
    needs(can_trace(), "Linux on x86-64, whose system calls are known here")
    *trials, last = swept(PROGRAM, "kill", tmp_path / "run" / "home", database_url, SYSCALLS)
    assert trials
    for trial in trials:
        found = trial["found"]
        assert found["row"] is None or found["whole"], trial
        assert trial["said"] is None or found["row"] == trial["said"]["id"], trial
        assert found["again"]["status"] in (200, 201), trial
    check_end(last["end"])


def test_intake_with_a_failing_call_says_so_and_leaves_nothing(
    tmp_path: Path, database_url: str
) -> None:
    needs(can_trace(), "Linux on x86-64, whose system calls are known here")
    *trials, last = swept(PROGRAM, "fail", tmp_path / "run" / "home", database_url, FAULTS)
    assert trials
    for trial in trials:
        said = trial["said"]
        assert said is not None, trial
        if said["status"] in (200, 201):  # what failed can be done without
            continue
        assert said["status"] in (503, 507), trial
        assert (said["row"], said["file"], said["parts"]) == (None, False, 0), trial
        assert said["again"] == 201, trial
        is_write = trial["call"].startswith(("write", "pwrite", "create", "mkdir", "link"))
        assert trial["error"] == "EIO" or not is_write or said["status"] == 507, trial
    check_end(last["end"])


def test_archive_killed_at_any_moment_keeps_what_it_acknowledged(
    tmp_path: Path, database_url: str
) -> None:
    *trials, last = swept(PROGRAM, "random", tmp_path / "run" / "home", database_url, KILLS)
    assert len(trials) == int(KILLS)
    assert [trial["odd"] for trial in trials if trial["odd"]] == []
    assert last["end"]["lost"] == []
    check_end(last["end"])
