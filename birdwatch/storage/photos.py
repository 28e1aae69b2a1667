"""Photos: recorded once, corrected by new versions of their facts, listed by keyset."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from datetime import date, datetime

from birdwatch.domain.errors import NotFoundError
from birdwatch.domain.paging import Page, decode_cursor, encode_cursor
from birdwatch.domain.photo import (
    Photo,
    PhotoFacts,
    PhotoFilter,
    PhotoVersion,
    PublicValues,
    Rendition,
)
from birdwatch.domain.place import Box
from birdwatch.domain.policy import PUBLIC, Lens, Reader, lens_of
from birdwatch.domain.publication import seen_photo
from birdwatch.domain.season import dekad_span, season_span
from birdwatch.domain.text import Text
from birdwatch.storage import ledger
from birdwatch.storage.columns import (
    Row,
    clean,
    end_of_day,
    from_instant,
    start_of_day,
    to_day,
    to_instant,
    to_json,
)
from birdwatch.storage.ledger import Action
from birdwatch.storage.photo_rows import (
    FACT_COLUMNS,
    PHOTO_COLUMNS,
    NewPhoto,
    fact_values,
    facts_of,
    photo_of,
    photo_values,
    public_columns,
)
from birdwatch.storage.settling import settle_facts
from birdwatch.storage.sql import Where, insert, marks
from birdwatch.storage.transactions import Source, Write
from birdwatch.storage.visibility import visible

__all__ = ["NewPhoto"]
ATTRIBUTES = ("survey_id", "species", "site", "photographer", "owner_id", "status")
TIMES = ("day", "dekad", "season", "phase")  # the narrowest first
# CROSS JOIN keeps the facts outermost on SQLite: pages are read along their index.
SELECT = "SELECT {columns} FROM photo_fact f CROSS JOIN photo p".format(
    columns=", ".join(
        [f"f.{name}" for name in FACT_COLUMNS]
        + [f"p.{name}" for name in PHOTO_COLUMNS if name not in FACT_COLUMNS]
    )
)
JOINED = "f.until IS NULL AND p.id = f.id"
INSERT_PHOTO = insert("photo", PHOTO_COLUMNS)
INSERT_FACT = insert("photo_fact", FACT_COLUMNS)
AT_ONCE = 500  # ids in one statement
# Photo, owner, when it came in, and its facts with what everyone may know of them, of a version.
WrittenFacts = tuple[str, str | None, datetime, PhotoFacts, PublicValues, int]
CLOSE = "UPDATE photo_fact SET until = $1 WHERE id = $2 AND until IS NULL"


async def insert_photo(tx: Write, new: NewPhoto) -> Photo:
    """Record a received photo. Its facts now are the original ones for ever."""
    facts, public = await settle_facts(tx, new.id, new.facts)
    version = await ledger.append(tx, "create", "photo", new.id, after=ledger.ITSELF)
    await tx.run(INSERT_PHOTO, *photo_values(new, version))
    await write_facts(tx, [(new.id, new.owner_id, new.received_at, facts, public, version)])
    return await _open_photo(tx, new.id)


async def see_photo(db: Source, photo_id: str, reader: Reader) -> Photo | None:
    """The photo as this reader may see it, or None."""
    photo = await find_photo(db, photo_id)
    return None if photo is None else seen_photo(photo, reader.actor, reader.now)


async def find_photo(db: Source, photo_id: str) -> Photo | None:
    """The photo as it is now, whole, for the archive itself; or None."""
    return await _one(db, "f.id = $1", photo_id)


async def find_photos(db: Source, photo_ids: Sequence[str]) -> list[Photo]:
    """Those of these photos that are there now, whole, in the order they were taken."""
    found: list[Photo] = []
    for start in range(0, len(photo_ids), AT_ONCE):
        some = photo_ids[start : start + AT_ONCE]
        rows = await db.rows(f"{SELECT} WHERE {JOINED} AND f.id IN ({marks(len(some))})", *some)
        found += await photos_in(db, rows)
    return sorted(
        found, key=lambda photo: (photo.facts.time.instant or photo.received_at, photo.id)
    )


async def every_photo(db: Source, *, after: str, limit: int) -> list[Photo]:
    """Photos in order of their ids, withdrawn ones as they were last: for those who verify."""
    rows = await db.rows(
        f"{SELECT} WHERE p.id = f.id AND p.id > $1 AND f.since ="
        " (SELECT MAX(since) FROM photo_fact WHERE id = p.id) ORDER BY p.id LIMIT $2",
        after,
        limit,
    )
    return await photos_in(db, rows)


async def find_photo_by_sha256(db: Source, sha256: str) -> Photo | None:
    """The photo with exactly these bytes, or None."""
    return await _one(db, "f.id = (SELECT id FROM photo WHERE sha256 = $1)", sha256)


async def is_held(db: Source, sha256: str) -> bool:
    """Whether the archive has these bytes, be their photo withdrawn or not."""
    return bool(await db.rows("SELECT 1 FROM photo WHERE sha256 = $1", sha256))


async def list_photos(
    db: Source,
    where: PhotoFilter,
    *,
    reader: Reader,
    limit: int,
    cursor: str | None = None,
    newest_first: bool = True,
) -> Page[Photo]:
    """One page by the time the photos were taken, as the reader may see them.

    Filters and order work on what the reader may know. Raises MalformedError for a bad cursor.
    """
    lens = lens_of(reader.actor, reader.now, owner_id=where.owner_id)
    narrowed = narrow(where, lens)
    sort = "sort_key" if lens.is_exact else "public_sort"
    order = (f"f.{sort}", "f.id")
    if cursor is not None:
        sort_key, photo_id = decode_cursor(cursor, int, str)
        narrowed.after(order, (sort_key or 0, photo_id or ""), falls=newest_first)
    way = "DESC" if newest_first else "ASC"
    rows = await db.rows(
        f"{SELECT} WHERE {JOINED} AND {narrowed.sql}"
        f" ORDER BY f.{sort} {way}, f.id {way} LIMIT {narrowed.value(limit + 1)}",
        *narrowed.values,
    )
    photos = _seen(await photos_in(db, rows[:limit]), reader)
    if len(rows) <= limit:
        return Page(photos)
    last = rows[limit - 1]
    return Page(photos, encode_cursor(last[sort], last["id"]))


async def neighbours(db: Source, photo: Photo, reader: Reader) -> tuple[str | None, str | None]:
    """The photos before and after this one in the reader's order: (older, newer)."""
    lens = lens_of(reader.actor, reader.now)
    sort = "sort_key" if lens.is_exact else "public_sort"
    rows = await db.rows(
        f"SELECT {sort} AS sort FROM photo_fact WHERE id = $1 AND until IS NULL", photo.id
    )
    found: list[str | None] = []
    for falls, way in ((True, "DESC"), (False, "ASC")):
        narrowed = narrow(PhotoFilter(), lens)
        narrowed.after(
            (f"f.{sort}", "f.id"), (rows[0]["sort"] if rows else 0, photo.id), falls=falls
        )
        beside = await db.rows(
            f"SELECT f.id FROM photo_fact f WHERE f.until IS NULL AND {narrowed.sql}"
            f" ORDER BY f.{sort} {way}, f.id {way} LIMIT 1",
            *narrowed.values,
        )
        found.append(beside[0]["id"] if beside else None)
    return found[0], found[1]


