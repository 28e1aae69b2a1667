"""The dated windows by which before, peak and after are told: read by all, edited by admins."""

from __future__ import annotations

from collections.abc import Sequence

from starlette.requests import Request
from starlette.responses import Response

from birdwatch.api import contract
from birdwatch.api.answers import send_list, send_written
from birdwatch.api.query import invalid, read_json, read_query
from birdwatch.domain.errors import NotFoundError
from birdwatch.domain.season import Window, parse_season, window_dates
from birdwatch.domain.text import Locale, Text
from birdwatch.http.accounts import require
from birdwatch.storage.db import Database
from birdwatch.storage.windows import edit_window, load_windows


async def list_windows(request: Request) -> Response:
    """All windows, with their sources."""
    query = read_query(request, contract.Query)
    db: Database = request.app.state.archive.db

    async def make(_version: int) -> contract.Windows:
        return contract.Windows([_dump(window) for window in await load_windows(db)], None)

    return await send_list(request, query, contract.Window, make)


async def patch_window(request: Request) -> Response:
    """New dates; everything is sorted again in the same transaction."""
    require(request.state.actor, "administer")
    db: Database = request.app.state.archive.db
    window = await _find(db, request.path_params["id"])
    changes = await read_json(request, contract.WindowChangesIn)
    start = _month_day("start", changes.get("start"), window.start)
    end = _month_day("end", changes.get("end"), window.end)
    source = _source(changes.get("source"))
    async with db.write(request.state.actor, request.state.now) as tx:
        edited = await edit_window(tx, window.id, start=start, end=end, source=source)
    return send_written(_dump(edited))


async def _find(db: Database, window_id: str) -> Window:
    for window in await load_windows(db):
        if window.id == window_id:
            return window
    raise NotFoundError(
        "window.not_found",
        zh="没有这个窗口期。请检查编号。",
        en="There is no such window. Check the identifier.",
    )


def _month_day(field: str, value: object, unchanged: tuple[int, int]) -> tuple[int, int]:
    if value is None:
        return unchanged
    month, _, day = value.partition("-") if isinstance(value, str) else ("", "", "")
    if not (month.isascii() and month.isdigit() and day.isascii() and day.isdigit()):
        raise invalid(field, "请写成月-日，如 04-01。", "Write month and day, such as 04-01.")
    if len(month) > 2 or len(day) > 2:
        raise invalid(field, "请写成月-日，如 04-01。", "Write month and day, such as 04-01.")
    return int(month), int(day)


def _source(value: object) -> Text | None:
    if value is None:
        return None
    parts = value if isinstance(value, dict) else {"": None}
    zh, en = parts.get("zh", ""), parts.get("en", "")
    if not (isinstance(zh, str) and isinstance(en, str)) or not (zh or en):
        raise invalid(
            "source",
            "来源应写成 {zh, en}，至少一种文字。",
            "A source is {zh, en}, at least one of them.",
        )
    return Text(zh, en)


def _dump(window: Window) -> contract.Window:
    return contract.Window(
        id=window.id,
        half_year=window.half_year,
        name=contract.Text(window.name.zh, window.name.en),
        start=_written(window.start),
        end=_written(window.end),
        source=contract.Text(window.source.zh, window.source.en),
        sets_phase=window.sets_phase,
    )


def _written(month_day: tuple[int, int]) -> str:
    return f"{month_day[0]:02}-{month_day[1]:02}"


def count_window(
    windows: Sequence[Window], half_year: str | None, season: str | None, locale: Locale
) -> contract.CountWindow | None:
    """The window that sets the phase in this half-year, with this season's dates when given."""
    for window in windows:
        if window.sets_phase and window.half_year == half_year:
            start, end = _written(window.start), _written(window.end)
            if season is not None:
                first, last = window_dates(window, parse_season(season)[0])
                start, end = first.isoformat(), last.isoformat()
            return contract.CountWindow(
                window.id, window.name.get(locale), start, end, window.source.get(locale)
            )
    return None
