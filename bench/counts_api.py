"""Requests per second of the count API, beside a bare ASGI application that sends the same bytes.

    python bench/counts_api.py [--sightings 10000 1000000] [--datasette PATH]

Each archive holds the spring that is asked for, equally filled; the larger one has more years and
seasons around it. All servers run under the same uvicorn and are asked by the same wrk, in turns.
Needs wrk, and Linux for the CPU of each server, whose ratio holds whatever else the machine does.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import re
import shutil
import socket
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from starlette.applications import Starlette
from starlette.types import Receive, Scope, Send

from birdwatch.app import create_app
from birdwatch.domain.policy import SYSTEM
from birdwatch.domain.season import season_span
from birdwatch.domain.survey import NewSighting, NewSurvey
from birdwatch.settings import Settings
from birdwatch.storage import ledger
from birdwatch.storage.counts import recompute_for_import
from birdwatch.storage.db import open_database
from birdwatch.storage.sites import load_sites
from birdwatch.storage.species import load_species
from birdwatch.storage.surveys import insert_surveys

SEASON = "2026-spring"
PER_SEASON = 10_000
SPECIES_PER_SURVEY = 20
ADDRESSES = {
    "counts": f"/api/v1/counts?season={SEASON}&by=dekad&limit=100",
    "one": f"/api/v1/counts?season={SEASON}&by=season&species=dunlin&fields=species,count",
    "season": f"/api/v1/seasons/{SEASON}",
    "page": f"/seasons/{SEASON}",
}
ROUNDS = 3
SECONDS = 3
CHINA = timedelta(hours=8)


def birdwatch_app() -> Starlette:
    """What uvicorn loads: the archive at BIRDWATCH_HOME."""
    return create_app(Settings.from_env())


async def bare_app(scope: Scope, _receive: Receive, send: Send) -> None:
    """Sends the bytes of BENCH_BODY with the headers an answer of ours has."""
    if scope["type"] != "http":
        return
    await send({"type": "http.response.start", "status": 200, "headers": BARE_HEADERS})
    await send({"type": "http.response.body", "body": BARE_BODY})


BARE_BODY = Path(os.environ["BENCH_BODY"]).read_bytes() if "BENCH_BODY" in os.environ else b""
BARE_HEADERS = [
    (b"content-length", str(len(BARE_BODY)).encode()),
    (b"content-type", b"application/json"),
]


def seasons_to_fill(sightings: int) -> list[str]:
    """The spring asked for, then earlier springs and autumns, ten thousand sightings in each."""
    wanted = max(1, sightings // PER_SEASON)
    names = [f"{year}-{half}" for year in range(2025, 1899, -1) for half in ("spring", "autumn")]
    return [SEASON, *names][:wanted]


def surveys_of(season: str, sites: list[str], species: list[str]) -> Iterator[NewSurvey]:
    """Surveys that make PER_SEASON sightings, spread over the sites and days of the season."""
    first, last = season_span(season)
    days = (last - first).days + 1
    for number in range(PER_SEASON // SPECIES_PER_SURVEY):
        start = datetime(first.year, first.month, first.day, 6, tzinfo=UTC) - CHINA
        start += timedelta(days=number % days)
        yield NewSurvey(
            site=sites[number % len(sites)],
            start=start.astimezone(),
            end=None,
            has_time=True,
            observers=("Li",),
            protocol="stationary",
            complete=True,
            tide="high" if number % 3 else "low",
            note="",
            source="bench",
            source_key=f"{season} {number}",
            sightings=tuple(
                NewSighting(code, best, best, best, "counted")
                for place, code in enumerate(species)
                for best in [(number * 37 + place * 101) % 5000]
            ),
        )


async def fill(home: Path, sightings: int) -> None:
    """An archive of so many sightings, by the path that table imports take."""
    home.mkdir(parents=True, exist_ok=True)
    db = await open_database(f"sqlite://{home / 'birdwatch.db'}")
    try:
        sites = [site.id for site in (await load_sites(db)).values() if not site.is_outline]
        species = [s.code for s in (await load_species(db)).all if s.is_shorebird]
        async with db.write(SYSTEM, datetime.now(UTC)) as tx:
            version = await ledger.append(tx, "import", "survey", "bench")
            for season in seasons_to_fill(sightings):
                batch = list(surveys_of(season, sites, species[:SPECIES_PER_SURVEY]))
                await insert_surveys(tx, batch, import_version=version)
            await recompute_for_import(tx, version)
    finally:
        await db.close()


@dataclass(frozen=True)
class Server:
    """A running server and where it is."""

    address: str
    pid: int


@contextmanager
def serving(target: str, *, factory: bool, environ: dict[str, str]) -> Iterator[Server]:
    """A uvicorn of its own for this application, until the block ends."""
    port = free_port()
    command = [sys.executable, "-m", "uvicorn", target, "--port", str(port), "--no-access-log"]
    command += ["--log-level", "warning", *(["--factory"] if factory else ["--lifespan", "off"])]
    with running(command, f"http://127.0.0.1:{port}", environ) as server:
        yield server


@contextmanager
def running(command: list[str], address: str, environ: dict[str, str]) -> Iterator[Server]:
    process = subprocess.Popen(
        command,
        env=os.environ | environ,
        cwd=Path(__file__).parent.parent,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        wait_for(address, process)
        yield Server(address, process.pid)
    finally:
        process.kill()
        process.wait(20)


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


def wait_for(address: str, process: subprocess.Popen[bytes]) -> None:
    until = time.monotonic() + 60
    while time.monotonic() < until:
        if process.poll() is not None:
            raise SystemExit(f"the server of {address} stopped")
        try:
            fetch(address + "/")
        except OSError:
            time.sleep(0.1)
        else:
            return
    raise SystemExit(f"nothing answers at {address}")


def fetch(url: str) -> bytes:
    try:
        with urllib.request.urlopen(url, timeout=120) as answer:
            body: bytes = answer.read()
            return body
    except urllib.error.HTTPError as error:
        return error.read()


@dataclass(frozen=True)
class Pace:
    """What one server does: requests per second, and microseconds of its own CPU for each.

    The first depends on what else the machine is doing, the second hardly.
    """

    per_s: float
    cpu_us: float


def pace_of(server: Server, path: str) -> Pace:
    """Ask for a few seconds."""
    before = cpu_seconds(server.pid)
    command = ["wrk", "-t1", "-c32", f"-d{SECONDS}s", server.address + path]
    out = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    if "Non-2xx" in out:
        raise SystemExit(f"errors from {path}:\n{out}")
    per_s = re.search(r"Requests/sec:\s+([\d.]+)", out)
    requests = re.search(r"(\d+) requests in", out)
    if per_s is None or requests is None:
        raise SystemExit(f"wrk said nothing of {path}:\n{out}")
    used = cpu_seconds(server.pid) - before
    return Pace(float(per_s[1]), used * 1_000_000 / max(1, int(requests[1])))


def cpu_seconds(pid: int) -> float:
    """User and system time that a process has taken, where the system tells (Linux)."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def compare(home: Path, name: str, path: str) -> str:
    """One line: ours and bare ASGI, asked in turns for the same bytes."""
    settings = {"BIRDWATCH_HOME": str(home), "BIRDWATCH_RATE_READS": "0"}
    with serving("bench.counts_api:birdwatch_app", factory=True, environ=settings) as ours:
        started = time.perf_counter()
        body = fetch(ours.address + path)
        first_s = time.perf_counter() - started
        body_file = home / f"{name}.json"
        body_file.write_bytes(body)
        settings = {"BENCH_BODY": str(body_file)}
        with serving("bench.counts_api:bare_app", factory=False, environ=settings) as bare:
            pairs = [(pace_of(ours, path), pace_of(bare, "/")) for _ in range(ROUNDS)]
    per_s = [statistics.median(pair[side].per_s for pair in pairs) for side in (0, 1)]
    cpu_us = [statistics.median(pair[side].cpu_us for pair in pairs) for side in (0, 1)]
    return (
        f"  {name:7}{len(body):8} bytes"
        f"  requests/s {per_s[0]:7.0f}, bare ASGI {per_s[1]:7.0f}: ratio {per_s[0] / per_s[1]:.2f}"
        f"  CPU {cpu_us[0]:4.0f} us, bare {cpu_us[1]:4.0f} us: ratio {cpu_us[1] / cpu_us[0]:.2f}"
        f"  first answer {first_s:.2f} s"
    )


