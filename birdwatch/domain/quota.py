"""How many photos a person may add in a day, and what is said when it was enough.

A quota keeps a broken script or a stolen token from filling the disk; it is far above what a day of
birds takes. The day is the estuary's, and ends at its midnight.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from birdwatch.domain.errors import TooManyError
from birdwatch.domain.text import Text
from birdwatch.domain.written import SITE_ZONE

MIB = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Quota:
    """The most of a day: of each 0 means as much as one likes."""

    files: int = 0
    bytes: int = 0
    pixels: int = 0


@dataclass(frozen=True, slots=True)
class Uploads:
    """What one person sent in on one local day."""

    files: int = 0
    bytes: int = 0
    pixels: int = 0


def quota_day(now: datetime) -> date:
    """The day of the estuary on which this counts."""
    return now.astimezone(SITE_ZONE).date()


def seconds_to_midnight(now: datetime) -> int:
    """Until the next day of the estuary, rounded up."""
    local = now.astimezone(SITE_ZONE)
    midnight = datetime.combine(local.date() + timedelta(days=1), time.min, SITE_ZONE)
    return max(1, math.ceil((midnight - local).total_seconds()))


def check_quota(quota: Quota, used: Uploads, more: Uploads, now: datetime) -> None:
    """Raise TooManyError when this much more is too much for today."""
    limits = (
        (quota.files, used.files, more.files, _photos),
        (quota.bytes, used.bytes, more.bytes, _bytes),
        (quota.pixels, used.pixels, more.pixels, _pixels),
    )
    for limit, before, added, say in limits:
        if limit and before + added > limit:
            had, most = say(before), say(limit)
            raise TooManyError(
                "photo.quota",
                zh=f"今天已上传{had.zh}，每天最多{most.zh}。请明天零点以后（中国时间）再传，"
                "或请管理员提高上限。",
                en=f"You have added {had.en} today, of {most.en} a day. Go on after midnight,"
                " China time, or ask an administrator for more.",
                retry_after_s=seconds_to_midnight(now),
            )


def _photos(number: int) -> Text:
    return Text(f" {number} 张照片", f"{number} photo{'' if number == 1 else 's'}")


def _bytes(number: int) -> Text:
    shown = f"{number / MIB:.1f} MB"
    return Text(f" {shown}", shown)


def _pixels(number: int) -> Text:
    shown = f"{number / 1e6:.1f}"
    return Text(f" {shown} 百万像素", f"{shown} megapixels")
