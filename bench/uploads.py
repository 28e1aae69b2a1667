"""Resumable uploads: speed beside two peers, and memory and answers while fifty come in at once.

    python bench/uploads.py --node-modules DIR --tuspyserver PYTHON [--size 512] [--many 50]

DIR is a node_modules with @tus/server and @tus/file-store; PYTHON an interpreter that has
tuspyserver and uvicorn (given twice, with and without uvloop and httptools, both are measured). A
peer that is not given is left out. The same client sends the same bytes in pieces of 8 MiB to each
server in turns; ours syncs and hashes every piece, the peers do not. "disk" is what a bare loop
reaches that writes and syncs such pieces: no server that syncs can be faster.
"""

from __future__ import annotations

import argparse
import asyncio
import http.client
import os
import random
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit

from birdwatch.domain.policy import SYSTEM
from birdwatch.domain.text import Text
from birdwatch.http.accounts import create_token
from birdwatch.intake.archive import open_archive
from birdwatch.settings import Settings
from birdwatch.storage.people import add_person

MIB = 2**20
PIECE_BYTES = 8 * MIB
WRITE_BYTES = MIB // 2
ROUNDS = 3
IDLE_S = 8
ASK = "/api/v1/sites/sidaogou"
TUS_SERVER = """
const { Server } = require('@tus/server')
const { FileStore } = require('@tus/file-store')
const [port, directory] = process.argv.slice(2)
new Server({ path: '/files', datastore: new FileStore({ directory }) }).listen({ host: '127.0.0.1', port: Number(port) })
"""
TUSPYSERVER = """
import sys, uvicorn
from fastapi import FastAPI
from tuspyserver import create_tus_router
app = FastAPI()
app.include_router(create_tus_router(files_dir=sys.argv[2], max_size=1 << 40, prefix="files"))
uvicorn.run(app, host="127.0.0.1", port=int(sys.argv[1]), log_level="warning", access_log=False)
"""


@dataclass
class Peer:
    """A server under test: how it is started, where uploads begin, and with which token."""

    name: str
    command: list[str]
    path: str
    token: str = ""
    env: dict[str, str] | None = None


def send_file(port: int, peer: Peer, size: int, data: memoryview) -> float:
    """Seconds to send so many bytes in pieces; the last byte is never sent, so nothing ends it."""
    connection = http.client.HTTPConnection("127.0.0.1", port, blocksize=1 << 20)
    said = {"Tus-Resumable": "1.0.0"}
    if peer.token:
        said["Authorization"] = f"Bearer {peer.token}"
    connection.request("POST", peer.path, headers={**said, "Upload-Length": str(size + 1)})
    answer = connection.getresponse()
    answer.read()
    if answer.status != 201:
        raise SystemExit(f"{peer.name}: {answer.status}")
    place = urlsplit(answer.headers["Location"]).path
    piece = {**said, "Content-Type": "application/offset+octet-stream"}
    start = time.perf_counter()
    for offset in range(0, size, PIECE_BYTES):
        length = min(PIECE_BYTES, size - offset)
        connection.putrequest("PATCH", place)
        for name, value in {**piece, "Upload-Offset": str(offset)}.items():
            connection.putheader(name, value)
        connection.putheader("Content-Length", str(length))
        connection.endheaders()
        connection.sock.sendall(data[:length])
        answer = connection.getresponse()
        answer.read()
        if answer.status != 204:
            raise SystemExit(f"{peer.name}: {answer.status} {answer.reason}")
    took = time.perf_counter() - start
    connection.request("DELETE", place, headers=said)
    connection.getresponse().read()
    connection.close()
    return took


