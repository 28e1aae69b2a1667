"""How the command line speaks: in the reader's language, errors on stderr, with an exit status."""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable, Mapping
from typing import TypeVar

import anyio
import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from birdwatch.domain.errors import BirdwatchError
from birdwatch.domain.text import Locale, Text
from birdwatch.intake.archive import Archive, open_archive
from birdwatch.settings import Settings

T = TypeVar("T")
FAILED = 1
out = Console(highlight=False, soft_wrap=True)
err = Console(stderr=True, highlight=False, soft_wrap=True)


def locale_of(environ: Mapping[str, str] = os.environ) -> Locale:
    """The language of BIRDWATCH_LOCALE, else of LC_ALL, LC_MESSAGES or LANG: zh, otherwise en."""
    for name in ("BIRDWATCH_LOCALE", "LC_ALL", "LC_MESSAGES", "LANG"):
        value = environ.get(name, "")
        if value:
            return "zh" if value.lower().startswith("zh") else "en"
    return "en"


def say(zh: str, en: str) -> None:
    """One line to the reader, in their language."""
    out.print(Text(zh, en).get(locale_of()), markup=False)


def word(zh: str, en: str) -> str:
    """A word or two in the reader's language."""
    return zh if locale_of() == "zh" else en


def complain(error: BirdwatchError) -> None:
    """The sentence of an error, and one line per field that it concerns, to stderr."""
    locale = locale_of()
    err.print(error.sentence(locale), style="red", markup=False)
    for field in error.errors:
        line = field.message.get(locale)
        if line != error.sentence(locale):
            err.print(f"  {field.field}: {line}", markup=False)


def with_archive(work: Callable[[Archive], Awaitable[T]]) -> T:
    """Open the archive of the environment, do the work, close it; a known error ends with 1."""

    async def run() -> T:
        async with open_archive(Settings.from_env()) as archive:
            with archive.db.activate():
                return await work(archive)

    try:
        return anyio.run(run)
    except BirdwatchError as error:
        complain(error)
        raise typer.Exit(FAILED) from None


def progress_bar() -> Progress:
    """A bar on stderr with how many of how many, so that stdout stays for results."""
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        console=err,
    )
