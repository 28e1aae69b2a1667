"""The species, sites and windows of the package, for tests of rules that need them."""

from __future__ import annotations

import csv
import json
from pathlib import Path

from birdwatch.domain.place import Site, sites_from_geojson
from birdwatch.domain.season import Window
from birdwatch.domain.species import Species, SpeciesIndex, species_from_row
from birdwatch.domain.text import Text
from tests.suites import ROOT

SEED = ROOT / "birdwatch" / "storage" / "seed"


def species_rows(path: Path = SEED / "species.csv") -> list[Species]:
    with path.open(encoding="utf-8", newline="") as file:
        return [species_from_row(row, sort) for sort, row in enumerate(csv.DictReader(file))]


def windows() -> list[Window]:
    return [
        Window(
            entry["id"],
            entry["half_year"],
            Text(**entry["name"]),
            (entry["start"][0], entry["start"][1]),
            (entry["end"][0], entry["end"][1]),
            Text(**entry["source"]),
            entry["sets_phase"],
        )
        for entry in json.loads((SEED / "windows.json").read_text(encoding="utf-8"))
    ]


SPECIES = SpeciesIndex(species_rows())
SITES: dict[str, Site] = {
    site.id: site
    for site in sites_from_geojson(json.loads((SEED / "sites.geojson").read_text("utf-8")))
}
WINDOWS = windows()
