"""Faults put into an archive at random: verification finds each of them, and none where none is.

BIRDWATCH_TEST_FAULTS says how many: 10000 for the whole campaign.
"""

from __future__ import annotations

import hashlib
import os
import random
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from birdwatch.domain.policy import Actor
from birdwatch.intake.archive import Archive
from birdwatch.intake.backup import take_backup
from birdwatch.intake.verification import Report, verify_archive
from birdwatch.storage.blobs.pool import FILES
from birdwatch.storage.ledger import verify_chain
from birdwatch.worker.loop import drain
from tests.faults.filled import fill, fill_again
from tests.faults.injection import FOR_GOOD, SORTS, Fault, Injector, Sort
from tests.faults.injection_clocks import CLOCK_SORTS, CLOCKS_FOR_GOOD
from tests.faults.injection_records import RECORD_SORTS, RECORDS_FOR_GOOD
from tests.faults.injection_uploads import UPLOAD_SORTS
from tests.intake.archives import opened

pytestmark = pytest.mark.anyio

FAULTS = int(os.environ.get("BIRDWATCH_TEST_FAULTS", "150"))
MOST_AT_ONCE = 25
SEED = 20261124
REFILL_EVERY = 8  # rounds of repairs, which set aside what nothing can derive again
ALL: tuple[Sort, ...] = (*SORTS, *RECORD_SORTS, *CLOCK_SORTS, *UPLOAD_SORTS)
UNMENDABLE: tuple[Sort, ...] = (*FOR_GOOD, *RECORDS_FOR_GOOD, *CLOCKS_FOR_GOOD)


@dataclass
class Filled:
    """An archive with everything in it, and whose photos it holds."""

    archive: Archive
    owner: Actor


@pytest.fixture
async def filled(tmp_path: Path, database_url: str) -> AsyncIterator[Filled]:
    async with opened(tmp_path / "home", database_url) as archive:
        yield Filled(archive, await fill(archive))


@pytest.fixture
def archive(filled: Filled) -> Archive:
    return filled.archive


async def verified(archive: Archive, **how: object) -> Report:
    return await verify_archive(archive, ignore, **how)  # type: ignore[arg-type]


def ignore(*_: object) -> None:
    """A progress that nobody looks at."""


def bytes_below(home: Path) -> dict[str, bool]:
    """Every content of the home by its hash, and whether it lies, or lay, with the originals."""
    return {
        hashlib.sha256(path.read_bytes()).hexdigest(): "originals" in path.parts
        for path in home.rglob("*")
        if path.is_file() and not path.name.startswith("birdwatch.db")
    }


def originals_in(contents: dict[str, bool]) -> set[str]:
    return {digest for digest, is_original in contents.items() if is_original}


def told(report: Report) -> Counter[tuple[str, str]]:
    return Counter((one.kind, one.subject) for one in (*report.found, *report.leftovers))


async def test_verification_finds_every_injected_fault_and_no_other(archive: Archive) -> None:
    dice = random.Random(SEED)
    assert told(await verified(archive)) == Counter()
    sorts: Counter[str] = Counter()
    while sorts.total() < FAULTS:
        injector = Injector(archive, dice, ALL)
        await injector.begin()
        wanted = min(dice.randrange(1, MOST_AT_ONCE), FAULTS - sorts.total())
        faults: list[Fault] = []
        for _ in range(wanted * 3):
            fault = await injector.inject()
            if fault is not None:
                faults.append(fault)
            if len(faults) == wanted:
                break
        assert told(await verified(archive)) == Counter(fault.found for fault in faults)
        for fault in reversed(faults):
            await fault.undo()
        assert told(await verified(archive)) == Counter(), [fault.name for fault in faults]
        sorts.update(fault.name for fault in faults)
    if FAULTS >= 1000:
        print(f"{sorts.total()} faults, all found: {dict(sorts)}")
    assert len(sorts) >= min(len(ALL), FAULTS // 20)


async def test_repair_mends_what_can_be_and_deletes_nothing(filled: Filled, tmp_path: Path) -> None:
    archive, dice = filled.archive, random.Random(SEED)
    rounds = 0
    await take_backup(archive, tmp_path / "backup", ignore)
    before = bytes_below(archive.settings.home)
    sorts: Counter[str] = Counter()
    while sorts.total() < FAULTS // 3:
        rounds += 1
        if rounds % REFILL_EVERY == 0:
            await fill_again(archive, filled.owner, rounds)
            await take_backup(archive, tmp_path / "backup", ignore)
        injector = Injector(archive, dice, tuple(one for one in ALL if one not in UNMENDABLE))
        faults = [fault for _ in range(20) if (fault := await injector.inject())]
        broken = bytes_below(archive.settings.home)
        report = await verified(
            archive, mend=True, source=tmp_path / "backup" / FILES, settled_after_s=0
        )
        injected = Counter(fault.found for fault in faults)
        assert told(report) - injected == Counter(), faults
        # What follows a record is made again with it: its days' totals, and what mirrors are told.
        assert {kind for kind, _ in injected - told(report)} <= {"counts", "feed"}
        assert [one for one in (*report.found, *report.leftovers) if not one.is_mended] == []
        await drain(archive)
        assert told(await verified(archive)) == Counter()
        assert originals_in(broken) <= bytes_below(archive.settings.home).keys()
        sorts.update(fault.name for fault in faults)
    assert originals_in(before) <= bytes_below(archive.settings.home).keys()
    assert (await verify_chain(archive.db)).broken is None
