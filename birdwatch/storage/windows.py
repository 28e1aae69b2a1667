"""The windows of the seasons, and the sorting of everything by them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import date

from birdwatch.domain.errors import NotFoundError
from birdwatch.domain.season import SeasonDay, Window, check_window_dates, place_in_season
from birdwatch.domain.text import Text
from birdwatch.storage import ledger, models
from birdwatch.storage.transactions import Source, Write, keep

SORTED_TABLES = ("photo_fact", "survey")  # a sighting asks its survey


async def load_windows(db: Source) -> list[Window]:
    """All windows, in their order."""
    return await keep(db, "window", _load)


async def put_windows(tx: Write, windows: Sequence[Window]) -> None:
    """Add windows, or replace those of the same id, and sort everything by them."""
    await ledger.append(tx, "import", "window", "*", detail={"rows": len(windows)})
    await models.SeasonWindow.filter(id__in=[w.id for w in windows]).using_db(tx.client).delete()
    await models.SeasonWindow.bulk_create(
        [_to_model(window, sort) for sort, window in enumerate(windows)], using_db=tx.client
    )
    await _sort_again(tx)


async def edit_window(
    tx: Write,
    window_id: str,
    *,
    start: tuple[int, int],
    end: tuple[int, int],
    source: Text | None = None,
) -> Window:
    """Move a window, and sort every photo, survey and sighting anew in the same transaction.

    Raises NotFoundError, and InvalidInputError where the dates are not in the window's season.
    """
    await tx.lock()
    window = next((w for w in await _load(tx) if w.id == window_id), None)
    if window is None:
        raise _no_window()
    check_window_dates(window.half_year, start, end)
    changed = replace(window, start=start, end=end, source=source or window.source)
    await ledger.append(
        tx, "edit", "window", window_id,
        detail={"before": _told(window), "after": _told(changed)},
    )  # fmt: skip
    await (
        models.SeasonWindow.filter(id=window_id)
        .using_db(tx.client)
        .update(
            start_day=_month_day(start),
            end_day=_month_day(end),
            source_zh=changed.source.zh,
            source_en=changed.source.en,
        )
    )
    await _sort_again(tx)
    return changed


class Calendar:
    """Places days in the season by the windows of now, each day once."""

    def __init__(self, windows: Iterable[Window]) -> None:
        self._windows = tuple(windows)
        self._known: dict[date | None, SeasonDay] = {}

    def place(self, day: date | None) -> SeasonDay:
        found = self._known.get(day)
        if found is None:
            found = self._known[day] = place_in_season(day, self._windows)
        return found


async def load_calendar(db: Source) -> Calendar:
    """The calendar by the windows of now."""
    return Calendar(await load_windows(db))


async def _sort_again(tx: Write) -> None:
    """Season, phase and dekad are derived from the day: open rows follow the windows."""
    calendar = Calendar(await _load(tx))
    for table in SORTED_TABLES:
        days = await tx.rows(
            f"SELECT DISTINCT day, phase FROM {table} WHERE until IS NULL AND day IS NOT NULL"
        )
        moved = []
        for row in days:
            phase = calendar.place(date.fromisoformat(row["day"])).phase
            if phase != row["phase"]:
                moved.append((phase, row["day"], row["phase"]))
        await tx.run_many(
            f"UPDATE {table} SET phase = $1 WHERE until IS NULL AND day = $2 AND phase = $3",
            moved,
        )
    await tx.run(
        "UPDATE photo_fact SET public_phase = phase WHERE until IS NULL"
        " AND public_day IS NOT NULL AND public_phase <> phase"
    )


async def _load(db: Source) -> list[Window]:
    with db.database.activate():
        rows = await models.SeasonWindow.all().using_db(db.client).order_by("sort", "id")
    return [_from_model(row) for row in rows]


def _to_model(window: Window, sort: int) -> models.SeasonWindow:
    return models.SeasonWindow(
        id=window.id,
        half_year=window.half_year,
        name_zh=window.name.zh,
        name_en=window.name.en,
        start_day=_month_day(window.start),
        end_day=_month_day(window.end),
        source_zh=window.source.zh,
        source_en=window.source.en,
        sets_phase=window.sets_phase,
        sort=sort,
    )


def _from_model(row: models.SeasonWindow) -> Window:
    return Window(
        id=row.id,
        half_year="spring" if row.half_year == "spring" else "autumn",
        name=Text(row.name_zh, row.name_en),
        start=_parse(row.start_day),
        end=_parse(row.end_day),
        source=Text(row.source_zh, row.source_en),
        sets_phase=row.sets_phase,
    )


def _month_day(day: tuple[int, int]) -> str:
    return f"{day[0]:02}-{day[1]:02}"


def _parse(text: str) -> tuple[int, int]:
    month, day = text.split("-")
    return int(month), int(day)


def _told(window: Window) -> dict[str, object]:
    return {
        "start": _month_day(window.start),
        "end": _month_day(window.end),
        "source": {"zh": window.source.zh, "en": window.source.en},
    }


def _no_window() -> NotFoundError:
    return NotFoundError(
        "window.unknown",
        zh="没有这个时间窗口。请从 /api/v1/windows 查看已有的窗口。",
        en="There is no such window. See /api/v1/windows for those there are.",
    )
