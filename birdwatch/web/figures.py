"""Numbers, dates and times as each language writes them. All times are the estuary's own."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from zoneinfo import ZoneInfo

from babel.dates import format_date
from babel.numbers import format_compact_decimal, format_decimal, format_percent

from birdwatch.domain.photo import SettledTime
from birdwatch.domain.season import dekad_label, season_label
from birdwatch.domain.text import Locale
from birdwatch.web.words import BABEL, say

ESTUARY_ZONE = ZoneInfo("Asia/Shanghai")


@dataclass(frozen=True, slots=True)
class Figures:
    """The writer of figures of one language; templates call it `f`."""

    locale: Locale

    @property
    def _babel(self) -> str:
        return BABEL[self.locale]

    def number(self, value: float) -> str:
        """48210 → 48,210."""
        return format_decimal(round(value), locale=self._babel)

    def compact(self, value: float) -> str:
        """48210 → 4.8万 or 48K, for small bars."""
        is_short = value < 1000 or (self.locale == "en" and value >= 10_000)
        return format_compact_decimal(
            value, fraction_digits=0 if is_short else 1, locale=self._babel
        )

    def axis(self, value: float) -> str:
        """12500 → 1.25万 or 12.5K, without rounding away what a grid line stands for."""
        return format_compact_decimal(value, fraction_digits=2, locale=self._babel)

    def percent(self, share: float) -> str:
        """0.913 → 91%."""
        return format_percent(share, locale=self._babel)

    def count_range(self, low: int | None, best: int | None, high: int | None) -> str:
        """32,000 (28,000–36,000), without the bracket where both ends are the best value."""
        if best is None:
            return say(self.locale, "count.present")
        if low in (None, best) and high in (None, best):
            return self.number(best)
        ends = (best if low is None else low, best if high is None else high)
        span = f"{self.number(ends[0])}–{self.number(ends[1])}"
        pattern = "{0}（{1}）" if self.locale == "zh" else "{0} ({1})"
        return pattern.format(self.number(best), span)

    def day(self, value: date) -> str:
        """4月25日, 25 April."""
        return format_date(value, "M月d日" if self.locale == "zh" else "d MMMM", self._babel)

    def day_short(self, value: date) -> str:
        """4月25日, 25 Apr: for tables."""
        return format_date(value, "M月d日" if self.locale == "zh" else "d MMM", self._babel)

    def day_of_week(self, value: date, *, has_year: bool = False) -> str:
        """4月25日 周六, Saturday 25 April; with the year where that is another one."""
        day = self.full_day(value) if has_year else self.day(value)
        if self.locale == "zh":
            return f"{day} {format_date(value, 'EEE', self._babel)}"
        return f"{format_date(value, 'EEEE', self._babel)} {day}"

    def full_day(self, value: date) -> str:
        """2026年4月25日, 25 April 2026."""
        return format_date(value, "y年M月d日" if self.locale == "zh" else "d MMMM y", self._babel)

    def month(self, value: date) -> str:
        """4月, April."""
        return format_date(value, "M月" if self.locale == "zh" else "MMM", self._babel)

    def clock(self, value: datetime) -> str:
        """18:21, in the offset the value carries."""
        return f"{value:%H:%M}"

    def local(self, value: datetime) -> datetime:
        """The same instant on the estuary's clock."""
        return value.astimezone(ESTUARY_ZONE)

    def moment(self, value: datetime) -> str:
        """4月25日 19:02 on the estuary's clock."""
        here = self.local(value)
        return f"{self.full_day(here.date())} {here:%H:%M}"

    def shot_at(self, time: SettledTime) -> str:
        """2026-04-25 18:21:07 +08:00, as much as is known."""
        if time.wall is None:
            return say(self.locale, "time.unknown")
        wall = time.wall.replace(tzinfo=None)
        if time.offset_min is None:
            return f"{wall:%Y-%m-%d %H:%M:%S}"
        return f"{wall:%Y-%m-%d %H:%M:%S} {offset_text(time.offset_min)}"

    def dekad(self, dekad: str) -> str:
        """2026-04-1 → 4月上旬, early April."""
        return dekad_label(dekad).get(self.locale)

    def dekad_part(self, dekad: str) -> str:
        """2026-04-2 → 中旬, mid."""
        return say(self.locale, f"dekad.part.{dekad[-1]}")

    def season(self, season: str) -> str:
        """2026-spring → 2026年春季, Spring 2026."""
        return season_label(season).get(self.locale)

    def bytes(self, size: int) -> str:
        """3,412,000 → 3.4 MB; 50,000,000,000 → 50 GB."""
        if size >= 1_000_000_000:
            return f"{format_decimal(round(size / 1_000_000_000, 1), locale=self._babel)} GB"
        if size < 1_000_000:
            return f"{max(1, round(size / 1000))} kB"
        return f"{format_decimal(round(size / 1_000_000, 1), locale=self._babel)} MB"


def offset_text(offset_min: int) -> str:
    """480 → +08:00."""
    sign = "-" if offset_min < 0 else "+"
    hours, minutes = divmod(abs(offset_min), 60)
    return f"{sign}{hours:02d}:{minutes:02d}"
