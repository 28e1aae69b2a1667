"""Backing up, restoring and mending as a person does it: words, exit status, what is there after."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.test_commands import Shell
from tests.conftest import fresh_database
from tests.pictures import make_jpeg


@pytest.fixture
def shell(tmp_path: Path, database_url: str) -> Shell:
    shell = Shell(tmp_path / "home", database_url)
    (tmp_path / "photos").mkdir()
    for seed in (1, 2):
        (tmp_path / "photos" / f"{seed}.jpg").write_bytes(make_jpeg(300, 200, seed=seed))
    shell.run("import", "photos", tmp_path / "photos")
    return shell


def test_backup_is_taken_checked_and_restored(shell: Shell, tmp_path: Path) -> None:
    root = tmp_path / "backup"
    done = shell.run("backup", root)
    assert done.returncode == 0, done.stderr
    assert ": 2 photos, 6 files, 6 of them new (" in done.stdout
    assert ", 0 of them new (0.0 MiB)" in shell.run("backup", root, "--keep", "1").stdout
    checked = shell.run("restore", root, "--check")
    assert (checked.returncode, " is whole: 2 photos" in checked.stdout) == (0, True)
    refused = shell.run("restore", root)
    assert (refused.returncode, refused.stdout) == (1, "")
    assert "is not empty, and nothing was changed" in refused.stderr
    with fresh_database(tmp_path / "other" / "birdwatch.db") as url:
        there = {"BIRDWATCH_HOME": str(tmp_path / "other"), "BIRDWATCH_DATABASE": url}
        done = shell.run("restore", root, **there)
        assert (done.returncode, " is restored: 2 photos" in done.stdout) == (0, True)
        verified = shell.run("verify", "--deep", **there)
        assert (verified.returncode, verified.stdout[:11]) == (0, "All is well")


def test_verify_mends_and_says_so(shell: Shell, tmp_path: Path) -> None:
    root, home = tmp_path / "backup", Path(shell.environ["BIRDWATCH_HOME"])
    shell.run("backup", root)
    first, _ = sorted(path for path in (home / "originals").rglob("*") if path.is_file())
    first.chmod(0o644)
    first.write_bytes(first.read_bytes()[:-9])
    found = shell.run("verify")
    assert found.returncode == 1
    assert found.stdout.splitlines()[-1] == "Problems: 1 found, 1 left (2 photos read)."
    mended = shell.run("verify", "--deep", "--repair", "--from", root)
    assert mended.returncode == 0, mended.stdout
    assert mended.stdout.startswith("mended: The original of photo ")
    assert shell.run("verify", "--deep").returncode == 0


def test_backup_that_is_not_there_is_said(shell: Shell, tmp_path: Path) -> None:
    for words in (("restore", tmp_path / "none"), ("verify", "--repair", "--from", tmp_path)):
        done = shell.run(*words)
        assert (done.returncode, done.stdout) == (1, "")
        assert "There is no complete backup in " in done.stderr
