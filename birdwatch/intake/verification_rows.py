"""Rows against each other: the database file, the chain, what is derived, the daily counts."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from datetime import date

import anyio.to_thread

from birdwatch.domain.policy import SYSTEM
from birdwatch.domain.text import Text
from birdwatch.intake.findings import Inspection
from birdwatch.storage import ledger
from birdwatch.storage.counts import recompute
from birdwatch.storage.derived import (
    WrongRecord,
    days_of,
    derive_again,
    next_ids,
    wrong_photos,
    wrong_surveys,
)
from birdwatch.storage.integrity import broken_pages
from birdwatch.storage.ledger import Break, verify_chain
from birdwatch.storage.recount import counted_sites, wrong_days
from birdwatch.storage.transactions import Write

RECORDS_AT_ONCE = 50  # while writers wait
NOUN = "archive"  # what the ledger calls a mending of counts
TABLE_WORDS = {
    "ledger": Text("账本条目", "the ledger entry"),
    "photo": Text("照片登记", "a photo as received"),
    "photo_fact": Text("照片信息", "a row of photo facts"),
    "survey": Text("调查", "a survey"),
    "sighting": Text("记录", "a sighting"),
    "identification": Text("鉴定提名", "a proposed name"),
}
Look = Callable[[Write, Sequence[str]], Awaitable[list[WrongRecord]]]


async def check_database(inspection: Inspection) -> None:
    """The pages of a SQLite file; a broken one ends the verification."""
    if not inspection.is_deep:
        return
    url = inspection.archive.settings.database_url
    for broken in await anyio.to_thread.run_sync(broken_pages, url):
        inspection.is_over = True
        inspection.tell(
            "database",
            "database",
            Text(
                f"数据库文件已损坏（{broken}）。请从备份恢复。",
                f"The database file is damaged ({broken}). Restore it from a backup.",
            ),
        )


async def check_chain(inspection: Inspection) -> None:
    """Every version of the ledger that is not as it was sealed."""
    db = inspection.archive.db
    chain = await verify_chain(db)
    if chain.breaks:  # a version may have been committed while its rows were read
        async with db.write(SYSTEM, inspection.now) as tx:
            await tx.lock()
            chain = await verify_chain(tx)
    inspection.version, inspection.head = chain.version, chain.head
    for broken in chain.breaks:
        inspection.tell("chain", f"{broken.version}/{broken.where}", _tell_break(broken))


def _tell_break(broken: Break) -> Text:
    """Where the chain breaks, and what to do."""
    version, words = broken.version, TABLE_WORDS[broken.where]
    what_zh = "缺失" if broken.is_missing else "被改动"
    what_en = "missing" if broken.is_missing else "altered"
    return Text(
        f"账本链在版本 {version} 不成立：该版本的{words.zh}{what_zh}。请与备份比较，并从备份恢复。",
        f"The chain of the ledger does not hold at version {version}: {words.en} of that version"
        f" was {what_en}. Compare with a backup, and restore from it.",
    )


async def check_records(inspection: Inspection) -> None:
    """What rows of photos and surveys hold that follows from others."""
    if not inspection.is_deep:
        return
    await _check_all(inspection, "photo_fact", wrong_photos)
    await _check_all(inspection, "survey", wrong_surveys)


async def _check_all(inspection: Inspection, table: str, look: Look) -> None:
    db, after = inspection.archive.db, ""
    while ids := await next_ids(db, table, after, RECORDS_AT_ONCE):
        async with db.write(SYSTEM, inspection.now) as tx:
            await tx.lock()
            for record in await look(tx, ids):
                is_mended = inspection.is_mending and await _mend(tx, record, look)
                _tell_record(inspection, record, is_mended=is_mended)
        after = ids[-1]


async def _mend(tx: Write, record: WrongRecord, look: Look) -> bool:
    """Derive again until nothing is wrong: a row that is open again has values of its own."""
    before = await days_of(tx, record.noun_id)
    found: list[WrongRecord] = [record]
    for _ in range(3):
        for wrong in found:
            await derive_again(tx, wrong)
        found = await look(tx, [record.noun_id])
        if not found:
            break
    await recompute(tx, before | await days_of(tx, record.noun_id))
    await ledger.append(
        tx, "edit", record.noun, record.noun_id, detail={"derived_again": record.columns}
    )
    return not found


def _tell_record(inspection: Inspection, record: WrongRecord, *, is_mended: bool) -> None:
    columns = ", ".join(record.columns)
    zh = "照片" if record.noun == "photo" else "调查"
    inspection.tell(
        "record",
        record.noun_id,
        Text(
            f"{zh} {record.noun_id} 的派生值不对：{columns}。用 --repair 重新推算。",
            f"What is derived for {record.noun} {record.noun_id} is not right: {columns}. --repair"
            " derives it again.",
        ),
        is_mended=is_mended,
    )


async def check_counts(inspection: Inspection) -> None:
    """Every daily count against a recount of its records."""
    db = inspection.archive.db
    for site in await counted_sites(db):
        for day in await wrong_days(db, site):
            async with db.write(SYSTEM, inspection.now) as tx:
                await tx.lock()
                if not await wrong_days(tx, site, day):
                    continue
                if inspection.is_mending:
                    await recompute(tx, {(site, date.fromisoformat(day))})
                    subject = {"counts": [site, day]}
                    await ledger.append(tx, "edit", NOUN, "*", detail={"derived_again": subject})
                is_mended = inspection.is_mending and not await wrong_days(tx, site, day)
            inspection.tell(
                "counts",
                f"{site}/{day}",
                Text(
                    f"每日合计与重算不符：{site}，{day}。用 --repair 重算。",
                    f"The daily totals of {site} on {day} are not what a recount gives. --repair"
                    " counts them again.",
                ),
                is_mended=is_mended,
            )
