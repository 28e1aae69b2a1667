"""The roll-up against rules told another way, and against numbers worked out by hand."""

from __future__ import annotations

import random
from collections.abc import Sequence
from datetime import date, timedelta
from fractions import Fraction
from itertools import pairwise, permutations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from birdwatch.domain.bird_days import bird_days
from birdwatch.domain.season import Window, dekad_of, season_of
from birdwatch.domain.summary import (
    Combined,
    CountItem,
    CountValue,
    DailyCount,
    DayTotal,
    SeasonSummary,
    SpeciesSummary,
    SurveyDay,
    combine,
    combine_sites,
    count_items,
    roll_up,
    summarise_season,
    tide_class,
)
from birdwatch.domain.survey import TIDES, Tide
from tests.seeds import WINDOWS

APRIL = date(2026, 4, 1)


def day(number: int) -> date:
    """A day of April."""
    return date(2026, 4, number)


def value(
    survey: str,
    best: int | None,
    *,
    site: str = "sidaogou",
    species: str = "grekno",
    on: date = APRIL,
    tide: Tide = "unknown",
) -> CountValue:
    return CountValue(site, species, on, survey, tide, best, best, best)


def row(
    used: str,
    count: int | None,
    *,
    site: str = "sidaogou",
    species: str = "grekno",
    on: date = APRIL,
    tide: Tide = "unknown",
    set_aside: tuple[str, ...] = (),
) -> DailyCount:
    return DailyCount(
        site, species, on, tide_class(tide), count, count, count, used, set_aside, season_of(on)
    )


# --- one site and day


def test_roll_up_takes_the_largest_survey_and_sets_the_others_aside() -> None:
    values = [
        CountValue("sidaogou", "grekno", APRIL, "b", "rising", 900, 1000, 1100),
        CountValue("sidaogou", "grekno", APRIL, "a", "unknown", 700, 800, 5000),
        CountValue("sidaogou", "grekno", APRIL, "c", "falling", None, None, None),
    ]
    assert roll_up(values) == [
        DailyCount("sidaogou", "grekno", APRIL, "unstated", 1000, 900, 1100, "b", ("a", "c"),
                   "2026-spring")
    ]  # fmt: skip


def test_roll_up_tells_zero_from_present_only() -> None:
    assert [c.count for c in roll_up([value("a", 0)])] == [0]
    assert [c.count for c in roll_up([value("a", None)])] == [None]
    assert [(c.count, c.used) for c in roll_up([value("a", None), value("b", 0)])] == [(0, "b")]


def test_roll_up_keeps_sites_species_days_and_tides_apart() -> None:
    values = [
        value("a", 1, tide="high"),
        value("b", 2, tide="low"),
        value("c", 3, tide="rising"),
        value("d", 4, site="liaobin"),
        value("e", 5, species="dunlin"),
        value("f", 6, on=day(2)),
    ]
    assert [(c.site, c.species, c.day, c.tide, c.count) for c in roll_up(values)] == [
        ("liaobin", "grekno", APRIL, "unstated", 4),
        ("sidaogou", "dunlin", APRIL, "unstated", 5),
        ("sidaogou", "grekno", APRIL, "high", 1),
        ("sidaogou", "grekno", APRIL, "low", 2),
        ("sidaogou", "grekno", APRIL, "unstated", 3),
        ("sidaogou", "grekno", day(2), "unstated", 6),
    ]


# --- several sites


def test_combine_adds_sites_and_says_which_surveys_it_rests_on() -> None:
    rows = [
        DailyCount("sidaogou", "grekno", APRIL, "unstated", 1000, 900, 1200, "a", ("x",)),
        DailyCount("liaobin", "grekno", APRIL, "unstated", 500, 400, 500, "b"),
        DailyCount("honghaitan", "grekno", APRIL, "unstated", None, None, None, "c"),
    ]
    assert combine(rows) == Combined(1500, 1300, 1700, ("a", "b"), ("c", "x"))


