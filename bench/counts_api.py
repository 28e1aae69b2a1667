"""Requests per second of the count API, beside a bare ASGI application that sends the same bytes.

    python bench/counts_api.py [--sightings 10000 1000000] [--datasette PATH]

Each archive holds the spring that is asked for, equally filled; the larger one has more years and
seasons around it. All servers run under the same uvicorn and are asked by the same wrk, in turns,
so that the ratios hold whatever the machine is doing. Needs wrk.
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


@contextmanager
def serving(target: str, *, factory: bool, **environ: str) -> Iterator[str]:
    """A uvicorn of its own for this application, until the block ends; gives its address."""
    port = free_port()
    command = [sys.executable, "-m", "uvicorn", target, "--port", str(port), "--no-access-log"]
    command += ["--log-level", "warning", *(["--factory"] if factory else ["--lifespan", "off"])]
    with running(command, f"http://127.0.0.1:{port}", environ) as address:
        yield address


@contextmanager
def running(command: list[str], address: str, environ: dict[str, str]) -> Iterator[str]:
    process = subprocess.Popen(
        command,
        env=os.environ | environ,
        cwd=Path(__file__).parent.parent,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        wait_for(address, process)
        yield address
    finally:
        process.terminate()
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


def requests_per_second(url: str) -> float:
    command = ["wrk", "-t1", "-c32", f"-d{SECONDS}s", url]
    out = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    if "Non-2xx" in out:
        raise SystemExit(f"errors from {url}:\n{out}")
    found = re.search(r"Requests/sec:\s+([\d.]+)", out)
    return float(found[1]) if found else 0.0


def compare(home: Path, name: str, path: str) -> tuple[float, float, int, float]:
    """Requests/s of ours and of bare ASGI, the bytes of the answer, and seconds of its making."""
    with serving("bench.counts_api:birdwatch_app", factory=True, BIRDWATCH_HOME=str(home)) as ours:
        started = time.perf_counter()
        body = fetch(ours + path)
        first_s = time.perf_counter() - started
        body_file = home / f"{name}.json"
        body_file.write_bytes(body)
        with serving("bench.counts_api:bare_app", factory=False, BENCH_BODY=str(body_file)) as bare:
            pairs = [
                (requests_per_second(ours + path), requests_per_second(bare + "/"))
                for _ in range(ROUNDS)
            ]
    return (
        statistics.median(mine for mine, _ in pairs),
        statistics.median(theirs for _, theirs in pairs),
        len(body),
        first_s,
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
    with running(command, f"http://127.0.0.1:{port}", {}) as address:
        return requests_per_second(f"{address}/datasette.json?{query}")


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
                ours, bare, size, first_s = compare(home, name, path)
                print(
                    f"  {name:7} {ours:9.0f} requests/s  bare ASGI {bare:9.0f}"
                    f"  ratio {ours / bare:.2f}  {size} bytes  first answer {first_s:.2f} s"
                )
            if arguments.datasette:
                print(f"  datasette {ask_datasette(arguments.datasette, home):7.0f} requests/s")


if __name__ == "__main__":
    main()
