from __future__ import annotations

from datetime import date, datetime, timedelta, timezone

import pytest

from birdwatch.domain.errors import InvalidInputError
from birdwatch.domain.summary import DailyCount
from birdwatch.intake.archive import Archive
from birdwatch.intake.survey_intake import change_survey, receive_survey
from birdwatch.storage.counts import daily_counts, wrong_daily_counts
from birdwatch.storage.ledger import latest
from birdwatch.storage.surveys import find_survey
from tests.intake.archives import NOW, person

pytestmark = pytest.mark.anyio
SURVEY = {
    "site": "四道沟",
    "start": "2026-04-20T05:30",
    "end": "07:10",
    "observers": ["国颖"],
    "protocol": "roost",
    "complete": True,
    "tide": "high",
    "sightings": [
        {"species": "大滨鹬", "low": 1000, "best": 1200, "high": 1500},
        {"species": "Dunlin", "best": 0},
        {"species": "batgod", "method": "present"},
    ],
}


async def test_receive_survey_stores_what_was_seen_and_sums_it(archive: Archive) -> None:
    actor = await person(archive, "guo")
    survey = await receive_survey(archive, SURVEY, source="page", actor=actor, now=NOW)
    assert await find_survey(archive.db, survey.id) == survey
    assert (survey.site, survey.day, survey.source, survey.owner_id) == (
        "sidaogou", date(2026, 4, 20), "page", actor.person_id,
    )  # fmt: skip
    assert survey.start == datetime(2026, 4, 20, 5, 30, tzinfo=timezone(timedelta(hours=8)))
    assert (survey.season, survey.phase, survey.dekad) == ("2026-spring", "peak", "2026-04-2")
    assert [(s.species, s.low, s.best, s.high, s.method) for s in survey.sightings] == [
        ("grekno", 1000, 1200, 1500, "estimated"),
        ("dunlin", 0, 0, 0, "counted"),
        ("batgod", None, None, None, "present"),
    ]
    on, season = date(2026, 4, 20), "2026-spring"
    assert await daily_counts(archive.db) == [
        DailyCount("sidaogou", "batgod", on, "high", None, None, None, survey.id, (), season),
        DailyCount("sidaogou", "dunlin", on, "high", 0, 0, 0, survey.id, (), season),
        DailyCount("sidaogou", "grekno", on, "high", 1200, 1000, 1500, survey.id, (), season),
    ]


async def test_receive_survey_keeps_nothing_of_a_faulty_one(archive: Archive) -> None:
    before = await latest(archive.db)
    actor = await person(archive, "guo")
    raw = {**SURVEY, "start": "2026-02-30", "sightings": [{"species": "大宾鹬", "best": "50+"}]}
    with pytest.raises(InvalidInputError) as refused:
        await receive_survey(archive, raw, source="api", actor=actor, now=NOW)
    assert [fault.field for fault in refused.value.errors] == [
        "start", "sightings[0].species", "sightings[0].best",
    ]  # fmt: skip
    assert await daily_counts(archive.db) == []
    assert await latest(archive.db) == before


async def test_receive_survey_refuses_a_photo_that_is_not_there(archive: Archive) -> None:
    raw = {**SURVEY, "sightings": [{"species": "grekno", "best": 3, "photos": ["0" * 16]}]}
    with pytest.raises(InvalidInputError) as refused:
        await receive_survey(
            archive, raw, source="api", actor=await person(archive, "guo"), now=NOW
        )
    assert [(f.field, f.code) for f in refused.value.errors] == [
        ("sightings[0].photos", "photos.unknown")
    ]


async def test_change_survey_recounts_the_old_day_and_the_new(archive: Archive) -> None:
    actor = await person(archive, "guo")
    survey = await receive_survey(archive, SURVEY, source="page", actor=actor, now=NOW)
    moved = {
        **SURVEY,
        "start": "2026-04-21T05:30",
        "sightings": [{"species": "grekno", "best": 900}],
    }
    changed = await change_survey(archive, survey, moved, actor=actor, now=NOW)
    assert (changed.id, changed.source, changed.day) == (survey.id, "page", date(2026, 4, 21))
    assert [(c.day, c.species, c.count) for c in await daily_counts(archive.db)] == [
        (date(2026, 4, 21), "grekno", 900)
    ]
    assert await wrong_daily_counts(archive.db) == []
