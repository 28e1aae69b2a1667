"""`birdwatch backup` and `birdwatch restore`: the whole archive to another disk, and back."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import anyio
import typer
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from birdwatch.cli.speech import FAILED, complain, err, locale_of, say, with_archive
from birdwatch.domain.errors import BirdwatchError
from birdwatch.domain.text import Text
from birdwatch.intake.archive import Archive
from birdwatch.intake.backup import BackupReport, take_backup
from birdwatch.intake.backup_folder import Progress as Told
from birdwatch.intake.restore import Checked, check_backup, restore_backup
from birdwatch.settings import Settings

MIB = 1024 * 1024
LOST = {"missing": Text("不见了", "is missing"), "damaged": Text("已损坏", "is damaged")}


def backup(
    folder: Annotated[Path, typer.Argument(help="Where the backup lies; best on another disk.")],
    deep: Annotated[
        bool, typer.Option("--deep", help="Read again what the backup already has.")
    ] = False,
    keep: Annotated[
        int | None, typer.Option("--keep", min=1, help="Keep only so many snapshots.")
    ] = None,
) -> None:
    """Add what is new to a backup, while the archive is in use; status 1 if a file was lost."""

    async def work(archive: Archive) -> BackupReport:
        with _bars() as told:
            return await take_backup(archive, folder, told, deep=deep, keep=keep)

    report = with_archive(work)
    info, added = report.info, f"{report.new_bytes / MIB:.1f} MiB"
    for lost in info.lost:
        what = LOST[lost.what]
        say(f"{lost.path} {what.zh}，没有备份。", f"{lost.path} {what.en} and was not backed up.")
    say(
        f"快照 {report.snapshot}：{info.photos} 张照片，{info.files} 个文件，新增 {report.new_files} 个"
        f"（{added}），数据版本 {info.version}。",
        f"Snapshot {report.snapshot}: {info.photos} photos, {info.files} files, {report.new_files}"
        f" of them new ({added}), dataset {info.version}.",
    )
    if info.lost:
        raise typer.Exit(FAILED)


def restore(
    folder: Annotated[Path, typer.Argument(help="The backup.")],
    snapshot: Annotated[
        str | None, typer.Option("--snapshot", help="Which one; by default the latest.")
    ] = None,
    only_check: Annotated[
        bool, typer.Option("--check", help="Read every byte of the backup, and restore nothing.")
    ] = False,
) -> None:
    """Check every byte of a backup, then bring it to BIRDWATCH_HOME, which must be empty."""

    async def work() -> Checked:
        with _bars() as told:
            checked = await check_backup(folder, snapshot, told)
            if not only_check:
                await restore_backup(Settings.from_env(), checked, told)
            return checked

    try:
        checked = anyio.run(work)
    except BirdwatchError as error:
        complain(error)
        raise typer.Exit(FAILED) from None
    info = checked.info
    zh, en = ("完好", "is whole") if only_check else ("已恢复", "is restored")
    say(
        f"快照 {checked.name} {zh}：{info.photos} 张照片，{info.files} 个文件，数据版本 {info.version}。",
        f"Snapshot {checked.name} {en}: {info.photos} photos, {info.files} files, dataset"
        f" {info.version}.",
    )


@contextmanager
def _bars() -> Iterator[Told]:
    """A bar on stderr for each part of the work."""
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.percentage:>3.0f}%"),
    )
    with Progress(*columns, TimeElapsedColumn(), console=err) as bar:
        tasks: dict[Text, TaskID] = {}

        def told(what: Text, done: int, total: int) -> None:
            if what not in tasks:
                tasks[what] = bar.add_task(what.get(locale_of()))
            bar.update(tasks[what], completed=done, total=max(total, 1))

        yield told
