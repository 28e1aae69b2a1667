"""kill -9 in the middle of a backup, a restore or a repair: run again, it comes to the same end.

BIRDWATCH_TEST_BACKUP_KILLS says how often each is killed: once by default.
"""

from __future__ import annotations

import os
import random
import signal
import time
from pathlib import Path

import pytest

from tests.conftest import fresh_database
from tests.faults.test_kill import WAIT_S, environ, start
from tests.pictures import make_jpeg

KILLS = int(os.environ.get("BIRDWATCH_TEST_BACKUP_KILLS", "1"))
PHOTOS = 12
SEED = 20261124


def run(words: list[str], variables: dict[str, str]) -> tuple[int, str]:
    """Let it run to its end: status and what it said."""
    process = start(words, variables)
    said = process.communicate(timeout=WAIT_S * 4)[0]
    return process.returncode, said


def run_killed(words: list[str], variables: dict[str, str], watched: Path, least: int) -> None:
    """Kill it as soon as this many things lie below a folder."""
    process = start(words, variables)
    deadline = time.monotonic() + WAIT_S * 4
    while process.poll() is None and time.monotonic() < deadline:
        if sum(1 for _ in watched.rglob("*")) >= least:
            process.send_signal(signal.SIGKILL)
            break
        time.sleep(0.002)
    process.communicate(timeout=WAIT_S)


@pytest.fixture
def variables(tmp_path: Path, database_url: str) -> dict[str, str]:
    """An archive of a few photos, each with its pictures."""
    found = environ(tmp_path / "home", database_url)
    (tmp_path / "photos").mkdir()
    for seed in range(PHOTOS):
        (tmp_path / "photos" / f"{seed}.jpg").write_bytes(make_jpeg(160, 120, seed=seed))
    assert run(["import", "photos", str(tmp_path / "photos")], found)[0] == 0
    return found


def test_killed_backup_and_restore_come_to_a_whole_archive(
    tmp_path: Path, variables: dict[str, str]
) -> None:
    dice, root = random.Random(SEED), tmp_path / "backup"
    for _ in range(KILLS):
        run_killed(["backup", str(root)], variables, root, dice.randrange(2, PHOTOS * 5))
    status, said = run(["backup", str(root)], variables)
    assert (status, f": {PHOTOS} photos, {PHOTOS * 3} files" in said) == (0, True), said
    assert run(["restore", str(root), "--check"], variables)[0] == 0
    home = tmp_path / "other"
    with fresh_database(home / "birdwatch.db") as url:
        there = environ(home, url)
        for _ in range(KILLS):
            run_killed(["restore", str(root)], there, home, dice.randrange(1, PHOTOS * 6))
        if (home / ".restoring").exists():
            assert run(["verify"], there)[0] == 1
            assert run(["restore", str(root)], there)[0] == 0
        status, said = run(["verify", "--deep"], there)
        assert (status, f"{PHOTOS} originals" in said) == (0, True), said


def test_killed_repair_is_finished_by_the_next(tmp_path: Path, variables: dict[str, str]) -> None:
    dice, root, home = random.Random(SEED), tmp_path / "backup", tmp_path / "home"
    assert run(["backup", str(root)], variables)[0] == 0
    for path in (home / "originals").rglob("*"):
        if path.is_file():
            path.chmod(0o644)
            path.write_bytes(b"not a picture")
    words = ["verify", "--deep", "--repair", "--from", str(root)]
    for _ in range(KILLS):
        run_killed(words, variables, home / "set-aside", dice.randrange(2, PHOTOS * 2))
    status, said = run(words, variables)
    assert status == 0, said
    aside = [path for path in (home / "set-aside").rglob("*") if path.is_file()]
    assert [path.read_bytes() for path in aside] == [b"not a picture"] * PHOTOS
    status, said = run(["verify", "--deep"], variables)
    assert (status, f"{PHOTOS} originals" in said) == (0, True), said
