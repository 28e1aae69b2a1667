"""`birdwatch upload` as a photographer runs it: twice, interrupted, killed, over a bad line."""

from __future__ import annotations

import hashlib
import os
import random
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from typer.testing import CliRunner

from birdwatch.cli.commands import app
from birdwatch.client import Journal
from tests.client.conftest import Server, make_noise
from tests.client.lines import line_to
from tests.suites import ROOT

KILLS = int(os.environ.get("BIRDWATCH_TEST_UPLOAD_KILLS", "3"))


@dataclass
class Card:
    """A folder of pictures, a token, and the command on them."""

    server: Server
    folder: Path
    token: str
    environ: dict[str, str]
    hashes: dict[str, str] = field(default_factory=dict)  # of each file's content

    def add(self, name: str, data: bytes) -> None:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        self.hashes[name] = hashlib.sha256(data).hexdigest()

    def start(self, *words: str, base: str = "") -> subprocess.Popen[str]:
        return subprocess.Popen(
            [
                *(sys.executable, "-W", "error", "-m", "birdwatch", "upload"),
                *(str(self.folder), "--to", base or self.server.base, *words),
            ],
            cwd=ROOT,
            env=self.environ,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(self, *words: str, base: str = "") -> tuple[int, str, str]:
        """The same in this process, which begins sooner: status, results, complaints."""
        line = ["upload", str(self.folder), "--to", base or self.server.base, *words]
        done = CliRunner().invoke(app, line, env=self.environ)
        if done.exception is not None and not isinstance(done.exception, SystemExit):
            raise done.exception
        return done.exit_code, done.stdout, done.stderr

    def check(self) -> None:
        """Every picture of the folder is in the archive, byte for byte."""
        known = self.server.known(self.token, [*set(self.hashes.values())])
        assert set(known) == set(self.hashes.values())
        for sha256, photo in known.items():
            original = self.server.original(self.token, photo)
            assert hashlib.sha256(original).hexdigest() == sha256


@pytest.fixture
def card(server: Server, tmp_path: Path) -> Card:
    folder, token = tmp_path / "card", server.token()
    folder.mkdir()
    environ = {
        "PATH": os.environ["PATH"],
        "BIRDWATCH_LOCALE": "en",
        "BIRDWATCH_TOKEN": token,
        "XDG_STATE_HOME": str(tmp_path / "state"),
        "COLUMNS": "200",
    }
    return Card(server, folder, token, environ)


def test_folder_is_sent_and_a_second_run_sends_nothing(card: Card) -> None:
    for seed in range(3):
        card.add(f"day{seed % 2}/{seed}.jpg", make_noise(100 + seed, 160, 120))
    card.add("copy.JPG", make_noise(100, 160, 120))
    (card.folder / ".hidden.jpg").write_bytes(make_noise(150, 160, 120))
    (card.folder / "notes.txt").write_text("mud")
    size = sum(len((card.folder / f"day{seed % 2}/{seed}.jpg").read_bytes()) for seed in range(3))
    sent = f"Sent 3 ({size / 1e6:.1f} MB), already there 1, not taken 0, empty 0, left 0, not"
    assert card.run()[:2] == (0, f"{sent} pictures 1.\n")
    card.check()
    hidden = hashlib.sha256((card.folder / ".hidden.jpg").read_bytes()).hexdigest()
    assert card.server.known(card.token, [hidden]) == {}
    again = "Sent 0 (0.0 MB), already there 4, not taken 0, empty 0, left 0, not pictures 1.\n"
    assert card.run()[:2] == (0, again)
    for journal in (Path(card.environ["XDG_STATE_HOME"]) / "birdwatch/uploads").iterdir():
        journal.unlink()  # without it the archive is asked, and nothing is sent either
    assert card.run()[:2] == (0, again)
    assert card.server.open_uploads(card.token) == 0


def test_words_are_those_of_all_pictures_and_drafts_stay_unpublished(card: Card) -> None:
    card.add("a.jpg", make_noise(110, 160, 120))
    code, said, _ = card.run("--draft", "--species", "大滨鹬", "--credit", "摄/国颖")
    assert (code, said.splitlines()[1]) == (0, "They are drafts: publish them at /upload.")
    card.add("b.jpg", make_noise(111, 160, 120))
    code, said, complaint = card.run("--species", "dodo")
    assert (code, "left 1" in said, "dodo" in complaint) == (1, True, True)


def test_refused_files_are_told_once_more_without_sending_them(card: Card) -> None:
    card.add("a.jpg", b"no picture at all" * 5000)
    (card.folder / "empty.jpg").touch()
    code, said, _ = card.run()
    lines = said.splitlines()
    assert (code, lines[0][:60]) == (
        3,
        "Sent 0 (0.0 MB), already there 0, not taken 1, empty 1, left"[:60],
    )
    assert lines[1].startswith("  a.jpg: ")
    assert lines[2] == "  empty.jpg: It is empty. Check the file on the card."
    with line_to(card.server.port) as line:
        assert card.run(base=line.base)[0] == 3  # another address has a journal of its own
        first, before = line.passed, line.passed
        assert card.run(base=line.base)[:2] == (3, said)
        second, before = line.passed - before, line.passed
        card.run("--again", base=line.base)
        assert second < 5000 < min(first, line.passed - before)


def test_what_cannot_begin_says_why(card: Card, tmp_path: Path) -> None:
    card.add("a.jpg", make_noise(120, 160, 120))

    def complaint(*words: str, base: str = "", **environ: str) -> str:
        card.environ |= environ
        code, said, complaint = card.run(*words, base=base)
        assert (code, said) == (1, "")
        return " ".join(complaint.split())

    assert "--to is the address" in complaint(base="birds.example")
    assert "does not take uploads: " in complaint("--token", "bw_nobody")
    assert "cannot be reached" in complaint("--patience", "0", base="http://127.0.0.1:9")
    assert "Give a token" in complaint(BIRDWATCH_TOKEN="")
    card.folder = tmp_path / "nothing"
    assert "cannot be read" in complaint("--token", card.token)


def test_line_that_is_cut_again_and_again_loses_and_doubles_nothing(card: Card) -> None:
    for seed in range(6):
        card.add(f"{seed}.jpg", make_noise(200 + seed))
    with line_to(card.server.port, cuts=12, most_bytes=200_000, seed=5) as line:
        code, said, _ = card.run(base=line.base)
        assert line.was_cut == 12
    assert (code, said.startswith("Sent 6 ("), "left 0" in said) == (0, True, True)
    card.check()


def test_interrupted_run_says_how_far_it_came_and_the_next_goes_on(card: Card) -> None:
    for seed in range(4):
        card.add(f"{seed}.jpg", make_noise(220 + seed))
    total = sum(path.stat().st_size for path in card.folder.iterdir())
    with line_to(card.server.port, bytes_per_s=250_000) as line:
        process = card.start(base=line.base)
        while line.passed < total // 3:
            time.sleep(0.02)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
        assert (process.returncode, "Interrupted" in err, "Traceback" in err) == (130, True, False)
        assert ", left 0" not in out
        before, line.bytes_per_s = line.passed, 0
        assert card.run(base=line.base)[0] == 0
        assert line.passed - before < total  # what was there was not sent again
    card.check()
    assert card.server.open_uploads(card.token) == 0


def test_second_run_waits_for_the_first_to_end(card: Card, tmp_path: Path) -> None:
    card.add("a.jpg", make_noise(240, 160, 120))
    path = tmp_path / "held.jsonl"
    with Journal(path):
        code, said, complaint = card.run("--journal", str(path))
    assert (code, said, "Another birdwatch upload" in complaint) == (1, "", True)
    assert card.run("--journal", str(path))[0] == 0
    card.check()


def test_file_put_in_the_place_of_another_is_sent_too(card: Card) -> None:
    card.add("a.jpg", make_noise(250, 160, 120))
    assert card.run()[0] == 0
    old = card.hashes["a.jpg"]
    card.add("a.jpg", make_noise(251, 160, 120))
    assert card.run()[1].startswith("Sent 1 ")
    card.check()
    assert set(card.server.known(card.token, [old])) == {old}


def test_run_killed_at_any_moment_loses_and_doubles_nothing(card: Card) -> None:
    chance = random.Random(7)
    with line_to(card.server.port, bytes_per_s=1_500_000) as line:
        for number in range(KILLS):
            for seed in range(3):
                card.add(f"{number}/{seed}.jpg", make_noise(1000 + 3 * number + seed, 400, 300))
            process = card.start(base=line.base)
            time.sleep(chance.uniform(0.3, 2.2))
            process.kill()
            process.communicate(timeout=60)
        line.bytes_per_s = 0
        code, said, _ = card.run(base=line.base)
    assert (code, "left 0" in said) == (0, True)
    card.check()
