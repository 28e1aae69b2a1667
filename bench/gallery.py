"""The gallery's first page at a thousand and at a million photos: it must cost the same.

    python bench/gallery.py [--photos 1000 1000000] [--times 40]

Rows go straight into the tables by the functions that make them, in one transaction; pictures are
not needed for a page's HTML and JSON. Pages are asked in this process over ASGI, in turns.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import tempfile
import time
from collections.abc import Iterator
from contextlib import AsyncExitStack
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path

import httpx

from birdwatch.app import create_app
from birdwatch.domain.credit import Credit
from birdwatch.domain.ids import new_id
from birdwatch.domain.photo import Camera, PhotoFacts, PublicValues, Rendition, SettledTime
from birdwatch.domain.place import Point, SettledPlace
from birdwatch.domain.policy import SYSTEM
from birdwatch.domain.publication import public_values
from birdwatch.domain.season import place_in_season
from birdwatch.domain.text import Text
from birdwatch.settings import Settings
from birdwatch.storage import ledger
from birdwatch.storage.columns import to_json
from birdwatch.storage.db import open_database
from birdwatch.storage.photo_rows import (
    FACT_COLUMNS,
    PHOTO_COLUMNS,
    NewPhoto,
    fact_values,
    photo_values,
)
from birdwatch.storage.sql import insert
from birdwatch.storage.windows import load_windows

ADDRESSES = (
    "/gallery",
    "/api/v1/photos?limit=50",
    "/gallery?season=2026-spring",
    "/gallery?species=grekno",
)
BATCH = 5000
SPECIES = ("grekno", "dunlin", None)
SITES = ("sidaogou", "yongyuanjiao", "liaobin")
SIZES = (("320", 320, 213), ("800", 800, 533), ("1600", 1600, 1067))
RENDITIONS = [Rendition(key, width, height, "webp", 40_000) for key, width, height in SIZES]


def photos(number: int, windows: list) -> Iterator[NewPhoto]:  # type: ignore[type-arg]
    """So many photos, spread over the days of ten springs, several in each second."""
    received = datetime(2026, 6, 1, tzinfo=UTC)
    for n in range(number):
        spring = datetime(2017 + n % 10, 3, 1, 6, tzinfo=UTC)
        wall = (spring + timedelta(days=n // 10 % 92, seconds=n // 2760)).replace(tzinfo=None)
        day = place_in_season(wall.date(), windows)
        facts = PhotoFacts(
            time=SettledTime(
                (wall - timedelta(hours=8)).replace(tzinfo=UTC), wall, 480, "exif_offset", "high"
            ),
            place=SettledPlace(Point(40.66, 122.11), "gps", "high"),
            site=SITES[n % len(SITES)],
            season=day.season,
            phase=day.phase,
            dekad=day.dekad,
            species=SPECIES[n % len(SPECIES)],
            caption=Text("鸟浪", "A wave of birds"),
            credit=Credit((("photo", "国颖"),)),
            license="CC-BY-4.0",
        )
        yield NewPhoto(
            id=new_id(received + timedelta(milliseconds=n)),
            sha256=f"{n:064x}",
            format="jpeg",
            width=6000,
            height=4000,
            size_bytes=9_000_000,
            received_at=received,
            owner_id=None,
            original_name=f"DSC{n:07}.JPG",
            camera=Camera("Canon", "EOS R5"),
            facts=facts,
            tags={},
        )


async def fill(home: Path, number: int) -> None:
    """An archive of so many photos that are ready to be shown."""
    home.mkdir(parents=True)
    db = await open_database(f"sqlite://{home / 'birdwatch.db'}")
    into_photo, into_fact = insert("photo", PHOTO_COLUMNS), insert("photo_fact", FACT_COLUMNS)
    state, renditions = PHOTO_COLUMNS.index("state"), PHOTO_COLUMNS.index("renditions")
    drawn = to_json([asdict(rendition) for rendition in RENDITIONS])
    async with db.write(SYSTEM, datetime.now(UTC)) as tx:
        version = await ledger.append(tx, "import", "photo", "bench")
        made = photos(number, await load_windows(db))
        while batch := list(islice(made, BATCH)):
            rows = []
            for photo in batch:
                row = list(photo_values(photo, version))
                row[state], row[renditions] = "ready", drawn
                rows.append(row)
            await tx.run_many(into_photo, rows)
            await tx.run_many(
                into_fact,
                [
                    fact_values(p.id, None, p.received_at, p.facts, told(p.facts), version)
                    for p in batch
                ],
            )
    await db.close()


def told(facts: PhotoFacts) -> PublicValues:
    """What everyone may know, as at every write."""
    return public_values(facts, facts.level, None, is_listed=False)


async def measure(homes: dict[int, Path], times: int) -> dict[str, dict[int, float]]:
    """Median milliseconds of each address in each archive, asked in turns."""
    taken: dict[str, dict[int, list[float]]] = {
        address: {number: [] for number in homes} for address in ADDRESSES
    }
    async with AsyncExitStack() as stack:
        clients = {}
        for number, home in homes.items():
            app = create_app(Settings(home=home, rate_reads=0))
            await stack.enter_async_context(app.router.lifespan_context(app))
            transport = httpx.ASGITransport(app=app)
            clients[number] = httpx.AsyncClient(transport=transport, base_url="http://bench")
        for turn in range(times + 3):
            for address in ADDRESSES:
                for number, client in clients.items():
                    started = time.perf_counter()
                    response = await client.get(address)
                    response.raise_for_status()
                    if turn >= 3:  # the first ones warm the caches of the process
                        taken[address][number].append((time.perf_counter() - started) * 1000)
    return {
        address: {number: statistics.median(ms) for number, ms in by_number.items()}
        for address, by_number in taken.items()
    }


def main() -> None:
    """Fill, ask, and print milliseconds and ratios."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--photos", type=int, nargs="+", default=[1000, 1_000_000])
    parser.add_argument("--times", type=int, default=40)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="bench-gallery-") as folder:
        homes = {number: Path(folder) / str(number) for number in arguments.photos}
        for number, home in homes.items():
            started = time.perf_counter()
            asyncio.run(fill(home, number))
            print(f"{number} photos, filled in {time.perf_counter() - started:.0f} s")
        for address, by_number in asyncio.run(measure(homes, arguments.times)).items():
            first, *_, last = by_number.values()
            shown = "  ".join(f"{number}: {ms:.1f} ms" for number, ms in by_number.items())
            print(f"  {address:30} {shown}  ratio {last / first:.2f}")


if __name__ == "__main__":
    main()
