"""What asking the policy costs: the same routes with a policy that always answers yes.

    python -m bench.policy [--photos 1000] [--sightings 10000] [--times 300]

Both are asked in this process over ASGI, in turns, so that what else the machine does meets both.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from unittest.mock import patch

import httpx

from bench import counts_api, gallery
from birdwatch.app import create_app
from birdwatch.domain.photo import Photo
from birdwatch.domain.policy import PUBLIC, Actor, Lens, View
from birdwatch.domain.survey import Survey
from birdwatch.settings import Settings

WARMING = 20


@contextmanager
def always_yes() -> Iterator[None]:
    """Nobody is asked: every reader sees every row whole, through the same lists."""

    def may(*_: object) -> bool:
        return True

    def lens_of(*_: object, **__: object) -> Lens:
        return PUBLIC

    def seen(value: Photo | Survey, _actor: Actor, _now: object) -> Photo | Survey:
        return value

    def view(*_: object) -> View:
        return "full"

    names = {
        "birdwatch.storage.photos.seen_photo": seen,
        "birdwatch.storage.photos.lens_of": lens_of,
        "birdwatch.domain.publication.view": view,
        "birdwatch.http.accounts.may": may,
        "birdwatch.api.counts.may": may,
    }
    patches = [patch(name, new) for name, new in names.items()]
    for one in patches:
        one.start()
    try:
        yield
    finally:
        for one in patches:
            one.stop()


async def ask(home: Path, address: str, times: int) -> tuple[float, float]:
    """Median milliseconds with the policy and without."""
    app = create_app(Settings(home=home, rate_reads=0))
    taken: tuple[list[float], list[float]] = ([], [])
    async with app.router.lifespan_context(app):
        transport = httpx.ASGITransport(app=app)
        async with httpx.AsyncClient(transport=transport, base_url="http://bench") as client:
            for turn in range(times + WARMING):
                taken[0].append(await _one(client, address))
                with always_yes():
                    taken[1].append(await _one(client, address))
                if turn < WARMING:
                    taken[0].clear()
                    taken[1].clear()
    return statistics.median(taken[0]), statistics.median(taken[1])


async def _one(client: httpx.AsyncClient, address: str) -> float:
    started = time.perf_counter()
    response = await client.get(address)
    response.raise_for_status()
    return (time.perf_counter() - started) * 1000


def main() -> None:
    """Fill two archives, ask, and print one line for each address."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--photos", type=int, default=1000)
    parser.add_argument("--sightings", type=int, default=10_000)
    parser.add_argument("--times", type=int, default=300)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="bench-policy-") as folder:
        pictures, counted = Path(folder) / "photos", Path(folder) / "counts"
        asyncio.run(gallery.fill(pictures, arguments.photos))
        asyncio.run(counts_api.fill(counted, arguments.sightings))
        for home, address in (
            (pictures, "/gallery"),
            (pictures, "/api/v1/photos?limit=50"),
            (counted, counts_api.ADDRESSES["counts"]),
            (counted, "/api/v1/surveys?limit=100"),
        ):
            asked, unasked = asyncio.run(ask(home, address, arguments.times))
            more = asked / unasked * 100 - 100
            print(f"{address:60} {asked:7.2f} ms, without {unasked:7.2f} ms: {more:+.1f} %")


if __name__ == "__main__":
    main()
