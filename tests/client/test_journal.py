from __future__ import annotations

import subprocess
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from birdwatch.client import Found, Journal, JournalInUseError
from birdwatch.client.journal import Entry
from tests.suites import ROOT

FILE = Found("b/潮 \udcff.jpg", Path("unused"), 5, 7)
ENTRY = Entry(FILE.name, FILE.size, FILE.mtime_ns, "ab" * 32)


def test_journal_keeps_the_last_that_was_noted_of_a_file(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "one.jsonl"
    with Journal(path) as journal:
        assert journal.find(FILE) is None
        journal.note(ENTRY)
        journal.note(ENTRY, state="open", upload="/api/v1/uploads/x")
    with Journal(path) as journal:
        assert journal.find(FILE) == replace(ENTRY, state="open", upload="/api/v1/uploads/x")
        journal.note(ENTRY, state="done", photo="p")
    with Journal(path) as journal:
        assert journal.find(FILE) == replace(ENTRY, state="done", photo="p")
    assert len(path.read_bytes().splitlines()) == 2  # the form, and one line for the file


def test_journal_does_not_know_a_file_that_is_another_by_now(tmp_path: Path) -> None:
    with Journal(tmp_path / "one.jsonl") as journal:
        journal.note(ENTRY)
        assert journal.find(replace(FILE, size=6)) is None
        assert journal.find(replace(FILE, mtime_ns=8)) is None


@given(st.integers(0, 400))
def test_journal_cut_anywhere_gives_what_was_whole(cut: int) -> None:
    lines = [f'{{"name": "{n}.jpg", "size": 1, "mtime_ns": 1, "sha256": "aa"}}\n' for n in range(6)]
    text = "".join(lines).encode()[:cut]
    path = Path(tempfile.mkdtemp()) / "one.jsonl"
    path.write_bytes(text)
    with Journal(path) as journal:
        kept = [n for n in range(6) if journal.find(Found(f"{n}.jpg", path, 1, 1))]
    whole = text.count(b"}")
    assert kept == [*range(whole)]


def test_journal_reads_over_what_is_no_entry(tmp_path: Path) -> None:
    path = tmp_path / "one.jsonl"
    path.write_bytes(
        b'\xff\xfe\n[]\n{}\n{"sha256": 1}\n{"name": "a", "size": 5, "mtime_ns": 7, "sha256": "x", "new": 1}\n'
    )
    with Journal(path) as journal:
        assert journal.find(replace(FILE, name="a")) == Entry("a", 5, 7, "x")


def test_journal_is_held_by_one_run_and_freed_by_its_death(tmp_path: Path) -> None:
    path = tmp_path / "one.jsonl"
    program = (
        "import sys, pathlib; from birdwatch.client import Journal\n"
        "with Journal(pathlib.Path(sys.argv[1])): print('held', flush=True); sys.stdin.read()"
    )
    other = subprocess.Popen(
        [sys.executable, "-c", program, str(path)],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    with other:
        assert other.stdout
        assert other.stdout.readline() == "held\n"
        with pytest.raises(JournalInUseError), Journal(path):
            pass
        other.kill()
    with Journal(path):
        pass
