"""One intake in a process of its own, again and again from a process that has everything loaded.

`python -m tests.faults.one_intake kill|fail|random HOME DATABASE HOW_MANY [SHARE]` prints one line
of JSON for each trial: what was done to it, what its sender was told, and what was found
afterwards. HOW_MANY 0 is every system call there is; SHARE 2/3 is the second third of them.
"""

from __future__ import annotations

import errno
import gc
import hashlib
import json
import os
import random
import select
import signal
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import anyio
import httpx

from birdwatch.app import create_app
from birdwatch.domain.photo import PhotoFilter
from birdwatch.domain.policy import SYSTEM
from birdwatch.domain.text import Text
from birdwatch.http.accounts import create_token
from birdwatch.http.caching import archive_key
from birdwatch.intake.archive import Archive, open_archive
from birdwatch.intake.verification import verify_archive
from birdwatch.settings import Settings
from birdwatch.storage.people import add_person
from birdwatch.storage.photos import find_photo_by_sha256, list_photos
from birdwatch.worker.loop import LEASE_S, do_next, run_worker
from tests.faults.tracing import MAY_BE_FULL, Call, Plan, mark, run_traced
from tests.pictures import make_jpeg
from tests.service import new_client
from tests.storage.makers import EVERYTHING

Said = dict[str, Any]
Share = tuple[int, int]  # this run, of so many that run beside each other
Sweep = Callable[[Path, str, int, Share], None]
ERRORS = {"ENOSPC": errno.ENOSPC, "EIO": errno.EIO}
SEED = 20260425
LOOK_AT = 25  # photos by one restart


@asynccontextmanager
async def service(home: Path, database: str) -> AsyncIterator[tuple[Archive, httpx.AsyncClient]]:
    """The application without anything that runs beside the requests."""
    settings = Settings(home=home, database=database)
    app = create_app(settings)
    async with open_archive(settings) as archive:
        app.state.archive = archive
        with archive.db.activate():
            app.state.archive_key = await archive_key(archive.db)
            yield archive, new_client(app, Authorization=f"Bearer {token_of(home)}")


def token_of(home: Path) -> str:
    return (home.parent / "token").read_text()


async def prepare(home: Path, database: str) -> None:
    async with open_archive(Settings(home=home, database=database)) as archive:
        with archive.db.activate():
            async with archive.db.write(SYSTEM, datetime.now(UTC)) as tx:
                li = await add_person(
                    tx, "li", "-", "contributor", Text("李", "Li"), trust="trusted"
                )
                secret = await create_token(tx, li.id, "test", ("upload", "read"))
    (home.parent / "token").write_text(secret)


async def send(client: httpx.AsyncClient, photo: bytes) -> Said:
    answer = await client.post(
        "/api/v1/photos", content=photo, headers={"Content-Type": "image/jpeg"}
    )
    said = answer.json()
    return {"status": answer.status_code, "id": said.get("id"), "detail": said.get("detail")}


async def intake(home: Path, database: str, photo: bytes, told: int) -> None:
    """One photo, marked, with everything warm; what its sender hears goes to `told`."""
    async with service(home, database) as (archive, client):
        await archive.sandbox.probe(home.parent / "warm.jpg")
        await client.get("/api/v1/photos?limit=1")
        if archive.db.dialect == "sqlite":  # else some intakes would do it, and others not
            await archive.db.writer.execute_query("PRAGMA wal_checkpoint(TRUNCATE)")
        mark(True)
        said = await send(client, photo)
        mark(False)
        if said["status"] >= 500:  # what is left of it, and whether this very process goes on
            said |= await state_of(archive, photo)
            said["again"] = (await send(client, photo))["status"]
        tell(told, said)
        os._exit(0)


async def state_of(archive: Archive, photo: bytes) -> Said:
    """What there is of this photo."""
    sha256 = hashlib.sha256(photo).hexdigest()
    found = await find_photo_by_sha256(archive.db, sha256)
    path = archive.blobs.original_path(sha256)
    return {
        "row": found.id if found else None,
        "file": path.is_file(),
        "whole": path.is_file() and path.read_bytes() == photo,
        "parts": len(list((archive.blobs.home / "incoming").iterdir())),
    }


