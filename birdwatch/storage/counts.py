"""The daily counts: the roll-up of domain.daily_count, kept up to date by every write.

The rule is told twice: in Python in the domain, and here in SQL, which recounts a million
sightings in seconds. A contract test and `verify` hold the two together.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date

from birdwatch.domain.daily_count import CountValue, DailyCount, SurveyDay, roll_up
from birdwatch.domain.season import Window
from birdwatch.domain.summary import SeasonSummary, summarise_season
from birdwatch.storage.columns import Row, to_day
from birdwatch.storage.sql import Where
from birdwatch.storage.transactions import Source, Write

# One row for each (site, species, day, tide class): that of the sighting with the largest best;
# of equal ones the smallest survey id, then the lower bounds. `surveys` names all that counted the species there.
# The least text of fixed width finds it in one grouping, twice as fast as ranking in a window:
# 11 digits that fall as best rises (present-only last), the survey's 16, then low and high.
OFFSET = 20_000_000_000  # keeps eleven digits for every count
ROLL_UP = f"""
    INSERT INTO daily_count (site, species, day, tide, count, low, high, used, surveys, season)
    SELECT site, species, day, class,
        NULLIF({OFFSET} - CAST(SUBSTR(first, 1, 11) AS BIGINT), -1),
        NULLIF(CAST(SUBSTR(first, 28, 11) AS BIGINT) - {OFFSET}, -1),
        NULLIF(CAST(SUBSTR(first, 39, 11) AS BIGINT) - {OFFSET}, -1),
        SUBSTR(first, 12, 16), surveys, season
    FROM (
        SELECT site, species, day, class, MIN(place) AS first, {{listed}} AS surveys,
            MIN(season) AS season
        FROM (
            SELECT v.site, s.species, v.day, v.season, v.id AS survey,
                CASE WHEN v.tide IN ('high', 'low') THEN v.tide ELSE 'unstated' END AS class,
                CAST({OFFSET} - COALESCE(s.best, -1) AS TEXT) || v.id
                    || CAST({OFFSET} + COALESCE(s.low, -1) AS TEXT)
                    || CAST({OFFSET} + COALESCE(s.high, -1) AS TEXT) AS place
            FROM {{touched}} t
            CROSS JOIN survey v CROSS JOIN sighting s
            WHERE v.site = t.site AND v.day = t.day AND v.until IS NULL
                AND s.survey_id = v.id AND s.until IS NULL) AS value
        GROUP BY day, site, species, class) AS largest"""
LISTED = {"sqlite": "GROUP_CONCAT(survey, ',')", "postgres": "STRING_AGG(survey, ',')"}
VISITS = """
    INSERT INTO survey_day (site, day, season, surveys, complete, birds_found)
    SELECT v.site, v.day, MIN(v.season), COUNT(*), SUM(CASE WHEN v.complete THEN 1 ELSE 0 END),
        SUM(CASE WHEN v.has_birds THEN 1 ELSE 0 END)
    FROM {touched} t CROSS JOIN survey v
    WHERE v.site = t.site AND v.day = t.day AND v.until IS NULL
    GROUP BY v.day, v.site"""
ONE_DAY = "(SELECT CAST($1 AS TEXT) AS site, CAST($2 AS TEXT) AS day)"
IMPORTED = "(SELECT DISTINCT site, day FROM survey WHERE since = $1)"


async def recompute(tx: Write, keys: Iterable[tuple[str, date]]) -> None:
    """Recount these sites and days."""
    for site, day in sorted(set(keys)):
        values = (site, to_day(day))
        for table in ("daily_count", "survey_day"):
            await tx.run(f"DELETE FROM {table} WHERE site = $1 AND day = $2", *values)
        await _fill(tx, ONE_DAY, *values)


async def recompute_for_import(tx: Write, import_version: int) -> None:
    """Recount every site and day that an import touched, at once."""
    for table in ("daily_count", "survey_day"):
        await tx.run(
            f"DELETE FROM {table} WHERE (site, day) IN {IMPORTED}",
            import_version,
        )
    await _fill(tx, IMPORTED, import_version)


async def daily_counts(
    db: Source,
    *,
    season: str | None = None,
    species: str | None = None,
    site: str | None = None,
    day_from: date | None = None,
    day_to: date | None = None,
) -> list[DailyCount]:
    """The daily counts of these, ordered by site, species, day and tide."""
    where = _narrow(season, site, day_from, day_to)
    where.equal("species", species)
    rows = await db.rows(
        f"SELECT * FROM daily_count WHERE {where.sql} ORDER BY site, species, day, tide",
        *where.values,
    )
    return [_daily_count(row) for row in rows]


async def survey_days(
    db: Source,
    *,
    season: str | None = None,
    day_from: date | None = None,
    day_to: date | None = None,
    site: str | None = None,
) -> list[SurveyDay]:
    """Where somebody looked, and when: ordered by day and site."""
    where = _narrow(season, site, day_from, day_to)
    rows = await db.rows(
        f"SELECT * FROM survey_day WHERE {where.sql} ORDER BY day, site",
        *where.values,
    )
    return [_survey_day(row) for row in rows]


async def season_summary(
    db: Source,
    season: str,
    windows: Sequence[Window],
    *,
    version: int,
    species: str | None = None,
    site: str | None = None,
) -> SeasonSummary:
    """The summary of a season, of everything or of one species or site.

    `version` is the dataset version that it is to state. Raises InvalidInputError for no season.
    """
    return summarise_season(
        season,
        await daily_counts(db, season=season, species=species, site=site),
        await survey_days(db, season=season, site=site),
        windows,
        dataset_version=version,
    )


async def seasons(db: Source) -> list[str]:
    """Every season with a survey or a photo, the latest first; read by jumps along the indexes."""
    found: set[str] = set()
    for table, is_open in (("survey_day", "TRUE"), ("photo_fact", "until IS NULL")):
        rows = await db.rows(
            "WITH RECURSIVE each_one (season) AS ("
            f" SELECT MIN(season) FROM {table} WHERE {is_open} AND season IS NOT NULL"
            f" UNION ALL SELECT (SELECT MIN(t.season) FROM {table} t"
            f"  WHERE {is_open} AND t.season > each_one.season) FROM each_one"
            "  WHERE each_one.season IS NOT NULL)"
            " SELECT season FROM each_one WHERE season IS NOT NULL"
        )
        found.update(row["season"] for row in rows)
    return sorted(found, key=lambda season: (season[:4], season.endswith("autumn")), reverse=True)


async def wrong_daily_counts(db: Source) -> list[DailyCount]:
    """Stored rows that a plain recount does not give, and recounted rows that are not stored.

    Reads one site after the other and rolls up in Python: independent of the SQL above.
    """
    sites = await db.rows(
        "SELECT site FROM survey UNION SELECT site FROM daily_count ORDER BY site"
    )
    wrong: list[DailyCount] = []
    for row in sites:
        stored = set(await daily_counts(db, site=row["site"]))
        counted = set(roll_up(await _values(db, row["site"])))
        wrong += sorted(stored ^ counted, key=lambda c: (c.day, c.species, c.tide))
    return wrong


async def _values(db: Source, site: str) -> list[CountValue]:
    rows = await db.rows(
        "SELECT v.site, s.species, v.day, v.id AS survey_id, v.tide, s.low, s.best, s.high"
        " FROM survey v CROSS JOIN sighting s WHERE v.site = $1 AND v.until IS NULL"
        " AND s.survey_id = v.id AND s.until IS NULL",
        site,
    )
    return [CountValue(**{**row, "day": date.fromisoformat(row["day"])}) for row in rows]


async def _fill(tx: Write, touched: str, *values: object) -> None:
    listed = LISTED[tx.database.dialect]
    await tx.run(ROLL_UP.format(touched=touched, listed=listed), *values)
    await tx.run(VISITS.format(touched=touched), *values)


def _narrow(
    season: str | None, site: str | None, day_from: date | None, day_to: date | None
) -> Where:
    where = Where()
    if season is not None:
        where.add("season = {}", season)
        where.add("day >= {}", f"{season[:4]}-01-01")  # the day leads the key
        where.add("day <= {}", f"{season[:4]}-12-31")
    where.equal("site", site)
    if day_from is not None:
        where.add("day >= {}", to_day(day_from))
    if day_to is not None:
        where.add("day <= {}", to_day(day_to))
    return where


def _daily_count(row: Row) -> DailyCount:
    surveys = row["surveys"]
    used = row["used"]
    others = () if surveys == used else tuple(sorted(set(surveys.split(",")) - {used}))
    return DailyCount(
        site=row["site"],
        species=row["species"],
        day=date.fromisoformat(row["day"]),
        tide=row["tide"],
        count=row["count"],
        low=row["low"],
        high=row["high"],
        used=used,
        set_aside=others,
        season=row["season"],
    )


def _survey_day(row: Row) -> SurveyDay:
    return SurveyDay(
        site=row["site"],
        day=date.fromisoformat(row["day"]),
        surveys=row["surveys"],
        complete=row["complete"],
        birds_found=row["birds_found"],
    )