@contextmanager
def served(peer: Peer, folder: Path) -> Iterator[tuple[int, int]]:
    """The port and the process of this server, up and answering."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    command = [part.format(port=port, folder=folder) for part in peer.command]
    env = os.environ | {name: value.format(port=port) for name, value in (peer.env or {}).items()}
    with (folder / f"{peer.name}.log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, env=env)
    try:
        end = time.monotonic() + 60
        while time.monotonic() < end:
            try:
                socket.create_connection(("127.0.0.1", port)).close()
                break
            except OSError:
                time.sleep(0.1)
        yield port, process.pid
    finally:
        process.terminate()
        process.wait(30)


async def make_token(home: Path) -> str:
    """Somebody who may upload to the archive at this home."""
    now = datetime.now(UTC)
    async with open_archive(Settings(home=home)) as archive:
        async with archive.db.write(SYSTEM, now) as tx:
            person = await add_person(tx, "bench", "-", "contributor", Text("bench", "bench"))
        async with archive.db.write(SYSTEM, now) as tx:
            return await create_token(tx, person.id, "bench", ("upload",))


def peers_of(arguments: argparse.Namespace, folder: Path) -> list[Peer]:
    """Ours, and those others that are there."""
    home = folder / "home"
    ours = Peer(
        "birdwatch",
        [sys.executable, "-m", "birdwatch", "serve"],
        "/api/v1/uploads",
        asyncio.run(make_token(home)),
        {
            "BIRDWATCH_HOME": str(home),
            "BIRDWATCH_PORT": "{port}",
            "BIRDWATCH_MAX_PHOTO_BYTES": str(1 << 33),
            "BIRDWATCH_QUOTA_BYTES": "0",
            "BIRDWATCH_RATE_READS": "0",
        },
    )
    found = [ours]
    if arguments.node_modules:
        script = folder / "tus_server.cjs"
        script.write_text(TUS_SERVER)
        (folder / "node_modules").symlink_to(Path(arguments.node_modules).resolve())
        (folder / "node").mkdir()
        command = [shutil.which("node") or "node", str(script), "{port}", "{folder}/node"]
        found.append(Peer("@tus/server", command, "/files"))
    script = folder / "tuspyserver_app.py"
    script.write_text(TUSPYSERVER)
    (folder / "python").mkdir()
    for python in arguments.tuspyserver or ():
        command = [python, str(script), "{port}", "{folder}/python"]
        found.append(Peer(f"tuspyserver on {loop_of(python)}", command, "/files/"))
    return found


def loop_of(python: str) -> str:
    """What uvicorn runs on there."""
    ask = "import importlib.util as u; print('uvloop' if u.find_spec('uvloop') else 'asyncio')"
    return subprocess.run([python, "-c", ask], check=True, capture_output=True, text=True).stdout[
        :-1
    ]


def disk_speed(folder: Path, size: int, data: memoryview) -> float:
    """Megabytes a second of a loop that writes and syncs such pieces and does nothing else."""
    path = folder / "disk"
    with path.open("wb", buffering=0) as file:
        began = time.perf_counter()
        for offset in range(0, size, PIECE_BYTES):
            for start in range(0, min(PIECE_BYTES, size - offset), WRITE_BYTES):
                file.write(data[start : start + WRITE_BYTES])
            os.fsync(file.fileno())
        took = time.perf_counter() - began
    path.unlink()
    return size / 1e6 / took


def cpu_of(pid: int) -> float:
    """Seconds of processor that this process has used."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def compare(peers: list[Peer], folder: Path, size: int) -> None:
    """Megabytes a second of one client, the servers in turns.

    The processor time of each server tells more than its speed where the machine does other work.
    """
    data = memoryview(random.randbytes(PIECE_BYTES))
    speeds: dict[str, list[float]] = {peer.name: [] for peer in peers}
    costs: dict[str, list[float]] = {peer.name: [] for peer in peers}
    disk: list[float] = []
    for _ in range(ROUNDS):
        disk.append(disk_speed(folder, size, data))
        for peer in peers:
            with served(
                Peer(**{**vars(peer), "name": peer.name.replace("/", "-").replace(" ", "-")}),
                folder,
            ) as (
                port,
                pid,
            ):
                send_file(port, peer, 4 * PIECE_BYTES, data)
                before = cpu_of(pid)
                speeds[peer.name].append(size / 1e6 / send_file(port, peer, size, data))
                costs[peer.name].append((cpu_of(pid) - before) / (size / 1e9))
    ours = statistics.median(speeds[peers[0].name])
    print(
        f"{'disk':22} {statistics.median(disk):6.0f} MB/s  ({' '.join(f'{one:.0f}' for one in disk)})"
    )
    for name, measured in speeds.items():
        middle = statistics.median(measured)
        shown = " ".join(f"{one:.0f}" for one in measured)
        print(
            f"{name:22} {middle:6.0f} MB/s  ({shown})  ours is {ours / middle:.2f} of it;"
            f" {statistics.median(costs[name]):.2f} s of processor a GB"
        )


