"""What a new archive knows from the start: species, sites and windows, as files in the package."""

from __future__ import annotations

import csv
import json
from datetime import UTC, datetime
from importlib.resources import files

from birdwatch.domain.place import sites_from_geojson
from birdwatch.domain.season import Window
from birdwatch.domain.species import species_from_row
from birdwatch.domain.text import Text
from birdwatch.storage.sites import put_sites
from birdwatch.storage.species import put_species
from birdwatch.storage.transactions import Write
from birdwatch.storage.windows import put_windows

SEED = files("birdwatch.storage") / "seed"
SEEDED_AT = datetime(2026, 1, 1, tzinfo=UTC)  # the same in every archive: seeds are no news


async def plant(tx: Write) -> None:
    """Write the species, sites and windows of the package into an empty archive."""
    rows = csv.DictReader(_read("species.csv").splitlines())
    await put_species(tx, [species_from_row(row, sort) for sort, row in enumerate(rows)])
    await put_sites(tx, sites_from_geojson(json.loads(_read("sites.geojson"))))
    await put_windows(tx, [_window(entry) for entry in json.loads(_read("windows.json"))])


def _read(name: str) -> str:
    return (SEED / name).read_text(encoding="utf-8")


def _window(entry: dict[str, object]) -> Window:
    parts = {
        name: Text(**value) if isinstance(value, dict) else value for name, value in entry.items()
    }
    return Window(**{n: tuple(v) if isinstance(v, list) else v for n, v in parts.items()})  # type: ignore[arg-type]
