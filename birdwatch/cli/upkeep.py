"""`birdwatch verify` and `birdwatch migrate`: is the archive whole, and is it up to date."""

from __future__ import annotations

import typer

from birdwatch.cli.speech import FAILED, locale_of, out, progress_bar, say, with_archive, word
from birdwatch.intake.archive import Archive
from birdwatch.intake.verification import Report, verify_archive


def verify() -> None:
    """Recount every total, read every original, follow the ledger; status 1 if something is wrong."""

    async def work(archive: Archive) -> Report:
        with progress_bar() as bar:
            task = bar.add_task(word("核对照片", "Photos"), total=None)
            return await verify_archive(archive, lambda done: bar.update(task, completed=done))

    report = with_archive(work)
    for finding in report.findings:
        out.print(finding.get(locale_of()), markup=False)
    if report.findings:
        say(
            f"发现 {len(report.findings)} 处问题（照片 {report.photos} 张）。",
            f"{len(report.findings)} problems found ({report.photos} photos read).",
        )
        raise typer.Exit(FAILED)
    say(
        f"完好：{report.photos} 张照片的原始文件与记录一致，每日合计与逐条重算一致，"
        f"账本链到版本 {report.version} 完整。",
        f"All is well: {report.photos} originals agree with their records, every daily total"
        f" with a recount, and the ledger's chain holds to version {report.version}.",
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
