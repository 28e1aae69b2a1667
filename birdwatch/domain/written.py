"""What people write into forms and tables, read strictly: counts, times, yes and no, lists.

Every function gives the value or a Refusal, whose sentence says what to write instead. Nothing is
guessed: `50+` and `1,200` are refused, because a number nobody meant is worse than none.
"""

from __future__ import annotations

import re
import unicodedata
from calendar import monthrange
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta, timezone
from typing import Final

from birdwatch.domain.text import Text

SITE_ZONE: Final = timezone(timedelta(hours=8))  # Asia/Shanghai, one zone, no summer time
FIRST_YEAR: Final = 1900
LAST_YEAR: Final = 2200

_NUMBER = re.compile(r"\+?[0-9]+", re.ASCII)
_GROUPED = re.compile(r"[0-9]{1,3}(?:[,' ][0-9]{3})+", re.ASCII)
_OPEN = re.compile(r"(?:[>≥]=?|>)?\s*([0-9]+)\s*(?:\+|以上|多|余)?", re.ASCII)
_RANGE = re.compile(r"([0-9]+)\s*(?:-|–|—|~|～|至|to|\.\.)\s*([0-9]+)", re.ASCII)
_ABOUT = re.compile(r"(?:约|大约|近|~|≈|ca?\.?|about|approx\.?)\s*([0-9]+)只?", re.IGNORECASE)
_DAY = re.compile(
    r"(\d{4})(?:-(\d{1,2})-(\d{1,2})|/(\d{1,2})/(\d{1,2})|\.(\d{1,2})\.(\d{1,2})"
    r"|年(\d{1,2})月(\d{1,2})日)(?:[T\s]\s*(.+))?",
    re.ASCII | re.IGNORECASE,
)
_TIME = re.compile(
    r"(\d{1,2}):(\d{2})(?::(\d{2})(?:[.,]\d+)?)?\s*(Z|[+-]\d{2}:?\d{2})?", re.ASCII | re.IGNORECASE
)
_YES = {"1", "true", "yes", "y", "t", "on", "是", "对", "有", "完整", "全", "√"}
_NO = {"", "0", "false", "no", "n", "f", "off", "否", "不", "无", "不完整", "×"}


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a written value is not taken, and what to write."""

    code: str
    message: Text


@dataclass(frozen=True, slots=True)
class Moment:
    """A date, and the time where one is written. `at` is aware; local midnight without a time."""

    at: datetime
    has_time: bool


def clean(value: object, max_chars: int = 2000) -> str:
    """Text without control characters (but for line breaks), trimmed and cut to size."""
    if value is None or value == "":
        return ""
    text = value if isinstance(value, str) else str(value)
    if text.isprintable():  # most are, and a table has millions
        return text.strip()[:max_chars]
    text = text.replace("\r\n", "\n")
    kept = "".join(
        c for c in text if c in "\n\t" or unicodedata.category(c) not in ("Cc", "Cs", "Co")
    )
    return kept.strip()[:max_chars]


def is_blank(value: object) -> bool:
    """Whether nothing is written here."""
    return value is None or (isinstance(value, str) and not value.strip())


def read_count(value: object, maximum: int) -> int | Refusal | None:
    """A whole number of birds from 0 to `maximum`; None for nothing written."""
    if value is None or value == "" or is_blank(value):
        return None
    number = _whole_number(value, maximum)
    if isinstance(number, Refusal):
        return number
    if number < 0:
        return _negative(str(number))
    if number > maximum:
        return Refusal(
            "count.too_large",
            Text(
                f"数量超过 {maximum}，大于整个迁飞路线的鸟数。请检查是否多写了零。",
                f"The number is above {maximum}, more birds than the whole flyway has. Check for"
                " extra zeros.",
            ),
        )
    return number


def _whole_number(value: object, maximum: int) -> int | Refusal:
    if isinstance(value, str):
        if value.isascii() and value.isdigit() and len(value) <= 12:
            return int(value)
        text = unicodedata.normalize("NFKC", value).strip()
        if re.fullmatch(r"[-−]\s*[0-9]+", text):
            return _negative(text)
        if not _NUMBER.fullmatch(text):
            return _refused_count(text)
        # Long strings of digits are costly to convert, and too large anyway.
        return int(text) if len(text.lstrip("+0")) <= 12 else maximum + 1
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    return _not_a_number(str(value))


def read_moment(value: object) -> Moment | Refusal | None:
    """A date with or without a time; None for nothing written.

    Without an offset the zone is the site's, +08:00. `Z` is a machine's UTC and becomes +08:00;
    any other offset is the local one and is kept.
    """
    if is_blank(value):
        return None
    if isinstance(value, datetime):
        value = value.isoformat()
    text = unicodedata.normalize("NFKC", str(value)).strip()
    match = _DAY.fullmatch(text)
    if not match:
        return Refusal(
            "date.unreadable",
            Text(
                f"“{text[:40]}”不是日期。请写成 2026-04-20 或 2026-04-20T05:30。",
                f"“{text[:40]}” is not a date. Write 2026-04-20 or 2026-04-20T05:30.",
            ),
        )
    year, month, day = (int(part) for part in match.groups()[:-1] if part)
    if refusal := _no_such_day(year, month, day):
        return refusal
    if match[10] is None:
        return Moment(datetime(year, month, day, tzinfo=SITE_ZONE), has_time=False)
    clock = read_clock(match[10])
    if isinstance(clock, Refusal):
        return clock
    at = datetime.combine(datetime(year, month, day, tzinfo=SITE_ZONE).date(), clock)
    if at.tzinfo is None:
        at = at.replace(tzinfo=SITE_ZONE)
    return Moment(at.astimezone(SITE_ZONE) if not at.utcoffset() else at, has_time=True)


def read_clock(text: str) -> time | Refusal:
    """A time of day such as 05:30 or 05:30:00+08:00; aware where an offset is written."""
    match = _TIME.fullmatch(unicodedata.normalize("NFKC", text).strip())
    if not match or int(match[1]) > 23 or int(match[2]) > 59 or int(match[3] or 0) > 59:
        return Refusal(
            "time.unreadable",
            Text(
                f"“{text.strip()[:40]}”不是时间。请用 24 小时制，例如 05:30。",
                f"“{text.strip()[:40]}” is not a time. Write it by the 24-hour clock, such as"
                " 05:30.",
            ),
        )
    zone = _zone(match[4])
    if isinstance(zone, Refusal):
        return zone
    return time(int(match[1]), int(match[2]), int(match[3] or 0), tzinfo=zone)


def read_yes(value: object) -> bool | Refusal:
    """Yes or no in the ways forms and tables write it; nothing written is no."""
    if isinstance(value, bool):
        return value
    text = "" if value is None else unicodedata.normalize("NFKC", str(value)).strip().casefold()
    if text in _YES:
        return True
    if text in _NO:
        return False
    return Refusal(
        "yes_no.unreadable",
        Text(
            f"“{text[:40]}”不是“是”或“否”。请写 1 或 0。",
            f"“{text[:40]}” is neither yes nor no. Write 1 or 0.",
        ),
    )


def read_names(value: object, max_chars: int = 100) -> tuple[str, ...]:
    """A list, or one string separated by ; 、 | or commas; blanks and repetitions dropped."""
    if value is None or value == "":
        return ()
    if isinstance(value, (list, tuple)):
        parts = [clean(part, max_chars) for part in value]
    else:
        parts = [clean(part, max_chars) for part in re.split(r"[;；、|,，\n]", clean(value))]
    return tuple(dict.fromkeys(part for part in parts if part))


def _zone(offset: str | None) -> timezone | Refusal | None:
    if offset is None:
        return None
    if offset.upper() == "Z":
        return UTC
    digits = offset[1:].replace(":", "")
    minutes = int(digits[:2]) * 60 + int(digits[2:])
    if minutes > 14 * 60 or int(digits[2:]) > 59:
        return Refusal(
            "time.offset",
            Text(
                f"时区 {offset} 不存在。请写成 +08:00。",
                f"There is no offset {offset}. Write +08:00.",
            ),
        )
    return timezone(timedelta(minutes=-minutes if offset[0] == "-" else minutes))


def _no_such_day(year: int, month: int, day: int) -> Refusal | None:
    if not 1 <= month <= 12:
        return Refusal(
            "date.no_such_day",
            Text(f"没有 {month} 月。请检查日期。", f"There is no month {month}. Check the date."),
        )
    if not FIRST_YEAR <= year <= LAST_YEAR:
        return Refusal(
            "date.year",
            Text(
                f"年份须在 {FIRST_YEAR} 至 {LAST_YEAR} 之间，而不是 {year}。",
                f"The year must be between {FIRST_YEAR} and {LAST_YEAR}, not {year}.",
            ),
        )
    days = monthrange(year, month)[1]
    if 1 <= day <= days:
        return None
    return Refusal(
        "date.no_such_day",
        Text(
            f"没有 {year}-{month:02}-{day:02} 这一天：该月有 {days} 天。请检查日期。",
            f"There is no {year}-{month:02}-{day:02}: that month has {days} days. Check the date.",
        ),
    )


def _negative(text: str) -> Refusal:
    return Refusal(
        "count.negative",
        Text(
            f"数量不能是负数（{text[:20]}）。找过而没有找到请写 0；不知道请留空。",
            f"A count cannot be negative ({text[:20]}). Write 0 for looked for and not found;"
            " leave it empty if unknown.",
        ),
    )


def _not_a_number(text: str) -> Refusal:
    return Refusal(
        "count.not_a_number",
        Text(
            f"“{text[:40]}”不是整数。请只写数字，例如 1200；"
            "看到但没有计数请留空，并把方法写成 present。",
            f"“{text[:40]}” is not a whole number. Write digits only, such as 1200; for seen but"
            " not counted leave it empty and set method to present.",
        ),
    )


def _refused_count(text: str) -> Refusal:
    """What to write instead, where it can be told what was meant."""
    if _GROUPED.fullmatch(text):
        plain = re.sub(r"[,' ]", "", text)
        return Refusal(
            "count.separator",
            Text(
                f"请不要写千位分隔符：把“{text}”写成 {plain}。",
                f"Leave out the thousands separator: write {plain} for “{text}”.",
            ),
        )
    if match := _OPEN.fullmatch(text):
        return Refusal(
            "count.open_ended",
            Text(
                f"“{text}”没有上限：请把 {match[1]} 写进 low（最少），best 和 high 留空；"
                "或在 best 写估计数，方法写 estimated。",
                f"“{text}” has no upper end: put {match[1]} into low and leave best and high"
                " empty, or put your estimate into best with method estimated.",
            ),
        )
    if match := _RANGE.fullmatch(text):
        return Refusal(
            "count.range",
            Text(
                f"“{text}”是范围：请把 {match[1]} 写进 low，{match[2]} 写进 high，"
                "最可能的数写进 best。",
                f"“{text}” is a range: put {match[1]} into low, {match[2]} into high, and the most"
                " likely number into best.",
            ),
        )
    if match := _ABOUT.fullmatch(text):
        return Refusal(
            "count.about",
            Text(
                f"“{text}”是估计数：请写 {match[1]}，方法写 estimated。",
                f"“{text}” is an estimate: write {match[1]} and set method to estimated.",
            ),
        )
    return _not_a_number(text)
