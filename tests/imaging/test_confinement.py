"""A confined process opens no file, makes no connection, signals nobody, and cannot undo it."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from birdwatch.imaging.decoder import PACKAGE_PARENT

TRY_ALL = """
import json, os, signal, socket, sys
from birdwatch.imaging.confinement import confine
folder, port, parent = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
version = confine()

def outcome(act):
    try:
        act()
    except OSError as error:
        return error.strerror
    return "done"

print(json.dumps({
    "version": version,
    "read": outcome(lambda: open(folder + "/secret").read()),
    "list": outcome(lambda: os.listdir(folder)),
    "write": outcome(lambda: open(folder + "/new", "w")),
    "remove": outcome(lambda: os.unlink(folder + "/secret")),
    "run": outcome(lambda: os.execv("/bin/true", ["true"])),
    "connect": outcome(lambda: socket.create_connection(("127.0.0.1", port), 5)),
    "bind": outcome(lambda: socket.socket().bind(("127.0.0.1", 0))),
    "signal": outcome(lambda: os.kill(parent, 0)),
    "again": confine(),
    "no_new_privileges": "NoNewPrivs:\\t1" in held,
}) if (held := status.read()) else "")
"""


def run_confined(folder: Path, port: int) -> dict[str, object]:
    script = TRY_ALL.replace("version = confine()", "status = open('/proc/self/status')\n"
                             "version = confine()")  # fmt: skip
    done = subprocess.run(
        [sys.executable, "-c", script, str(folder), str(port), str(os.getpid())],
        env={"PYTHONPATH": str(PACKAGE_PARENT)},
        capture_output=True,
        check=True,
        timeout=60,
    )
    answer: dict[str, object] = json.loads(done.stdout)
    return answer


def test_confined_process_reaches_nothing(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("where the nest is")
    with socket.create_server(("127.0.0.1", 0)) as server:
        told = run_confined(tmp_path, server.getsockname()[1])
    version = told.pop("version")
    assert isinstance(version, int)
    assert told.pop("no_new_privileges")
    if version < 6:
        pytest.skip(f"this kernel has Landlock version {version}")
    assert told.pop("again") == version  # a second layer only takes more away
    assert set(told.values()) == {"Permission denied", "Operation not permitted"}
    assert told["signal"] == "Operation not permitted"
    assert secret.read_text() == "where the nest is"
    assert [path.name for path in tmp_path.iterdir()] == ["secret"]
