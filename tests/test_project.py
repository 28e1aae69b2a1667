"""The frame around the code: pinned requirements, scripts, and what must never be committed."""

from __future__ import annotations

import json
import re
import subprocess
import tomllib
from pathlib import Path
from typing import Any

import pytest

from tests.suites import ROOT

# In pieces, so that this file does not hold what it looks for.
REGISTRY_HOSTS = [
    ".".join(parts)
    for parts in (
        ("pypi", "org"),
        ("pythonhosted", "org"),
        ("npmjs", "org"),
        ("npmjs", "com"),
        ("debian", "org"),
        ("npmmirror", "com"),
        ("tuna", "tsinghua", "edu", "cn"),
    )
]
PINNED = {
    "requirements.txt": ("dependencies", "postgres"),
    "requirements-dev.txt": ("dev",),
    "requirements-bench.txt": ("bench",),
    "requirements-build.txt": ("build",),
}


def committed_files() -> list[Path]:
    listing = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True, text=True
    )
    return [ROOT / name for name in listing.stdout.split("\0") if (ROOT / name).is_file()]


def texts() -> list[tuple[str, str]]:
    found = []
    for path in committed_files():
        try:
            found.append((path.relative_to(ROOT).as_posix(), path.read_text(encoding="utf-8")))
        except UnicodeDecodeError:
            continue  # a picture or another file without lines
    return found


def test_committed_files_name_no_registry() -> None:
    broken = [
        f"{name} names {host}" for name, text in texts() for host in REGISTRY_HOSTS if host in text
    ]
    assert broken == []


def test_committed_files_hold_no_path_of_this_machine() -> None:
    home = Path.home()
    paths = [f"{ROOT}/"] + ([f"{home}/"] if home != Path("/") else [])
    broken = [name for name, text in texts() for path in paths if path in text]
    assert broken == []


def name_of(requirement: str) -> str:
    found = re.match(r"[A-Za-z0-9._-]+", requirement)
    assert found is not None
    return re.sub(r"[-_.]+", "-", found[0]).lower()


def wanted(groups: tuple[str, ...]) -> set[str]:
    project: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    tables = {
        "dependencies": project["project"]["dependencies"],
        **project["project"]["optional-dependencies"],
        **project["dependency-groups"],
    }
    return {name_of(requirement) for group in groups for requirement in tables[group]}


@pytest.mark.parametrize("file", sorted(PINNED))
def test_requirements_are_pinned_with_hashes_and_without_addresses(file: str) -> None:
    text = (ROOT / file).read_text(encoding="utf-8")
    entries = [entry for entry in re.split(r"\n(?=\S)", text.strip()) if entry[0] != "#"]
    unpinned = [
        entry.split("\n")[0]
        for entry in entries
        if not re.match(r"[a-z0-9-]+==\S+ ", entry) or "--hash=sha256:" not in entry
    ]
    assert unpinned == []
    assert "://" not in text
    assert wanted(PINNED[file]) - {name_of(entry) for entry in entries} == set()


def test_lock_file_of_the_client_names_no_address() -> None:
    assert '"resolved"' not in (ROOT / "package-lock.json").read_text(encoding="utf-8")


@pytest.mark.parametrize("script", ["run", "test", "check", "pin", "steps.sh"])
def test_scripts_are_plain_shell(script: str) -> None:
    checked = subprocess.run(
        ["sh", "-n", str(ROOT / "scripts" / script)], capture_output=True, check=False, text=True
    )
    assert (checked.returncode, checked.stderr) == (0, "")


def test_both_languages_say_the_same_things() -> None:
    """Every key stands in both catalogs, and both sentences speak of the same values."""
    zh, en = (sentences(locale) for locale in ("zh", "en"))
    assert set(en) == set(zh)
    # One bird may be written without its number.
    several = [key for key in zh if not key.endswith(".one")]
    differing = [key for key in several if values_in(zh[key]) != values_in(en[key])]
    assert differing == []


def sentences(locale: str) -> dict[str, str]:
    catalog = ROOT / "birdwatch" / "web" / "locale" / f"{locale}.json"
    loaded: dict[str, str] = json.loads(catalog.read_text(encoding="utf-8"))
    return loaded


def values_in(sentence: str) -> set[str]:
    return set(re.findall(r"\{(\w+)\}", sentence))
