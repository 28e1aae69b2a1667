"""Photos of real cameras, beside exiftool; and files that were made to crash a decoder.

exiftool is the oracle: time and position of every accepted file are what it reads, but for the
differences listed here, each with its reason.
"""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import anyio
import pytest

from birdwatch.domain.errors import BirdwatchError
from birdwatch.domain.photo import SettledTime
from birdwatch.domain.place import Point, SettledPlace
from birdwatch.domain.place_ladder import settle_gps
from birdwatch.domain.time_ladder import settle_time
from birdwatch.imaging.sandbox import Sandbox

pytestmark = pytest.mark.anyio
DATA = Path(__file__).resolve().parents[3] / "shared" / "data"
NOW = datetime(2030, 1, 1, tzinfo=UTC)  # one camera's clock ran years ahead
SAME_DEGREES = 1e-6  # a decimetre: exiftool prints eight digits

NO_TIME = "no time"
# Files whose time is not exiftool's DateTimeOriginal: what the archive settles, and why.
TIME_DIFFERENCES = {
    "exif-samples/heic/mobile/HMD_Nokia_8.3_5G.heif": (
        "2022-02-03 22:44:09 gps_clock",
        "there is no DateTimeOriginal: the GPS clock, shown in the zone of the estuary",
    ),
    "exif-samples/heic/mobile/HMD_Nokia_8.3_5G_hdr.heif": (
        "2022-01-12 15:30:14 gps_clock",
        "there is no DateTimeOriginal: the GPS clock, shown in the zone of the estuary",
    ),
    "exif-samples/jpg/exif-org/sanyo-vpcg250.jpg": (
        NO_TIME,
        "1998:01:01 00:00:00 is a clock that nobody set",
    ),
    "exif-samples/jpg/long_description.jpg": (
        "2003-08-31 00:00:00 xmp",
        "there is no DateTimeOriginal: photoshop:DateCreated, a date without a time",
    ),
    "exif-samples/jpg/tests/30-type_error.jpg": (
        "2013-07-05 03:18:27 xmp",
        "there is no DateTimeOriginal in EXIF: the one in XMP",
    ),
}
# Files whose position is not the one exiftool reads.
PLACE_DIFFERENCES: dict[str, tuple[Point | None, str]] = {}
REFUSED = {
    "exif-samples/.DS_Store": "photo.unsupported",
    "exif-samples/.gitignore": "photo.unsupported",
    "exif-samples/README.rst": "photo.unsupported",
    "exif-samples/dump": "photo.unsupported",
    "exif-samples/jpg/README": "photo.unsupported",
    "exif-samples/jpg/exif-org/README": "photo.unsupported",
    "exif-samples/jpg/gps/README": "photo.unsupported",
    "exif-samples/jpg/hdr/README": "photo.unsupported",
    "exif-samples/jpg/invalid/README": "photo.unsupported",
    "exif-samples/jpg/orientation/README": "photo.unsupported",
    "exif-samples/tiff/README": "photo.unsupported",
    "heif/LICENSE.txt": "photo.unsupported",
    "heif/corrupted.heic": "photo.undecodable",
    "heif/empty.heic": "photo.empty",
}
# Of the hostile files, the ones that are pictures after all; every other one is refused.
HOSTILE_BUT_SOUND = {
    "broken_exif_dpi.jpg",
    "crash-0da013a13571cc8eb457a39fee8db18f8a3c7127.tif",
    "crash-74d2a78403a5a59db1fb0a2b8735ac068a75f6e3.tif",
    "invalid-exif-without-x-resolution.jpg",
    "invalid-exif.jpg",
    "truncated_app14.jpg",
    "truncated_exif_dpi.jpg",
}


@dataclass(frozen=True)
class Outcome:
    """What the archive makes of one file."""

    refused: str | None = None
    time: SettledTime | None = None
    place: SettledPlace | None = None

    @property
    def told_time(self) -> str:
        if self.time is None or self.time.wall is None:
            return NO_TIME
        return f"{self.time.wall.replace(microsecond=0)} {self.time.source}"

    @property
    def camera_time(self) -> str:
        """The same without its source, where that is DateTimeOriginal by whatever zone."""
        return self.told_time.partition(" exif_")[0]


@pytest.fixture
async def sandbox() -> AsyncIterator[Sandbox]:
    async with Sandbox(children=2) as opened:
        yield opened


