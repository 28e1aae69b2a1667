"""The archive in use: settings, rows, files and decoder, opened and closed together."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime

import anyio
import anyio.to_thread

from birdwatch.domain.errors import UnavailableError
from birdwatch.imaging.sandbox import Sandbox
from birdwatch.intake.leftovers import sweep_leftovers
from birdwatch.intake.upload_turns import Turns
from birdwatch.settings import Settings
from birdwatch.storage.blobs.files import FileBlobs
from birdwatch.storage.db import Database, open_database
from birdwatch.storage.homes import settle_home

RESTORING = ".restoring"  # lies in the home until a backup is back in it whole


class Bell:
    """Wakes the worker of this process as soon as there is a job, instead of at its next look."""

    def __init__(self) -> None:
        self._rung = anyio.Event()

    def ring(self) -> None:
        self._rung.set()

    async def wait(self, timeout_s: float) -> None:
        """Return when rung since the last wait, or after this time."""
        with anyio.move_on_after(timeout_s):
            await self._rung.wait()
        self._rung = anyio.Event()


@dataclass(frozen=True, slots=True)
class Archive:
    """What every way in and every worker needs; one per process."""

    settings: Settings
    db: Database
    blobs: FileBlobs
    sandbox: Sandbox
    jobs_bell: Bell = field(default_factory=Bell)
    turns: Turns = field(default_factory=Turns)


@asynccontextmanager
async def open_archive(
    settings: Settings, *, global_fallback: bool = False
) -> AsyncIterator[Archive]:
    """The archive at `settings.home`, which is made when missing.

    Raises UnavailableError when the home cannot be written to, or is not the one that the database
    knows: an unmounted disk leaves an empty folder behind, which must not pass for the archive.
    """
    await anyio.to_thread.run_sync(_make_home, settings)
    await anyio.to_thread.run_sync(_check_restored, settings)
    blobs = FileBlobs(settings.home, settings.free_space_reserve_bytes)
    async with contextlib.AsyncExitStack() as parts:
        db = await open_database(settings.database_url, global_fallback=global_fallback)
        parts.push_async_callback(db.close)
        await settle_home(db, blobs)
        await anyio.to_thread.run_sync(blobs.check_home)
        await sweep_leftovers(db, blobs, datetime.now(UTC))
        sandbox = Sandbox(settings.max_photo_pixels, children=settings.decoders)
        parts.push_async_callback(sandbox.close)
        archive = Archive(settings, db, blobs, sandbox)
        parts.callback(archive.turns.close)
        yield archive


def _make_home(settings: Settings) -> None:
    try:
        settings.home.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UnavailableError(
            "storage.home",
            zh=f"无法建立资料文件夹 {settings.home}（{error.strerror}）。"
            "请检查 BIRDWATCH_HOME 和写权限。",
            en=f"The folder {settings.home} cannot be made ({error.strerror})."
            " Check BIRDWATCH_HOME and the permission to write there.",
        ) from error


def _check_restored(settings: Settings) -> None:
    """Half of an archive must not pass for one, nor for an empty one."""
    if (settings.home / RESTORING).exists():
        raise UnavailableError(
            "storage.restoring",
            zh=f"{settings.home} 的恢复没有完成。请再次运行同样的 birdwatch restore 命令。",
            en=f"Restoring to {settings.home} was not finished. Run the same birdwatch restore again.",
        )
