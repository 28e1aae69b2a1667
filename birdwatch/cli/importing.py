"""`birdwatch import …`: whole folders and tables, through the same doors as a single upload."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Literal

import anyio
import typer
from rich.markup import escape
from rich.progress import Progress
from rich.table import Table

from birdwatch.cli.people import find_person
from birdwatch.cli.speech import FAILED, err, locale_of, out, progress_bar, say, with_archive, word
from birdwatch.domain.errors import BirdwatchError, InvalidInputError
from birdwatch.domain.policy import SYSTEM, Actor
from birdwatch.intake.archive import Archive
from birdwatch.intake.photo_intake import PhotoRequest, receive_photo
from birdwatch.intake.table_import import ImportReport, import_counts, import_sites, import_species
from birdwatch.worker.loop import drain

CHUNK_BYTES = 1024 * 1024
MAX_ERRORS_SHOWN = 50
Outcome = Literal["accepted", "duplicate", "refused"]
OUTCOMES: dict[Outcome, tuple[str, str]] = {
    "accepted": ("收下", "accepted"),
    "duplicate": ("重复", "duplicate"),
    "refused": ("未收", "refused"),
}


@dataclass(frozen=True, slots=True)
class Line:
    """What became of one file: the photo's id, or why it was refused."""

    name: str
    outcome: Outcome
    detail: str


def photos(
    folder: Annotated[
        Path, typer.Argument(help="A folder, read with all folders in it, or a file.")
    ],
    owner: Annotated[str, typer.Option(help="Login of the account the photos belong to.")] = "",
    credit: Annotated[str, typer.Option(help="Credit line of all of them.")] = "",
    license_: Annotated[str, typer.Option("--license", help="Licence of all of them.")] = "",
    plain: Annotated[
        bool, typer.Option(help="One line per file as it happens, instead of bar and table.")
    ] = False,
) -> None:
    """Take in every file of a folder; status 1 when one is refused."""
    request = PhotoRequest(credit=credit, license=license_)

    async def work(archive: Archive) -> list[Line]:
        actor = await _actor(archive, owner)
        names = _files(folder)
        lines = await _take_all(archive, folder, names, request, actor, plain=plain)
        with _silent() if plain else progress_bar() as bar:
            await render_all(archive, bar)
        return lines

    lines = with_archive(work)
    if not plain:
        _show(lines)
    counted = Counter(line.outcome for line in lines)
    say(
        f"收下 {counted['accepted']}，重复 {counted['duplicate']}，未收 {counted['refused']}。",
        f"{counted['accepted']} accepted, {counted['duplicate']} duplicate,"
        f" {counted['refused']} refused.",
    )
    if counted["refused"]:
        raise typer.Exit(FAILED)


async def _actor(archive: Archive, owner: str) -> Actor:
    if not owner:
        return SYSTEM
    person = await find_person(archive, owner)
    return Actor(person.id, person.role, None, person.name.get(locale_of()))


def _files(folder: Path) -> list[Path]:
    """All files in a stable order, hidden ones left out. Raises InvalidInputError without any."""
    if folder.is_file():
        return [folder]
    if not folder.is_dir():
        raise InvalidInputError(
            "import.no_folder",
            zh=f"没有文件夹 {folder}。请检查路径。",
            en=f"There is no folder {folder}. Check the path.",
        )
    return sorted(_visible(folder))


def _visible(folder: Path) -> Iterator[Path]:
    for path in folder.rglob("*"):
        if path.is_file() and not any(p.startswith(".") for p in path.relative_to(folder).parts):
            yield path


async def _take_all(
    archive: Archive,
    folder: Path,
    paths: list[Path],
    request: PhotoRequest,
    actor: Actor,
    *,
    plain: bool,
) -> list[Line]:
    lines = []
    with progress_bar() if not plain else _silent() as bar:
        task = bar.add_task(word("接收照片", "Photos"), total=len(paths))
        for path in paths:
            name = path.name if path == folder else str(path.relative_to(folder))
            line = await _take(archive, path, name, request, actor)
            lines.append(line)
            bar.advance(task)
            if plain:
                print(line.outcome, line.detail, line.name, sep="\t", flush=True)  # noqa: T201
    return lines


def _silent() -> Progress:
    return Progress(console=err, disable=True)


async def _take(
    archive: Archive, path: Path, name: str, request: PhotoRequest, actor: Actor
) -> Line:
    named = PhotoRequest(file_name=path.name, credit=request.credit, license=request.license)
    try:
        receipt = await receive_photo(
            archive, _chunks(path), named, actor=actor, now=datetime.now(UTC)
        )
    except BirdwatchError as error:
        return Line(name, "refused", error.sentence(locale_of()))
    return Line(name, "duplicate" if receipt.is_duplicate else "accepted", receipt.photo.id)


