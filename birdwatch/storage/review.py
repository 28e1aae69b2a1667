"""What reviewers see and decide: the queue, what is known of species, and statuses as new versions.

A decision closes the open row and writes it again with its new status, so that what was decided,
by whom and when is history like any correction.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date
from typing import Final

from birdwatch.domain.errors import NotFoundError
from birdwatch.domain.message import Noun
from birdwatch.domain.paging import Page, decode_cursor, encode_cursor
from birdwatch.domain.photo import Photo
from birdwatch.domain.policy import Status
from birdwatch.domain.review import KnownRange, Ranges
from birdwatch.domain.season import HalfYear
from birdwatch.domain.sensitivity import is_protected
from birdwatch.domain.sighting import Sighting
from birdwatch.domain.survey import Survey
from birdwatch.storage import counts, ledger
from birdwatch.storage.columns import Row, from_json, to_day, to_json
from birdwatch.storage.ledger import Action
from birdwatch.storage.photos import correct_photo
from birdwatch.storage.sql import Where, marks
from birdwatch.storage.survey_rows import OF_SIGHTING, sighting_of
from birdwatch.storage.surveys import open_survey, write_again
from birdwatch.storage.transactions import Source, Write

CAP: Final = 10_000  # of a person's records, when they are counted for the reviewers
SURVEY_STATUS: Final = ("status", "flags", "is_public", "is_embargoed")
SIGHTING_STATUS: Final = ("status", "flags", "is_public")


@dataclass(frozen=True, slots=True)
class QueueFilter:
    """What the queue is narrowed to; None means any."""

    species: str | None = None
    owner_id: str | None = None
    flag: str | None = None
    noun: Noun | None = None


@dataclass(frozen=True, slots=True)
class Waiting:
    """One entry of the queue. A flagged sighting is an entry only where its survey is none."""

    noun: Noun
    id: str
    version: int
    owner_id: str | None
    status: Status
    flags: tuple[str, ...]
    survey_id: str | None = None  # of a sighting


@dataclass(frozen=True, slots=True)
class PersonRecord:
    """What became of a person's photos and surveys until now."""

    published: int = 0
    pending: int = 0
    queried: int = 0
    rejected: int = 0


async def known_ranges(db: Source, species: Iterable[str]) -> Ranges:
    """What the published counts of these species hold, by half of the year; zeros left out."""
    codes = sorted(set(species))
    if not codes:
        return {}
    rows = await db.rows(
        "SELECT species, CASE WHEN substr(day, 6, 2) <= '06' THEN 'spring' ELSE 'autumn' END"
        " AS half, MAX(count) AS largest, MIN(substr(day, 6)) AS first, MAX(substr(day, 6)) AS last,"
        f" COUNT(*) AS records FROM daily_count WHERE species IN ({marks(len(codes))})"
        " AND audience <> 'public' AND (count IS NULL OR count > 0) GROUP BY 1, 2",
        *codes,
    )
    found: dict[tuple[str, HalfYear], KnownRange] = {}
    for row in rows:
        known = KnownRange(
            row["largest"], _month_day(row["first"]), _month_day(row["last"]), row["records"]
        )
        found[row["species"], row["half"]] = known
    return found


async def present_at(
    db: Source, site: str, day: date, *, besides: str | None = None
) -> frozenset[str]:
    """The species that photos or surveys other than `besides` show at this site on this day."""
    rows = await db.rows(
        "SELECT s.species FROM survey v JOIN sighting s ON s.survey_id = v.id AND s.until IS NULL"
        " WHERE v.until IS NULL AND v.site = $1 AND v.day = $2 AND v.id <> $3"
        " AND v.status <> 'rejected' AND s.status <> 'rejected' AND (s.best IS NULL OR s.best > 0)"
        " UNION SELECT species FROM photo_fact WHERE until IS NULL AND day = $4 AND site = $5"
        " AND species IS NOT NULL AND status <> 'rejected' AND status <> 'draft'",
        site,
        to_day(day),
        besides or "",
        to_day(day),
        site,
    )
    return frozenset(row["species"] for row in rows)