async def many_intakes(home: Path, database: str, seed: int, told: int) -> None:
    """Photos by several senders, and the worker beside them, until somebody kills this."""
    async with service(home, database) as (archive, client):
        stop = anyio.Event()
        await archive.sandbox.probe(home.parent / "warm.jpg")

        async def sender(which: int) -> None:
            for number in range(1000):
                photo = make_jpeg(160, 120, seed=seed + 3 * number + which)
                said = await send(client, photo)
                said["seed"] = seed + 3 * number + which
                tell(told, said)

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(partial(run_worker, archive, stop=stop))
            os.write(told, b"ready\n")
            for which in range(3):
                tasks.start_soon(sender, which)


async def look(home: Path, database: str, photos: Sequence[bytes], told: int) -> None:
    """After a restart: is each photo there, is it whole, and is it taken when sent again."""
    async with service(home, database) as (archive, client):
        for part in (home / "incoming").iterdir():
            os.utime(part, (0, 0))
        for photo in photos:
            state = await state_of(archive, photo)
            state["again"] = await send(client, photo)
            tell(told, state)


async def look_over(home: Path, database: str, told: int) -> None:
    """The whole archive: the ids of all photos, and what verification finds."""
    async with service(home, database) as (archive, _):
        later = datetime.fromtimestamp(time.time() + LEASE_S + 5, UTC)
        while await do_next(archive, "the next worker", now=later):
            pass
        report = await verify_archive(archive, lambda _done: None)
        ids: dict[str, str] = {}
        cursor = None
        while True:
            page = await list_photos(
                archive.db, PhotoFilter(), reader=EVERYTHING, limit=500, cursor=cursor
            )
            ids |= {photo.id: photo.sha256 for photo in page.items}
            cursor = page.next
            if cursor is None:
                break
        known = set(ids.values())
        files = [path for path in (home / "originals").rglob("*") if path.is_file()]
        state = {
            "photos": ids,
            "findings": [finding.en for finding in report.findings],
            "strays": sorted(path.name for path in files if path.name not in known),
            "damaged": sorted(
                path.name for path in files if sha256_of(path.read_bytes()) != path.name
            ),
            "parts": len(list((home / "incoming").iterdir())),
        }
        tell(told, state)


def tell(told: int, said: Said) -> None:
    os.write(told, json.dumps(said).encode() + b"\n")


