"""The daily counts: the roll-up of domain.daily_count, kept up to date by every write.

Each day is counted for two audiences: what everyone may know, and the exact numbers, which rest on
embargoed and protected records too. What waits for a reviewer, or was refused, is in neither.
The rule is told twice: in Python in the domain, and here in SQL, which recounts a million
sightings in seconds. A contract test and `verify` hold the two together.
"""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Iterable, Sequence
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
MATCH = "v.site = t.site AND v.day = t.day AND v.until IS NULL AND v.status = 'published'"
# Each touched site and day once for everyone, or, where it has records that are not for everyone,
# once for the public and once exact.
TOLD = f"""
    WITH touched AS {{touched}}, hidden AS (
        SELECT v.site, v.day FROM touched t CROSS JOIN survey v
        WHERE {MATCH} AND NOT v.is_public
        UNION
        SELECT v.site, v.day FROM touched t CROSS JOIN survey v CROSS JOIN sighting s
        WHERE {MATCH} AND s.survey_id = v.id AND s.until IS NULL AND s.status = 'published'
            AND NOT s.is_public
    ), told AS (
        SELECT t.site, t.day, 'all' AS audience FROM touched t
        WHERE NOT EXISTS (SELECT 1 FROM hidden h WHERE h.site = t.site AND h.day = t.day)
        UNION ALL SELECT h.site, h.day, 'public' AS audience FROM hidden h
        UNION ALL SELECT h.site, h.day, 'exact' AS audience FROM hidden h)"""
ROLL_UP = f"""
    {TOLD}
    INSERT INTO daily_count
        (site, species, day, tide, audience, count, low, high, used, surveys, season)
    SELECT site, species, day, class, audience,
        NULLIF({OFFSET} - CAST(SUBSTR(first, 1, 11) AS BIGINT), -1),
        NULLIF(CAST(SUBSTR(first, 28, 11) AS BIGINT) - {OFFSET}, -1),
        NULLIF(CAST(SUBSTR(first, 39, 11) AS BIGINT) - {OFFSET}, -1),
        SUBSTR(first, 12, 16), surveys, season
    FROM (
        SELECT site, species, day, class, audience, MIN(place) AS first, {{listed}} AS surveys,
            MIN(season) AS season
        FROM (
            SELECT v.site, s.species, v.day, v.season, v.id AS survey, t.audience,
                CASE WHEN v.tide IN ('high', 'low') THEN v.tide ELSE 'unstated' END AS class,
                CAST({OFFSET} - COALESCE(s.best, -1) AS TEXT) || v.id
                    || CAST({OFFSET} + COALESCE(s.low, -1) AS TEXT)
                    || CAST({OFFSET} + COALESCE(s.high, -1) AS TEXT) AS place
            FROM told t
            CROSS JOIN survey v CROSS JOIN sighting s
            WHERE {MATCH} AND s.survey_id = v.id AND s.until IS NULL AND s.status = 'published'
                AND (t.audience <> 'public' OR (v.is_public AND s.is_public))) AS value
        GROUP BY day, site, species, class, audience) AS largest"""
LISTED = {"sqlite": "GROUP_CONCAT(survey, ',')", "postgres": "STRING_AGG(survey, ',')"}
VISITS = f"""
    {TOLD}
    INSERT INTO survey_day (site, day, audience, season, surveys, complete, birds_found)
    SELECT v.site, v.day, t.audience, MIN(v.season), COUNT(*),
        SUM(CASE WHEN v.complete THEN 1 ELSE 0 END),
        SUM(CASE WHEN EXISTS (
            SELECT 1 FROM sighting s WHERE s.survey_id = v.id AND s.until IS NULL
                AND s.status = 'published' AND COALESCE(s.best, 1) > 0
                AND (t.audience <> 'public' OR s.is_public)) THEN 1 ELSE 0 END)
    FROM told t CROSS JOIN survey v
    WHERE {MATCH} AND (t.audience <> 'public' OR v.is_public)
    GROUP BY v.day, v.site, t.audience"""
ONE_DAY = "(SELECT CAST($1 AS TEXT) AS site, CAST($2 AS TEXT) AS day)"
IMPORTED = "(SELECT DISTINCT site, day FROM survey WHERE since = $1)"
EVERYTHING = "(SELECT DISTINCT site, day FROM survey WHERE until IS NULL)"
OF_SPECIES = (
    "(SELECT DISTINCT v.site, v.day FROM sighting s JOIN survey v ON v.id = s.survey_id"
    " AND v.until IS NULL WHERE s.species = $1 AND s.until IS NULL)"
)
AUDIENCE = {False: "audience IN ('all', 'public')", True: "audience IN ('all', 'exact')"}


async def recompute(tx: Write, keys: Iterable[tuple[str, date]]) -> None:
    """Recount these sites and days."""
    if tx.recount is not None:
        tx.recount.update(keys)
        return
    for site, day in sorted(set(keys)):
        values = (site, to_day(day))
        for table in ("daily_count", "survey_day"):
            await tx.run(f"DELETE FROM {table} WHERE site = $1 AND day = $2", *values)
        await _fill(tx, ONE_DAY, *values)