async def records_of(db: Source, person_id: str | None) -> PersonRecord:
    """The person's photos and surveys by status, counted no further than CAP of each noun.

    Drafts are not sent in yet, and so are not among them.
    """
    if person_id is None:
        return PersonRecord()
    open_rows = "SELECT status FROM {} WHERE until IS NULL AND owner_id = {}"
    open_rows += " AND status <> 'draft' LIMIT {}"
    rows = await db.rows(
        "SELECT status, COUNT(*) AS records FROM ("
        f" SELECT * FROM ({open_rows.format('photo_fact', '$1', CAP)}) AS a"
        f" UNION ALL SELECT * FROM ({open_rows.format('survey', '$2', CAP)}) AS b) AS c"
        " GROUP BY status",
        person_id,
        person_id,
    )
    return PersonRecord(**{row["status"]: row["records"] for row in rows})


async def count_waiting(db: Source) -> int:
    """How many entries the queue has."""
    rows = await db.rows(f"SELECT COUNT(*) AS waiting FROM ({_queue(QueueFilter(), Where())}) AS q")
    return int(rows[0]["waiting"])


async def list_waiting(
    db: Source, where: QueueFilter, *, limit: int, cursor: str | None = None
) -> Page[Waiting]:
    """One page of the queue, what waits longest first. Raises MalformedError for a bad cursor."""
    narrowed = Where()
    queue = _queue(where, narrowed)
    condition = "TRUE"
    if cursor is not None:
        since, noun_id = decode_cursor(cursor, int, str)
        first, second = narrowed.value(since or 0), narrowed.value(noun_id or "")
        condition = f"(since, id) > ({first}, {second})"
    rows = await db.rows(
        f"SELECT * FROM ({queue}) AS q WHERE {condition} ORDER BY since, id"
        f" LIMIT {narrowed.value(limit + 1)}",
        *narrowed.values,
    )
    shown = tuple(_waiting_of(row) for row in rows[:limit])
    if len(rows) <= limit:
        return Page(shown)
    return Page(shown, encode_cursor(shown[-1].version, shown[-1].id))


async def waiting_owners(db: Source) -> list[tuple[str, int]]:
    """The people whose records wait, and how many of each; most first."""
    rows = await db.rows(
        f"SELECT owner_id, COUNT(*) AS waiting FROM ({_queue(QueueFilter(), Where())}) AS q"
        " WHERE owner_id IS NOT NULL GROUP BY owner_id ORDER BY waiting DESC, owner_id"
    )
    return [(row["owner_id"], row["waiting"]) for row in rows]


async def set_photo_status(
    tx: Write, photo: Photo, status: Status, flags: tuple[str, ...], *, action: Action, reason: str
) -> int:
    """The photo with this status as a new version; that version."""
    facts = replace(photo.facts, status=status, flags=flags)
    detail: dict[str, object] = {"status": status, "reason": reason}
    return (await correct_photo(tx, photo.id, facts, action=action, detail=detail)).version


async def set_survey_status(
    tx: Write,
    survey: Survey,
    status: Status,
    flags: tuple[str, ...],
    *,
    action: Action,
    reason: str,
) -> int:
    """The survey with this status as a new version; the counts of its day follow.

    A published survey publishes those of its sightings that wait.
    """
    version = await ledger.append(
        tx, action, "survey", survey.id, before=survey.version, after=ledger.ITSELF,
        detail={"status": status, "reason": reason},
    )  # fmt: skip
    is_told = status == "published"
    has_embargo = survey.embargo_until is not None
    await write_again(
        tx, "survey", survey.id, version,
        dict(zip(
            SURVEY_STATUS,
            (status, to_json(flags), is_told and not has_embargo, is_told and has_embargo),
            strict=True,
        )),
    )  # fmt: skip
    if is_told:
        for sighting in survey.sightings:
            if sighting.status in ("pending", "queried"):
                await _write_sighting(tx, sighting, "published", (), version)
    await counts.recompute(tx, {(survey.site, survey.day)})
    return version


async def set_sighting_status(
    tx: Write,
    sighting: Sighting,
    status: Status,
    flags: tuple[str, ...],
    *,
    action: Action,
    reason: str,
) -> int:
    """One sighting with this status as a new version; the counts of its day follow."""
    version = await ledger.append(
        tx, action, "sighting", sighting.id, before=sighting.version, after=ledger.ITSELF,
        detail={"status": status, "reason": reason, "survey": sighting.survey_id},
    )  # fmt: skip
    await _write_sighting(tx, sighting, status, flags, version)
    survey = await open_survey(tx, sighting.survey_id)
    await counts.recompute(tx, {(survey.site, survey.day)})
    return version