def test_combine_leaves_an_open_end_open() -> None:
    rows = [
        DailyCount("sidaogou", "grekno", APRIL, "unstated", 50, 50, None, "a"),
        row("b", 7, site="liaobin"),
    ]
    assert combine(rows) == Combined(57, 57, None, ("a", "b"), ())


def test_combine_never_adds_high_tide_to_low_tide() -> None:
    rows = [
        row("roost", 3000, tide="high"),
        row("flats", 2000, site="liaobin", tide="low"),
        row("more flats", 1500, site="honghaitan", tide="low"),
        row("any", 100, site="bayuquan"),
    ]
    assert combine(rows) == Combined(3600, 3600, 3600, ("any", "flats", "more flats"), ("roost",))
    assert combine(rows, "high") == Combined(
        3100, 3100, 3100, ("any", "roost"), ("flats", "more flats")
    )
    assert combine(rows, "low").count == 3600
    assert combine(rows, "all").count == 6600


def test_combine_of_present_only_rows_has_no_number() -> None:
    rows = [row("a", None), row("b", None, site="liaobin")]
    assert combine(rows) == Combined(None, None, None, ("a", "b"), ())


# --- the same rule, told another way

SITES = ("honghaitan", "liaobin", "sidaogou")
CODES = ("batgod", "dunlin", "grekno")
surveys = st.lists(
    st.tuples(
        st.sampled_from(SITES),
        st.integers(0, 40).map(lambda n: date(2026, 3, 25) + timedelta(n)),
        st.sampled_from(TIDES),
        st.dictionaries(
            st.sampled_from(CODES), st.none() | st.integers(0, 2000), min_size=0, max_size=3
        ),
        st.booleans(),
    ),
    max_size=25,
)
Survey = tuple[str, date, Tide, dict[str, int | None], bool]


def values_of(found: Sequence[Survey]) -> list[CountValue]:
    return [
        CountValue(site, code, on, f"s{n:02}", tide, best, best, best)
        for n, (site, on, tide, birds, _) in enumerate(found)
        for code, best in birds.items()
    ]


def visits_of(found: Sequence[Survey]) -> list[SurveyDay]:
    keys = sorted({(site, on) for site, on, *_ in found})
    return [
        SurveyDay(
            site,
            on,
            surveys=sum((s, d) == (site, on) for s, d, *_ in found),
            complete=sum((s, d) == (site, on) and full for s, d, _, _, full in found),
            birds_found=0,
        )
        for site, on in keys
    ]


def told_by_hand(
    found: Sequence[Survey], on: date, codes: Sequence[str], sites: Sequence[str] = SITES
) -> int | None:
    """Read the surveys themselves, tide by tide; no table of daily counts in between."""
    answers = []
    for unwanted in ("low", "high"):
        parts = [
            max(numbers)
            for site in sites
            for code in codes
            if (
                numbers := [
                    number
                    for at, when, tide, birds, _ in found
                    if (at, when) == (site, on) and tide != unwanted
                    for number in [birds.get(code)]
                    if number is not None
                ]
            )
        ]
        if parts:
            answers.append(sum(parts))
    return max(answers, default=None)