async def _chunks(path: Path) -> AsyncIterator[bytes]:
    try:
        async with await anyio.open_file(path, "rb") as file:
            while chunk := await file.read(CHUNK_BYTES):
                yield chunk
    except OSError as error:
        raise InvalidInputError(
            "import.unreadable",
            zh=f"读不了这个文件（{error.strerror}）。请检查权限和磁盘。",
            en=f"The file cannot be read ({error.strerror}). Check its permissions and its disk.",
        ) from error


async def render_all(archive: Archive, bar: Progress) -> None:
    """Do the jobs there are. What is left is counted anew, for a job may bring others."""
    task = bar.add_task(word("生成显示图", "Renditions"), total=None)
    done = 0

    def step(left: int) -> None:
        nonlocal done
        done += 1
        bar.update(task, completed=done, total=done + left)

    await drain(archive, step)


def _show(lines: list[Line]) -> None:
    """The table of what became of each file; accepted ones are only counted when there are many."""
    table = Table(
        word("文件", "File"), word("结果", "Result"), word("照片或原因", "Photo or reason")
    )
    many = len(lines) > MAX_ERRORS_SHOWN
    for line in lines:
        if not (many and line.outcome == "accepted"):
            table.add_row(escape(line.name), word(*OUTCOMES[line.outcome]), escape(line.detail))
    if table.row_count:
        out.print(table)


def counts(
    file: Annotated[Path, typer.Argument(help="A CSV table; its columns are in the README.")],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Check only, change nothing.")] = False,
    columns: Annotated[
        list[str], typer.Option("--map", help="column=name in the file; may be repeated.")
    ] = [],  # noqa: B006
) -> None:
    """Take in a table of counts: all of it or, when a row is wrong, none of it."""
    mapping = _mapping(columns)

    async def work(archive: Archive) -> ImportReport:
        with progress_bar() as bar:
            task = bar.add_task(word("读取行", "Rows"), total=None)
            return await import_counts(
                archive,
                file,
                actor=SYSTEM,
                now=datetime.now(UTC),
                dry_run=dry_run,
                columns=mapping,
                progress=lambda rows: bar.update(task, completed=rows),
            )

    _report(with_archive(work), is_dry=dry_run)


def _mapping(columns: list[str]) -> dict[str, str]:
    mapping = {}
    for pair in columns:
        column, equals, name = pair.partition("=")
        if not equals or not column.strip() or not name.strip():
            raise typer.BadParameter(f"{pair!r}: column=name", param_hint="--map")
        mapping[column.strip()] = name.strip()
    return mapping


def _report(report: ImportReport, *, is_dry: bool) -> None:
    if report.errors:
        table = Table(word("行", "Row"), word("列", "Column"), word("问题", "Problem"))
        for error in report.errors[:MAX_ERRORS_SHOWN]:
            table.add_row(str(error.row), error.field, escape(error.message.get(locale_of())))
        out.print(table)
        more = len(report.errors) - MAX_ERRORS_SHOWN
        if more > 0:
            say(f"还有 {more} 处问题。", f"And {more} more.")
        say(
            "没有导入任何一行。请改正后重试。", "Nothing was imported. Correct these and try again."
        )
        raise typer.Exit(FAILED)
    done = word("可以导入", "Can be imported") if is_dry else word("已导入", "Imported")
    say(
        f"{done}：{report.rows} 行，{report.surveys} 次调查，{report.sightings} 条记录；"
        f"已有不变 {report.unchanged}。",
        f"{done}: {report.rows} rows, {report.surveys} surveys, {report.sightings} sightings;"
        f" {report.unchanged} already there.",
    )


def sites(file: Annotated[Path, typer.Argument(help="A GeoJSON FeatureCollection.")]) -> None:
    """Replace the count sites and the outline of the estuary."""

    async def work(archive: Archive) -> int:
        return await import_sites(archive, file, actor=SYSTEM, now=datetime.now(UTC))

    number = with_archive(work)
    say(f"已导入 {number} 个地点。", f"Imported {number} sites.")


def species(file: Annotated[Path, typer.Argument(help="A CSV table of species.")]) -> None:
    """Add species, or correct their names."""

    async def work(archive: Archive) -> int:
        return await import_species(archive, file, actor=SYSTEM, now=datetime.now(UTC))

    number = with_archive(work)
    say(f"已导入 {number} 个物种。", f"Imported {number} species.")
