"""Twenty-six years of counts of another estuary, taken in whole: sums must equal a plain recount."""

from __future__ import annotations

import csv
import json
from collections import Counter, defaultdict
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from birdwatch.domain.policy import SYSTEM
from birdwatch.domain.season import season_of, season_span
from birdwatch.domain.summary import summarise_season
from birdwatch.domain.survey import SurveyFilter
from birdwatch.intake.table_import import ImportReport, import_counts, import_sites, import_species
from birdwatch.storage.counts import daily_counts, seasons, survey_days, wrong_daily_counts
from birdwatch.storage.db import Database, open_database
from birdwatch.storage.species import load_species
from birdwatch.storage.surveys import list_sightings
from birdwatch.storage.windows import load_windows
from tests.suites import ROOT, needs

pytestmark = pytest.mark.anyio
TABLE = ROOT.parent / "shared" / "data" / "counts" / "arocha_normalized.csv"
NOW = datetime(2026, 5, 2, 4, 0, tzinfo=UTC)
COLUMNS = {"survey": "event_id", "species": "ebird_code", "best": "count"}
SITES = {"Mida Creek": (-3.33, 39.97), "Sabaki River Mouth": (-3.16, 40.14)}


@pytest.fixture
def rows() -> list[dict[str, str]]:
    needs(TABLE.exists(), "the counts in ../shared/data")
    with TABLE.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


async def _prepare(db: Database, rows: list[dict[str, str]], folder: Path) -> int:
    """The sites of the table, and the taxa that the species table lacks; how many these are."""
    features = [
        {
            "type": "Feature",
            "properties": {"id": name.lower().replace(" ", "-"), "name": name},
            "geometry": {
                "type": "Polygon",
                "coordinates": [
                    [[lon - d, lat - d], [lon + d, lat - d], [lon + d, lat + d], [lon - d, lat - d]]
                ],
            },
        }
        for name, (lat, lon) in SITES.items()
        for d in [0.05]
    ]
    sites = folder / "sites.geojson"
    sites.write_text(json.dumps({"type": "FeatureCollection", "features": features}))
    await import_sites(db, sites, actor=SYSTEM, now=NOW)
    known = await load_species(db)
    lacking = {r["ebird_code"]: r for r in rows if known.get(r["ebird_code"]) is None}
    species = folder / "species.csv"
    with species.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["code", "rank", "scientific_name"])
        for code, r in lacking.items():
            writer.writerow([code, r["taxon_rank"], r["scientific_name"]])
    await import_species(db, species, actor=SYSTEM, now=NOW)
    return len(lacking)


async def test_counts_of_another_estuary_equal_a_plain_recount(
    rows: list[dict[str, str]], database_url: str, tmp_path: Path
) -> None:
    db = await open_database(database_url)
    try:
        assert await _prepare(db, rows, tmp_path) == 71
        events = {r["event_id"] for r in rows}
        report = await import_counts(db, TABLE, actor=SYSTEM, now=NOW, columns=COLUMNS)
        assert report == ImportReport(len(rows), len(events), len(rows), 0)
        again = await import_counts(db, TABLE, actor=SYSTEM, now=NOW, columns=COLUMNS)
        assert again == ImportReport(len(rows), 0, 0, len(events))

        recount: Counter[str] = Counter()
        for r in rows:
            recount[r["ebird_code"]] += int(r["count"])
        assert await _totals(db) == recount
        assert await _daily(db) == _largest_by_hand(rows)
        assert await wrong_daily_counts(db) == []
        await _check_seasons(db, rows)
    finally:
        await db.close()


async def _totals(db: Database) -> Counter[str]:
    """Birds of all sightings by species, added up: not a count, only a check of what came in."""
    totals: Counter[str] = Counter()
    cursor = None
    while True:
        page = await list_sightings(db, SurveyFilter(), limit=500, cursor=cursor)
        for sighting in page.items:
            totals[sighting.species] += sighting.best or 0
        cursor = page.next
        if cursor is None:
            return totals


async def _daily(db: Database) -> dict[tuple[str, str, date], int | None]:
    return {(c.site, c.species, c.day): c.count for c in await daily_counts(db)}


def _largest_by_hand(rows: list[dict[str, str]]) -> dict[tuple[str, str, date], int | None]:
    largest: dict[tuple[str, str, date], int | None] = {}
    for r in rows:
        key = (r["site"].lower().replace(" ", "-"), r["ebird_code"], date.fromisoformat(r["date"]))
        largest[key] = max(int(r["count"]), largest.get(key) or 0)
    return largest


async def _check_seasons(db: Database, rows: list[dict[str, str]]) -> None:
    """The peak of every species in every season, from the rows themselves."""
    by_day: dict[str, dict[tuple[str, date], int]] = defaultdict(lambda: defaultdict(int))
    for (_, code, day), count in _largest_by_hand(rows).items():
        if season := season_of(day):
            by_day[season][code, day] += count or 0
    assert sorted(await seasons(db)) == sorted(by_day)
    windows = await load_windows(db)
    for season, sums in by_day.items():
        first, last = season_span(season)
        summary = summarise_season(
            season,
            await daily_counts(db, day_from=first, day_to=last),
            await survey_days(db, day_from=first, day_to=last),
            windows,
            dataset_version=await db.dataset_version(),
        )
        peaks: dict[str, int] = {}
        for (code, _), count in sums.items():
            peaks[code] = max(count, peaks.get(code, 0))
        assert {line.species: line.peak for line in summary.species} == peaks
        assert {d.day for d in summary.days if d.is_counted} == {day for _, day in sums}
