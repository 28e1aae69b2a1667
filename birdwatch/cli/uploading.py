"""`birdwatch upload`: a folder of pictures into an archive, near or far, as often as one likes."""

from __future__ import annotations

import hashlib
import os
import signal
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Final, NoReturn, Self
from urllib.parse import urlsplit

import anyio
import typer
from rich.progress import (
    BarColumn,
    DownloadColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)

from birdwatch.cli.speech import FAILED, err, locale_of, out, say, word
from birdwatch.client import (
    Connection,
    Cut,
    Event,
    Found,
    Journal,
    JournalInUseError,
    Listing,
    Outcome,
    Refusal,
    Report,
    Sending,
    check_archive,
    list_folder,
    send_folder,
)

REFUSED: Final = 3  # all but some files are in the archive; those will not be taken as they are
INTERRUPTED: Final = 130
AT_HOME = {"localhost", "127.0.0.1", "::1"}
NAME_CHARS = 40
MOST_PARALLEL = 16


def upload(  # noqa: PLR0917 (typer asks by position)
    folder: Annotated[
        Path, typer.Argument(metavar="DIR", help="The folder; its folders are looked into too.")
    ],
    to: Annotated[
        str, typer.Option("--to", metavar="URL", help="The archive, as https://birds.example.")
    ],
    token: Annotated[
        str,
        typer.Option(
            envvar="BIRDWATCH_TOKEN",
            help="A token with the scope upload. In the environment nobody else sees it.",
        ),
    ] = "",
    draft: Annotated[bool, typer.Option("--draft", help="Publish nothing yet.")] = False,
    species: Annotated[str, typer.Option(help="The species on all of them.")] = "",
    site: Annotated[str, typer.Option(help="The site of all of them.")] = "",
    caption_zh: Annotated[str, typer.Option(help="A caption in Chinese.")] = "",
    caption_en: Annotated[str, typer.Option(help="A caption in English.")] = "",
    credit: Annotated[str, typer.Option(help="How to credit them; empty: as in the profile.")] = "",
    photo_license: Annotated[str, typer.Option("--license", help="Their licence.")] = "",
    parallel: Annotated[
        int, typer.Option(min=1, max=MOST_PARALLEL, help="Files sent at the same time.")
    ] = 3,
    patience: Annotated[
        int, typer.Option(min=0, help="Seconds to wait for a line that is gone.")
    ] = 300,
    again: Annotated[
        bool, typer.Option("--again", help="Send also what was refused before.")
    ] = False,
    journal: Annotated[
        Path | None, typer.Option(help="Where to note how far it came; empty: in your own folder.")
    ] = None,
) -> None:
    """Upload the pictures of a folder. Run it again at any time: it does only what is not done.

    Ends with 0 when all are in the archive, 3 when some were refused, 1 when something is left to
    send, 130 when it was interrupted.
    """
    token = token.strip()
    base, listing = _checked(to, token, folder)
    words = {
        "draft": "1" if draft else "",
        "species": species,
        "site": site,
        "caption_zh": caption_zh,
        "caption_en": caption_en,
        "credit": credit,
        "license": photo_license,
    }
    connection = Connection(base, token, language=locale_of(), patience_s=patience)
    path = journal or _journal_path(base, folder)
    job = _Job(connection, path, listing, words, parallel, again)
    report, was_interrupted = _attempt(job)
    raise typer.Exit(_conclude(report, listing, was_interrupted=was_interrupted, is_draft=draft))


@dataclass(frozen=True, slots=True)
class _Job:
    """What is to be sent, where to, and how."""

    connection: Connection
    journal: Path
    listing: Listing
    words: dict[str, str]
    parallel: int
    is_again: bool