async def correct_photo(
    tx: Write,
    photo_id: str,
    facts: PhotoFacts,
    *,
    action: Action = "correct",
    detail: dict[str, object] | None = None,
) -> Photo:
    """Write these facts as a new version. The same facts as now change nothing."""
    await tx.lock()
    photo = await _open_photo(tx, photo_id)
    facts, public = await settle_facts(tx, photo_id, facts)
    if facts == photo.facts:
        return photo
    version = await ledger.append(
        tx, action, "photo", photo_id, before=photo.version, after=ledger.ITSELF, detail=detail
    )
    await close_facts(tx, [(photo_id, version)])
    await write_facts(tx, [(photo_id, photo.owner_id, photo.received_at, facts, public, version)])
    return await _open_photo(tx, photo_id)


async def close_facts(tx: Write, closed: Sequence[tuple[str, int]]) -> None:
    """End the open rows of these photos at these versions."""
    await tx.run_many(CLOSE, [(version, photo_id) for photo_id, version in closed])


async def write_facts(tx: Write, written: Sequence[WrittenFacts]) -> None:
    """Write these facts as the open rows of their photos."""
    await tx.run_many(INSERT_FACT, [fact_values(*one) for one in written])


async def withdraw_photo(tx: Write, photo_id: str, reason: str) -> None:
    """Take a photo out of the archive's sight: a tombstone with its reason stays.

    Its bytes and versions are kept, so that this can be undone.
    """
    await tx.lock()
    photo = await _open_photo(tx, photo_id)
    version = await ledger.append(
        tx, "delete", "photo", photo_id, before=photo.version, detail={"reason": clean(reason)}
    )
    await close_facts(tx, [(photo_id, version)])


async def photo_history(db: Source, photo_id: str) -> list[PhotoVersion]:
    """Every version of the photo's facts, oldest first, with who wrote it and when."""
    rows = await db.rows(
        "SELECT f.*, l.at, l.actor_id, l.actor_name, l.action FROM photo_fact f"
        " JOIN ledger l ON l.version = f.since WHERE f.id = $1 ORDER BY f.since",
        photo_id,
    )
    return [_version_of(row) for row in rows]


