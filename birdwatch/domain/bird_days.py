"""Bird-days: how many birds used a place for how long, from counts on some of the days.

The unit is one bird present for one day. Between two counted days the number is taken to change
evenly (trapezoid); before the first and after the last counted day nothing is assumed. So that
parts add up to the whole, a day holds the area from half a day before it to half a day after.

Areas are added up as whole millionths: then the order of addition changes nothing, and the same
question has the same answer to the last digit wherever it is asked.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from itertools import pairwise
from typing import Final

UNIT: Final = 1_000_000  # of the areas in cells
EIGHTH: Final = UNIT // 8


def bird_days(
    counts: Mapping[date, int], first: date | None = None, last: date | None = None
) -> float:
    """The area under the counts of one place, of all days or of those from `first` to `last`."""
    if len(counts) < 2:
        return 0.0
    origin = min(counts).toordinal()
    cells = [0] * (max(counts).toordinal() - origin + 1)
    add_curve(cells, sorted((day.toordinal() - origin, count) for day, count in counts.items()))
    low = max(first.toordinal() - origin, 0) if first else 0
    high = max(last.toordinal() - origin + 1, 0) if last else len(cells)
    return sum(cells[low:high]) / UNIT


def add_curve(cells: list[int], points: Iterable[tuple[int, int]]) -> None:
    """Add the area under one curve to the cell of each day; `points` are (day, count) in order."""
    for (day, count), (next_day, next_count) in pairwise(points):
        gap = next_day - day
        if gap == 1:
            cells[day] += (3 * count + next_count) * EIGHTH
            cells[next_day] += (count + 3 * next_count) * EIGHTH
        elif count or next_count:
            step = (next_count - count) * UNIT / gap
            cells[day] += count * UNIT // 2 + round(step / 8)
            cells[next_day] += next_count * UNIT // 2 - round(step / 8)
            for between in range(1, gap):
                cells[day + between] += count * UNIT + round(step * between)


def in_bird_days(area: int) -> float:
    """An area in cells as published: bird-days with three decimals."""
    return round(area / UNIT, 3)


def share_within(cells: Sequence[int], first: int, last: int) -> float | None:
    """The part of all bird-days that falls on these days, 0..1; None where there are none."""
    total = sum(cells)
    return round(sum(cells[max(first, 0) : last + 1]) / total, 4) if total else None
