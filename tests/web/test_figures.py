from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from birdwatch.domain.photo import SettledTime
from birdwatch.domain.text import Locale
from birdwatch.web.figures import Figures

ZH, EN = Figures("zh"), Figures("en")
DAY = date(2026, 4, 25)


def test_number_groups_thousands() -> None:
    assert (ZH.number(48_210), EN.number(48_210), EN.number(0)) == ("48,210", "48,210", "0")


@pytest.mark.parametrize(
    ("locale", "value", "said"),
    [
        ("zh", 47_188, "4.7万"),
        ("zh", 860, "860"),
        ("en", 47_188, "47K"),
        ("en", 4_718, "4.7K"),
        ("en", 860, "860"),
    ],
)
def test_compact_is_as_each_language_counts(locale: Locale, value: int, said: str) -> None:
    assert Figures(locale).compact(value) == said


def test_axis_keeps_what_a_line_stands_for() -> None:
    assert (ZH.axis(12_500), EN.axis(12_500), EN.axis(5)) == ("1.25万", "12.5K", "5")


def test_count_range_shows_both_ends_only_where_they_differ() -> None:
    assert ZH.count_range(28_000, 32_000, 36_000) == "32,000（28,000–36,000）"
    assert EN.count_range(28_000, 32_000, 36_000) == "32,000 (28,000–36,000)"
    assert EN.count_range(32, 32, 32) == "32"
    assert EN.count_range(None, 32, None) == "32"
    assert EN.count_range(None, None, None) == "seen, not counted"


def test_days_are_written_as_each_language_does() -> None:
    assert (ZH.day(DAY), EN.day(DAY)) == ("4月25日", "25 April")
    assert (ZH.full_day(DAY), EN.full_day(DAY)) == ("2026年4月25日", "25 April 2026")
    assert ZH.day_of_week(DAY) == "4月25日 周六"
    assert EN.day_of_week(DAY, has_year=True) == "Saturday 25 April 2026"


def test_moment_is_on_the_clock_of_the_estuary() -> None:
    assert ZH.moment(datetime(2026, 4, 25, 17, 2, tzinfo=UTC)) == "2026年4月26日 01:02"


def test_shot_at_shows_the_wall_time_as_shot_with_its_offset() -> None:
    wall = datetime(2026, 4, 25, 18, 21, 7)  # noqa: DTZ001 - a wall time is naive
    instant = datetime(2026, 4, 25, 10, 21, 7, tzinfo=UTC)
    assert EN.shot_at(SettledTime(instant, wall, 480, "exif_offset", "high")) == (
        "2026-04-25 18:21:07 +08:00"
    )
    assert EN.shot_at(SettledTime(instant, wall, -210, "exif_offset", "high")) == (
        "2026-04-25 18:21:07 -03:30"
    )
    assert EN.shot_at(SettledTime(None, None, None, "unknown", "none")) == "Time unknown"


def test_bytes_are_megabytes_with_one_digit() -> None:
    assert (EN.bytes(3_412_000), EN.bytes(900), EN.bytes(80 * 2**20)) == (
        "3.4 MB",
        "1 kB",
        "83.9 MB",
    )
