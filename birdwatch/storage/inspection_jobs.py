"""Jobs and periodic work that would never be done: of no state, for nothing, or held for ever."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta

from birdwatch.domain.text import Text
from birdwatch.storage.columns import Row, to_instant
from birdwatch.storage.flaws import MEND, Flaw, Mend, assigning, setting_aside
from birdwatch.storage.jobs import STATES
from birdwatch.storage.transactions import Source

FAR = timedelta(days=1)  # leases and delays are of minutes
JOBS = "SELECT j.*, p.id AS photo FROM job j LEFT JOIN photo p ON p.id = j.subject_id ORDER BY j.id"


async def wrong_jobs(db: Source, *, now: datetime, of_photos: Collection[str]) -> list[Flaw]:
    """Jobs that no worker would do. `of_photos`: the kinds whose subject is a photo."""
    far = to_instant(now + FAR)
    flaws = []
    for row in await db.rows(JOBS):
        own = {name: value for name, value in row.items() if name != "photo"}
        if row["kind"] in of_photos and row["photo"] is None:
            flaws.append(_flaw(row["id"], setting_aside("job", own)))
        elif not _is_possible(row, far):
            moment = to_instant(now)
            waiting = {
                "state": "waiting", "attempts": 0, "run_at": moment, "lease_until": None,
                "worker": None, "changed_at": moment,
            }  # fmt: skip
            flaws.append(_flaw(row["id"], assigning("job", "id", row["id"], **waiting)))
    held = await db.rows("SELECT name FROM schedule WHERE lease_until > $1 ORDER BY name", far)
    flaws += [
        _flaw(row["name"], assigning("schedule", "name", row["name"], lease_until=None))
        for row in held
    ]
    return flaws


def _is_possible(row: Row, far: int) -> bool:
    lease, is_running = row["lease_until"], row["state"] == "running"
    return (
        row["state"] in STATES
        and row["attempts"] >= 0
        and (row["state"] != "waiting" or row["run_at"] <= far)
        and (not is_running or (lease is not None and lease <= far and bool(row["worker"])))
    )


def _flaw(subject: str, mend: Mend) -> Flaw:
    text = Text(
        f"任务 {subject} 永远不会被执行（状态、时间或对象不对）。{MEND.zh}",
        f"The job {subject} would never be done: its state, time or subject is wrong. {MEND.en}",
    )
    return Flaw("job", subject, text, mend)