async def find_sighting(db: Source, sighting_id: str) -> Sighting | None:
    """The sighting as it is now, whole, or None."""
    rows = await db.rows(
        f"SELECT {OF_SIGHTING} FROM sighting s JOIN survey v ON v.id = s.survey_id"
        " AND v.until IS NULL WHERE s.id = $1 AND s.until IS NULL",
        sighting_id,
    )
    return sighting_of(rows[0]) if rows else None


async def open_sighting(db: Source, sighting_id: str) -> Sighting:
    """As find_sighting. Raises NotFoundError."""
    sighting = await find_sighting(db, sighting_id)
    if sighting is None:
        raise NotFoundError(
            "sighting.unknown",
            zh="没有这条记录，或它已被删除。",
            en="There is no such sighting, or it was deleted.",
        )
    return sighting


async def _write_sighting(
    tx: Write, sighting: Sighting, status: Status, flags: tuple[str, ...], version: int
) -> None:
    is_public = status == "published" and not is_protected(sighting.level)
    await write_again(
        tx, "sighting", sighting.id, version,
        dict(zip(SIGHTING_STATUS, (status, to_json(flags), is_public), strict=True)),
    )  # fmt: skip


def _queue(where: QueueFilter, narrowed: Where) -> str:
    """All that waits, as one table; the values go into `narrowed`."""
    parts = {"photo": _photos, "survey": _surveys, "sighting": _sightings}
    return " UNION ALL ".join(
        part(where, narrowed)
        for noun, part in parts.items()
        if where.noun is None or where.noun == noun
    )


def _photos(where: QueueFilter, narrowed: Where) -> str:
    own = _conditions("f", where, narrowed, owner="f.owner_id", species="f.species = {}")
    return (
        "SELECT 'photo' AS noun, f.id, f.since, f.owner_id, f.status, f.flags, NULL AS survey_id"
        f" FROM photo_fact f WHERE f.until IS NULL AND {_waits('f')}{own}"
    )


def _surveys(where: QueueFilter, narrowed: Where) -> str:
    """Those made from a photo that waits go with it."""
    own = _conditions(
        "v", where, narrowed, owner="v.owner_id",
        species="EXISTS (SELECT 1 FROM sighting s WHERE s.survey_id = v.id AND s.until IS NULL"
        " AND s.species = {})",
    )  # fmt: skip
    return (
        "SELECT 'survey' AS noun, v.id, v.since, v.owner_id, v.status, v.flags, NULL AS survey_id"
        f" FROM survey v WHERE v.until IS NULL AND {_waits('v')}{own}"
        " AND NOT (v.protocol = 'photo' AND EXISTS (SELECT 1 FROM photo_fact f"
        f" WHERE f.until IS NULL AND f.survey_id = v.id AND {_waits('f')}))"
    )


def _sightings(where: QueueFilter, narrowed: Where) -> str:
    own = _conditions("s", where, narrowed, owner="v.owner_id", species="s.species = {}")
    return (
        "SELECT 'sighting' AS noun, s.id, s.since, v.owner_id, s.status, s.flags, s.survey_id"
        " FROM sighting s JOIN survey v ON v.id = s.survey_id AND v.until IS NULL"
        f" WHERE s.until IS NULL AND {_waits('s')} AND v.status = 'published'{own}"
    )


def _waits(table: str) -> str:
    # The first half is the condition of the partial index, word for word.
    waits = f"{table}.status <> 'published' AND {table}.status <> 'rejected'"
    return f"{waits} AND {table}.status <> 'draft'"


def _conditions(
    table: str, where: QueueFilter, narrowed: Where, *, owner: str, species: str
) -> str:
    found = []
    if where.species is not None:
        found.append(species.format(narrowed.value(where.species)))
    if where.owner_id is not None:
        found.append(f"{owner} = {narrowed.value(where.owner_id)}")
    if where.flag is not None:
        mark = narrowed.value(f'%"{where.flag}"%')
        found.append(f"{table}.flags LIKE {mark}")
    return "".join(f" AND {condition}" for condition in found)


def _waiting_of(row: Row) -> Waiting:
    return Waiting(
        noun=row["noun"],
        id=row["id"],
        version=row["since"],
        owner_id=row["owner_id"],
        status=row["status"],
        flags=tuple(from_json(row["flags"])),
        survey_id=row["survey_id"],
    )


def _month_day(text: str) -> tuple[int, int]:
    """`04-14` as (4, 14)."""
    return int(text[:2]), int(text[3:])
