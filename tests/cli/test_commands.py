"""The command line, run as a person runs it: words, exit status, and what is in the archive after."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.pictures import make_jpeg

COUNTS = (
    "date,site,species,count\n2026-04-20,sidaogou,大滨鹬,1200\n2026-04-21,sidaogou,batgod,900\n"
)


class Shell:
    """Commands on one archive, in English unless told otherwise."""

    def __init__(self, home: Path, database: str) -> None:
        self.environ = {
            "PATH": os.environ["PATH"],
            "BIRDWATCH_HOME": str(home),
            "BIRDWATCH_DATABASE": database,
            "BIRDWATCH_LOCALE": "en",
            "COLUMNS": "200",
        }

    def run(
        self, *words: str | Path, given: str = "", **environ: str
    ) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "birdwatch", *map(str, words)],
            env=self.environ | environ,
            input=given,
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )


@pytest.fixture
def shell(tmp_path: Path, database_url: str) -> Shell:
    return Shell(tmp_path / "home", database_url)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two photos, one of them twice, and one file that is none."""
    folder = tmp_path / "photos"
    (folder / "b" / "deep").mkdir(parents=True)
    (folder / "a.jpg").write_bytes(make_jpeg(300, 200, seed=1))
    (folder / "b" / "again.jpg").write_bytes(make_jpeg(300, 200, seed=1))
    (folder / "b" / "deep" / "c.jpg").write_bytes(make_jpeg(300, 200, seed=2))
    (folder / "b" / "notes.jpg").write_text("just words")
    (folder / ".hidden.jpg").write_bytes(b"")
    return folder


def test_import_photos_tells_what_became_of_each_file(shell: Shell, folder: Path) -> None:
    done = shell.run("import", "photos", folder, "--plain")
    lines = [line.split("\t") for line in done.stdout.splitlines()]
    assert [(line[0], line[-1]) for line in lines[:-1]] == [
        ("accepted", "a.jpg"),
        ("duplicate", "b/again.jpg"),
        ("accepted", "b/deep/c.jpg"),
        ("refused", "b/notes.jpg"),
    ]
    assert lines[0][1] == lines[1][1]
    assert lines[-1] == ["2 accepted, 1 duplicate, 1 refused."]
    assert done.returncode == 1


def test_import_photos_shows_a_table_and_makes_renditions(shell: Shell, folder: Path) -> None:
    (folder / "b" / "notes.jpg").unlink()
    done = shell.run("import", "photos", folder, "--credit", "摄/国颖")
    assert done.returncode == 0, done.stderr
    assert "b/again.jpg" in done.stdout
    assert done.stdout.splitlines()[-1] == "2 accepted, 1 duplicate, 0 refused."
    made = [p.name for p in (Path(shell.environ["BIRDWATCH_HOME"]) / "renditions").rglob("*.*")]
    assert sorted(made) == ["2048.jpg", "2048.jpg", "320.webp", "320.webp"]
    verified = shell.run("verify", "--deep").stdout.splitlines()
    assert verified[0].startswith(
        "All is well: 2 originals agree with their records, every daily total with a recount, and"
        " the ledger's chain holds to version "
    )
    assert verified[1].startswith("Chain head ")


def test_missing_folder_is_said_in_the_readers_language(shell: Shell, tmp_path: Path) -> None:
    missing = tmp_path / "missing"
    english = shell.run("import", "photos", missing)
    assert (english.returncode, english.stdout) == (1, "")
    assert english.stderr == f"There is no folder {missing}. Check the path.\n"
    chinese = shell.run("import", "photos", missing, BIRDWATCH_LOCALE="", LANG="zh_CN.UTF-8")
    assert chinese.stderr == f"没有文件夹 {missing}。请检查路径。\n"


def test_wrong_setting_names_its_variable(shell: Shell) -> None:
    done = shell.run("verify", BIRDWATCH_PORT="eighty")
    assert done.returncode == 1
    assert done.stderr == (
        "The environment variable BIRDWATCH_PORT is 'eighty'; it must be a whole number.\n"
    )


def test_verify_finds_a_damaged_and_a_missing_original(shell: Shell, folder: Path) -> None:
    shell.run("import", "photos", folder, "--plain")
    originals = Path(shell.environ["BIRDWATCH_HOME"]) / "originals"
    first, second = sorted(path for path in originals.rglob("*") if path.is_file())
    first.unlink()
    second.chmod(0o644)
    second.write_bytes(second.read_bytes()[:-1] + b"x")
    done = shell.run("verify", "--deep")
    assert done.returncode == 1
    *findings, summary = done.stdout.splitlines()
    assert summary == "Problems: 2 found, 2 left (2 photos read)."
    assert sorted(finding.partition(" is ")[2] for finding in findings) == [
        "damaged. Restore it from a backup, or upload the same file again.",
        "missing. Restore it from a backup, or upload the same file again.",
    ]


