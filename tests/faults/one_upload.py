"""One upload in pieces in a process of its own, ended or failed at any of its system calls.

`python -m tests.faults.one_upload kill|fail|random HOME DATABASE HOW_MANY [SHARE]` prints one line
of JSON for each trial, as `one_intake` does for photos that come in one body.
"""

from __future__ import annotations

import errno
import os
import random
import sys
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import anyio
import httpx

from birdwatch.intake.uploads import clear_expired
from birdwatch.storage.blobs.parts import part_path
from birdwatch.worker.loop import run_worker
from tests.api.tus import TUS, begin, checksum, send
from tests.faults.one_intake import (
    SEED,
    Said,
    Share,
    in_child,
    killed,
    look_over,
    places_in,
    read_all,
    run_sweep,
    say,
    service,
    state_of,
    tell,
)
from tests.faults.tracing import MAY_BE_FULL, Call, Plan, mark, run_traced
from tests.pictures import make_jpeg

LOOK_AT = 25  # uploads by one restart
LINES = 3
PIECES = 3
FAILING = (errno.EIO, errno.ENOSPC)


def picture(seed: int) -> bytes:
    return make_jpeg(160, 120, seed=seed)


def cuts(data: bytes) -> list[int]:
    """Where its pieces begin, and where the last one ends."""
    return [len(data) * number // PIECES for number in range(PIECES + 1)]


async def send_piece(client: httpx.AsyncClient, address: str, data: bytes, start: int) -> Said:
    """The piece that begins here, every second one with its checksum; what its sender is told."""
    end = next(cut for cut in cuts(data) if cut > start)
    more = {"Upload-Checksum": checksum(data[start:end])} if end % 2 else {}
    answer = await send(client, address, start, data[start:end], **more)
    return {
        "status": answer.status_code,
        "offset": int(answer.headers.get("upload-offset", 0)),
        "photo": answer.headers.get("birdwatch-photo", "").rpartition("/")[2],
    }


async def upload(home: Path, database: str, photo: bytes, told: int) -> None:
    """One upload whose second and last pieces are marked; what its sender hears goes to `told`."""
    async with service(home, database) as (archive, client):
        await archive.sandbox.probe(home.parent / "warm.jpg")
        if archive.db.dialect == "sqlite":  # else some would do it, and others not
            await archive.db.writer.execute_query("PRAGMA wal_checkpoint(TRUNCATE)")
        address = await begin(client, len(photo))
        tell(told, {"address": address} | await send_piece(client, address, photo, 0))
        mark(True)
        for start in cuts(photo)[1:-1]:
            said = await send_piece(client, address, photo, start)
            if said["status"] >= 400:
                mark(False)
                size = part_path(archive.blobs, address.rpartition("/")[2]).stat().st_size
                said |= {"start": start, "size": size} | await state_of(archive, photo)
                tell(told, said)
                break
            tell(told, said)
        mark(False)
        os._exit(0)


async def many_uploads(home: Path, database: str, seed: int, told: int) -> None:
    """Uploads over several lines, and the worker beside them, until somebody kills this."""
    async with service(home, database) as (archive, client):
        await archive.sandbox.probe(home.parent / "warm.jpg")

        async def line(which: int) -> None:
            for number in range(1000):
                its_seed = seed + LINES * number + which
                photo = picture(its_seed)
                address = await begin(client, len(photo))
                said: Said = {"status": 201, "offset": 0, "photo": ""}
                tell(told, {"address": address, "seed": its_seed} | said)
                for start in cuts(photo)[:-1]:
                    said = await send_piece(client, address, photo, start)
                    tell(told, {"address": address, "seed": its_seed} | said)

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(partial(run_worker, archive, stop=anyio.Event()))
            os.write(told, b"ready\n")
            for which in range(LINES):
                tasks.start_soon(line, which)


async def look(home: Path, database: str, begun: Sequence[tuple[str, bytes]], told: int) -> None:
    """After a restart: what there is of each upload, and what becomes of it when it goes on."""
    async with service(home, database) as (archive, client):
        for address, photo in begun:
            state = await state_of(archive, photo)
            answer = await client.head(address, headers=TUS)
            offset = int(answer.headers.get("upload-offset", -1))
            part = part_path(archive.blobs, address.rpartition("/")[2])
            is_right = not part.exists() or part.read_bytes() == photo[:offset]
            state |= {"head": answer.status_code, "offset": offset, "right": is_right}
            while 0 <= offset < len(photo):
                said = await send_piece(client, address, photo, offset)
                if said["status"] != 204:
                    break
                offset = said["offset"]
            state["became"] = (await client.get(address)).json()
            state["after"] = await state_of(archive, photo)
            tell(told, state)
        for left in (home / "incoming").glob("*.part"):
            os.utime(left, (0, 0))


async def clear(home: Path, database: str, told: int) -> None:
    """Much later: uploads that nobody heard of and nobody goes on with are forgotten."""
    async with service(home, database) as (archive, _):
        cleared = 0
        while more := await clear_expired(archive, datetime.now(UTC) + timedelta(days=60)):
            cleared += more
        tell(told, {"cleared": cleared})


def traced(home: Path, database: str, photo: bytes, plan: Plan) -> Said:
    """One upload under this plan: the calls that counted, and all that its sender was told."""
    out, told = os.pipe()
    heard = run_traced(lambda: anyio.run(upload, home, database, photo, told), plan)
    os.close(told)
    said = read_all(out)
    calls = [f"{call.name} {call.path}".strip() for call in heard.calls]
    return {"calls": calls, "said": said, "status": heard.status}


def kill_sweep(home: Path, database: str, how_many: int, share: Share) -> None:
    """Kill at every system call from the second piece on, or at so many spread over them."""
    total = len(traced(home, database, picture(1), Plan())["calls"])
    places = places_in(total, how_many, share)
    for start in range(0, len(places), LOOK_AT):
        some = places[start : start + LOOK_AT]
        photos = [picture(1000 + at) for at in some]
        trials = [
            traced(home, database, photo, Plan(at=at))
            for at, photo in zip(some, photos, strict=True)
        ]
        begun = [
            (trial["said"][0]["address"], photo)
            for trial, photo in zip(trials, photos, strict=True)
        ]
        found = in_child(partial(look, home, database, begun))
        for at, trial, state in zip(some, trials, found, strict=True):
            say({"at": at, "of": total, "said": trial["said"], "status": trial["status"],
                 "found": state})  # fmt: skip
    say({"end": in_child(partial(look_over, home, database))[0]})


def fail_sweep(home: Path, database: str, how_many: int, share: Share) -> None:
    """Let every call about our files fail once, or so many spread over them.

    Those about the rows are failed with photos that come in one body.
    """
    roots = (f"{home}/",)
    for error in FAILING:

        def counts(call: Call, error: int = error) -> bool:
            is_file = not call.path.startswith("birdwatch.db")
            return is_file and (error == errno.EIO or call.name in MAY_BE_FULL)

        first = traced(home, database, picture(2 + error), Plan(roots=roots, counts=counts))
        for at in places_in(len(first["calls"]), how_many, share):
            photo = picture(10_000 * error + at)
            trial = traced(home, database, photo, Plan(at, error, roots, counts))
            call = trial["calls"][at - 1] if at <= len(trial["calls"]) else ""
            begun = [(trial["said"][0]["address"], photo)]
            found = in_child(partial(look, home, database, begun))[0]
            say({"error": errno.errorcode[error], "at": at, "of": len(first["calls"]),
                 "call": call, "said": trial["said"], "found": found})  # fmt: skip
    in_child(partial(clear, home, database))
    say({"end": in_child(partial(look_over, home, database))[0]})


def random_kills(home: Path, database: str, how_many: int, share: Share) -> None:
    """Kill at any moment of many uploads with the worker beside them."""
    dice = random.Random(SEED + share[0])
    for trial in range(how_many):
        seed = 1_000_000 + (share[0] * 10_000 + trial) * 3000
        told = killed(partial(many_uploads, home, database, seed), dice.uniform(0, 1.5))
        last: dict[str, Said] = {said["address"]: said for said in told}
        begun = [(address, picture(said["seed"])) for address, said in last.items()]
        found = in_child(partial(look, home, database, begun))
        say({"trial": trial, "told": [*last.values()], "found": found,
             "odd": [said for said in told if said["status"] not in (201, 204)]})  # fmt: skip
    in_child(partial(clear, home, database))
    say({"end": in_child(partial(look_over, home, database))[0]})


SWEEPS = {"kill": kill_sweep, "fail": fail_sweep, "random": random_kills}


if __name__ == "__main__":
    run_sweep(SWEEPS, sys.argv[1:])
