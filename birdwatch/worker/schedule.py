"""Periodic work: swept files, ended sessions, lifted embargoes. Of many processes one does it.

A piece that fails is tried again soon, and its reason stands on the administrator's page.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import anyio

from birdwatch.domain.errors import BirdwatchError
from birdwatch.domain.text import Text
from birdwatch.intake.archive import Archive
from birdwatch.intake.leftovers import sweep_leftovers
from birdwatch.intake.uploads import clear_expired
from birdwatch.storage.embargo import lift_due
from birdwatch.storage.people import sweep_sessions
from birdwatch.storage.schedule import end_turn, take_turn

LOOK_EVERY_S = 1.0
LEASE_S = 600
RETRY_S = 60
log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Periodic:
    """A piece of work and how often it is done. It may be cut short, and done again from the start."""

    name: str
    every_s: float
    step: Callable[[Archive, datetime], Awaitable[None]]


async def _sweep_incoming(archive: Archive, now: datetime) -> None:
    await sweep_leftovers(archive.db, archive.blobs, now)


async def _clear_uploads(archive: Archive, now: datetime) -> None:
    await clear_expired(archive, now)


async def _sweep_sessions(archive: Archive, now: datetime) -> None:
    await sweep_sessions(archive.db, now)


SCHEDULE: tuple[Periodic, ...] = (
    Periodic("incoming", 3600, _sweep_incoming),
    Periodic("uploads", 600, _clear_uploads),
    Periodic("sessions", 3600, _sweep_sessions),
)


async def run_schedule(archive: Archive, worker: str, *, stop: anyio.Event) -> None:
    """Do what is due until `stop` is set; embargoes lift within a second of their end."""
    due = dict.fromkeys((piece.name for piece in SCHEDULE), datetime.now(UTC))
    while not stop.is_set():
        now = datetime.now(UTC)
        try:
            await lift_due(archive.db, now)
            for piece in SCHEDULE:
                if due[piece.name] <= now:
                    # Looked at again in a minute: whoever did it may die, or wake the table up.
                    due[piece.name] = now + timedelta(seconds=min(piece.every_s, RETRY_S))
                    await do_turn(archive, piece, worker, now=now)
        except BirdwatchError as error:
            log.warning("worker=%s event=schedule_failed code=%s", worker, error.code)
        except Exception:  # the loop outlives a database that is away for a moment
            log.exception("worker=%s event=schedule_failed", worker)
        with anyio.move_on_after(LOOK_EVERY_S):
            await stop.wait()


async def do_turn(archive: Archive, piece: Periodic, worker: str, *, now: datetime) -> bool:
    """Do this piece if it is due and no other process has it. Whether it was done."""
    if not await take_turn(
        archive.db, piece.name, worker, now, every_s=piece.every_s, lease_s=LEASE_S
    ):
        return False
    failure: Text | None = None
    try:
        await piece.step(archive, now)
    except BirdwatchError as error:
        failure = error.text
        log.warning("event=turn_failed name=%s code=%s", piece.name, error.code)
    except Exception as error:  # one piece must not stop the others
        what = f"{type(error).__name__}: {error}"
        failure = Text(zh=f"意外错误：{what}", en=f"Unexpected: {what}")
        log.exception("event=turn_failed name=%s", piece.name)
    wait_s = piece.every_s if failure is None else min(piece.every_s, RETRY_S)
    next_at = now + timedelta(seconds=wait_s)
    await end_turn(archive.db, piece.name, worker, now, next_at=next_at, error=failure)
    return True
