"""`birdwatch verify` and `birdwatch migrate`: is the archive whole, and is it up to date."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from birdwatch.cli.speech import FAILED, locale_of, out, progress_bar, say, with_archive, word
from birdwatch.intake.archive import Archive
from birdwatch.intake.backup import files_of_backup
from birdwatch.intake.verification import Report, verify_archive
from birdwatch.storage.inspection import count_photos


def verify(
    deep: Annotated[
        bool, typer.Option("--deep", help="Read every byte and derive every value again.")
    ] = False,
    repair: Annotated[
        bool, typer.Option("--repair", help="Mend what can be; nothing is deleted.")
    ] = False,
    source: Annotated[
        Path | None,
        typer.Option("--from", metavar="BACKUP", help="With --repair: take lost originals here."),
    ] = None,
) -> None:
    """Compare files, records, totals and ledger; status 1 if something is wrong and stays so."""

    async def work(archive: Archive) -> Report:
        with progress_bar() as bar:
            total = await count_photos(archive.db)
            task = bar.add_task(word("核对照片", "Photos"), total=total)
            return await verify_archive(
                archive,
                lambda done: bar.update(task, completed=done, total=max(total, done)),
                deep=deep,
                mend=repair,
                source=files_of_backup(source) if source else None,
            )

    _tell(with_archive(work), is_deep=deep)


def _tell(report: Report, *, is_deep: bool) -> None:
    mended = word("已修复：", "mended: ")
    for finding in report.found:
        out.print(
            (mended if finding.is_mended else "") + finding.text.get(locale_of()), markup=False
        )
    for leftover in report.leftovers:
        moved = word("已移走：", "moved: ") if leftover.is_mended else word("提示：", "note: ")
        out.print(moved + leftover.text.get(locale_of()), markup=False)
    if report.found:
        count = len(report.found)
        left = sum(not finding.is_mended for finding in report.found)
        say(
            f"发现 {count} 处问题，仍有 {left} 处（照片 {report.photos} 张）。",
            f"Problems: {count} found, {left} left ({report.photos} photos read).",
        )
    if not report.is_whole:
        raise typer.Exit(FAILED)
    if is_deep:
        say(
            f"完好：{report.photos} 张照片的原始文件与记录一致，每日合计与逐条重算一致，"
            f"账本链到版本 {report.version} 完整。",
            f"All is well: {report.photos} originals agree with their records, every daily total"
            f" with a recount, and the ledger's chain holds to version {report.version}.",
        )
    else:
        say(
            f"完好：{report.photos} 张照片的文件都在且大小相符，每日合计与逐条重算一致，账本链到版本"
            f" {report.version} 完整。用 --deep 读取每个字节。",
            f"All is well: the files of {report.photos} photos are there with their sizes, every"
            " daily total agrees with a recount, and the ledger's chain holds to version"
            f" {report.version}. --deep reads every byte.",
        )
    say(
        f"链尾 {report.head}（另存一份，日后可证明此前内容未被改写）",
        f"Chain head {report.head} (noted elsewhere, it can show that nothing before was rewritten)",
    )


def migrate() -> None:
    """Bring the database to this version's form; opening the archive does it."""

    async def work(archive: Archive) -> int:
        return await archive.db.dataset_version()

    version = with_archive(work)
    say(f"数据库已是最新，数据版本 {version}。", f"The database is up to date, dataset {version}.")
