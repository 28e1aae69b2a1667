"""What the README promises a stranger is what the tree holds."""

from __future__ import annotations

import os
import re
import subprocess
import sys

import birdwatch
from birdwatch.settings import OPTIONS
from tests.suites import ROOT

README = (ROOT / "README.md").read_text(encoding="utf-8")
COMMAND_LINES = re.findall(r"^    (.+)$", README, re.MULTILINE)


def test_settings_table_is_the_one_in_the_code() -> None:
    rows = re.findall(r"^\| `(BIRDWATCH_\w+)` \| (?:`(.*?)`)? ?\| (.+) \|$", README, re.MULTILINE)
    assert rows == [(option.env, option.default, option.help) for option in OPTIONS]


def test_scripts_it_names_exist_and_run() -> None:
    named = set(re.findall(r"\bscripts/\w+", README))
    assert {"scripts/run", "scripts/test", "scripts/check"} <= named
    assert [name for name in sorted(named) if not os.access(ROOT / name, os.X_OK)] == []


def test_files_it_links_to_exist() -> None:
    links = re.findall(r"\]\(([^)#:]+)\)", README)
    assert [link for link in links if not (ROOT / link).exists()] == []


def test_commands_it_names_exist() -> None:
    commands = set()
    for line in COMMAND_LINES:
        words = line.split()
        if words[0].endswith("bin/birdwatch"):
            commands.add(tuple(word for word in words[1:] if word.islower() and word[0] != "-"))
    commands.discard(())
    assert ("import", "photos") in commands
    unknown = [" ".join(command) for command in sorted(commands) if not knows(command)]
    assert unknown == []


def knows(command: tuple[str, ...]) -> bool:
    # An argument in small letters, like a role, may follow the command itself.
    for length in (len(command), len(command) - 1):
        answer = subprocess.run(
            [sys.executable, "-m", "birdwatch", *command[:length], "--help"],
            capture_output=True,
            cwd=ROOT,
            check=False,
        )
        if length and answer.returncode == 0:
            return True
    return False


def test_continuous_integration_runs_its_test_command() -> None:
    assert "    scripts/test" in README.splitlines()
    ci = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    assert "export BIRDWATCH_TEST_ALL=1\n" in ci
    assert "exec scripts/test\n" in ci


def test_changelog_opens_with_the_version_of_the_package() -> None:
    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    versions = re.findall(r"^## (\S+) – \d{4}-\d\d-\d\d$", changelog, re.MULTILINE)
    assert versions[0] == birdwatch.__version__
