"""The strip: a season as one bar a day, the emblem of the archive. Pure geometry, no markup.

Positions across are percentages and heights are pixels, so that the drawing is as wide as its
place while letters and lines keep their size. A day not counted, a day with nothing found and a
day when birds were seen but not counted are three different things and are drawn as such.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Literal

from birdwatch.domain.season import dekad_of
from birdwatch.domain.summary import DayTotal, SeasonSummary

Kind = Literal["bar", "zero", "present", "missing", "future"]
BAR_SHARE = 0.74  # of a day's width
SMALLEST_BAR_PX = 2.0
STEPS = (1.0, 1.2, 1.6, 2.0, 2.4, 3.0, 4.0, 5.0, 6.0, 8.0, 10.0)


@dataclass(frozen=True, slots=True)
class Frame:
    """Where things are in a drawing, in pixels from its top."""

    height: int
    top: int  # of the tallest bar
    base: int  # the line the bars stand on


WIDE = Frame(height=258, top=34, base=206)
SMALL = Frame(height=104, top=14, base=76)
PHONE = Frame(height=134, top=22, base=104)
OPEN = Frame(height=178, top=30, base=138)


@dataclass(frozen=True, slots=True)
class StripDay:
    """One day: what it says, and where its bar stands."""

    day: date
    kind: Kind
    count: int | None
    surveys: int
    photos: int
    in_peak: bool
    is_selected: bool
    is_today: bool
    is_partial: bool  # only incomplete lists
    x: float = 0.0  # percent
    width: float = 0.0  # percent, of the whole day
    bar_x: float = 0.0
    bar_width: float = 0.0
    bar_y: float = 0.0  # pixels
    bar_height: float = 0.0
    middle: float = 0.0  # percent


@dataclass(frozen=True, slots=True)
class Asked:
    """What is asked of every day alike."""

    today: date
    selected: date | None
    photos: Mapping[date, int]
    peak: tuple[date, date]


@dataclass(frozen=True, slots=True)
class StripDekad:
    """Ten days or so: the ruler of the strip, and on a phone what opens into days."""

    id: str
    x: float
    width: float
    middle: float
    best: StripDay  # the day it leads to: the largest, else the first
    days: tuple[StripDay, ...]
    is_open: bool
    starts_month: bool


@dataclass(frozen=True, slots=True)
class GridLine:
    """A height with the value it stands for."""

    y: float
    value: float


@dataclass(frozen=True, slots=True)
class Strip:
    """A season, drawn."""

    frame: Frame
    days: tuple[StripDay, ...]
    dekads: tuple[StripDekad, ...]
    grid: tuple[GridLine, ...]
    peak_x: float
    peak_width: float
    today_x: float | None

    @property
    def selected(self) -> StripDay | None:
        """The chosen day."""
        return next((day for day in self.days if day.is_selected), None)

    @property
    def tallest(self) -> StripDay | None:
        """The day with most birds."""
        counted = [day for day in self.days if day.count]
        return max(counted, key=lambda day: day.count or 0) if counted else None

    @property
    def peak_dekads(self) -> tuple[str, str] | None:
        """The dekads in which the peak window begins and ends."""
        inside = [dekad_of(day.day) for day in self.days if day.in_peak]
        return (inside[0], inside[-1]) if inside else None


def draw_strip(
    summary: SeasonSummary,
    *,
    today: date,
    selected: date | None = None,
    photos: Mapping[date, int] | None = None,
    frame: Frame = WIDE,
    scale: int | None = None,
) -> Strip:
    """The strip of a season. `scale`: the value at the top, so that years may be compared."""
    totals = summary.days
    top = nice_ceiling(scale or max((total.count or 0 for total in totals), default=0))
    asked = Asked(today, selected, photos or {}, (summary.peak_first, summary.peak_last))
    days = tuple(
        _place(_say(total, asked), index, len(totals), top, frame)
        for index, total in enumerate(totals)
    )
    inside = [day for day in days if day.in_peak]
    return Strip(
        frame=frame,
        days=days,
        dekads=_dekads(days, selected),
        grid=tuple(
            GridLine(round(_y(value, top, frame), 1), value) for value in (top / 2, float(top))
        ),
        peak_x=inside[0].x if inside else 0.0,
        peak_width=_percent(sum(day.width for day in inside)),
        today_x=next((day.middle for day in days if day.is_today), None),
    )


def open_dekad(strip: Strip, frame: Frame = OPEN) -> tuple[StripDay, ...]:
    """The days of the open dekad, drawn as wide as the phone, on a scale of their own."""
    dekad = next((one for one in strip.dekads if one.is_open), None)
    if dekad is None:
        return ()
    top = nice_ceiling(max((day.count or 0 for day in dekad.days), default=0))
    return tuple(
        _place(day, index, len(dekad.days), top, frame) for index, day in enumerate(dekad.days)
    )


def nice_ceiling(value: float) -> float:
    """The next round number at or above: 48,210 → 50,000. Nothing counted gives 10."""
    if value <= 0:
        return 10.0
    unit = 1.0
    while unit * 10 < value:
        unit *= 10
    while unit > value:
        unit /= 10
    return max(10.0, next(step * unit for step in STEPS if step * unit >= value))


def neighbours(days: Sequence[StripDay], selected: date) -> tuple[date | None, date | None]:
    """The nearest days before and after that have something to show."""
    shown = [day.day for day in days if day.kind not in ("missing", "future") or day.photos]
    before = [day for day in shown if day < selected]
    after = [day for day in shown if day > selected]
    return (before[-1] if before else None, after[0] if after else None)


def _say(total: DayTotal, asked: Asked) -> StripDay:
    """What a day says, before it has a place."""
    return StripDay(
        day=total.day,
        kind=_kind(total, asked.today),
        count=total.count if total.is_counted else None,
        surveys=total.surveys,
        photos=asked.photos.get(total.day, 0),
        in_peak=asked.peak[0] <= total.day <= asked.peak[1],
        is_selected=total.day == asked.selected,
        is_today=total.day == asked.today,
        is_partial=total.is_partial,
    )


def _place(day: StripDay, index: int, of: int, top: float, frame: Frame) -> StripDay:
    """The same day as the bar number `index` of `of`."""
    width = 100 / of
    height = 0.0
    if day.count:
        height = max(SMALLEST_BAR_PX, frame.base - _y(day.count, top, frame))
    return replace(
        day,
        x=_percent(index * width),
        width=_percent(width),
        bar_x=_percent((index + (1 - BAR_SHARE) / 2) * width),
        bar_width=_percent(width * BAR_SHARE),
        bar_y=round(frame.base - height, 1),
        bar_height=round(height, 1),
        middle=_percent((index + 0.5) * width),
    )


def _kind(total: DayTotal, today: date) -> Kind:
    if not total.is_counted:
        return "future" if total.day > today else "missing"
    if total.count is None:
        return "present"
    return "bar" if total.count else "zero"


def _dekads(days: Sequence[StripDay], selected: date | None) -> tuple[StripDekad, ...]:
    groups: dict[str, list[StripDay]] = {}
    for day in days:
        groups.setdefault(dekad_of(day.day), []).append(day)
    opened = dekad_of(selected) if selected else None
    return tuple(_dekad(name, group, opened) for name, group in groups.items())


def _dekad(name: str, group: Sequence[StripDay], opened: str | None) -> StripDekad:
    first, last = group[0], group[-1]
    width = last.x + last.width - first.x
    previous = first.day - timedelta(days=1)
    return StripDekad(
        id=name,
        x=first.x,
        width=_percent(width),
        middle=_percent(first.x + width / 2),
        best=max(group, key=lambda day: (day.count or 0, day.photos)),
        days=tuple(group),
        is_open=name == opened,
        starts_month=previous.month != first.day.month,
    )


def _y(value: float, top: float, frame: Frame) -> float:
    return frame.base - (frame.base - frame.top) * min(value / top, 1.0)


def _percent(value: float) -> float:
    return round(value, 3)
