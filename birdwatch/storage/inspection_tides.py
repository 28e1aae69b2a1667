"""Tide tables that cannot be right, and surveys that name another table than they were given."""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence

from birdwatch.domain.harmonics import known_name
from birdwatch.domain.text import Text
from birdwatch.domain.tide import MAX_GAP
from birdwatch.storage import ledger
from birdwatch.storage.columns import MICROSECOND, Row, from_json
from birdwatch.storage.flaws import MEND, Aside, Flaw, Mend, UnreadableError, parsed
from birdwatch.storage.sql import marks
from birdwatch.storage.transactions import Source, Write

SET_ASIDE, WATERS = "set_aside", "waters_set_aside"  # what the ledger says of a repair
HIGHEST_M = 20.0  # what an import takes; see intake/tide_files.py
GAP = MAX_GAP // MICROSECOND
ENTRIES = "SELECT version, noun_id, action, detail FROM ledger WHERE noun = 'tide' ORDER BY version"
# A water between two of its own kind, or on the wrong side of both its neighbours.
ODD = f"""
    SELECT * FROM (SELECT w.*,
        LAG(at) OVER s AS at_before, LEAD(at) OVER s AS at_after,
        LAG(kind) OVER s AS kind_before, LEAD(kind) OVER s AS kind_after,
        LAG(height_m) OVER s AS height_before, LEAD(height_m) OVER s AS height_after
        FROM tide_water w WINDOW s AS (PARTITION BY station_id ORDER BY at)) AS beside
    WHERE kind NOT IN ('high', 'low') OR ABS(height_m) > {HIGHEST_M}
        OR (at - at_before <= {GAP} AND at_after - at <= {GAP} AND kind_before = kind_after
            AND (kind = kind_before
                OR (kind = 'high' AND height_m < height_before AND height_m < height_after)
                OR (kind = 'low' AND height_m > height_before AND height_m > height_after)))"""
ASIDE = """
    SELECT station_id, COUNT(*) AS waters FROM tide_water w WHERE NOT EXISTS
        (SELECT 1 FROM tide_station s WHERE s.id = w.station_id AND s.constants IS NULL)
    GROUP BY station_id"""


async def wrong_stations(db: Source, *, broken: Collection[int]) -> list[Flaw]:
    """Stations that cannot be read or were lost, and waters that belong to none.

    `broken`: versions at which the chain does not hold.
    """
    told: dict[str, str | None] = {}  # the source of each station that was imported
    unsure: set[str] = set()
    for entry in await db.rows(ENTRIES):
        detail = from_json(entry["detail"]) or {}
        if entry["version"] in broken:
            unsure.add(entry["noun_id"])
        elif entry["action"] == "import":
            told[entry["noun_id"]] = detail.get("source")
        elif detail.get(SET_ASIDE):
            told.pop(entry["noun_id"], None)
    sites = {row["id"] for row in await db.rows("SELECT id FROM site")}
    stations = await db.rows("SELECT * FROM tide_station ORDER BY id")
    tables = {
        row["id"] for row in await db.rows("SELECT DISTINCT station_id AS id FROM tide_water")
    }
    flaws = []
    for row in stations:
        source = row["source"] if row["id"] in unsure else told.get(row["id"])
        reason = _fault_of(row, sites, source, has_waters=row["id"] in tables)
        if reason is not None:
            flaws.append(
                Flaw("tide", row["id"], _again(row["id"], reason), _setting_aside(row["id"]))
            )
    known = {row["id"] for row in stations}
    for station_id in sorted(told.keys() - known):
        lost = Text("不见了", "is missing")
        flaws.append(Flaw("tide", station_id, _again(station_id, lost)))
    faulty = {flaw.subject for flaw in flaws}
    for row in await db.rows(ASIDE):
        if row["station_id"] not in faulty:
            strays = Text(f"多出 {row['waters']} 个高低潮", f"has {row['waters']} waters too many")
            flaws.append(
                Flaw(
                    "tide",
                    row["station_id"],
                    _again(row["station_id"], strays),
                    _setting_aside(row["station_id"], only_waters=True),
                )
            )
    return flaws


def _fault_of(row: Row, sites: set[str], told: str | None, *, has_waters: bool) -> Text | None:
    try:
        named = parsed(row["sites"], list)
        constants = None if row["constants"] is None else parsed(row["constants"], list)
    except UnreadableError:
        return Text("读不懂", "cannot be read")
    if not all(isinstance(one, str) and one in sites for one in named):
        return Text("写着不存在的地点", "names a site that is not there")
    if constants is None and not has_waters:
        return Text("没有高低潮", "has lost its waters")
    if constants is not None and not (constants and all(map(_is_wave, constants))):
        return Text("的调和常数不可能", "has impossible constants")
    if row["level_m"] is not None and not abs(row["level_m"]) <= HIGHEST_M:
        return Text("的平均海面不可能", "has an impossible mean level")
    if told != row["source"]:
        return Text("与账本记的来源不符", "has another source than the ledger tells")
    return None


def _is_wave(one: object) -> bool:
    if not isinstance(one, list) or len(one) != 3:
        return False
    name, size, phase = one
    return (
        isinstance(name, str)
        and known_name(name) == name
        and isinstance(size, int | float)
        and isinstance(phase, int | float)
        and 0 <= size <= HIGHEST_M
        and math.isfinite(phase)
    )