def files_of(folder: str) -> dict[str, Path]:
    root = DATA / folder
    if not root.is_dir():
        pytest.skip(f"no {folder}: the shared photos are not on this machine")
    return {str(path.relative_to(root)): path for path in sorted(root.rglob("*")) if path.is_file()}


async def settle(sandbox: Sandbox, path: Path) -> Outcome:
    try:
        found = await sandbox.probe(path, path.name)
    except BirdwatchError as error:
        return Outcome(error.code)
    time = settle_time(found.time_evidence, now=NOW)
    return Outcome(None, time, settle_gps(found.gps_evidence, taken=time))


def read_by_exiftool(folder: str) -> dict[str, dict[str, Any]]:
    exiftool = shutil.which("exiftool")
    if exiftool is None:
        pytest.skip("exiftool is not installed")
    tags = ("-EXIF:DateTimeOriginal", "-Composite:GPSLatitude", "-Composite:GPSLongitude")
    command = [exiftool, "-json", "-n", "-r", "-a", "-G0", *tags, "-ext", "*", str(DATA / folder)]
    answer = subprocess.run(command, capture_output=True, check=False, text=True)
    root = str(DATA / folder) + "/"
    return {row["SourceFile"].removeprefix(root): row for row in json.loads(answer.stdout)}


def exiftool_time(row: dict[str, Any]) -> str:
    text = str(row.get("EXIF:DateTimeOriginal", ""))[:19]
    is_date = text[:4].isdigit() and not text.startswith("0000")
    return text.replace(":", "-", 2) if is_date else NO_TIME


def is_same_place(place: SettledPlace | None, row: dict[str, Any]) -> bool:
    lat, lon = row.get("Composite:GPSLatitude"), row.get("Composite:GPSLongitude")
    if place is None or lat is None or lon is None:
        return place is None and lat is None
    apart = max(abs(place.point.lat - lat), abs(place.point.lon - lon))
    return bool(apart <= SAME_DEGREES)


async def test_real_photos_give_the_time_and_place_that_exiftool_reads(sandbox: Sandbox) -> None:
    files = files_of("photos")
    oracle = read_by_exiftool("photos")
    refused, times, places = {}, {}, {}
    for name, path in files.items():
        outcome = await settle(sandbox, path)
        row = oracle.get(name, {})
        if outcome.refused is not None:
            refused[name] = outcome.refused
            continue
        if outcome.camera_time != exiftool_time(row):
            times[name] = outcome.told_time
        if not is_same_place(outcome.place, row):
            places[name] = outcome.place.point if outcome.place else None
    assert refused == REFUSED
    assert times == {name: settled for name, (settled, _) in TIME_DIFFERENCES.items()}
    assert places == {name: point for name, (point, _) in PLACE_DIFFERENCES.items()}
    assert len(files) - len(refused) >= 90


async def test_real_photos_of_birds_keep_their_time_and_place(sandbox: Sandbox) -> None:
    files = files_of("birds")
    oracle = read_by_exiftool("birds")
    pictures = {name: path for name, path in files.items() if not name.endswith(".txt")}
    for name, path in pictures.items():
        outcome = await settle(sandbox, path)
        assert outcome.camera_time == exiftool_time(oracle[name])
        assert is_same_place(outcome.place, oracle[name])
    assert len(pictures) == 3


async def test_real_photos_all_render(sandbox: Sandbox, tmp_path: Path) -> None:
    files = files_of("photos")
    keys: dict[str, set[str]] = {}

    async def render(name: str, path: Path) -> None:
        out_dir = tmp_path / str(len(keys))
        keys[name] = set()
        out_dir.mkdir()
        keys[name] = {made.key for made in (await sandbox.render(path, out_dir)).renditions}

    async with anyio.create_task_group() as tasks:
        for name, path in files.items():
            if name not in REFUSED:
                tasks.start_soon(render, name, path)
    assert [name for name, made in keys.items() if not made >= {"320", "2048"}] == []


async def test_hostile_files_are_refused_in_words_or_sound(
    sandbox: Sandbox, tmp_path: Path
) -> None:
    accepted = set()
    for path in files_of("hostile").values():
        outcome = await settle(sandbox, path)
        if outcome.refused is None:
            accepted.add(path.name)
            await sandbox.render(path, tmp_path)
    assert accepted == HOSTILE_BUT_SOUND
