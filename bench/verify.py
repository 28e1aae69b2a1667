"""`birdwatch verify --deep` beside `sha256sum` over the same files, in the same run.

    python -m bench.verify [--photos 120] [--mib 12]

Makes an archive of that many originals of that size, each with its four renditions' worth of bytes,
reads all of it once so that both work from memory, then times each three times and takes the best.
The archive is verified whole: files, stray files, chain, derived values, counts.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import subprocess
import tempfile
import time
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import anyio

from birdwatch.domain.photo import Rendition
from birdwatch.intake.archive import Archive, open_archive
from birdwatch.intake.verification import verify_archive
from birdwatch.settings import Settings
from birdwatch.storage.blobs.files import FileBlobs, Incoming
from birdwatch.storage.photos import insert_photo, record_renditions
from tests.storage.makers import photo, writing

MIB = 1024 * 1024
RENDITIONS = (("320", 30), ("800", 120), ("1600", 400), ("2048", 700))  # KiB
ROUNDS = 3


async def fill(archive: Archive, photos: int, size: int) -> list[Path]:
    """Originals and renditions of random bytes, with the rows that speak of them."""
    paths = []
    for number in range(photos):
        incoming = await receive(archive.blobs, os.urandom(size))
        await archive.blobs.keep(incoming)
        async with writing(archive.db) as tx:
            new = replace(photo(number), sha256=incoming.sha256, size_bytes=size)
            await insert_photo(tx, new)
        await archive.blobs.discard(incoming)
        paths.append(archive.blobs.original_path(incoming.sha256))
        made = []
        for key, kib in RENDITIONS:
            data = os.urandom(kib * 1024)
            paths.append(await archive.blobs.put_rendition(new.id, key, "webp", data))
            digest = hashlib.sha256(data).hexdigest()
            made.append(Rendition(key, int(key), 1, "webp", len(data), digest))
        async with writing(archive.db) as tx:
            await record_renditions(tx, new.id, made, None)
    return paths


async def receive(blobs: FileBlobs, data: bytes) -> Incoming:
    async def chunks() -> object:
        for start in range(0, len(data), MIB):
            yield data[start : start + MIB]

    return await blobs.receive(chunks(), len(data))  # type: ignore[arg-type]


async def best_of_verify(archive: Archive) -> float:
    times = []
    for _ in range(ROUNDS):
        began = time.perf_counter()
        report = await verify_archive(archive, lambda _done: None, now=datetime.now(UTC))
        times.append(time.perf_counter() - began)
        assert report.found == (), report.findings
    return min(times)


def best_of_sha256sum(paths: list[Path]) -> float:
    times = []
    for _ in range(ROUNDS):
        began = time.perf_counter()
        subprocess.run(["sha256sum", *map(str, paths)], stdout=subprocess.DEVNULL, check=True)
        times.append(time.perf_counter() - began)
    return min(times)


async def run(photos: int, size: int) -> None:
    with tempfile.TemporaryDirectory(prefix="birdwatch-bench-") as folder:
        async with open_archive(Settings(home=Path(folder) / "home")) as archive:
            paths = await fill(archive, photos, size)
            total = sum(path.stat().st_size for path in paths) / MIB
            theirs = best_of_sha256sum(paths)
            ours = await best_of_verify(archive)
    print(f"{photos} photos, {len(paths)} files, {total:.0f} MiB; best of {ROUNDS}")
    print(f"sha256sum               {theirs:6.2f} s  {total / theirs:6.0f} MiB/s")
    print(f"birdwatch verify --deep {ours:6.2f} s  {total / ours:6.0f} MiB/s")
    print(f"ratio {theirs / ours:.2f} (at least 0.6 is asked for)")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--photos", type=int, default=120)
    parser.add_argument("--mib", type=int, default=12)
    given = parser.parse_args()
    anyio.run(run, given.photos, given.mib * MIB)


if __name__ == "__main__":
    main()