def _again(station_id: str, what: Text) -> Text:
    return Text(
        f"潮汐站 {station_id} {what.zh}。请用 birdwatch import tides 重新导入；--repair 把它移到 set-aside。",
        f"The tide station {station_id} {what.en}. Import it again by `birdwatch import tides`;"
        " --repair moves what is wrong to set-aside.",
    )


def _setting_aside(station_id: str, *, only_waters: bool = False) -> Mend:
    """The station is told by nothing any more, until it is imported again."""

    async def mend(tx: Write, aside: Aside) -> None:
        told: dict[str, object] = {WATERS if only_waters else SET_ASIDE: True}
        await ledger.append(tx, "edit", "tide", station_id, detail=told)
        for table, key in (("tide_water", "station_id"), ("tide_station", "id")):
            if table == "tide_station" and only_waters:
                continue
            for row in await tx.rows(f"SELECT * FROM {table} WHERE {key} = $1", station_id):
                await aside(table, row)
            await tx.run(f"DELETE FROM {table} WHERE {key} = $1", station_id)

    return mend


async def wrong_waters(db: Source) -> list[Flaw]:
    """High and low waters that cannot be: of no kind, too high, or out of turn."""
    flaws = []
    for row in await db.rows(ODD):
        station_id, at = row["station_id"], row["at"]
        text = Text(
            f"潮汐站 {station_id} 的一个高低潮不可能（{at}）。用 --repair 修复，或重新导入潮汐表。",
            f"A water of the tide station {station_id} is impossible ({at}). --repair derives or"
            " sets it aside; importing the table again brings it back.",
        )
        flaws.append(Flaw("tide", f"{station_id}/{at}", text, _righting(row)))
    return flaws


def _righting(row: Row) -> Mend:
    """Between two waters of one kind lies one of the other; a height that cannot be is unknown."""
    beside = {row["kind_before"], row["kind_after"]}
    turned = {"high": "low", "low": "high"}.get(row["kind_before"]) if len(beside) == 1 else None
    kept = {name: row[name] for name in ("station_id", "at", "kind", "height_m")}

    async def mend(tx: Write, aside: Aside) -> None:
        await aside("tide_water", kept)
        await ledger.append(tx, "edit", "tide", row["station_id"], detail={WATERS: row["at"]})
        where = "station_id = $2 AND at = $3"
        which = (row["station_id"], row["at"])
        if turned is not None and row["kind"] != turned:
            await tx.run(f"UPDATE tide_water SET kind = $1 WHERE {where}", turned, *which)
        elif row["kind"] in ("high", "low"):
            await tx.run(f"UPDATE tide_water SET height_m = $1 WHERE {where}", None, *which)
        else:
            await tx.run("DELETE FROM tide_water WHERE station_id = $1 AND at = $2", *which)

    return mend


async def wrong_tide_sources(
    db: Source, ids: Sequence[str], *, broken: Collection[int]
) -> list[Flaw]:
    """Those of these surveys that name another table than the ledger says they were given."""
    rows = await db.rows(
        "SELECT s.id, s.since, s.tide, s.tide_source, l.action, l.detail FROM survey s"
        f" LEFT JOIN ledger l ON l.version = s.since WHERE s.id IN ({marks(len(ids))})"
        " ORDER BY s.id, s.since",
        *ids,
    )
    flaws: dict[str, Flaw] = {}
    given: dict[str, list[tuple[str, str | None]]] = {}  # tide and table of each version so far
    for row in rows:
        before = given.setdefault(row["id"], [])
        # Where the entry itself is wrong, that is told.
        is_unsure = row["action"] is None or row["since"] in broken
        possible = [row["tide_source"]] if is_unsure else _possible(row, before)
        right = row["tide_source"] if row["tide_source"] in possible else possible[0]
        before.append((row["tide"], right))
        if right != row["tide_source"]:
            flaws[row["id"]] = _of_source(row, flaws.get(row["id"]), right)
    return list(flaws.values())


def _possible(row: Row, before: Sequence[tuple[str, str | None]]) -> list[str | None]:
    """The tables that this version may name, the likeliest first."""
    detail: dict[str, str | None] = from_json(row["detail"]) or {}
    if "sightings" in detail or not before:
        return [detail.get("tide_source")]
    if row["action"] == "undo":
        same = [source for tide, source in reversed(before) if tide == row["tide"]]
        return same or [None]
    return [before[-1][1]]


def _of_source(row: Row, other: Flaw | None, right: str | None) -> Flaw:
    survey_id, since = row["id"], row["since"]

    async def mend(tx: Write, aside: Aside) -> None:
        if other is not None and other.mend is not None:
            await other.mend(tx, aside)
        else:
            detail: dict[str, object] = {"derived_again": ["tide_source"]}
            await ledger.append(tx, "edit", "survey", survey_id, detail=detail)
        await tx.run(
            "UPDATE survey SET tide_source = $1 WHERE id = $2 AND since = $3",
            right,
            survey_id,
            since,
        )

    text = Text(
        f"调查 {survey_id} 写的潮汐来源与账本不符。{MEND.zh}",
        f"The survey {survey_id} names another tide table than the ledger says. {MEND.en}",
    )
    return Flaw("tide_source", survey_id, text, mend)
