"""Many photos put right in one act, each with the count that follows it: a few statements for all.

The ledger tells each by itself, the count before its photo, as if they were written one by one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from birdwatch.domain.photo import Photo, PhotoFacts
from birdwatch.domain.survey import NewSurvey, Survey
from birdwatch.storage import counts, ledger
from birdwatch.storage.ledger import Entry
from birdwatch.storage.photos import close_facts, write_facts
from birdwatch.storage.settling import settle_all
from birdwatch.storage.survey_writing import (
    close_surveys,
    rewriting,
    source_keys,
    told_survey,
    write_surveys,
)
from birdwatch.storage.transactions import Write


@dataclass(frozen=True, slots=True)
class Correction:
    """A photo as it is under the lock, the facts it is to get, and what becomes of its count."""

    photo: Photo
    facts: PhotoFacts
    count: tuple[Survey, NewSurvey] | None = None


async def write_corrections(
    tx: Write, corrections: Sequence[Correction], *, detail: dict[str, object] | None = None
) -> list[tuple[str, int]]:
    """Write these, of different photos and surveys; the photos with another version than before.

    The same facts as now change nothing; the count is written all the same.
    """
    settled = await settle_all(tx, {one.photo.id: one.facts for one in corrections})
    keys = await source_keys(tx, [one.count[0].id for one in corrections if one.count])
    again = {
        one.photo.id: rewriting(*one.count, keys[one.count[0].id], tx.now)
        for one in corrections
        if one.count
    }
    changed = [one.photo for one in corrections if settled[one.photo.id][0] != one.photo.facts]
    written = {photo.id for photo in changed}
    entries: list[Entry] = []
    for one in corrections:
        if one.photo.id in again:
            entries.append(_of_survey(again[one.photo.id].old, again[one.photo.id].new))
        if one.photo.id in written:
            entries.append(_of_photo(one.photo, detail))
    numbers = await ledger.append_all(tx, entries)
    versions = {
        (entry.noun, entry.noun_id): number for entry, number in zip(entries, numbers, strict=True)
    }
    surveys = [one.at(versions["survey", one.old.id]) for one in again.values()]
    await close_surveys(tx, [(one.survey_id, one.version) for one in surveys])
    await write_surveys(tx, surveys)
    await counts.recompute(tx, set().union(*(one.touched for one in again.values())))
    rewritten = [(photo.id, versions["photo", photo.id]) for photo in changed]
    await close_facts(tx, rewritten)
    await write_facts(
        tx,
        [
            (photo.id, photo.owner_id, photo.received_at, *settled[photo.id], version)
            for photo, (_, version) in zip(changed, rewritten, strict=True)
        ],
    )
    return rewritten


def _of_survey(old: Survey, new: NewSurvey) -> Entry:
    return Entry("edit", "survey", old.id, old.version, ledger.ITSELF, told_survey(new))


def _of_photo(photo: Photo, detail: dict[str, object] | None) -> Entry:
    return Entry("correct", "photo", photo.id, photo.version, ledger.ITSELF, detail)
