"""The feed against what everyone may see: each thing that is shown is in it, and no other.

A mirror that was told wrongly has to hear of the thing again, so mending gives it a version of its
own; what never was public and got into the feed leaves it in silence.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable

from birdwatch.domain.text import Text
from birdwatch.storage import ledger
from birdwatch.storage.columns import Row
from birdwatch.storage.feed import MOVES_OTHERS, TABLES_OF_ALL, VISIBLE
from birdwatch.storage.flaws import MEND, Aside, Flaw, Mend
from birdwatch.storage.transactions import Source, Write

FACTS = {"photo": "photo_fact", "survey": "survey"}
MOVERS = ", ".join(f"'{noun}'" for noun in MOVES_OTHERS)
SHARED = ", ".join(f"'{noun}'" for noun in TABLES_OF_ALL)
NOT_TOLD = """
    SELECT f.id AS noun_id FROM {visible} AND NOT EXISTS
        (SELECT 1 FROM feed o WHERE o.noun = '{noun}' AND o.noun_id = f.id AND NOT o.is_gone)"""
TOLD_YET = """
    SELECT c.noun_id, EXISTS (SELECT 1 FROM {facts} o WHERE o.id = c.noun_id
        AND o.status = 'published' AND o.embargo_until IS NULL) AS was_public
    FROM feed c WHERE c.noun = '{noun}' AND NOT c.is_gone
        AND NOT EXISTS (SELECT 1 FROM {visible} AND f.id = c.noun_id)"""
UNKNOWN = """
    SELECT c.noun_id FROM feed c WHERE c.noun = '{noun}' AND c.is_gone
        AND NOT EXISTS (SELECT 1 FROM {facts} o WHERE o.id = c.noun_id)"""
# A thing is told at an entry of its own, or of what moves many at once.
TOUCHES = (
    "(({0}.noun = c.noun AND {0}.noun_id IN (c.noun_id, '*')) OR {0}.noun = 'sighting'"
    f" OR {{0}}.noun IN ({MOVERS}))"
)
AT_OTHER = f"""
    SELECT c.noun, c.noun_id, c.version, c.first_version FROM feed c
    LEFT JOIN ledger l ON l.version = c.version LEFT JOIN ledger b ON b.version = c.first_version
    WHERE c.noun IN ('photo', 'survey') AND (
        l.version IS NULL OR NOT {TOUCHES.format("l")} OR c.first_version > c.version
        OR (c.at <> l.at AND c.at <> COALESCE((SELECT MAX(m.at) FROM ledger m
            WHERE m.noun = c.noun AND m.noun_id = c.noun_id), -1))
        OR (c.first_version <> 0 AND (b.version IS NULL OR NOT {TOUCHES.format("b")})))"""
BEHIND = """
    SELECT c.noun, c.noun_id, c.version, c.first_version FROM feed c
    JOIN {facts} f ON f.id = c.noun_id AND f.until IS NULL
    WHERE c.noun = '{noun}' AND c.version < f.since"""
OF_TABLES = f"""
    SELECT l.noun, l.noun_id, MAX(l.version) AS latest FROM ledger l
    WHERE l.noun IN ({SHARED}) GROUP BY l.noun, l.noun_id"""
NAMES = {
    "photo": Text("照片", "photo"), "survey": Text("调查", "survey"),
    "species": Text("物种表", "species"), "site": Text("地点表", "site"),
    "window": Text("时段表", "window"),
}  # fmt: skip


async def wrong_feed(
    db: Source, *, besides: Collection[str], broken: Collection[int]
) -> list[Flaw]:
    """What the feed tells wrongly.

    `besides`: records that are wrong themselves, which is told of them; `broken`: versions at
    which the chain does not hold.
    """
    found: dict[tuple[str, str], Flaw] = {}
    for noun, visible in VISIBLE.items():
        said = {"noun": noun, "visible": visible, "facts": FACTS[noun]}
        for row in await db.rows(NOT_TOLD.format(**said)):
            _tell(found, noun, row["noun_id"], _retelling(noun, row["noun_id"]))
        for row in await db.rows(TOLD_YET.format(**said)):
            again = _retelling if row["was_public"] else _dropping
            _tell(found, noun, row["noun_id"], again(noun, row["noun_id"]))
        for row in await db.rows(UNKNOWN.format(**said)):
            _tell(found, noun, row["noun_id"], _dropping(noun, row["noun_id"]))
        for row in _sound(await db.rows(BEHIND.format(**said)), broken):
            _tell(found, noun, row["noun_id"], _retelling(noun, row["noun_id"]))
    for row in _sound(await db.rows(AT_OTHER), broken):
        _tell(found, row["noun"], row["noun_id"], _retelling(row["noun"], row["noun_id"]))
    for flaw_of in await _wrong_tables(db, broken):
        _tell(found, *flaw_of)
    return [flaw for (_, noun_id), flaw in sorted(found.items()) if noun_id not in besides]


def _sound(rows: Iterable[Row], broken: Collection[int]) -> list[Row]:
    return [
        row for row in rows if row["version"] not in broken and row["first_version"] not in broken
    ]


async def _wrong_tables(db: Source, broken: Collection[int]) -> list[tuple[str, str, Mend]]:
    """Species, sites and windows: told at their last entry, and never gone."""
    latest = {(row["noun"], row["noun_id"]): row["latest"] for row in await db.rows(OF_TABLES)}
    told = {
        (row["noun"], row["noun_id"]): row
        for row in await db.rows("SELECT * FROM feed WHERE noun NOT IN ('photo', 'survey')")
    }
    found: list[tuple[str, str, Mend]] = []
    for key, version in latest.items():
        row = told.get(key)
        is_right = row is not None and row["version"] == version and not row["is_gone"]
        if is_right or version in broken or (row is not None and row["version"] in broken):
            continue
        found.append((*key, _retelling(*key)))
    for key, row in told.items():
        if key not in latest and row["version"] not in broken:
            found.append((*key, _dropping(*key)))
    return found


def _tell(found: dict[tuple[str, str], Flaw], noun: str, noun_id: str, mend: Mend) -> None:
    words = NAMES.get(noun, Text(noun, noun))
    text = Text(
        f"公开变更清单里{words.zh} {noun_id} 的一项缺失或不对，镜像会跟错。{MEND.zh}",
        f"What the feed of changes tells of {words.en} {noun_id} is missing or wrong, so mirrors"
        f" go wrong. {MEND.en}",
    )
    found.setdefault((noun, noun_id), Flaw("feed", f"{noun}/{noun_id}", text, mend))


def _dropping(noun: str, noun_id: str) -> Mend:
    """It never was for everyone: nothing of it is told."""

    async def mend(tx: Write, _: Aside) -> None:
        await tx.run("DELETE FROM feed WHERE noun = $1 AND noun_id = $2", noun, noun_id)

    return mend


def _retelling(noun: str, noun_id: str) -> Mend:
    """A version of its own: at the end of the transaction it is told as it is then."""

    async def mend(tx: Write, _: Aside) -> None:
        rows = await tx.rows(
            "SELECT MIN(version) AS first FROM ledger WHERE noun = $1 AND noun_id = $2",
            noun,
            noun_id,
        )
        first = rows[0]["first"]
        await ledger.append(tx, "edit", noun, noun_id, detail={"derived_again": ["feed"]})
        await tx.run(
            "UPDATE feed SET is_gone = FALSE, first_version = $1 WHERE noun = $2 AND noun_id = $3",
            first or 0,
            noun,
            noun_id,
        )

    return mend
