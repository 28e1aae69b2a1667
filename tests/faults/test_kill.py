"""kill -9 at any moment: what was acknowledged is there and whole, nothing is half-written.

BIRDWATCH_KILLS and BIRDWATCH_KILL_PHOTOS make it longer: 10 kills over 200 photos.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import random
import signal
import subprocess
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import anyio
import httpx

from birdwatch.domain.photo import Photo, PhotoFilter
from birdwatch.intake.verification import verify_archive
from birdwatch.storage.photos import list_photos
from birdwatch.worker.loop import LEASE_S, do_next
from tests import serving
from tests.intake.archives import opened
from tests.pictures import make_jpeg
from tests.storage.makers import EVERYTHING

KILLS = int(os.environ.get("BIRDWATCH_KILLS", "3"))
PHOTOS = int(os.environ.get("BIRDWATCH_KILL_PHOTOS", "24"))
WAIT_S = 60
SEED = 20260425


def photos_in(folder: Path) -> dict[str, Path]:
    """PHOTOS files by their hash."""
    folder.mkdir()
    made = {}
    for number in range(PHOTOS):
        data = make_jpeg(160, 120, seed=number, gps=(40.6648, 122.1412))
        path = folder / f"{number:04}.jpg"
        path.write_bytes(data)
        made[hashlib.sha256(data).hexdigest()] = path
    return made


def environ(home: Path, database: str, **more: str) -> dict[str, str]:
    settings = {
        "BIRDWATCH_HOME": str(home),
        "BIRDWATCH_DATABASE": database,
        "BIRDWATCH_LOCALE": "en",
    }
    return serving.variables(**settings, **more)


def start(words: list[str], variables: dict[str, str]) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [*serving.BIRDWATCH, *words],
        env=variables,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )


def kill(process: subprocess.Popen[str]) -> str:
    """End it without any warning; what it had printed by then."""
    process.send_signal(signal.SIGKILL)
    return process.communicate(timeout=WAIT_S)[0]


def acknowledged_in(output: str) -> set[str]:
    """The ids of whole lines that say a photo is accepted or known."""
    lines = output.splitlines(keepends=True)
    fields = [line.rstrip("\n").split("\t") for line in lines if line.endswith("\n")]
    return {field[1] for field in fields if field[0] in ("accepted", "duplicate")}


async def all_photos(home: Path, database: str) -> list[Photo]:
    """Every photo after a restart, which must find the archive whole."""
    async with opened(home, database) as archive:
        report = await verify_archive(archive, lambda _done: None)
        assert report.findings == ()
        page = await list_photos(archive.db, PhotoFilter(), reader=EVERYTHING, limit=PHOTOS + 1)
        return list(page.items)


def check(home: Path, database: str, acknowledged: set[str], sent: dict[str, Path]) -> list[Photo]:
    """What was acknowledged is there; every row has its file; every file is one that was sent."""
    photos = anyio.run(all_photos, home, database)
    assert acknowledged <= {photo.id for photo in photos}
    assert len({photo.sha256 for photo in photos}) == len(photos)
    assert {photo.sha256 for photo in photos} <= set(sent)
    for path in (home / "originals").rglob("*"):
        if path.is_file():
            assert path.read_bytes() == sent[path.name].read_bytes()
    return photos


def test_kill_during_import_loses_nothing_acknowledged(tmp_path: Path, database_url: str) -> None:
    home, sent = tmp_path / "home", photos_in(tmp_path / "photos")
    variables = environ(home, database_url)
    words = ["import", "photos", str(tmp_path / "photos"), "--plain"]
    dice = random.Random(SEED)
    acknowledged: set[str] = set()
    for _ in range(KILLS):
        process = start(words, variables)
        assert process.stdout is not None
        seen = "".join(process.stdout.readline() for _ in range(dice.randrange(1, PHOTOS)))
        time.sleep(dice.uniform(0, 0.05))
        acknowledged |= acknowledged_in(seen + kill(process))
        check(home, database_url, acknowledged, sent)
    output = start(words, variables).communicate(timeout=WAIT_S * 5)[0]
    acknowledged |= acknowledged_in(output)
    photos = check(home, database_url, acknowledged, sent)
    assert {photo.sha256 for photo in photos} == set(sent)
    anyio.run(drained, home, database_url)
    photos = check(home, database_url, acknowledged, sent)
    assert {photo.state for photo in photos} == {"ready"}
    for part in (home / "incoming").iterdir():
        os.utime(part, (0, 0))
    anyio.run(all_photos, home, database_url)
    assert list((home / "incoming").iterdir()) == []


def test_kill_of_the_server_loses_nothing_acknowledged(tmp_path: Path, database_url: str) -> None:
    home, sent = tmp_path / "home", photos_in(tmp_path / "photos")
    token = new_token(home, database_url)
    dice = random.Random(SEED)
    acknowledged: set[str] = set()
    for _ in range(min(KILLS, 3)):
        with serving.serving(environ(home, database_url)) as served:
            acknowledged |= upload_until_killed(served, token, list(sent.values()), dice)
        check(home, database_url, acknowledged, sent)
    assert acknowledged
    anyio.run(drained, home, database_url)
    photos = check(home, database_url, acknowledged, sent)
    assert {photo.state for photo in photos} == {"ready"}


def new_token(home: Path, database: str) -> str:
    variables = environ(home, database)
    start(["user", "add", "lin"], variables).communicate(timeout=WAIT_S)
    words = ["token", "add", "lin", "--scope", "upload"]
    return start(words, variables).communicate(timeout=WAIT_S)[0].strip()


def upload_until_killed(
    served: serving.Served, token: str, paths: list[Path], dice: random.Random
) -> set[str]:
    """Upload one after another; the server dies in the middle of one of them."""
    acknowledged = set()
    last = dice.randrange(3, len(paths) - 1)
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "image/jpeg"}
    with httpx.Client(base_url=served.base, headers=headers, timeout=30) as client:
        for number, path in enumerate(dice.sample(paths, len(paths))):
            answer = client.post("/api/v1/photos", content=path.read_bytes())
            assert answer.status_code in (200, 201), answer.text
            acknowledged.add(answer.json()["id"])
            if number == last:
                break
        data = dice.choice(paths).read_bytes()

        def halves() -> Iterator[bytes]:
            yield data[: len(data) // 2]
            served.process.kill()
            yield data[len(data) // 2 :]

        with contextlib.suppress(httpx.TransportError):
            client.post("/api/v1/photos", content=halves())
    return acknowledged


async def drained(home: Path, database: str) -> None:
    """Do every job, those too that a killed worker still held."""
    async with opened(home, database) as archive:
        later = datetime.now(UTC) + timedelta(seconds=LEASE_S + 1)
        while await do_next(archive, "the next worker", now=later):
            pass
