"""The demonstration's counts: three springs, day by day, as a team of counters might have made them.

The numbers are made up, but behave: each species has its own time, the flats their own share, the
tide moves through the day, nobody counts every day, and a rare bird looked for is often not found.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta, timezone
from random import Random

ZONE = timezone(timedelta(hours=8))
SEED = 48210
YEARS = (2024, 2025, 2026)
FACTOR = {2024: 0.76, 2025: 0.81, 2026: 0.86}
SHIFT_DAYS = {2024: -3, 2025: 1, 2026: 0}
TIDE_HOURS = 12.42


@dataclass(frozen=True, slots=True)
class Course:
    """One species through the spring: its largest number, the day of it, and how long it stays."""

    species: str
    peak: int
    day: tuple[int, int]
    before_days: float
    after_days: float


COURSES: tuple[Course, ...] = (
    Course("grekno", 20600, (4, 26), 9, 10),
    Course("batgod", 15400, (4, 21), 13, 11),
    Course("dunlin", 8900, (5, 1), 14, 11),
    Course("comshe", 5200, (3, 15), 13, 13),
    Course("kenplo1", 2900, (4, 8), 16, 20),
    Course("faecur", 2400, (4, 4), 14, 13),
    Course("bktgod", 2300, (4, 24), 8, 8),
    Course("rensti", 2600, (5, 11), 8, 7),
    Course("saugul2", 1900, (4, 2), 17, 30),
    Course("bkhgul", 2600, (3, 21), 12, 9),
    Course("bkbplo", 1500, (5, 3), 13, 10),
    Course("eurcur", 900, (4, 1), 15, 14),
    Course("tersan", 640, (5, 8), 9, 8),
    Course("lessap2", 820, (5, 6), 9, 8),
    Course("redkno", 560, (5, 4), 8, 7),
    Course("whimbr", 380, (4, 30), 9, 9),
    Course("pieavo1", 320, (4, 5), 12, 14),
    Course("rudtur", 260, (5, 8), 8, 8),
    Course("comgre", 240, (4, 30), 12, 12),
    Course("comred1", 210, (4, 22), 14, 18),
    Course("marsan", 150, (4, 28), 9, 9),
    Course("grsplo", 120, (4, 29), 10, 10),
    Course("euroys1", 140, (3, 28), 14, 22),
    Course("sander", 90, (5, 12), 8, 7),
    Course("norgre1", 14, (5, 6), 7, 6),
    Course("spbsan1", 2, (5, 4), 6, 5),
)
RARE = ("norgre1", "spbsan1")
SITES: tuple[tuple[str, float], ...] = (
    ("sidaogou", 0.36),
    ("gaizhou-xihai", 0.3),
    ("gaizhou-beihai", 0.14),
    ("yingkou-xihaian", 0.08),
    ("yongyuanjiao", 0.06),
    ("liaobin", 0.035),
    ("honghaitan", 0.015),
    ("bayuquan", 0.01),
)
AT_HOME = {"comshe": "liaobin", "saugul2": "honghaitan", "bkhgul": "yongyuanjiao"}
TEAMS: tuple[tuple[str, ...], ...] = (
    ("江望舒", "林听潮"),
    ("沈知渔",),
    ("顾晚汀", "苏鸣野"),
    ("叶归洲",),
    ("陆采薇", "江望舒"),
)
NOTES = (
    "",
    "",
    "",
    "",
    "能见度好。",
    "东北风四级，鸟群不安。",
    "有赶海人员，鸟群飞起两次。",
    "薄雾，远处按估计。",
)
HIGHEST = date(2026, 4, 25)
PEAK_DAYS = ((4, 20), (4, 22), (4, 24), (4, 25), (4, 26), (4, 27), (4, 29), (5, 1))


def surveys() -> Iterator[tuple[datetime, dict[str, object]]]:
    """Surveys in the form of the API with the time each was sent in; always the same."""
    for year in YEARS:
        rng = Random(SEED + year)  # noqa: S311  numbers for show
        first, last = date(year, 3, 1), date(year, 5, 31)
        for offset in range((last - first).days + 1):
            day = first + timedelta(days=offset)
            if _is_counted(rng, day):
                yield from _day(rng, day)


def _is_counted(rng: Random, day: date) -> bool:
    """Nearly every day of the peak, weekends before and after it, fewer in rough weather."""
    if (day.month, day.day) in PEAK_DAYS:
        return True
    if date(day.year, 4, 1) <= day <= date(day.year, 5, 10):
        chance = 0.84
    else:
        chance = 0.62 if day.weekday() >= 5 else 0.34
    return rng.random() < chance


def _day(rng: Random, day: date) -> Iterator[tuple[datetime, dict[str, object]]]:
    """The main roosts at high water; smaller flats in turn; at times a second count at low water."""
    is_peak = (day.month, day.day) in PEAK_DAYS
    mood = rng.lognormvariate(0, 0.02 if is_peak else 0.06)
    if day == HIGHEST:
        mood = 1.1
    high = _high_water(day)
    for number, (site, share) in enumerate(SITES):
        chance = (1, 0.96, 0.78, 0.4, 0.28, 0.18, 0.14, 0.1)[number]
        if number > 0 and not (is_peak and number < 5) and rng.random() > chance:
            continue
        start = high + timedelta(minutes=rng.randint(-70, 20))
        yield _survey(rng, site, share * mood, start, "high")
        if number < 2 and rng.random() < 0.14:
            second = start + timedelta(minutes=rng.randint(5, 40))
            yield _survey(rng, site, share * mood * rng.uniform(0.7, 0.96), second, "high")
        if number < 2 and rng.random() < 0.12:
            low = high + timedelta(hours=TIDE_HOURS / 2 * (-1 if high.hour > 12 else 1))
            yield _survey(rng, site, share * mood * rng.uniform(0.45, 0.7), low, "low")


def _high_water(day: date) -> datetime:
    """A high water in daylight; it comes about 50 minutes later each day."""
    hour = (4.2 + 0.84 * (day - date(day.year, 3, 1)).days) % TIDE_HOURS
    hour = hour + TIDE_HOURS if hour < 5.6 else hour
    start = datetime(day.year, day.month, day.day, tzinfo=ZONE)
    return start + timedelta(minutes=int(hour * 12) * 5)


def _survey(
    rng: Random, site: str, share: float, start: datetime, tide: str
) -> tuple[datetime, dict[str, object]]:
    end = start + timedelta(minutes=rng.choice((45, 60, 75, 90, 110)))
    is_complete = rng.random() < 0.72
    raw: dict[str, object] = {
        "site": site,
        "start": start.isoformat(timespec="minutes"),
        "end": end.isoformat(timespec="minutes"),
        "observers": list(rng.choice(TEAMS)),
        "protocol": "roost" if tide == "high" else "area",
        "complete": is_complete,
        "tide": tide,
        "note": rng.choice(NOTES),
        "sightings": _sightings(rng, start.date(), site, share),
    }
    if not raw["sightings"]:
        raw["complete"] = True
    return end + timedelta(minutes=rng.randint(30, 240)), raw


def _sightings(rng: Random, day: date, site: str, share: float) -> list[dict[str, object]]:
    found = []
    for course in COURSES:
        expected = _expected(course, day) * _share(course.species, site, share)
        number = int(expected * rng.lognormvariate(0, 0.16))
        if course.species in RARE:
            number = min(number, 1 + int(rng.random() * 4)) if expected > 0.6 else 0
            if number == 0 and not (expected > 0.08 and rng.random() < 0.4):
                continue
        elif number < 1:
            continue
        found.append(_sighting(rng, course.species, number))
    return found


def _expected(course: Course, day: date) -> float:
    top = date(day.year, *course.day) + timedelta(days=SHIFT_DAYS[day.year])
    away = (day - top).days
    width = course.before_days if away < 0 else course.after_days
    return course.peak * FACTOR[day.year] * math.exp(-0.5 * (away / width) ** 2)


def _share(species: str, site: str, share: float) -> float:
    home = AT_HOME.get(species)
    if home is None:
        return share
    return 0.55 if site == home else share * 0.45


def _sighting(rng: Random, species: str, number: int) -> dict[str, object]:
    """Small numbers are counted bird by bird, flocks estimated between bounds."""
    if number < 120:
        return {"species": species, "best": number, "method": "counted"}
    step = 10 ** (len(str(number)) - 2)
    best = max(step, round(number / step) * step)
    spread = rng.uniform(0.08, 0.2)
    return {
        "species": species,
        "low": int(best * (1 - spread) / step) * step,
        "best": best,
        "high": math.ceil(best * (1 + spread) / step) * step,
        "method": "estimated",
    }