def test_import_counts_is_checked_then_done_then_unchanged(shell: Shell, tmp_path: Path) -> None:
    table = tmp_path / "counts.csv"
    table.write_text(COUNTS, "utf-8")
    checked = shell.run("import", "counts", table, "--dry-run")
    assert checked.stdout == (
        "Can be imported: 2 rows, 2 surveys, 2 sightings; 0 already there.\n"
    ), checked.stderr
    done = shell.run("import", "counts", table)
    assert done.stdout == "Imported: 2 rows, 2 surveys, 2 sightings; 0 already there.\n"
    again = shell.run("import", "counts", table)
    assert (again.returncode, "2 already there" in again.stdout) == (0, True)


def test_import_counts_refuses_with_row_and_reason(shell: Shell, tmp_path: Path) -> None:
    table = tmp_path / "counts.csv"
    table.write_text(COUNTS + "2026-04-22,sidaogou,大宾鹬,5\n", "utf-8")
    done = shell.run("import", "counts", table)
    assert done.returncode == 1
    assert "Nothing was imported. Correct these and try again." in done.stdout
    assert [word in done.stdout for word in ("4", "species", "Great Knot")] == [True, True, True]


def test_import_counts_maps_columns(shell: Shell, tmp_path: Path) -> None:
    table = tmp_path / "counts.csv"
    table.write_text(COUNTS.replace("date,", "Datum,"), "utf-8")
    done = shell.run("import", "counts", table, "--map", "date=Datum")
    assert done.returncode == 0, done.stdout
    wrong = shell.run("import", "counts", table, "--map", "date")
    assert wrong.returncode == 2


def test_import_sites_and_species(shell: Shell, tmp_path: Path) -> None:
    square = [[[121, 40], [123, 40], [123, 41], [121, 41], [121, 40]]]
    feature = {
        "type": "Feature",
        "properties": {"id": "everywhere", "name_zh": "全部", "name_en": "Everywhere"},
        "geometry": {"type": "Polygon", "coordinates": square},
    }
    sites = tmp_path / "sites.geojson"
    sites.write_text(json.dumps({"type": "FeatureCollection", "features": [feature]}), "utf-8")
    done = shell.run("import", "sites", sites)
    assert done.stdout == "Imported 1 sites.\n", done.stderr
    wrong = shell.run("import", "sites", tmp_path / "missing.geojson")
    assert (wrong.returncode, wrong.stdout) == (1, "")


def test_user_is_added_with_a_password_made_up_or_given(shell: Shell) -> None:
    done = shell.run("user", "add", "lin", "--name-zh", "林听潮", "--role", "admin")
    first, second = done.stdout.splitlines()
    assert first == "Added lin (admin)."
    assert second.startswith("Password (shown once): ")
    given = shell.run("user", "add", "shen", "--password-stdin", given="low tide at dawn\n")
    assert given.stdout == "Added shen (contributor).\n"
    short = shell.run("user", "add", "gu", "--password-stdin", given="short\n")
    assert short.returncode == 1
    taken = shell.run("user", "add", "lin")
    assert taken.returncode == 1
    role = shell.run("user", "add", "ye", "--role", "queen")
    assert role.returncode == 1


def test_token_is_the_only_line_printed(shell: Shell) -> None:
    shell.run("user", "add", "lin")
    done = shell.run("token", "add", "lin", "--scope", "read", "--scope", "upload")
    assert done.stdout.startswith("bw_")
    assert len(done.stdout.splitlines()) == 1
    unknown = shell.run("token", "add", "nobody")
    assert (unknown.returncode, unknown.stdout) == (1, "")


def test_migrate_tells_the_dataset_version(shell: Shell) -> None:
    done = shell.run("migrate")
    assert (done.returncode, done.stdout.startswith("The database is up to date")) == (0, True)


def test_demo_leaves_an_archive_in_use_alone(shell: Shell, tmp_path: Path) -> None:
    table = tmp_path / "counts.csv"
    table.write_text(COUNTS, "utf-8")
    shell.run("import", "counts", table)
    done = shell.run("demo")
    assert (done.returncode, done.stdout) == (
        0,
        "The archive is not empty; no example was added.\n",
    )
