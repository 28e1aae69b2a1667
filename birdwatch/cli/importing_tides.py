"""`birdwatch import tides`: the operator's tide table, since a tide is never guessed."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from birdwatch.cli.speech import say, with_archive
from birdwatch.domain.policy import SYSTEM
from birdwatch.domain.written import SITE_ZONE
from birdwatch.intake.archive import Archive
from birdwatch.intake.tides import TideReport, TideRequest, import_tides


def tides(  # noqa: PLR0917 (one parameter for each option)
    file: Annotated[
        Path,
        typer.Argument(help="CSV: time, height (m), type (high/low). Or JSON: TICON constants."),
    ],
    station: Annotated[
        str, typer.Option(help="Name of the station; chooses it in a JSON of several.")
    ] = "",
    source: Annotated[str, typer.Option(help="Where the table is from, shown beside it.")] = "",
    datum: Annotated[str, typer.Option(help="What heights are above of.")] = "",
    site: Annotated[
        list[str], typer.Option(help="A site the table holds for; may be repeated. None: all.")
    ] = [],  # noqa: B006
    far: Annotated[
        bool, typer.Option("--far", help="Take a station more than 60 km from the sites.")
    ] = False,
) -> None:
    """Take in a tide table, or the harmonic constants of a station."""
    request = TideRequest(
        station=station, source=source, datum=datum, sites=tuple(site), is_far=far
    )

    async def work(archive: Archive) -> TideReport:
        return await import_tides(archive, file, request, actor=SYSTEM, now=datetime.now(UTC))

    report = with_archive(work)
    name = report.station.name
    if report.first and report.last:
        span = f"{_day(report.first)} – {_day(report.last)}"
        say(
            f"已导入 {name} 的潮汐表：{report.waters} 个高低潮，{span}。",
            f"Imported the tide table of {name}: {report.waters} high and low waters, {span}.",
        )
        return
    number = len(report.station.constants)
    say(
        f"已导入 {name} 的 {number} 个分潮，潮汐由此推算。",
        f"Imported {number} constituents of {name}; tides are computed from them.",
    )
    if report.left_out:
        names = ", ".join(report.left_out)
        say(f"未用的分潮：{names}。", f"Left out, not known here: {names}.")


def _day(at: datetime) -> str:
    return at.astimezone(SITE_ZONE).date().isoformat()
