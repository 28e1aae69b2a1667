"""What the README promises a stranger is what the tree holds."""

from __future__ import annotations

import os
import re

from typer.core import TyperGroup
from typer.main import get_command

import birdwatch
from birdwatch.cli.commands import app
from birdwatch.intake.count_table import COLUMNS
from birdwatch.settings import OPTIONS
from tests.suites import ROOT

README = (ROOT / "README.md").read_text(encoding="utf-8")
COMMAND_LINES = re.findall(r"^    (.+)$", README, re.MULTILINE)


def test_settings_table_is_the_one_in_the_code() -> None:
    rows = re.findall(r"^\| `(BIRDWATCH_\w+)` \| (?:`(.*?)`)? ?\| (.+) \|$", README, re.MULTILINE)
    assert rows == [(option.env, option.default, option.help) for option in OPTIONS]


def test_columns_of_a_count_table_are_the_ones_that_are_read() -> None:
    table = README.split("| column | needed |")[1].split("\n\n")[0]
    assert re.findall(r"^\| `(\w+)` \|", table, re.MULTILINE) == list(COLUMNS)


def test_scripts_it_names_exist_and_run() -> None:
    named = set(re.findall(r"\bscripts/\w+", README))
    assert {"scripts/run", "scripts/test", "scripts/check"} <= named
    assert [name for name in sorted(named) if not os.access(ROOT / name, os.X_OK)] == []


def test_files_it_links_to_exist() -> None:
    links = re.findall(r"\]\(([^)#:]+)\)", README)
    assert [link for link in links if not (ROOT / link).exists()] == []


def commands(group: object, *above: str) -> set[tuple[str, ...]]:
    """Every command under this one, as the words that call it."""
    if not isinstance(group, TyperGroup):
        return {above}
    return {
        words for name, below in group.commands.items() for words in commands(below, *above, name)
    }


def test_commands_it_names_exist() -> None:
    known = commands(get_command(app))
    named = [line.split()[1:] for line in COMMAND_LINES if line.startswith(".venv/bin/birdwatch ")]
    unknown = [
        words
        for words in named
        if words != ["--help"] and not any(tuple(words[: len(name)]) == name for name in known)
    ]
    assert ("import", "counts") in known
    assert len(named) > 5
    assert unknown == []


def test_continuous_integration_runs_its_test_command() -> None:
    assert "    scripts/test" in README.splitlines()
    ci = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    assert "export BIRDWATCH_TEST_ALL=1\n" in ci
    assert "exec scripts/test\n" in ci


def test_changelog_opens_with_the_version_of_the_package() -> None:
    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    versions = re.findall(r"^## (\S+) – \d{4}-\d\d-\d\d$", changelog, re.MULTILINE)
    assert versions[0] == birdwatch.__version__