@contextlib.asynccontextmanager
async def recounted_once(tx: Write) -> AsyncIterator[None]:
    """Each day that is touched inside is recounted at the end: of a thousand records, once."""
    tx.recount = touched = set[tuple[str, date]]()
    try:
        yield
    finally:
        tx.recount = None
    await recompute(tx, touched)


async def recompute_for_import(tx: Write, import_version: int) -> None:
    """Recount every site and day that an import touched, at once."""
    await _refill(tx, IMPORTED, import_version)


async def recompute_for_species(tx: Write, species: str) -> None:
    """Recount every site and day with a record of this species, at once."""
    await _refill(tx, OF_SPECIES, species)


async def recompute_everything(tx: Write) -> None:
    """Recount the whole archive."""
    for table in ("daily_count", "survey_day"):
        await tx.run(f"DELETE FROM {table}")
    await _fill(tx, EVERYTHING)


async def daily_counts(
    db: Source,
    *,
    season: str | None = None,
    species: str | None = None,
    site: str | None = None,
    day_from: date | None = None,
    day_to: date | None = None,
    exact: bool = False,
) -> list[DailyCount]:
    """The daily counts of these, ordered by site, species, day and tide.

    `exact`: those that rest on protected and embargoed records too; else what everyone may know.
    """
    where = _narrow(season, site, day_from, day_to, exact=exact)
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
    exact: bool = False,
) -> list[SurveyDay]:
    """Where somebody looked, and when: ordered by day and site."""
    where = _narrow(season, site, day_from, day_to, exact=exact)
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
    exact: bool = False,
) -> SeasonSummary:
    """The summary of a season, of everything or of one species or site.

    `version` is the dataset version that it is to state. Raises InvalidInputError for no season.
    """
    return summarise_season(
        season,
        await daily_counts(db, season=season, species=species, site=site, exact=exact),
        await survey_days(db, season=season, site=site, exact=exact),
        windows,
        dataset_version=version,
    )


async def seasons(db: Source, *, exact: bool = False) -> list[str]:
    """Every season with a survey or a photo, the latest first; read by jumps along the indexes."""
    found: set[str] = set()
    photos = "status = 'published'" if exact else "is_public"
    for table, is_open in (
        ("survey_day", AUDIENCE[exact]),
        ("photo_fact", f"until IS NULL AND {photos}"),
    ):
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


async def waiting(db: Source, season: str | None = None) -> tuple[int, int]:
    """How many surveys and sightings of a season wait for a reviewer, and so are in no count.

    Of whole seasons only: by species or site it would tell that there is something.
    """
    narrowed = Where()
    narrowed.equal("v.season", season)
    is_waiting = "status <> 'published' AND {}.status <> 'rejected' AND {}.until IS NULL"
    surveys = await db.rows(
        f"SELECT COUNT(*) AS number FROM survey v WHERE v.{is_waiting.format('v', 'v')}"
        f" AND {narrowed.sql}",
        *narrowed.values,
    )
    sightings = await db.rows(
        "SELECT COUNT(*) AS number FROM sighting s JOIN survey v ON v.id = s.survey_id"
        f" AND v.until IS NULL WHERE s.{is_waiting.format('s', 's')} AND {narrowed.sql}",
        *narrowed.values,
    )
    return int(surveys[0]["number"]), int(sightings[0]["number"])


async def wrong_daily_counts(db: Source) -> list[DailyCount]:
    """Stored rows that a plain recount does not give, and recounted rows that are not stored.

    Reads one site after the other and rolls up in Python: independent of the SQL above.
    """
    sites = await db.rows(
        "SELECT site FROM survey UNION SELECT site FROM daily_count ORDER BY site"
    )
    wrong: list[DailyCount] = []
    for row in sites:
        differing: set[DailyCount] = set()
        for exact in (False, True):
            stored = set(await daily_counts(db, site=row["site"], exact=exact))
            counted = set(roll_up(await _values(db, row["site"], exact=exact)))
            differing |= stored ^ counted
        wrong += sorted(differing, key=lambda c: (c.day, c.species, c.tide))
    return wrong


async def _values(db: Source, site: str, *, exact: bool) -> list[CountValue]:
    audience = "" if exact else " AND v.is_public AND s.is_public"
    rows = await db.rows(
        "SELECT v.site, s.species, v.day, v.id AS survey_id, v.tide, s.low, s.best, s.high"
        " FROM survey v CROSS JOIN sighting s WHERE v.site = $1 AND v.until IS NULL"
        " AND s.survey_id = v.id AND s.until IS NULL AND v.status = 'published'"
        f" AND s.status = 'published'{audience}",
        site,
    )
    return [CountValue(**{**row, "day": date.fromisoformat(row["day"])}) for row in rows]


async def _refill(tx: Write, touched: str, value: object) -> None:
    for table in ("daily_count", "survey_day"):
        await tx.run(f"DELETE FROM {table} WHERE (site, day) IN {touched}", value)
    await _fill(tx, touched, value)


async def _fill(tx: Write, touched: str, *values: object) -> None:
    listed = LISTED[tx.database.dialect]
    await tx.run(ROLL_UP.format(touched=touched, listed=listed), *values)
    await tx.run(VISITS.format(touched=touched), *values)


def _narrow(
    season: str | None,
    site: str | None,
    day_from: date | None,
    day_to: date | None,
    *,
    exact: bool,
) -> Where:
    where = Where()
    where.add(AUDIENCE[exact])
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
