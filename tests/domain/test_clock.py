"""Clocks of cameras: marks, drift, spans and shifts, as rules that hold for any of them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from birdwatch.domain.clock import (
    AHEAD,
    Calibration,
    Mark,
    Shift,
    calibrate,
    calibrated,
    camera_key,
    clock_reading,
    is_calibrated,
    is_possible,
    read_shift,
    read_zone,
    shifted,
    true_time,
    write_shift,
)
from birdwatch.domain.errors import InvalidInputError
from birdwatch.domain.photo import Camera, SettledTime
from birdwatch.domain.time_ladder import UNKNOWN_TIME, correct_time

NOW = datetime(2026, 5, 20, 4, 0, tzinfo=UTC)
CHINA = timezone(timedelta(hours=8))
MICROSECOND = timedelta(microseconds=1)
DAWN = datetime(2026, 4, 25, 5, 40, tzinfo=CHINA)
S = timedelta(seconds=1)
H = timedelta(hours=1)


def instants(first: int = 2000, last: int = 2025) -> st.SearchStrategy[datetime]:
    return st.datetimes(
        datetime(first, 1, 1),  # noqa: DTZ001
        datetime(last, 12, 31),  # noqa: DTZ001
        timezones=st.just(UTC),
    )


@st.composite
def calibrations(draw: st.DrawFn) -> Calibration:
    """A clock with an error of up to years that drifts by seconds a day; up to five marks."""
    start = draw(instants())
    error = timedelta(seconds=draw(st.integers(-10 * 365 * 86400, 10 * 365 * 86400)))
    assume(start + error < NOW - timedelta(days=500))
    assume((start + error).year >= 1990)
    marks = []
    reads = start
    for _ in range(draw(st.integers(1, 5))):
        marks.append(Mark(reads, reads + error))
        gap = draw(st.timedeltas(timedelta(minutes=1), timedelta(days=90)))
        reads += gap
        most = max(int(gap / MICROSECOND * 9e-4), 30_000_000)
        drift = draw(st.integers(-most, most))
        error += drift * MICROSECOND
        assume(gap + drift * MICROSECOND > timedelta())
    return calibrate(marks, now=NOW)


@given(calibrations())
def test_calibration_is_exact_at_its_marks(made: Calibration) -> None:
    for mark in made.marks:
        assert true_time(made, mark.reads) == mark.true


@given(calibrations(), st.lists(instants(1990, 2030), min_size=2, max_size=8))
def test_calibration_keeps_the_order_of_frames(made: Calibration, read: list[datetime]) -> None:
    read.sort()
    told = [true_time(made, one) for one in read]
    assert told == sorted(t for t in told if t)


@given(calibrations(), instants(1990, 2030))
def test_calibration_never_leaves_what_its_marks_say(made: Calibration, reads: datetime) -> None:
    errors = [mark.error for mark in made.marks]
    told = true_time(made, reads)
    assert told is not None
    assert min(errors) <= told - reads <= max(errors)


@given(calibrations(), st.timedeltas(timedelta(), timedelta(days=4000)))
def test_calibration_stays_constant_beyond_its_marks(made: Calibration, far: timedelta) -> None:
    first, last = made.marks[0], made.marks[-1]
    assert true_time(made, first.reads - far) == first.true - far
    assert true_time(made, last.reads + far) == last.true + far


@given(calibrations(), st.data())
def test_calibration_drifts_in_a_straight_line(made: Calibration, data: st.DataObject) -> None:
    assume(len(made.marks) > 1)
    at = data.draw(st.integers(0, len(made.marks) - 2))
    left, right = made.marks[at], made.marks[at + 1]
    whole = (right.reads - left.reads) // MICROSECOND
    passed = data.draw(st.integers(0, whole))
    told = true_time(made, left.reads + passed * MICROSECOND)
    assert told is not None
    error = (told - left.reads) // MICROSECOND - passed
    start, end = left.error // MICROSECOND, right.error // MICROSECOND
    # exact: within half a microsecond of the line
    assert 2 * abs(error * whole - (start * (whole - passed) + end * passed)) <= whole


@given(calibrations())
def test_calibration_does_not_depend_on_the_order_of_marks(made: Calibration) -> None:
    again = calibrate([*reversed(made.marks), made.marks[0]], now=NOW)
    assert again == made


@given(calibrations(), instants())
def test_calibrated_wall_and_instant_are_one_moment(made: Calibration, reads: datetime) -> None:
    time = calibrated(made, reads)
    assert time is not None
    assert time.wall is not None
    assert time.wall.replace(tzinfo=CHINA) == time.instant
    assert (time.source, time.offset_min) == ("clock_calibration", 480)


def test_one_mark_moves_every_frame_alike() -> None:
    made = calibrate([Mark(DAWN, DAWN + 7 * H + 13 * S)], now=NOW)
    assert true_time(made, DAWN + H) == DAWN + 8 * H + 13 * S
    assert true_time(made, DAWN - H) == DAWN + 6 * H + 13 * S


def test_clock_that_drifts_ten_seconds_in_ten_days_is_five_off_after_five() -> None:
    later = DAWN + timedelta(days=10)
    made = calibrate([Mark(DAWN, DAWN + 60 * S), Mark(later, later + 70 * S)], now=NOW)
    middle = DAWN + timedelta(days=5)
    assert true_time(made, middle) == middle + 65 * S


def test_clock_years_ahead_is_put_right() -> None:
    reads = datetime(2031, 1, 1, 0, 0, 7, tzinfo=UTC)
    made = calibrate([Mark(reads, DAWN)], now=NOW)
    time = calibrated(made, reads + 3 * S)
    assert time is not None
    assert time.instant == DAWN + 3 * S


def test_span_holds_its_ends_and_nothing_beyond() -> None:
    made = calibrate([Mark(DAWN, DAWN + H)], first=DAWN, last=DAWN + H, now=NOW)
    assert calibrated(made, DAWN) is not None
    assert calibrated(made, DAWN + H) is not None
    assert calibrated(made, DAWN - MICROSECOND) is None
    assert calibrated(made, DAWN + H + MICROSECOND) is None


def test_calibration_far_from_its_only_mark_is_less_sure() -> None:
    made = calibrate([Mark(DAWN, DAWN + H)], now=NOW)
    near, far = calibrated(made, DAWN + timedelta(days=29)), calibrated(made, DAWN - 31 * 24 * H)
    assert near is not None
    assert far is not None
    assert (near.confidence, far.confidence) == ("high", "medium")


@st.composite
def spans(draw: st.DrawFn) -> tuple[Calibration, list[int]]:
    first, last = draw(st.none() | st.integers(0, 9)), draw(st.none() | st.integers(0, 9))
    assume(first is None or last is None or first <= last)
    made = Calibration(
        (),
        None if first is None else DAWN + first * H,
        None if last is None else DAWN + last * H,
    )
    return made, [hour for hour in range(-1, 11) if made.covers(DAWN + hour * H)]


@given(spans(), spans())
def test_overlap_is_a_reading_in_both_spans(
    one: tuple[Calibration, list[int]], other: tuple[Calibration, list[int]]
) -> None:
    assert one[0].overlaps(other[0]) == bool(set(one[1]) & set(other[1]))
    assert one[0].overlaps(other[0]) == other[0].overlaps(one[0])


@pytest.mark.parametrize(
    ("marks", "field"),
    [
        ([], "marks"),
        ([Mark(DAWN, NOW + AHEAD + S)], "marks"),
        ([Mark(DAWN, datetime(1989, 12, 31, tzinfo=UTC))], "marks"),
        ([Mark(DAWN, DAWN), Mark(DAWN, DAWN + S)], "marks"),  # one reading, two truths
        ([Mark(DAWN, DAWN), Mark(DAWN + H, DAWN - S)], "marks"),  # backwards
        ([Mark(DAWN, DAWN), Mark(DAWN + H, DAWN)], "marks"),  # at once
        ([Mark(DAWN, DAWN), Mark(DAWN + H, DAWN + H + 61 * S)], "marks"),  # set in between
        ([Mark(DAWN + n * S, DAWN + n * S) for n in range(21)], "marks"),
    ],
)
def test_marks_that_make_no_sense_are_refused(marks: list[Mark], field: str) -> None:
    with pytest.raises(InvalidInputError) as caught:
        calibrate(marks, now=NOW)
    assert [one.field for one in caught.value.errors] == [field]


def test_marks_told_to_the_minute_are_not_taken_for_a_reset() -> None:
    made = calibrate([Mark(DAWN, DAWN), Mark(DAWN + H, DAWN + H + 59 * S)], now=NOW)
    assert len(made.marks) == 2


def test_mark_of_right_now_is_not_in_the_future() -> None:
    assert calibrate([Mark(DAWN, NOW + AHEAD)], now=NOW).marks


def test_mark_outside_its_span_is_refused() -> None:
    with pytest.raises(InvalidInputError) as caught:
        calibrate([Mark(DAWN, DAWN)], first=DAWN + S, now=NOW)
    assert caught.value.errors[0].field == "first"


def test_span_that_ends_before_it_begins_is_refused() -> None:
    with pytest.raises(InvalidInputError) as caught:
        calibrate([Mark(DAWN, DAWN)], first=DAWN + H, last=DAWN - H, now=NOW)
    assert caught.value.errors[0].field == "last"


# --- what the camera said --------------------------------------------------------------------


@pytest.mark.parametrize(
    ("tags", "reads"),
    [
        ({"EXIF DateTimeOriginal": "2026:04:25 05:40:00"}, DAWN),
        (
            {
                "EXIF DateTimeOriginal": "2026:04:25 06:40:00",
                "EXIF OffsetTimeOriginal": "+09:00",
            },
            DAWN,
        ),
        ({"EXIF DateTimeOriginal": "2026:04:24 21:40:00Z"}, DAWN),
        ({"EXIF DateTimeOriginal": "2026:04:25 05:40:00", "EXIF OffsetTimeOriginal": "?"}, DAWN),
        ({"EXIF DateTimeDigitized": "2026:04:25 05:40:00"}, DAWN),
        ({"EXIF DateTimeOriginal": "0000:00:00 00:00:00"}, None),
        ({"EXIF DateTimeOriginal": "2026:02:30 05:40:00"}, None),
        ({"EXIF DateTimeOriginal": "0001:01:01 00:00:00"}, None),
        ({"Image DateTime": "2026:04:25 05:40:00"}, None),  # when it was edited
        ({}, None),
        (
            {"EXIF DateTimeOriginal": "2031:01:01 08:00:00", "EXIF SubSecTimeOriginal": "25"},
            datetime(2031, 1, 1, 0, 0, 0, 250_000, tzinfo=UTC),
        ),
    ],
)
def test_clock_reading_is_what_the_camera_wrote(
    tags: dict[str, str], reads: datetime | None
) -> None:
    assert clock_reading(tags) == reads


@settings(max_examples=30)  # texts by pattern are slow to draw
@given(st.dictionaries(
    st.sampled_from(["EXIF DateTimeOriginal", "EXIF OffsetTimeOriginal", "EXIF SubSecTimeOriginal",
                     "EXIF DateTimeDigitized"]),
    st.text(max_size=30) | st.from_regex(r"[0-9]{4}:[0-9]{2}:[0-9]{2} [0-9]{2}:[0-9]{2}:[0-9]{2}"),
))  # fmt: skip
def test_clock_reading_survives_any_tags(tags: dict[str, str]) -> None:
    found = clock_reading(tags)
    assert found is None or found.tzinfo is not None


def test_camera_is_known_by_its_serial_and_without_one_by_its_model() -> None:
    one = Camera("NIKON CORPORATION", "NIKON Z 9", serial="2001234")
    same = Camera(" Nikon  Corporation", "nikon z 9", lens="other", serial="2001234 ")
    assert camera_key(one) == camera_key(same) != camera_key(Camera(one.make, one.model))
    assert camera_key(Camera("NIKON CORPORATION", "NIKON Z 9")) == "nikon corporation|nikon z 9|"
    assert camera_key(Camera(lens="RF800", iso="100")) is None


def test_camera_cannot_name_itself_into_another() -> None:
    assert camera_key(Camera("a", "b|c")) != camera_key(Camera("a", "b", serial="c"))


# --- shifts ----------------------------------------------------------------------------------

TIMES = st.builds(correct_time, instants().map(lambda t: t.replace(tzinfo=None)), st.just(480))


@given(TIMES, st.timedeltas(timedelta(days=-3000), timedelta(days=3000)))
def test_shift_there_and_back_is_where_it_began(time: SettledTime, by: timedelta) -> None:
    there = shifted(Shift(by), time)
    assert there is not None
    back = shifted(Shift(-by), there)
    assert back is not None
    assert (back.instant, back.wall, back.offset_min) == (time.instant, time.wall, 480)


@given(TIMES, st.integers(-720, 840), st.integers(-720, 840))
def test_shift_of_zones_keeps_wall_and_instant_one_moment(
    time: SettledTime, clock_zone: int, zone: int
) -> None:
    moved = shifted(Shift(clock_zone_min=clock_zone, zone_min=zone), time)
    assert moved is not None
    assert moved.wall is not None
    assert moved.instant is not None
    assert moved.wall - timedelta(minutes=zone) == moved.instant.replace(tzinfo=None)
    assert time.wall is not None
    assert time.wall - timedelta(minutes=clock_zone) == moved.instant.replace(tzinfo=None)


def test_camera_left_on_tokyo_time_is_told_in_china() -> None:
    time = correct_time(datetime(2026, 4, 25, 6, 40), 480)  # noqa: DTZ001
    moved = shifted(Shift(clock_zone_min=540), time)
    assert moved == SettledTime(
        DAWN.astimezone(UTC),
        datetime(2026, 4, 25, 5, 40),  # noqa: DTZ001
        480,
        "bulk_shift",
        "high",
    )


def test_photo_taken_in_tokyo_keeps_its_wall_time() -> None:
    time = correct_time(datetime(2026, 4, 25, 6, 40), 480)  # noqa: DTZ001
    moved = shifted(Shift(clock_zone_min=540, zone_min=540), time)
    assert moved is not None
    assert (moved.wall, moved.offset_min) == (time.wall, 540)
    assert moved.instant == DAWN


def test_unknown_time_cannot_be_shifted() -> None:
    assert shifted(Shift(H), UNKNOWN_TIME) is None


def test_shift_past_the_calendar_is_none() -> None:
    assert shifted(Shift(timedelta(days=-800_000)), correct_time(DAWN, 480)) is None


@pytest.mark.parametrize(
    ("text", "by"),
    [
        ("+1:00:00", H),
        ("1:00", H),
        ("-0:03:20", -200 * S),
        ("\u22120:03:20", -200 * S),
        ("+1d 2:03:04", timedelta(days=1, hours=2, minutes=3, seconds=4)),
        ("-1d2:00", timedelta(hours=-26)),
        ("100:00:00", 100 * H),
        ("1：00：00", H),
        ("", timedelta()),
    ],
)
def test_shift_is_read(text: str, by: timedelta) -> None:
    assert read_shift(text) == by


@pytest.mark.parametrize("text", ["1", "1:60", "1:00:60", "++1:00", "1h", "99999d 1:00", "١:٠٠"])
def test_shift_that_cannot_be_read_is_refused(text: str) -> None:
    with pytest.raises(InvalidInputError) as caught:
        read_shift(text)
    assert caught.value.errors[0].field == "shift"


@given(st.integers(-10_000_000, 10_000_000))
@example(0)
def test_shift_is_read_as_it_is_written(seconds: int) -> None:
    assert read_shift(write_shift(seconds * S)) == seconds * S


def test_zone_is_read() -> None:
    assert (read_zone("+09:00"), read_zone("\u221203:30"), read_zone("")) == (540, -210, None)
    with pytest.raises(InvalidInputError) as caught:
        read_zone("Tokyo", "clock_zone")
    assert caught.value.errors[0].field == "clock_zone"


def test_what_a_person_said_is_not_calibrated() -> None:
    by_hand = correct_time(DAWN, 480)
    moved = shifted(Shift(H), by_hand)
    assert moved is not None
    assert not is_calibrated(by_hand)
    assert not is_calibrated(moved)
    assert is_calibrated(UNKNOWN_TIME)


def test_time_of_tomorrow_is_not_possible() -> None:
    assert is_possible(correct_time(NOW, 0), NOW)
    assert not is_possible(correct_time(NOW + timedelta(minutes=6), 0), NOW)
    assert not is_possible(correct_time(datetime(1989, 1, 1, tzinfo=UTC), 0), NOW)
    assert not is_possible(UNKNOWN_TIME, NOW)