def _attempt(job: _Job) -> tuple[Report, bool]:
    """What became of it. Ends the command where it could not begin."""
    base = job.connection.base
    try:
        return anyio.run(_send, job)
    except JournalInUseError:
        _fail(
            "这个文件夹正由另一个 birdwatch upload 上传。请等它结束。",
            "Another birdwatch upload is at work on this folder. Wait until it ends.",
        )
    except Refusal as error:
        _fail(f"{base} 拒绝了上传：{error}", f"{base} does not take uploads: {error}")
    except Cut as error:
        _fail(
            f"无法连接 {base}：{error}。请检查网络和地址，然后再运行一次。",
            f"{base} cannot be reached: {error}. Check the line and the address, and run it again.",
        )
    except OSError as error:
        _fail(
            f"无法记录进度：{error}。可用 --journal 换一个文件。",
            f"How far it came cannot be noted: {error}. Give another file with --journal.",
        )
    except KeyboardInterrupt:
        raise typer.Exit(INTERRUPTED) from None


def _checked(to: str, token: str, folder: Path) -> tuple[str, Listing]:
    """The archive's address and the folder's pictures. Ends the command where they are not there."""
    parts = urlsplit(to)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.query:
        _fail(
            "--to 应为档案的地址，例如 https://birds.example。",
            "--to is the address of the archive, as https://birds.example.",
        )
    if not token.isascii() or not token.isprintable() or not token:
        _fail(
            "请给出访问令牌：--token，或环境变量 BIRDWATCH_TOKEN。令牌在您的账号页建立，权限选“上传”。",
            "Give a token by --token, or in BIRDWATCH_TOKEN. Make one on your account page, with the"
            " scope upload.",
        )
    if parts.scheme == "http" and parts.hostname not in AT_HOME:
        _warn(
            "注意：http 地址不加密，路上的人可以看到令牌。请尽量使用 https。",
            "Note: http is not encrypted, and others on the way can read the token. Prefer https.",
        )
    try:
        return to.rstrip("/"), list_folder(folder)
    except OSError as error:
        _fail(
            f"无法读取文件夹 {_shown(str(folder))}：{error.strerror}。",
            f"The folder {_shown(str(folder))} cannot be read: {error.strerror}.",
        )


async def _send(job: _Job) -> tuple[Report, bool]:
    """What became of the files, and whether somebody said to stop."""
    pictures = job.listing.pictures
    was_interrupted = False
    report = Report(())
    async with job.connection:
        await check_archive(job.connection)
        with Journal(job.journal) as journal, _Bars(pictures) as bars:
            sending = Sending(
                job.connection, journal, job.words, bars.show, job.parallel, job.is_again
            )
            async with anyio.create_task_group() as tasks:

                async def listen() -> None:
                    nonlocal was_interrupted
                    with anyio.open_signal_receiver(signal.SIGINT, signal.SIGTERM) as signals:
                        async for _ in signals:
                            was_interrupted = True
                            tasks.cancel_scope.cancel()
                            return

                if sys.platform != "win32":
                    tasks.start_soon(listen)
                report = await send_folder(sending, pictures)
                tasks.cancel_scope.cancel()
            if was_interrupted:
                report = sending.report(pictures)
    return report, was_interrupted


class _Bars:
    """A bar for all files and one for each that is being sent, on stderr."""

    def __init__(self, files: Iterable[Found]) -> None:
        self._progress = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            DownloadColumn(),
            TransferSpeedColumn(),
            TimeRemainingColumn(),
            console=err,
        )
        self._files = list(files)
        self._to_send = sum(file.size for file in self._files)  # known ones are taken out
        self._at: dict[str, int] = {}
        self._bars: dict[str, TaskID] = {}
        self._ended = 0

    def __enter__(self) -> Self:
        self._progress.start()
        self._all = self._progress.add_task(self._title(), total=self._to_send)
        return self

    def __exit__(self, *exc: object) -> None:
        self._progress.stop()

    def show(self, event: Event) -> None:
        """Move the bars."""
        name = event.file.name
        if event.kind == "sending":
            title = _shown(name)[-NAME_CHARS:]
            self._bars[name] = self._progress.add_task(title, total=event.file.size)
        elif event.kind == "moved":
            self._at[name] = event.at
            if name in self._bars:
                self._progress.update(self._bars[name], completed=event.at)
        elif event.kind == "ended" and event.outcome is not None:
            self._end(event.outcome)
        self._progress.update(
            self._all,
            description=self._title(),
            completed=sum(self._at.values()),
            total=self._to_send,
            visible=self._to_send > 0,  # with nothing to send there is no speed to tell
        )

    def _end(self, outcome: Outcome) -> None:
        name, size = outcome.file.name, outcome.file.size
        self._ended += 1
        if name in self._bars:
            self._progress.remove_task(self._bars.pop(name))
        if outcome.end == "sent":
            self._at[name] = size
        else:
            self._at.pop(name, None)
            self._to_send -= size

    def _title(self) -> str:
        return f"{word('全部', 'All')} {self._ended}/{len(self._files)}"


