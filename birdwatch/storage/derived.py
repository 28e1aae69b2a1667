"""What rows hold that follows from others: whether it is right, and how to make it so again.

Season, level, public values and `until` change in place, so the chain does not cover them (see
storage/chain.py); yet they decide what is shown to whom. Each is derived here from what the chain
does cover. The functions work inside a write transaction, so that nothing moves between a look and
its repair.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from birdwatch.domain.sensitivity import is_protected
from birdwatch.storage.columns import Row, from_json, to_instant
from birdwatch.storage.photo_rows import FACT_COLUMNS, public_columns
from birdwatch.storage.photos import find_photo
from birdwatch.storage.sensitivity import Levels, load_levels
from birdwatch.storage.settling import settle_facts
from birdwatch.storage.sql import marks
from birdwatch.storage.survey_rows import LINK_PHOTO
from birdwatch.storage.transactions import Source, Write
from birdwatch.storage.windows import Calendar, load_calendar

PUBLIC_COLUMNS = FACT_COLUMNS[
    FACT_COLUMNS.index("is_public") : FACT_COLUMNS.index("public_survey_id") + 1
]
PHOTO_COLUMNS = ("season", "phase", "dekad", "level", *PUBLIC_COLUMNS)


@dataclass(frozen=True, slots=True)
class WrongRow:
    """One row and what its columns should hold; none: its end is wrong, and cannot be derived."""

    table: str
    row_id: str
    since: int
    columns: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class WrongRecord:
    """A photo or a survey with what is wrong in its rows, and in its links to pictures."""

    noun: str
    noun_id: str
    rows: tuple[WrongRow, ...]
    has_wrong_links: bool = False

    @property
    def columns(self) -> list[str]:
        named = {name for row in self.rows for name in row.columns or ("until",)}
        return sorted(named | ({"sighting_photo"} if self.has_wrong_links else set()))


async def next_ids(db: Source, table: str, after: str, limit: int) -> list[str]:
    """The following ids of a versioned table, each once."""
    rows = await db.rows(
        f"SELECT DISTINCT id FROM {table} WHERE id > $1 ORDER BY id LIMIT $2", after, limit
    )
    return [row["id"] for row in rows]


async def wrong_photos(tx: Write, ids: Sequence[str]) -> list[WrongRecord]:
    """Those of these photos whose derived columns are not right."""
    versions = await tx.rows(
        f"SELECT id, since, until FROM photo_fact WHERE id IN ({marks(len(ids))})"
        " ORDER BY id, since",
        *ids,
    )
    entries = await _entries(tx, "photo", ids)
    by_id = _grouped(versions, "id")
    found = []
    for photo_id in ids:
        rows = _wrong_spans("photo_fact", by_id[photo_id], entries[photo_id])
        rows += await _wrong_facts(tx, photo_id)
        if rows:
            found.append(WrongRecord("photo", photo_id, tuple(rows)))
    return found


async def _wrong_facts(tx: Write, photo_id: str) -> list[WrongRow]:
    photo = await find_photo(tx, photo_id)
    if photo is None:
        return []
    facts, public = await settle_facts(tx, photo_id, photo.facts)
    sort_key = to_instant(facts.time.instant or photo.received_at)
    values = public_columns(facts, public, sort_key)
    right = {
        "season": facts.season, "phase": facts.phase, "dekad": facts.dekad, "level": facts.level,
        **dict(zip(PUBLIC_COLUMNS, values, strict=True)),
    }  # fmt: skip
    stored = await tx.rows(
        f"SELECT {', '.join(PHOTO_COLUMNS)} FROM photo_fact WHERE id = $1 AND since = $2",
        photo_id,
        photo.version,
    )
    return _differing("photo_fact", photo_id, photo.version, stored[0], right)


async def wrong_surveys(tx: Write, ids: Sequence[str]) -> list[WrongRecord]:
    """Those of these surveys whose derived columns, sightings or links are not right."""
    listed = marks(len(ids))
    surveys = _grouped(
        await tx.rows(f"SELECT * FROM survey WHERE id IN ({listed}) ORDER BY id, since", *ids), "id"
    )
    sightings = _grouped(await _sightings(tx, ids), "survey_id")
    links = _grouped(
        await tx.rows(f"SELECT * FROM sighting_photo WHERE survey_id IN ({listed})", *ids),
        "survey_id",
    )
    entries = await _entries(tx, "survey", ids)
    calendar, levels = await load_calendar(tx), await load_levels(tx)
    found = []
    for survey_id in ids:
        of = sightings[survey_id]
        rows = _wrong_spans("survey", surveys[survey_id], entries[survey_id])
        for versions in _grouped(of, "id").values():
            rows += _wrong_spans("sighting", versions, entries[survey_id], of_survey=True)
        rows += _wrong_survey(surveys[survey_id], of, calendar, levels)
        is_linked_wrong = _links_of(of) != {
            (link["photo_id"], link["sighting_id"]) for link in links[survey_id]
        }
        if rows or is_linked_wrong:
            found.append(WrongRecord("survey", survey_id, tuple(rows), is_linked_wrong))
    return found


async def _sightings(tx: Write, ids: Sequence[str]) -> list[Row]:
    rows: list[Row] = []
    for which in ("IS NULL", "IS NOT NULL"):  # each has an index of its own
        rows += await tx.rows(
            f"SELECT * FROM sighting WHERE survey_id IN ({marks(len(ids))}) AND until {which}", *ids
        )
    return sorted(rows, key=lambda row: (row["id"], row["since"]))


def _wrong_survey(
    versions: Sequence[Row], sightings: Sequence[Row], calendar: Calendar, levels: Levels
) -> list[WrongRow]:
    """Of the open row and its open sightings."""
    now = [row for row in versions if row["until"] is None]
    if not now:
        return []
    row, alive = now[-1], [one for one in sightings if one["until"] is None]
    place = calendar.place(date.fromisoformat(row["day"]))
    is_published = row["status"] == "published"
    right = {
        "season": place.season, "phase": place.phase, "dekad": place.dekad,
        "has_birds": any(one["best"] != 0 for one in alive),
        "is_public": is_published and row["embargo_until"] is None,
        "is_embargoed": is_published and row["embargo_until"] is not None,
    }  # fmt: skip
    wrong = _differing("survey", row["id"], row["since"], row, right)
    for one in alive:
        behaviours = (one["behaviour"],) if one["behaviour"] else ()
        level = levels.of(one["species"], place.season, behaviours)
        is_public = one["status"] == "published" and not is_protected(level)
        right_of_one = {"level": level, "is_public": is_public}
        wrong += _differing("sighting", one["id"], one["since"], one, right_of_one)
    return wrong


def _links_of(sightings: Iterable[Row]) -> set[tuple[str, str]]:
    return {
        (photo, row["id"])
        for row in sightings
        if row["until"] is None
        for photo in from_json(row["photos"])
    }


def _differing(
    table: str, row_id: str, since: int, stored: Row, right: Mapping[str, object]
) -> list[WrongRow]:
    """SQLite has numbers for booleans; a number and a truth that are equal are the same here."""
    wrong = {name: value for name, value in right.items() if stored[name] != value}
    return [WrongRow(table, row_id, since, wrong)] if wrong else []


async def _entries(tx: Write, noun: str, ids: Sequence[str]) -> dict[str, list[Row]]:
    """What the ledger has on each of these."""
    rows = await tx.rows(
        "SELECT version, noun_id, action, after_version FROM ledger"
        f" WHERE noun_id IN ({marks(len(ids))}) AND noun = ${len(ids) + 1} ORDER BY version",
        *ids,
        noun,
    )
    return _grouped(rows, "noun_id")


def _grouped(rows: Iterable[Row], name: str) -> dict[str, list[Row]]:
    found: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        found[row[name]].append(row)
    return found


def _wrong_spans(
    table: str, versions: Sequence[Row], entries: Sequence[Row], *, of_survey: bool = False
) -> list[WrongRow]:
    """Rows that end at another version than their successor and the ledger say."""
    wrong = []
    followers = [row["since"] for row in versions[1:]]
    for row, following in zip(versions, [*followers, None], strict=True):
        end, others = _end(row["since"], following, entries, of_survey=of_survey)
        if row["until"] == end or row["until"] in others:
            continue
        # Where the ledger leaves it open whether undoing ended the row, nothing is guessed.
        columns: dict[str, object] = {} if others else {"until": end}
        wrong.append(WrongRow(table, row["id"], row["since"], columns))
    return wrong


def _end(
    since: int, following: int | None, entries: Sequence[Row], *, of_survey: bool
) -> tuple[int | None, set[int]]:
    """The version at which a row ends, and those at which undoing may have ended it before."""
    possible: set[int] = set()
    for entry in entries:
        version = entry["version"]
        if version <= since:
            continue
        if following is not None and version > following:
            break
        rewrites = of_survey and entry["action"] in ("edit", "undo", "correct")
        if entry["action"] == "delete" or (rewrites and entry["after_version"] == version):
            return version, possible
        if entry["action"] == "undo" and entry["after_version"] is None:
            possible.add(version)
    return following, possible


async def derive_again(tx: Write, record: WrongRecord) -> None:
    """Give the rows what they should hold."""
    for row in filter(lambda row: row.columns, record.rows):
        # SQLite numbers placeholders as they come, so the values stand in the statement's order.
        names = list(row.columns)
        assigned = ", ".join(f"{name} = ${at}" for at, name in enumerate(names, 1))
        await tx.run(
            f"UPDATE {row.table} SET {assigned} WHERE id = ${len(names) + 1}"
            f" AND since = ${len(names) + 2}",
            *(row.columns[name] for name in names),
            row.row_id,
            row.since,
        )
    if record.has_wrong_links:
        await tx.run("DELETE FROM sighting_photo WHERE survey_id = $1", record.noun_id)
        links = _links_of(await _sightings(tx, [record.noun_id]))
        await tx.run_many(LINK_PHOTO, [(*link, record.noun_id) for link in sorted(links)])


async def days_of(db: Source, survey_id: str) -> set[tuple[str, date]]:
    """Every site and day that any version of a survey was at."""
    rows = await db.rows("SELECT DISTINCT site, day FROM survey WHERE id = $1", survey_id)
    return {(row["site"], date.fromisoformat(row["day"])) for row in rows}