def ask_datasette(datasette: str, home: Path) -> float:
    """Requests/s of datasette for peaks by species and day of the same season, from the same rows."""
    copy = home / "datasette.db"
    shutil.copy(home / "birdwatch.db", copy)
    with sqlite3.connect(copy) as rows:
        rows.execute("PRAGMA journal_mode=DELETE")
    sql = (
        "select species, day, sum(count) from daily_count"
        f" where season='{SEASON}' group by species, day"
    )
    query = urllib.parse.urlencode({"sql": sql, "_shape": "array"})
    port = free_port()
    command = [datasette, "serve", "--immutable", str(copy), "--port", str(port)]
    command += ["--setting", "sql_time_limit_ms", "60000"]
    with running(command, f"http://127.0.0.1:{port}", {}) as server:
        return pace_of(server, f"/datasette.json?{query}").per_s


def main() -> None:
    """Fill, serve, ask, and print a table of ratios."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sightings", type=int, nargs="+", default=[10_000, 1_000_000])
    parser.add_argument("--datasette", default="", help="path of a datasette command to ask too")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="bench-counts-") as folder:
        for sightings in arguments.sightings:
            home = Path(folder) / str(sightings)
            started = time.perf_counter()
            asyncio.run(fill(home, sightings))
            print(f"{sightings} sightings, filled in {time.perf_counter() - started:.0f} s")
            for name, path in ADDRESSES.items():
                print(compare(home, name, path))
            if arguments.datasette:
                print(f"  datasette {ask_datasette(arguments.datasette, home):7.0f} requests/s")


if __name__ == "__main__":
    main()
