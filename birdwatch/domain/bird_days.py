"""Bird-days: how many birds used a place for how long, from counts on some of the days.

The unit is one bird present for one day. Between two counted days the number is taken to change
evenly (trapezoid); before the first and after the last counted day nothing is assumed. So that
parts add up to the whole, a day holds the area from half a day before it to half a day after.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from itertools import pairwise


def bird_days(
    counts: Mapping[date, int], first: date | None = None, last: date | None = None
) -> float:
    """The area under the counts of one place, of all days or of those from `first` to `last`."""
    if len(counts) < 2:
        return 0.0
    origin = min(counts).toordinal()
    cells = [0.0] * (max(counts).toordinal() - origin + 1)
    add_curve(cells, sorted((day.toordinal() - origin, count) for day, count in counts.items()))
    low = max(first.toordinal() - origin, 0) if first else 0
    high = max(last.toordinal() - origin + 1, 0) if last else len(cells)
    return sum(cells[low:high])


def add_curve(cells: list[float], points: Iterable[tuple[int, int]]) -> None:
    """Add the area under one curve to the cell of each day; `points` are (day, count) in order."""
    for (day, count), (next_day, next_count) in pairwise(points):
        if not count and not next_count:
            continue
        gap = next_day - day
        step = (next_count - count) / gap
        cells[day] += count / 2 + step / 8
        cells[next_day] += next_count / 2 - step / 8
        if gap > 1:
            for between in range(1, gap):
                cells[day + between] += count + step * between


def share_within(cells: Sequence[float], first: int, last: int) -> float | None:
    """The part of all bird-days that falls on these days, 0..1; None where there are none."""
    total = sum(cells)
    return round(sum(cells[max(first, 0) : last + 1]) / total, 4) if total else None
