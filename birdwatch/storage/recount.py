"""The daily counts, counted again from the records in Python: whether every stored row is right.

Independent of the SQL that keeps them up to date (storage/counts.py), with every column and both
audiences, so that a lost, altered or added row is found.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from datetime import date

from birdwatch.domain.daily_count import CountValue, roll_up
from birdwatch.domain.season import season_of
from birdwatch.storage.columns import Row
from birdwatch.storage.transactions import Source

TABLES = ("survey", "daily_count", "survey_day")
SIGHTINGS = """
    SELECT s.survey_id, s.species, s.low, s.best, s.high, s.is_public FROM survey v
    CROSS JOIN sighting s WHERE v.site = $1 AND v.until IS NULL AND v.status = 'published'
        AND s.survey_id = v.id AND s.until IS NULL AND s.status = 'published'{day}"""
SURVEYS = """
    SELECT v.id, v.day, v.tide, v.complete, v.is_public FROM survey v
    WHERE v.site = $1 AND v.until IS NULL AND v.status = 'published'{day}"""
Stored = tuple[object, ...]


async def counted_sites(db: Source) -> list[str]:
    """Every site that has counts, or should have."""
    every = " UNION ".join(f"SELECT site FROM {table}" for table in TABLES)
    return [row["site"] for row in await db.rows(f"{every} ORDER BY site")]


async def wrong_days(db: Source, site: str, day: str | None = None) -> list[str]:
    """The days of this site whose counts are not what the records give, of all or of one day."""
    values = (site,) if day is None else (site, day)
    of_day = "" if day is None else " AND v.day = $2"
    surveys = await db.rows(SURVEYS.format(day=of_day), *values)
    sightings = await db.rows(SIGHTINGS.format(day=of_day), *values)
    of_stored = "" if day is None else " AND day = $2"
    counts = await db.rows(f"SELECT * FROM daily_count WHERE site = $1{of_stored}", *values)
    visits = await db.rows(f"SELECT * FROM survey_day WHERE site = $1{of_stored}", *values)
    stored: dict[str, Counter[Stored]] = defaultdict(Counter)
    for row in counts:
        stored[row["day"]][_count_of(row)] += 1
    for row in visits:
        stored[row["day"]][_visit_of(row)] += 1
    counted = _counted(site, surveys, sightings)
    days = stored.keys() | counted.keys()
    return sorted(day for day in days if stored[day] != counted[day])


def _count_of(row: Row) -> Stored:
    return (
        row["species"], row["tide"], row["audience"], row["count"], row["low"], row["high"],
        row["used"], tuple(sorted(set(row["surveys"].split(",")))), row["season"],
    )  # fmt: skip


def _visit_of(row: Row) -> Stored:
    return (
        row["audience"], row["season"], row["surveys"], row["complete"], row["birds_found"],
    )  # fmt: skip


def _counted(
    site: str, surveys: Sequence[Row], sightings: Sequence[Row]
) -> dict[str, Counter[Stored]]:
    """By day, the rows that these records make."""
    found: dict[str, list[Row]] = defaultdict(list)
    for row in sightings:
        found[row["survey_id"]].append(row)
    days: dict[str, list[Row]] = defaultdict(list)
    for row in surveys:
        days[row["day"]].append(row)
    return defaultdict(
        Counter, {day: Counter(_rows_of_day(site, day, days[day], found)) for day in days}
    )


def _rows_of_day(
    site: str, day: str, surveys: Sequence[Row], found: dict[str, list[Row]]
) -> Iterable[Stored]:
    hides = any(not v["is_public"] for v in surveys) or any(
        not s["is_public"] for v in surveys for s in found[v["id"]]
    )
    local_day = date.fromisoformat(day)
    season = season_of(local_day)
    for audience in ("public", "exact") if hides else ("all",):
        told = [v for v in surveys if audience != "public" or v["is_public"]]
        of = {
            v["id"]: [s for s in found[v["id"]] if audience != "public" or s["is_public"]]
            for v in told
        }
        values = [
            CountValue(
                site, s["species"], local_day, v["id"], v["tide"], s["low"], s["best"], s["high"]
            )
            for v in told
            for s in of[v["id"]]
        ]
        for one in roll_up(values):
            every = tuple(sorted((one.used, *one.set_aside)))
            yield (
                one.species, one.tide, audience, one.count, one.low, one.high, one.used, every,
                season,
            )  # fmt: skip
        if told:
            birds = [v for v in told if any(s["best"] != 0 for s in of[v["id"]])]
            complete = sum(bool(v["complete"]) for v in told)
            yield (audience, season, len(told), complete, len(birds))