def memory_of(pid: int) -> int:
    """Resident bytes of this process."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS"):
            return int(line.split()[1]) * 1024
    return 0


def ask(port: int, until: threading.Event, took: list[float]) -> None:
    """What other readers wait for, every 20 ms."""
    connection = http.client.HTTPConnection("127.0.0.1", port)
    while not until.wait(0.02):
        start = time.perf_counter()
        connection.request("GET", ASK)
        connection.getresponse().read()
        took.append(time.perf_counter() - start)


def p99(took: list[float]) -> float:
    return statistics.quantiles(took, n=100)[98] * 1000


SENDER = """
import os, sys, threading
os.nice(10)  # these are many other machines: they do not take the server's processors away
sys.path.insert(0, {root!r})
from bench.uploads import Peer, send_file
import random
data = memoryview(random.randbytes({piece}))
peer = Peer("birdwatch", [], "/api/v1/uploads", {token!r})
threads = [threading.Thread(target=send_file, args=({port}, peer, {size}, data)) for _ in range({many})]
for one in threads: one.start()
for one in threads: one.join()
"""
ASKER = """
import sys, threading, json
sys.path.insert(0, {root!r})
from bench.uploads import ask
until, took = threading.Event(), []
thread = threading.Thread(target=ask, args=({port}, until, took))
thread.start()
sys.stdin.read()
until.set(); thread.join()
print(json.dumps(took))
"""


@contextmanager
def asking(port: int) -> Iterator[list[float]]:
    """Ask in a process of its own; the waits are there when the block ends."""
    script = ASKER.format(root=str(Path(__file__).parents[1]), port=port)
    process = subprocess.Popen(
        [sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    took: list[float] = []
    yield took
    said, _ = process.communicate("")
    took.extend(float(one) for one in said.strip().strip("[]").split(","))


def crowd(peer: Peer, folder: Path, many: int, size: int) -> None:
    """Memory, and what others wait, while many uploads come in at once."""
    with served(peer, folder) as (port, pid):
        send_file(port, peer, 2 * PIECE_BYTES, memoryview(random.randbytes(PIECE_BYTES)))
        with asking(port) as idle:
            time.sleep(IDLE_S)
        before = peak = memory_of(pid)
        script = SENDER.format(
            root=str(Path(__file__).parents[1]), piece=PIECE_BYTES, token=peer.token, port=port,
            size=size, many=many,
        )  # fmt: skip
        start = time.perf_counter()
        with asking(port) as busy:
            sender = subprocess.Popen([sys.executable, "-c", script])
            while sender.poll() is None:
                peak = max(peak, memory_of(pid))
                time.sleep(0.05)
        took = time.perf_counter() - start
    if sender.returncode:
        raise SystemExit("an upload failed")
    print(
        f"{many} uploads of {size / 1e6:.0f} MB at once: {many * size / 1e6 / took:.0f} MB/s;"
        f" memory {before / MIB:.0f} -> {peak / MIB:.0f} MiB,"
        f" {(peak - before) / MIB / many:.2f} MiB each;"
        f" others' p99 {p99(idle):.1f} -> {p99(busy):.1f} ms ({p99(busy) / p99(idle):.1f} times)"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--node-modules")
    parser.add_argument("--tuspyserver", action="append")
    parser.add_argument("--size", type=int, default=512, help="MiB of the one upload")
    parser.add_argument("--many", type=int, default=50)
    parser.add_argument("--each", type=int, default=200, help="MB of each of the many")
    parser.add_argument("--folder", help="where the files lie; empty: the system's")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=arguments.folder) as name:
        folder = Path(name)
        peers = peers_of(arguments, folder)
        compare(peers, folder, arguments.size * MIB)
        if arguments.many:
            crowd(peers[0], folder, arguments.many, arguments.each * 1_000_000)


if __name__ == "__main__":
    main()