async def record_renditions(
    tx: Write, photo_id: str, renditions: Sequence[Rendition], thumbhash: str | None
) -> None:
    """The photo is ready: these are its pictures."""
    await ledger.append(tx, "edit", "photo", photo_id, detail={"state": "ready"})
    await tx.run(
        "UPDATE photo SET state = 'ready', renditions = $1, thumbhash = $2, failure_zh = NULL,"
        " failure_en = NULL WHERE id = $3",
        to_json([asdict(rendition) for rendition in renditions]),
        thumbhash,
        photo_id,
    )


async def record_failure(tx: Write, photo_id: str, reason: Text) -> None:
    """No pictures could be made; the photo stays, with the reason."""
    await ledger.append(tx, "edit", "photo", photo_id, detail={"state": "failed"})
    await tx.run(
        "UPDATE photo SET state = 'failed', failure_zh = $1, failure_en = $2 WHERE id = $3",
        clean(reason.zh),
        clean(reason.en),
        photo_id,
    )


async def photos_by_day(db: Source, first: date, last: date, *, reader: Reader) -> dict[date, int]:
    """How many photos were taken on each local day of the span; days without any are left out."""
    lens = lens_of(reader.actor, reader.now)
    day = _names(lens)["day"]
    rows = await db.rows(
        f"SELECT f.{day} AS day, COUNT(*) AS photos FROM photo_fact f"
        f" WHERE f.until IS NULL AND {visible(lens, 'f')} AND f.{day} >= $1 AND f.{day} <= $2"
        f" GROUP BY f.{day} ORDER BY f.{day}",
        to_day(first),
        to_day(last),
    )
    return {date.fromisoformat(row["day"]): row["photos"] for row in rows}


async def photographers(db: Source, *, reader: Reader) -> list[str]:
    """Every photographer's name that the reader may see, read by jumps along the index."""
    seen = f"f.until IS NULL AND {visible(lens_of(reader.actor, reader.now), 'f')}"
    rows = await db.rows(
        "WITH RECURSIVE name (name) AS ("
        f" SELECT MIN(f.photographer) FROM photo_fact f WHERE {seen} AND f.photographer > ''"
        " UNION ALL SELECT (SELECT MIN(f.photographer) FROM photo_fact f"
        f"  WHERE {seen} AND f.photographer > name.name) FROM name"
        "  WHERE name.name IS NOT NULL)"
        " SELECT name FROM name WHERE name IS NOT NULL ORDER BY name"
    )
    return [row["name"] for row in rows]


async def photos_of_survey(db: Source, survey_id: str, *, reader: Reader) -> list[Photo]:
    """The photos that a survey or one of its sightings names, oldest first, as seen.

    A protected photo is not among them: its survey would tell its site.
    """
    lens = lens_of(reader.actor, reader.now)
    survey = _names(lens)["survey_id"]
    rows = await db.rows(
        f"{SELECT} WHERE {JOINED} AND {visible(lens, 'f')} AND f.id IN"
        f" (SELECT id FROM photo_fact WHERE until IS NULL AND {survey} = $1"
        "  UNION SELECT photo_id FROM sighting_photo WHERE survey_id = $2)"
        + ("" if lens.is_exact else " AND f.public_day IS NOT NULL")
        + " ORDER BY f.sort_key, f.id",
        survey_id,
        survey_id,
    )
    return list(_seen(await photos_in(db, rows), reader))


async def refresh_photo(tx: Write, photo_id: str) -> None:
    """Derive level and public values of the open row anew: a name was proposed, or a rule moved."""
    photo = await find_photo(tx, photo_id)
    if photo is None:
        return
    facts, public = await settle_facts(tx, photo_id, photo.facts)
    names = FACT_COLUMNS[FACT_COLUMNS.index("is_public") : FACT_COLUMNS.index("gap_s")]
    sort_key = to_instant(facts.time.instant or photo.received_at)
    values = public_columns(facts, public, sort_key)
    # SQLite numbers placeholders as they come, so the values stand in the order of the statement.
    assigned = ", ".join(f"{name} = ${at}" for at, name in enumerate(("level", *names), 1))
    await tx.run(
        f"UPDATE photo_fact SET {assigned} WHERE id = ${len(values) + 2} AND until IS NULL",
        facts.level,
        *values,
        photo_id,
    )


async def refresh_levels(tx: Write, species: str) -> None:
    """Derive the levels of every photo that has this name, or for which it is proposed."""
    rows = await tx.rows(
        "SELECT id FROM photo_fact WHERE until IS NULL AND species = $1"
        " UNION SELECT photo_id FROM identification WHERE until IS NULL AND species = $2",
        species,
        species,
    )
    for row in rows:
        await refresh_photo(tx, row["id"])


