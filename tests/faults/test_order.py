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
CALLS = "trace=fsync,fdatasync,link,linkat,write,pwrite64,writev,sendto,sendmsg"


@pytest.mark.skipif(STRACE is None, reason="strace is not installed")
def test_bytes_are_durable_before_the_command_says_accepted(tmp_path: Path) -> None:
    home, photo, trace = tmp_path / "home", tmp_path / "one.jpg", tmp_path / "trace"
    data = make_jpeg(160, 120)
    photo.write_bytes(data)
    subprocess.run(
        [*traced(trace), "import", "photos", str(photo), "--plain"],
        env=environ(home, database=""),
        capture_output=True,
        check=True,
        timeout=240,
    )
    check_order(home, trace, data, r"write\(1", "accepted")


def traced(trace: Path) -> list[str]:
    """The beginning of a command of ours whose calls are written down."""
    assert STRACE is not None
    strace = [STRACE, "-f", "-y", "-e", CALLS, "-s", "64", "-o", str(trace)]
    return [*strace, sys.executable, "-m", "birdwatch"]


def check_order(home: Path, trace: Path, data: bytes, call: str, told_as: str) -> None:
    """File synced, then named, then every new folder synced, then the rows, then told."""
    events = trace.read_text("utf-8", "replace").splitlines()
    sha256 = hashlib.sha256(data).hexdigest()
    folder = home / "originals" / sha256[:2] / sha256[2:4]
    linked = first(events, 0, r"link(at)?\(", f"{folder}/{sha256}")
    part = re.search(r'"([^"]*/incoming/[0-9a-f]+\.part)"', events[linked])
    assert part is not None
    synced = first(events, 0, r"f(data)?sync\(", part[1])
    assert not any(re.search(r"write", e) and part[1] in e for e in events[synced:linked])
    named = [
        first(events, linked, r"f(data)?sync\(", f"{one}>")
        for one in (folder, folder.parent, folder.parent.parent)
    ]
    committed = first(
        events, max(named), r"f(data)?sync\(", "birdwatch.db-wal"
    )  # PostgreSQL would sync its own log
    told = first(events, linked, call, told_as)
    assert synced < linked < min(named)
    assert max(named) < committed < told


def first(events: list[str], start: int, call: str, text: str) -> int:
    """The place of the first such call on this file, from `start` on."""
    for place in range(start, len(events)):
        if re.search(call, events[place]) and text in events[place]:
            return place
    raise AssertionError(f"no {call} of {text}")
