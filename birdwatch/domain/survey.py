"""A survey: what was looked for, where and when, by whom, and what makes it acceptable.

Forms, JSON and tables all come through `check_survey`, so the archive holds nothing that one of
them would have refused. All faults are reported at once, each under the name of its field.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final, Literal

from birdwatch.domain.embargo import read_embargo
from birdwatch.domain.errors import FieldError, InvalidInputError
from birdwatch.domain.faults import Faults, read_word
from birdwatch.domain.place import Site, find_site
from birdwatch.domain.policy import Status, Thing, View
from birdwatch.domain.season import Phase
from birdwatch.domain.sighting import (
    MAX_COUNT,
    METHODS,
    Method,
    NewSighting,
    Sighting,
    check_sightings,
)
from birdwatch.domain.species import SpeciesIndex
from birdwatch.domain.text import Text
from birdwatch.domain.written import (
    SITE_ZONE,
    Moment,
    Refusal,
    clean,
    is_blank,
    read_clock,
    read_moment,
    read_names,
    read_yes,
)

__all__ = [
    "MAX_COUNT", "METHODS", "PROTOCOLS", "TIDES", "Method", "NewSighting", "NewSurvey", "Protocol",
    "Sighting", "Survey", "SurveyFilter", "Tide", "check_survey", "refused_survey",
]  # fmt: skip

Tide = Literal["high", "low", "rising", "falling", "unknown"]
TIDES: tuple[Tide, ...] = ("high", "low", "rising", "falling", "unknown")
Protocol = Literal["stationary", "traveling", "area", "roost", "photo", "incidental"]
PROTOCOLS: tuple[Protocol, ...] = (
    "stationary", "traveling", "area", "roost", "photo", "incidental",
)  # fmt: skip
CLOCK_TOLERANCE: Final = timedelta(minutes=10)  # the reader's clock may run ahead of ours
MAX_DURATION: Final = timedelta(hours=24)
MAX_OBSERVERS: Final = 50

PROTOCOL_WORDS: Final[dict[str, Protocol]] = {
    **{word: word for word in PROTOCOLS},
    "定点": "stationary", "样线": "traveling", "travelling": "traveling", "区域": "area",
    "样区": "area", "栖息地": "roost", "高潮栖息地": "roost", "照片": "photo", "随机": "incidental",
    "偶见": "incidental",
}  # fmt: skip
TIDE_WORDS: Final[dict[str, Tide]] = {
    **{word: word for word in TIDES},
    "高潮": "high", "满潮": "high", "低潮": "low", "干潮": "low", "涨潮": "rising",
    "落潮": "falling", "退潮": "falling", "未知": "unknown", "不明": "unknown",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Survey:
    """One visit. `start` and `end` are aware (with the local offset); `end` may be None."""

    id: str
    site: str
    start: datetime
    end: datetime | None
    has_time: bool  # False: only the date is known and `start` is local midnight
    observers: tuple[str, ...]
    protocol: Protocol
    complete: bool
    tide: Tide
    note: str
    owner_id: str | None
    source: str  # page, api, photo, or the name of an imported table
    sightings: tuple[Sighting, ...]
    day: date
    season: str | None
    phase: Phase
    dekad: str
    version: int = 0
    status: Status = "published"
    flags: tuple[str, ...] = ()  # codes of domain.review: why it waits
    embargo_until: datetime | None = None
    tide_source: str | None = None  # the table that `tide` was taken from; None: observers said it
    view: View = "full"  # how much of it this value holds: see domain.publication

    @property
    def thing(self) -> Thing:
        """What the policy has to know."""
        return Thing(self.owner_id, self.status, self.embargo_until)

    def again(self) -> NewSurvey:
        """What stands, to be written once more with changes. The key of its import is not told."""
        return NewSurvey(
            site=self.site,
            start=self.start,
            end=self.end,
            has_time=self.has_time,
            observers=self.observers,
            protocol=self.protocol,
            complete=self.complete,
            tide=self.tide,
            note=self.note,
            source=self.source,
            source_key=None,
            sightings=tuple(sighting.again() for sighting in self.sightings),
            status=self.status,
            flags=self.flags,
            embargo_until=self.embargo_until,
            tide_source=self.tide_source,
        )


@dataclass(frozen=True, slots=True)
class NewSurvey:
    """A checked survey, not stored yet. `source_key` makes an import repeatable: unique if set."""

    site: str
    start: datetime
    end: datetime | None
    has_time: bool
    observers: tuple[str, ...]
    protocol: Protocol
    complete: bool
    tide: Tide
    note: str
    source: str
    source_key: str | None
    sightings: tuple[NewSighting, ...]
    status: Status = "published"
    flags: tuple[str, ...] = ()
    embargo_until: datetime | None = None
    tide_source: str | None = None


@dataclass(frozen=True, slots=True)
class SurveyFilter:
    """What lists of surveys and sightings are narrowed to; None means any."""

    season: str | None = None
    site: str | None = None
    species: str | None = None
    day_from: date | None = None
    day_to: date | None = None
    owner_id: str | None = None
    photo_id: str | None = None


def check_survey(
    raw: Mapping[str, object],
    *,
    species: SpeciesIndex,
    sites: Mapping[str, Site],
    now: datetime,
    source: str,
    source_key: str | None = None,
) -> NewSurvey:
    """The survey in `raw`, whose keys are the API's field names and whose values may be strings.

    Numbers: best alone stands for low and high too; low alone (“at least 50”) is also the best,
    and high stays open; without any number the method must be `present`. An offset is optional.
    Raises InvalidInputError with one FieldError per fault, such as `sightings[0].best`.
    """
    faults = Faults()
    site = _site(raw.get("site"), sites, faults)
    start = _start(raw.get("start"), now, faults)
    end = _end(raw.get("end"), start, now, faults)
    observers = read_names(raw.get("observers"))
    if len(observers) > MAX_OBSERVERS:
        faults.add(
            "observers", "observers.too_many",
            f"观察者最多 {MAX_OBSERVERS} 人。", f"At most {MAX_OBSERVERS} observers.",
        )  # fmt: skip
    protocol = read_word(raw.get("protocol"), "protocol", PROTOCOL_WORDS, faults)
    tide = read_word(raw.get("tide"), "tide", TIDE_WORDS, faults)
    complete = read_yes(raw.get("complete"))
    if isinstance(complete, Refusal):
        faults.refuse("complete", complete)
        complete = False
    embargo = read_embargo(raw.get("embargo_until"), now=now)
    if isinstance(embargo, Refusal):
        faults.refuse("embargo_until", embargo)
        embargo = None
    sightings = check_sightings(raw.get("sightings"), species, faults)
    if not sightings and not complete and not faults.errors:
        faults.add(
            "sightings", "sightings.missing",
            "请至少填写一个物种；如果看全了而一只鸟都没有，请勾选“完整名录”。",
            "Give at least one species; if you looked for all and found no bird, mark the list"
            " complete.",
        )  # fmt: skip
    if faults.errors or site is None or start is None:
        raise refused_survey(faults.errors)
    return NewSurvey(
        site=site.id,
        start=start.at,
        end=end,
        has_time=start.has_time,
        observers=observers,
        protocol=protocol or "incidental",
        complete=complete,
        tide=tide or "unknown",
        note=clean(raw.get("note")),
        source=source,
        source_key=source_key,
        sightings=sightings,
        embargo_until=embargo,
    )


def refused_survey(errors: Sequence[FieldError]) -> InvalidInputError:
    """The error of a survey with these faults; its sentence is the fault where there is one."""
    first = errors[0].message
    several = len(errors) > 1
    return InvalidInputError(
        "survey.invalid",
        zh=f"调查没有保存，有 {len(errors)} 处需要改正。" if several else first.zh,
        en=f"The survey was not saved: {len(errors)} fields need correcting."
        if several
        else first.en,
        errors=tuple(errors),
    )


def _site(value: object, sites: Mapping[str, Site], faults: Faults) -> Site | None:
    name = clean(value, 200)
    if not name:
        faults.add("site", "site.missing", "请选择地点。", "Choose a site.")
        return None
    site = find_site(name, sites)
    if site and not site.is_outline:
        return site
    counted = [s for s in sites.values() if not s.is_outline]
    zh = "、".join(f"{s.name.get('zh')}（{s.id}）" for s in counted[:12])
    en = ", ".join(f"{s.name.get('en')} ({s.id})" for s in counted[:12])
    if site:
        faults.add(
            "site", "site.outline",
            f"“{name}”是整个河口。请选择其中一个计数地点：{zh}。",
            f"“{name}” is the whole estuary. Choose one of its count sites: {en}.",
        )  # fmt: skip
    else:
        faults.add(
            "site", "site.unknown",
            f"没有名为“{name[:80]}”的地点。已有：{zh or '（无）'}。",
            f"No site is called “{name[:80]}”. There are: {en or '(none)'}.",
        )  # fmt: skip
    return None


def _start(value: object, now: datetime, faults: Faults) -> Moment | None:
    moment = read_moment(value)
    if moment is None:
        faults.add(
            "start", "start.missing",
            "请填写日期，最好也填开始时间：2026-04-20T05:30。",
            "Give the date, and the starting time if you know it: 2026-04-20T05:30.",
        )  # fmt: skip
    elif isinstance(moment, Refusal):
        faults.refuse("start", moment)
    elif _is_future(moment, now):
        faults.add(
            "start", "start.future",
            f"{moment.at:%Y-%m-%d} 还没有到。请检查日期和年份。"
            if not moment.has_time
            else f"{moment.at:%Y-%m-%d %H:%M} 还没有到。请检查日期和时间。",
            f"{moment.at:%Y-%m-%d} is in the future. Check the date and the year."
            if not moment.has_time
            else f"{moment.at:%Y-%m-%d %H:%M} is in the future. Check the date and the time.",
        )  # fmt: skip
    else:
        return moment
    return None


def _is_future(moment: Moment, now: datetime) -> bool:
    if moment.has_time:
        return moment.at > now + CLOCK_TOLERANCE
    return moment.at.date() > (now + CLOCK_TOLERANCE).astimezone(SITE_ZONE).date()


def _end(value: object, start: Moment | None, now: datetime, faults: Faults) -> datetime | None:
    """The end as a full time, or as a time of the day of the start."""
    if is_blank(value):
        return None
    end = _read_end(value, start)
    if isinstance(end, Refusal):
        faults.refuse("end", end)
    if start is None or not isinstance(end, datetime):
        return None
    if end < start.at:
        faults.add(
            "end", "end.before_start",
            f"结束（{end:%m-%d %H:%M}）早于开始（{start.at:%m-%d %H:%M}）。请对调或改正。",
            f"The end ({end:%m-%d %H:%M}) is before the start ({start.at:%m-%d %H:%M}). Swap or"
            " correct them.",
        )  # fmt: skip
    elif end - start.at > MAX_DURATION:
        faults.add(
            "end", "end.too_long",
            "一次调查不超过 24 小时。请每天填一次调查。",
            "A survey is one visit of at most 24 hours. Enter one survey for each day.",
        )  # fmt: skip
    elif end > now + CLOCK_TOLERANCE:
        faults.add(
            "end", "end.future",
            f"{end:%Y-%m-%d %H:%M} 还没有到。调查结束后再填写结束时间，或留空。",
            f"{end:%Y-%m-%d %H:%M} is in the future. Give the end when the survey is over, or"
            " leave it empty.",
        )  # fmt: skip
    return end


def _read_end(value: object, start: Moment | None) -> datetime | Refusal | None:
    if start and not start.has_time:
        return Refusal(
            "end.without_start",
            Text(
                "有结束时间而没有开始时间。请把开始写成 2026-04-20T05:30。",
                "There is an end but no starting time. Write the start as 2026-04-20T05:30.",
            ),
        )
    text = clean(value, 40)
    if re.match(r"[0-9]{1,2}[:：]", text):
        clock = read_clock(text)
        if isinstance(clock, Refusal) or start is None:
            return clock if isinstance(clock, Refusal) else None
        zone = clock.tzinfo or start.at.tzinfo
        return datetime.combine(start.at.date(), clock, tzinfo=zone)
    moment = read_moment(value)
    if isinstance(moment, Moment) and not moment.has_time:
        return Refusal(
            "end.without_time",
            Text(
                "结束须带时间，例如 07:10；不知道请留空。",
                "The end needs a time, such as 07:10; leave it empty if unknown.",
            ),
        )
    return moment.at if isinstance(moment, Moment) else moment