def curve_area(points: dict[date, int], first: date, last: date) -> Fraction:
    """The area in steps of half a day, each under its own straight line."""
    area = Fraction(0)
    known = sorted(points)
    for left, right in pairwise(known):
        length = (right - left).days
        for half in range(2 * length):
            middle = Fraction(2 * half + 1, 4)
            owner = left + timedelta(days=(half + 1) // 2)
            if first <= owner <= last:
                share = points[left] + (points[right] - points[left]) * middle / length
                area += share / 2
    return area


def area_by_hand(
    found: Sequence[Survey], codes: Sequence[str], first: date, last: date
) -> Fraction:
    areas = []
    for unwanted in ("low", "high"):
        area = Fraction(0)
        for site in SITES:
            for code in codes:
                points: dict[date, int] = {}
                for on in {when for at, when, *_ in found if at == site}:
                    here = [s for s in found if s[:2] == (site, on)]
                    numbers = [
                        n
                        for s in here
                        if s[2] != unwanted
                        for n in [s[3].get(code)]
                        if n is not None
                    ]
                    if numbers:
                        points[on] = max(numbers)
                    elif all(code not in s[3] for s in here) and any(s[4] for s in here):
                        points[on] = 0
                if any(
                    s[3].get(code) is not None and s[2] != unwanted and s[0] == site for s in found
                ):
                    area += curve_area(points, first, last)
        areas.append(area)
    return max(areas)


@settings(max_examples=60)
@given(surveys)
def test_every_daily_number_agrees_with_the_surveys_read_by_hand(found: list[Survey]) -> None:
    daily = roll_up(values_of(found))
    for (code, on), combined in combine_sites(daily).items():
        assert combined.count == told_by_hand(found, on, [code])
    for item in count_items(daily, by="day", per_site=True):
        assert item.day is not None
        assert item.species is not None
        assert item.site is not None
        assert item.count == told_by_hand(found, item.day, [item.species], [item.site])
    for item in count_items(daily, by="day", total=True):
        assert item.day is not None
        assert item.count == told_by_hand(found, item.day, CODES)


@settings(max_examples=60)
@given(surveys)
def test_every_season_number_agrees_with_the_surveys_read_by_hand(found: list[Survey]) -> None:
    summary = summarise_season(
        "2026-spring", roll_up(values_of(found)), visits_of(found), WINDOWS, dataset_version=7
    )
    assert {line.species for line in summary.species} == {code for s in found for code in s[3]}
    peaks = [-1 if line.peak is None else line.peak for line in summary.species]
    assert peaks == sorted(peaks, reverse=True)
    for line in (*summary.species, summary.total):
        codes = [line.species] if line.species else CODES
        numbers = {on: told_by_hand(found, on, codes) for on in {s[1] for s in found}}
        known = {on: n for on, n in numbers.items() if n is not None}
        top = max(known.values(), default=None)
        if top:
            assert (line.peak, line.peak_day) == (top, min(on for on in known if known[on] == top))
        else:
            assert not line.peak
            assert line.peak_day is None
        seen = [s[1] for s in found for code, n in s[3].items() if code in codes and n != 0]
        assert line.first_day == min(seen, default=None)
        assert line.last_day == max(seen, default=None)
        area = area_by_hand(found, codes, summary.first, summary.last)
        assert line.bird_days == pytest.approx(float(area), abs=1e-3)


@settings(max_examples=60)
@given(surveys)
def test_season_days_and_dekads_agree_with_the_items(found: list[Survey]) -> None:
    daily, visits = roll_up(values_of(found)), visits_of(found)
    summary = summarise_season("2026-spring", daily, visits, WINDOWS, dataset_version=7)
    totals = {i.day: i for i in count_items(daily, by="day", total=True)}
    for total in summary.days:
        visited = [visit for visit in visits if visit.day == total.day]
        item = totals.get(total.day)
        assert total.is_counted == bool(visited)
        assert total.surveys == sum(visit.surveys for visit in visited)
        if item:
            assert total.count == item.count
        else:
            assert total.count == (0 if any(visit.complete for visit in visited) else None)
    items = {i.dekad: i for i in count_items(daily, by="dekad", total=True, survey_days=visits)}
    for dekad in summary.dekads:
        if dekad.dekad in items and dekad.count:
            assert dekad == items[dekad.dekad]
    by_code = {i.species: i for i in count_items(daily, by="season", survey_days=visits)}
    for line in summary.species:
        item = by_code[line.species]
        assert (item.bird_days, item.peak_day) == (line.bird_days, line.peak_day)
        assert item.count == line.peak or (item.count is None and line.peak == 0)
        assert not item.count or item.surveys == line.peak_surveys
    used = {survey for one in combine_sites(daily).values() for survey in one.used}
    assert summary.surveys_used == tuple(sorted(used))
    named = {v.survey_id for v in values_of(found)}
    assert summary.surveys_set_aside == tuple(sorted(named - used))


# --- what must hold for any counts


@settings(max_examples=60)
@given(surveys, st.randoms())
def test_the_order_of_surveys_changes_nothing(found: list[Survey], dice: random.Random) -> None:
    values = values_of(found)
    shuffled = list(values)
    dice.shuffle(shuffled)
    daily = roll_up(values)
    assert roll_up(shuffled) == daily
    mixed = list(daily)
    dice.shuffle(mixed)
    visits = visits_of(found)
    assert summarise_season(
        "2026-spring", mixed, reversed(visits), WINDOWS, dataset_version=1
    ) == summarise_season("2026-spring", daily, visits, WINDOWS, dataset_version=1)


@settings(max_examples=60)
@given(surveys)
def test_a_second_observer_of_the_same_birds_adds_nothing(found: list[Survey]) -> None:
    values = values_of(found)
    again = [v._replace(survey_id=f"t{v.survey_id}") for v in values]
    once, twice = combine_sites(roll_up(values)), combine_sites(roll_up(values + again))
    assert {key: one.count for key, one in once.items()} == {
        key: one.count for key, one in twice.items()
    }
    assert [one.used for one in once.values()] == [one.used for one in twice.values()]


@given(surveys, st.integers(0, 24), st.integers(1, 500))
def test_more_birds_in_a_survey_never_lower_a_peak(
    found: list[Survey], which: int, more: int
) -> None:
    daily = roll_up(values_of(found))
    raised: list[Survey] = list(found)
    if which < len(found):
        site, on, tide, birds, full = found[which]
        raised[which] = (site, on, tide, {c: (n or 0) + more for c, n in birds.items()}, full)
    before = {(i.species, i.day): i.count or 0 for i in count_items(daily, by="day")}
    after = {
        (i.species, i.day): i.count or 0 for i in count_items(roll_up(values_of(raised)), by="day")
    }
    assert all(after[key] >= count for key, count in before.items())


@settings(max_examples=60)
@given(surveys)
def test_no_number_mixes_the_tides(found: list[Survey]) -> None:
    tide = {f"s{n:02}": tide_class(s[2]) for n, s in enumerate(found)}
    daily = roll_up(values_of(found))
    for total in (True, False):
        for item in count_items(daily, by="day", total=total):
            assert {tide[survey] for survey in item.surveys} not in (
                {"high", "low"},
                {"high", "low", "unstated"},
            )
            assert not set(item.surveys) & set(item.set_aside)


@settings(max_examples=60)
@given(surveys)
def test_bird_days_of_dekads_add_up_to_those_of_the_season_at_one_tide(found: list[Survey]) -> None:
    one_tide: list[Survey] = [
        (site, on, "unknown", birds, full) for site, on, _, birds, full in found
    ]
    summary = summarise_season(
        "2026-spring", roll_up(values_of(one_tide)), visits_of(one_tide), WINDOWS, dataset_version=1
    )
    assert sum(d.bird_days or 0 for d in summary.dekads) == pytest.approx(
        summary.total.bird_days, abs=0.01
    )
    assert sum(line.bird_days for line in summary.species) == pytest.approx(
        summary.total.bird_days, abs=0.01
    )


# --- bird-days


def test_bird_days_is_the_area_between_counted_days() -> None:
    counts = {day(1): 100, day(3): 300, day(4): 0}
    assert bird_days(counts) == 2 * (100 + 300) / 2 + 1 * (300 + 0) / 2


def test_bird_days_assumes_nothing_outside_the_counted_days() -> None:
    assert bird_days({}) == 0
    assert bird_days({day(5): 5000}) == 0
    assert bird_days({day(5): 10, day(6): 10}, day(7), day(30)) == 0


def test_bird_days_of_parts_add_up() -> None:
    counts = {day(1): 90, day(8): 440, day(19): 0, day(25): 77}
    whole = bird_days(counts)
    parts = [
        bird_days(counts, last=day(10)),
        bird_days(counts, day(11), day(20)),
        bird_days(counts, day(21)),
    ]
    assert sum(parts) == pytest.approx(whole, abs=1e-9)


@given(st.dictionaries(st.integers(1, 30).map(day), st.integers(0, 5000), max_size=12))
def test_bird_days_agrees_with_areas_of_half_days(counts: dict[date, int]) -> None:
    expected = curve_area(counts, day(1), day(30))
    assert bird_days(counts) == pytest.approx(float(expected), abs=1e-4)
    expected = curve_area(counts, day(11), day(20))
    assert bird_days(counts, day(11), day(20)) == pytest.approx(float(expected), abs=1e-4)


# --- items


def test_count_items_by_dekad_give_the_peak_and_its_surveys() -> None:
    rows = [row("a", 100, on=day(2)), row("b", 300, on=day(5)), row("c", 300, on=day(9)),
            row("d", 50, on=day(12))]  # fmt: skip
    assert count_items(rows, by="dekad") == [
        CountItem("grekno", None, None, "2026-04-1", "2026-spring", 300, 300, 300, ("b",),
                  ("a", "c"), day(5)),
        CountItem("grekno", None, None, "2026-04-2", "2026-spring", 50, 50, 50, ("d",), (),
                  day(12)),
    ]  # fmt: skip


def test_count_items_by_season_give_bird_days_where_visits_are_known() -> None:
    rows = [row("a", 100, on=day(2)), row("b", 300, on=day(4))]
    visits = [SurveyDay("sidaogou", day(n), 1, 1, 1) for n in (2, 4, 6)]
    (item,) = count_items(rows, by="season", survey_days=visits)
    assert (item.count, item.peak_day, item.bird_days) == (300, day(4), 400 + 300)


def test_a_zero_rests_on_the_surveys_that_looked() -> None:
    rows = [row("a", 0, on=day(2)), row("b", 0, on=day(4), set_aside=("c",))]
    assert count_items(rows, by="season") == [
        CountItem("grekno", None, None, None, "2026-spring", 0, 0, 0, ("a", "b"), ("c",), None)
    ]


def test_days_outside_every_season_have_dekads_but_no_season() -> None:
    january = date(2026, 1, 5)
    rows = [row("a", 3, on=january)]
    assert [i.dekad for i in count_items(rows, by="dekad")] == [dekad_of(january)]
    assert count_items(rows, by="season") == []


# --- a season


def _season(
    rows: Sequence[DailyCount], visits: Sequence[SurveyDay], windows: Sequence[Window] = WINDOWS
) -> SeasonSummary:
    return summarise_season("2026-spring", rows, visits, windows, dataset_version=42)


def test_summarise_season_worked_out_by_hand() -> None:
    march = date(2026, 3, 30)
    rows = [
        row("a", 200, on=march),
        row("b", 1000, on=day(3), set_aside=("b2",)),
        row("b", 40, on=day(3), species="dunlin"),
        row("c", 0, on=day(5)),
        row("d", 600, on=day(3), site="liaobin"),
        row("e", None, on=day(8), site="liaobin", species="dunlin"),
    ]
    visits = [
        SurveyDay("sidaogou", march, 1, 1, 1),
        SurveyDay("liaobin", day(3), 1, 0, 1),
        SurveyDay("sidaogou", day(3), 2, 1, 2),
        SurveyDay("sidaogou", day(5), 1, 0, 0),
        SurveyDay("sidaogou", day(7), 1, 1, 0),
        SurveyDay("liaobin", day(8), 1, 0, 1),
    ]
    summary = _season(rows, visits)
    # Great Knot at Sidaogou: 200, 1000 after 4 days, 0 after 2, and 0 by the complete list of the
    # 7th: 2400 + 1000 + 0. At Liaobin one day only: nothing to draw a line to.
    assert summary.species == (
        SpeciesSummary("grekno", 1600, day(3), ("b", "d"), march, day(3), 3400.0,
                       round((3400 - 200 * 1.5 - 200 * 1.5 * 1.5 / 2) / 3400, 4),
                       days_counted=4, surveys=6, zeros=2),
        SpeciesSummary("dunlin", 40, day(3), ("b",), day(3), day(8), 160.0,
                       round((160 - 1.5 * 15 / 2) / 160, 4),
                       days_counted=3, surveys=4, zeros=2),
    )  # fmt: skip
    assert summary.total == SpeciesSummary(
        None, 1640, day(3), ("b", "d"), march, day(8), 3560.0,
        round((3560 - 300 - 225 - 11.25) / 3560, 4), days_counted=4, surveys=7, zeros=2,
    )  # fmt: skip
    assert (summary.first, summary.last) == (date(2026, 3, 1), date(2026, 5, 31))
    assert (summary.peak_first, summary.peak_last) == (date(2026, 4, 1), date(2026, 5, 10))
    assert [d for d in summary.days if d.is_counted] == [
        DayTotal(march, is_counted=True, count=200, species=1, surveys=1),
        DayTotal(day(3), is_counted=True, count=1640, species=2, surveys=3),
        DayTotal(day(5), is_counted=True, count=0, species=0, surveys=1, is_partial=True),
        DayTotal(day(7), is_counted=True, count=0, species=0, surveys=1),
        DayTotal(day(8), is_counted=True, count=None, species=1, surveys=1, is_partial=True),
    ]
    assert len(summary.days) == 92
    assert len(summary.dekads) == 9
    assert summary.dekads[3] == CountItem(
        None, None, None, "2026-04-1", "2026-spring", 1640, 1640, 1640, ("b", "d"),
        ("b2", "c", "e"), day(3), round(3560 - 300 - 225 - 11.25, 3),
    )  # fmt: skip
    assert summary.dekads[4] == CountItem(
        None, None, None, "2026-04-2", "2026-spring", None, None, None, (), (), None, 0.0
    )
    assert summary.surveys_used == ("a", "b", "c", "d", "e")
    assert summary.surveys_set_aside == ("b2",)
    assert summary.dataset_version == 42


def test_an_empty_season_counts_nothing() -> None:
    summary = _season([], [])
    assert summary.total == SpeciesSummary(None, None, None, (), None, None, 0.0, None, 0, 0, 0)
    assert {(d.is_counted, d.count) for d in summary.days} == {(False, None)}
    assert {d.count for d in summary.dekads} == {None}


def test_a_season_leaves_out_other_seasons() -> None:
    other = date(2025, 4, 3)
    summary = _season([row("a", 5, on=other)], [SurveyDay("sidaogou", other, 1, 1, 1)])
    assert summary == _season([], [])


def test_a_season_without_a_window_is_all_peak() -> None:
    summary = _season([], [], windows=[])
    assert (summary.peak_first, summary.peak_last) == (summary.first, summary.last)


@settings(max_examples=20)
@given(surveys, st.sampled_from(CODES))
def test_a_season_of_one_species_is_its_line(found: list[Survey], code: str) -> None:
    daily, visits = roll_up(values_of(found)), visits_of(found)
    alone = _season([c for c in daily if c.species == code], visits)
    assert alone.species == tuple(
        line for line in _season(daily, visits).species if line.species == code
    )


def test_roll_up_of_equal_values_in_one_survey_does_not_hang_on_their_order() -> None:
    values = [
        CountValue("sidaogou", "grekno", date(2026, 4, 14), "a", "high", low, 5, high)
        for low, high in ((3, 9), (3, None), (None, 9))
    ]
    open_first = DailyCount(
        "sidaogou", "grekno", date(2026, 4, 14), "high", 5, None, 9, "a", (), "2026-spring"
    )
    for order in permutations(values):
        assert roll_up(order) == [open_first]