def sha256_of(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def in_child(work: Callable[[int], Awaitable[None]]) -> list[Said]:
    """What this said, done in a process of its own."""
    out, told = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            os.close(out)
            anyio.run(work, told)
            os._exit(0)
        finally:
            os._exit(1)
    os.close(told)
    said = read_all(out)
    os.waitpid(pid, 0)
    return said


def read_all(out: int) -> list[Said]:
    with os.fdopen(out, "rb") as lines:
        return [json.loads(line) for line in lines if line.startswith(b"{") and line[-1:] == b"\n"]


def traced(home: Path, database: str, photo: bytes, plan: Plan) -> Said:
    """One intake under this plan: the calls that counted, and what its sender was told."""
    out, told = os.pipe()
    heard = run_traced(lambda: anyio.run(intake, home, database, photo, told), plan)
    os.close(told)
    said = read_all(out)
    calls = [f"{call.name} {call.path}".strip() for call in heard.calls]
    return {"calls": calls, "said": said[0] if said else None, "status": heard.status}


def kill_sweep(home: Path, database: str, how_many: int, share: Share) -> None:
    """Kill at every system call of an intake, or at so many spread over them."""
    total = len(traced(home, database, make_jpeg(160, 120, seed=1), Plan())["calls"])
    places = places_in(total, how_many, share)
    for start in range(0, len(places), LOOK_AT):
        some = places[start : start + LOOK_AT]
        photos = [make_jpeg(160, 120, seed=1000 + at) for at in some]
        trials = [
            traced(home, database, photo, Plan(at=at))
            for at, photo in zip(some, photos, strict=True)
        ]
        found = in_child(partial(look, home, database, photos))
        for at, trial, state in zip(some, trials, found, strict=True):
            say({"at": at, "of": total, "said": trial["said"], "status": trial["status"],
                 "found": state})  # fmt: skip
    say({"end": in_child(partial(look_over, home, database))[0]})


def fail_sweep(home: Path, database: str, how_many: int, share: Share) -> None:
    """Let every call about our files fail once, or so many spread over them."""
    roots = (f"{home}/",)
    for name, error in ERRORS.items():

        def counts(call: Call, name: str = name) -> bool:
            return name == "EIO" or call.name in MAY_BE_FULL

        first = make_jpeg(160, 120, seed=2 + error)
        total = len(traced(home, database, first, Plan(roots=roots, counts=counts))["calls"])
        for at in places_in(total, how_many, share):
            photo = make_jpeg(160, 120, seed=10_000 * error + at)
            trial = traced(home, database, photo, Plan(at, error, roots, counts))
            call = trial["calls"][at - 1] if at <= len(trial["calls"]) else ""
            say({"error": name, "at": at, "of": total, "call": call, "said": trial["said"]})
    say({"end": in_child(partial(look_over, home, database))[0]})


def random_kills(home: Path, database: str, how_many: int, share: Share) -> None:
    """Kill at any moment of many intakes with the worker beside them."""
    dice = random.Random(SEED + share[0])
    acknowledged: dict[str, int] = {}
    for trial in range(how_many):
        seed = 1_000_000 + trial * 3000
        told = killed(partial(many_intakes, home, database, seed), dice.uniform(0, 1.0))
        fine = [said for said in told if said["status"] in (200, 201)]
        acknowledged |= {said["id"]: said["seed"] for said in fine}
        odd = [said for said in told if said["status"] not in (200, 201)]
        say({"trial": trial, "acknowledged": len(fine), "odd": odd})
    for part in (home / "incoming").iterdir():
        os.utime(part, (0, 0))
    end = in_child(partial(look_over, home, database))[0]
    photos = end["photos"]
    end["lost"] = [
        one
        for one, seed in acknowledged.items()
        if photos.get(one) != sha256_of(make_jpeg(160, 120, seed=seed))
    ]
    say({"end": end, "acknowledged": len(acknowledged)})


def killed(work: Callable[[int], Awaitable[None]], delay_s: float) -> list[Said]:
    """What this said before it was killed, so long after it was ready."""
    out, told = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            os.close(out)
            os.setpgid(0, 0)
            anyio.run(work, told)
        finally:
            os._exit(1)
    os.close(told)
    assert select.select([out], [], [], 60)[0], "the archive did not open"
    time.sleep(delay_s)
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    return read_all(out)


def places_in(total: int, how_many: int, share: Share) -> list[int]:
    """All of these calls, or so many spread over them; of those the share of this run."""
    step = max(1, total // how_many) if how_many > 0 else 1
    return [*range(1 + (step - 1) // 2, total + 1, step)][share[0] - 1 :: share[1]]


def say(line: Said) -> None:
    sys.stdout.write(json.dumps(line) + "\n")
    sys.stdout.flush()


SWEEPS = {"kill": kill_sweep, "fail": fail_sweep, "random": random_kills}


def run_sweep(sweeps: Mapping[str, Sweep], words: Sequence[str]) -> None:
    """The program of a sweep: which, where, on what database, how many trials, and its share."""
    which, folder, database, how_many, *share = words
    home = Path(folder)
    home.parent.mkdir(parents=True, exist_ok=True)
    (home.parent / "warm.jpg").write_bytes(make_jpeg(64, 48))
    in_child(lambda _: prepare(home, database))
    gc.freeze()
    first, of = (share[0] if share else "1/1").split("/")
    sweeps[which](home, database, int(how_many), (int(first), int(of)))


if __name__ == "__main__":
    run_sweep(SWEEPS, sys.argv[1:])
