"""The order in which a photo becomes durable, as the kernel sees it.

A power cut keeps what was synced before it, so the bytes must be synced, then named, then the name
synced, then the transaction, and only then may anyone be told.
"""

from __future__ import annotations

import hashlib
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.faults.test_kill import environ
from tests.pictures import make_jpeg

STRACE = shutil.which("strace")
CALLS = "trace=openat,fsync,fdatasync,link,linkat,rename,renameat,renameat2,write"


@pytest.mark.skipif(STRACE is None, reason="strace is not installed")
def test_bytes_are_durable_before_anyone_is_told(tmp_path: Path) -> None:
    assert STRACE is not None
    home, photo, trace = tmp_path / "home", tmp_path / "one.jpg", tmp_path / "trace"
    data = make_jpeg(160, 120)
    photo.write_bytes(data)
    subprocess.run(
        [STRACE, "-f", "-y", "-e", CALLS, "-s", "64", "-o", str(trace),
         sys.executable, "-m", "birdwatch", "import", "photos", str(photo), "--plain"],
        env=environ(home, database=""),
        capture_output=True,
        check=True,
        timeout=240,
    )  # fmt: skip
    events = trace.read_text("utf-8", "replace").splitlines()
    sha256 = hashlib.sha256(data).hexdigest()
    folder = str(home / "originals" / sha256[:2] / sha256[2:4])
    linked = first(events, 0, r"link(at)?\(", f"{folder}/{sha256}")
    part = re.search(r'"([^"]*/incoming/[0-9a-f]+\.part)"', events[linked])
    assert part is not None
    synced = first(events, 0, r"f(data)?sync\(", part[1])
    named = first(events, linked, r"f(data)?sync\(", folder)
    committed = first(
        events, named, r"f(data)?sync\(", "birdwatch.db-wal"
    )  # PostgreSQL would sync its own log
    told = first(events, 0, r"write\(1", "accepted")
    assert synced < linked < named < committed < told


def first(events: list[str], start: int, call: str, text: str) -> int:
    """The place of the first such call on this file, from `start` on."""
    for place in range(start, len(events)):
        if re.search(call, events[place]) and text in events[place]:
            return place
    raise AssertionError(f"no {call} of {text}")