EXACT = {name: name for name in (*ATTRIBUTES, *TIMES)}
PUBLIC_NAMES = EXACT | {
    "survey_id": "public_survey_id",
    "site": "public_site",
    "day": "public_day",
    "dekad": "public_dekad",
    "phase": "public_phase",
}


def _names(lens: Lens) -> dict[str, str]:
    """The columns that stand for the words of a filter, through this lens."""
    return EXACT if lens.is_exact else PUBLIC_NAMES


def _seen(photos: Sequence[Photo], reader: Reader) -> tuple[Photo, ...]:
    """These photos as the reader may see them; those they may not see are left out."""
    shown = (seen_photo(photo, reader.actor, reader.now) for photo in photos)
    return tuple(photo for photo in shown if photo is not None)


def narrow(where: PhotoFilter, lens: Lens = PUBLIC) -> Where:
    """The filter as conditions on `photo_fact f`, such that one chosen index serves it.

    Every index ends in the sort key. The attribute named first leads, and a season, dekad or day
    bounds the sort key beside it; without an attribute the narrowest of these leads.
    """
    narrowed = Where()
    narrowed.add(visible(lens, "f"))
    names = _names(lens)
    named = [name for name in ATTRIBUTES if getattr(where, name) is not None]
    times = [name for name in TIMES if getattr(where, name) is not None]
    leading = {*named[:1]} or {*times[:1]}
    if leading == {"season"}:
        leading.add("phase")
    for name in (*named, *times):
        value = getattr(where, name)
        # An expression is not looked up in an index, so the planner has no choice to get wrong.
        column = f"f.{names[name]}" if name in leading else f"f.{names[name]} || ''"
        narrowed.equal(column, to_day(value) if name == "day" else value)
    first, last = _days(where)
    sort = "sort_key" if lens.is_exact else "public_sort"
    if first is not None:
        narrowed.add(f"f.{sort} >= {{}}", start_of_day(first))
    if last is not None:
        narrowed.add(f"f.{sort} < {{}}", end_of_day(last))
    if where.box is not None:
        _inside(narrowed, where.box, "" if lens.is_exact else "public_")
    if where.day_from is not None:
        narrowed.add(f"f.{names['day']} || '' >= {{}}", to_day(where.day_from))
    if where.day_to is not None:
        narrowed.add(f"f.{names['day']} || '' <= {{}}", to_day(where.day_to))
    return narrowed


def _inside(narrowed: Where, box: Box, prefix: str) -> None:
    """Within the box, by the point that the reader may know."""
    narrowed.add(f"f.{prefix}lat >= {{}}", box.south)
    narrowed.add(f"f.{prefix}lat <= {{}}", box.north)
    narrowed.add(f"f.{prefix}lon >= {{}}", box.west)
    narrowed.add(f"f.{prefix}lon <= {{}}", box.east)


def _days(where: PhotoFilter) -> tuple[date | None, date | None]:
    """The first and the last day that a photo of this filter can have."""
    spans: list[tuple[date | None, date | None]] = [(where.day_from, where.day_to)]
    spans += [(where.day, where.day)] if where.day else []
    spans += [dekad_span(where.dekad)] if where.dekad else []
    spans += [season_span(where.season)] if where.season else []
    firsts = [first for first, _ in spans if first is not None]
    lasts = [last for _, last in spans if last is not None]
    return max(firsts, default=None), min(lasts, default=None)


async def _one(db: Source, condition: str, value: object) -> Photo | None:
    rows = await db.rows(f"{SELECT} WHERE {JOINED} AND {condition}", value)
    return (await photos_in(db, rows))[0] if rows else None


async def photos_in(db: Source, rows: Sequence[Row]) -> list[Photo]:
    """The photos in these rows; the first facts of those that were corrected are fetched too."""
    corrected = [row["id"] for row in rows if row["since"] != row["first_version"]]
    originals: dict[str, PhotoFacts] = {}
    if corrected:
        found = await db.rows(
            "SELECT o.* FROM photo p JOIN photo_fact o ON o.id = p.id"
            f" AND o.since = p.first_version WHERE p.id IN ({marks(len(corrected))})",
            *corrected,
        )
        originals = {row["id"]: facts_of(row) for row in found}
    return [photo_of(row, originals.get(row["id"])) for row in rows]


async def _open_photo(db: Source, photo_id: str) -> Photo:
    photo = await find_photo(db, photo_id)
    if photo is None:
        raise NotFoundError(
            "photo.unknown",
            zh="没有这张照片。请核对地址。",
            en="There is no such photo. Check the address.",
        )
    return photo


def _version_of(row: Row) -> PhotoVersion:
    return PhotoVersion(
        since=row["since"],
        until=row["until"],
        at=from_instant(row["at"]),
        actor_id=row["actor_id"],
        actor_name=row["actor_name"],
        action=row["action"],
        facts=facts_of(row),
    )