def _conclude(report: Report, listing: Listing, *, was_interrupted: bool, is_draft: bool) -> int:
    """Tell what became of everything, and give the exit status."""
    sent, known, left = report.of("sent"), report.of("known"), report.of("left")
    refused = report.of("refused", "changed")
    size = sum(outcome.bytes_sent for outcome in report.outcomes) / 1e6
    say(
        f"已上传 {len(sent)}（{size:.1f} MB），已在档案 {len(known)}，未收 {len(refused)}，"
        f"空文件 {len(listing.empty)}，未完成 {len(left)}，不是照片 {len(listing.others)}。",
        f"Sent {len(sent)} ({size:.1f} MB), already there {len(known)}, not taken {len(refused)},"
        f" empty {len(listing.empty)}, left {len(left)}, not pictures {len(listing.others)}.",
    )
    for outcome in (*refused, *left):
        reason = outcome.reason or _reason_of(outcome)
        if reason:
            out.print(f"  {_shown(outcome.file.name)}: {_shown(reason)}", markup=False)
    for name in listing.empty:
        reason = word(
            "空文件。请检查存储卡上的原文件。", "It is empty. Check the file on the card."
        )
        out.print(f"  {_shown(name)}: {reason}", markup=False)
    waiting = sum(outcome.is_waiting for outcome in sent)
    if waiting:
        say(f"{waiting} 张等待审核。", f"{waiting} wait for a reviewer.")
    if sent and is_draft:
        say("它们是草稿：请在 /upload 页面发布。", "They are drafts: publish them at /upload.")
    if report.stopped:
        _warn(
            f"中途停止：{_shown(report.stopped)} 再运行一次即可继续。",
            f"It stopped early: {_shown(report.stopped)} Run it again to go on.",
        )
    if was_interrupted:
        _warn("已中断。再运行一次即可继续。", "Interrupted. Run it again to go on.")
        return INTERRUPTED
    if left or report.stopped:
        return FAILED
    return REFUSED if refused or listing.empty else 0


def _reason_of(outcome: Outcome) -> str:
    if outcome.end == "changed":
        return word(
            "上传时文件被改动。请再运行一次。", "It changed while it was sent. Run it again."
        )
    return ""


def _journal_path(base: str, folder: Path) -> Path:
    """One journal for each archive and folder, among what programs keep for their user."""
    kept = os.environ.get("XDG_STATE_HOME") or os.environ.get("LOCALAPPDATA")
    place = Path(kept) if kept else Path.home() / ".local" / "state"
    key = f"{base}\n{folder.resolve()}".encode("utf-8", "surrogatepass")
    return place / "birdwatch" / "uploads" / f"{hashlib.sha256(key).hexdigest()[:24]}.jsonl"


def _shown(text: str) -> str:
    """A name or sentence from elsewhere, with nothing in it that a terminal would obey."""
    return "".join(one if one.isprintable() else "\N{REPLACEMENT CHARACTER}" for one in text)


def _warn(zh: str, en: str) -> None:
    err.print(word(zh, en), style="yellow", markup=False)


def _fail(zh: str, en: str) -> NoReturn:
    err.print(_shown(word(zh, en)), style="red", markup=False)
    raise typer.Exit(FAILED)
