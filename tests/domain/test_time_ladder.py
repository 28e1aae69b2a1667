"""The time ladder: every rung, every refusal, and that no evidence can break it."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from birdwatch.domain.errors import InvalidInputError
from birdwatch.domain.photo import SettledTime
from birdwatch.domain.place import Point
from birdwatch.domain.time_ladder import (
    UNKNOWN_TIME,
    TimeEvidence,
    correct_time,
    parse_offset,
    settle_time,
)

NOW = datetime(2026, 6, 1, tzinfo=UTC)
WALL = datetime(2026, 4, 25, 18, 21, 7)  # noqa: DTZ001
INSTANT = datetime(2026, 4, 25, 10, 21, 7, tzinfo=UTC)
TAKEN = "2026:04:25 18:21:07"
ESTUARY = Point(40.64, 122.13)
NAIROBI = Point(-1.29, 36.82)


def settle(**evidence: object) -> SettledTime:
    return settle_time(replace(TimeEvidence(), **evidence), now=NOW)  # type: ignore[arg-type]


# --- the rungs ---


def test_original_with_its_offset_is_sure() -> None:
    assert settle(date_time_original=TAKEN, offset_time_original="+08:00") == SettledTime(
        INSTANT, WALL, 480, "exif_offset", "high"
    )


def test_original_with_another_offset_keeps_the_wall_time() -> None:
    settled = settle(date_time_original=TAKEN, offset_time_original="-03:30", point=ESTUARY)
    assert settled == SettledTime(
        datetime(2026, 4, 25, 21, 51, 7, tzinfo=UTC), WALL, -210, "exif_offset", "high"
    )


def test_explicit_zero_offset_differs_from_none() -> None:
    at_zero = settle(date_time_original=TAKEN, offset_time_original="+00:00")
    unknown = settle(date_time_original=TAKEN, offset_time_original="")
    assert (at_zero.offset_min, at_zero.source) == (0, "exif_offset")
    assert (unknown.offset_min, unknown.source) == (480, "exif_site_zone")


def test_offset_inside_the_date_counts_as_its_offset() -> None:
    settled = settle(date_time_original=TAKEN + "+09:00")
    assert (settled.offset_min, settled.source) == (540, "exif_offset")


def test_gps_clock_gives_the_zone_and_the_clock_error() -> None:
    settled = settle(date_time_original=TAKEN, gps_date="2026:04:25", gps_time="10/1 18/1 7/1")
    assert settled == SettledTime(
        datetime(2026, 4, 25, 10, 21, 7, tzinfo=UTC), WALL, 480, "exif_gps_difference", "high", 180
    )


def test_gps_clock_measures_the_error_of_a_stated_offset() -> None:
    settled = settle(
        date_time_original=TAKEN,
        offset_time_original="+08:00",
        gps_date="2026:04:25",
        gps_time="10 21 10",
    )
    assert (settled.source, settled.clock_error_s) == ("exif_offset", -3)


def test_stale_gps_clock_gives_no_zone_and_no_error() -> None:
    settled = settle(date_time_original=TAKEN, gps_date="2026:04:25", gps_time="10 1 7")
    assert (settled.source, settled.offset_min, settled.clock_error_s) == (
        "exif_site_zone",
        480,
        None,
    )


def test_gps_clock_of_another_day_gives_no_zone() -> None:
    settled = settle(date_time_original=TAKEN, gps_date="2026:04:23", gps_time="10 21 7")
    assert settled.source == "exif_site_zone"


def test_gps_place_in_the_region_gives_the_zone() -> None:
    assert settle(date_time_original=TAKEN, point=ESTUARY) == SettledTime(
        INSTANT, WALL, 480, "exif_gps_place", "high"
    )


def test_offset_of_the_last_change_is_a_weak_zone() -> None:
    settled = settle(date_time_original=TAKEN, offset_time="+09:00")
    assert (settled.offset_min, settled.source, settled.confidence) == (
        540,
        "exif_offset_modified",
        "low",
    )


def test_without_any_zone_the_site_is_assumed() -> None:
    assert settle(date_time_original=TAKEN) == SettledTime(
        INSTANT, WALL, 480, "exif_site_zone", "medium"
    )


def test_site_zone_is_weak_for_a_picture_from_elsewhere() -> None:
    settled = settle(date_time_original=TAKEN, point=NAIROBI)
    assert (settled.source, settled.confidence) == ("exif_site_zone", "low")


@pytest.mark.parametrize(
    ("text", "offset_min", "confidence"),
    [
        ("2026-04-25T18:21:07+08:00", 480, "medium"),
        ("2026-04-25T10:21:07Z", 0, "medium"),
        ("2026-04-25T18:21:07", 480, "low"),
        ("2026-04-25T18:21", 480, "low"),
        ("2026-04-25", 480, "low"),
    ],
)
@pytest.mark.parametrize("name", ["xmp_date_created", "xmp_date_time_original"])
def test_xmp_date_is_read(name: str, text: str, offset_min: int, confidence: str) -> None:
    settled = settle(**{name: text})
    assert (settled.day, settled.offset_min, settled.source, settled.confidence) == (
        WALL.date(),
        offset_min,
        "xmp",
        confidence,
    )


def test_digitized_date_serves_where_the_original_is_blank() -> None:
    settled = settle(
        date_time_original="    :  :     :  :  ",
        date_time_digitized=TAKEN,
        offset_time_digitized="+08:00",
    )
    assert settled == SettledTime(INSTANT, WALL, 480, "exif_digitized", "medium")


def test_digitized_date_without_zone_is_weak() -> None:
    assert settle(date_time_digitized=TAKEN) == SettledTime(
        INSTANT, WALL, 480, "exif_digitized", "low"
    )


def test_gps_clock_alone_is_shown_in_the_sites_zone() -> None:
    assert settle(gps_date="2026:04:25", gps_time="10/1 2107/100 0/1") == UNKNOWN_TIME
    assert settle(gps_date="2026:04:25", gps_time="10/1 21/1 700/100") == SettledTime(
        INSTANT, WALL, 480, "gps_clock", "medium"
    )


@pytest.mark.parametrize(
    "name",
    [
        "IMG_20260425_182107.jpg",
        "IMG_20260425_182107123.jpg",
        "20260425_182107.jpg",
        "PXL_20260425_102107.jpg",
        "mmexport1777112467000.jpg",
    ],
)
def test_file_name_is_the_last_resort(name: str) -> None:
    assert settle(file_name=name) == SettledTime(INSTANT, WALL, 480, "file_name", "low")


@pytest.mark.parametrize(
    "name", ["", "IMG_1234.jpg", "20261325_182107.jpg", "IMG_202604251_182107.jpg", "../../x"]
)
def test_file_name_without_a_time_leaves_it_unknown(name: str) -> None:
    assert settle(file_name=name) == UNKNOWN_TIME


def test_date_of_the_last_change_is_no_evidence() -> None:
    assert settle(date_time=TAKEN) == UNKNOWN_TIME


def test_subseconds_order_a_burst() -> None:
    settled = settle(date_time_original=TAKEN, subsec_original="45")
    assert settled.wall == WALL + timedelta(milliseconds=450)


# --- the refusals ---


@pytest.mark.parametrize(
    "text",
    [
        "",
        "0000:00:00 00:00:00",
        "                   ",
        "    :  :     :  :  ",
        "\0" * 19,
        "1904:01:01 00:00:00",
        "1970:01:01 08:00:00",
        "1980:01:01 00:00:17",
        "2000:01:01 00:00:00",
        "2010:01:01 00:00:12",
        "2015:01:01 00:00:00",
        "171546:04:12 05:21:11",
        "2026:02:30 12:00:00",
        "2026:04:25 25:00:00",
        "2026:04:25 18:21:61",
        "2026:06:03 18:21:07",  # more than a day ahead of NOW
        "２０２６:04:25 18:21:07",
        "9999:12:31 23:59:59",
        "0001:01:01 00:30:00",
        "yesterday",
    ],
)
def test_date_that_cannot_be_is_as_if_absent(text: str) -> None:
    assert settle(date_time_original=text) == UNKNOWN_TIME
    assert settle(date_time_original=text, file_name="IMG_20260425_182107.jpg").source == (
        "file_name"
    )


@pytest.mark.parametrize(
    "text", [TAKEN + "\0\0\0", TAKEN + "  ", "2026-04-25T18:21:07", "2026:04:25  18:21:07"]
)
def test_date_is_read_through_padding_and_other_separators(text: str) -> None:
    assert settle(date_time_original=text).wall == WALL


def test_less_than_a_day_ahead_is_a_clock_a_little_fast() -> None:
    assert settle(date_time_original="2026:06:01 20:00:00").source == "exif_site_zone"


@pytest.mark.parametrize(
    ("text", "minutes"),
    [
        ("+08:00", 480),
        ("+0800", 480),
        ("+8", 480),
        ("-03:30", -210),
        ("Z", 0),
        ("+00:00", 0),
        ("-00:00", 0),
        ("+08:00\0", 480),
        ("   :  ", None),
        ("08:00", None),
        ("+15:00", None),
        ("-13:00", None),
        ("+08:75", None),
        ("", None),
    ],
)
def test_offset_is_read_or_unknown(text: str, minutes: int | None) -> None:
    assert parse_offset(text) == minutes


# --- a correction by a person ---


def test_correction_is_sure() -> None:
    assert correct_time(WALL, 480) == SettledTime(INSTANT, WALL, 480, "user_correction", "high")


@pytest.mark.parametrize(
    ("wall", "offset_min"),
    [
        (WALL, 15 * 60),
        (WALL, -13 * 60),
        (datetime(1, 1, 1), 480),  # noqa: DTZ001
        (datetime(9999, 12, 31, 23), -480),  # noqa: DTZ001
    ],
)
def test_correction_beyond_reason_is_refused(wall: datetime, offset_min: int) -> None:
    with pytest.raises(InvalidInputError) as caught:
        correct_time(wall, offset_min)
    assert caught.value.code == "taken_at.invalid"


# --- whatever a file may hold ---

TEXTS = st.one_of(
    st.text(max_size=40),
    st.sampled_from(["", TAKEN, "+08:00", "10/1 21/1 7/1", "nan 1 1", "0/0 0/0 0/0", "\0"]),
    st.from_regex(r"[0-9]{4}[:-][0-9]{2}[:-][0-9]{2}[ T][0-9]{2}:[0-9]{2}:[0-9]{2}"),
    st.from_regex(r"[+-][0-9]{2}:[0-9]{2}"),
    st.from_regex(r"mmexport[0-9]{13}"),
    st.from_regex(r"(IMG|PXL)_[0-9]{8}_[0-9]{6}"),
)
NAMES = [field.name for field in fields(TimeEvidence) if field.name != "point"]
POINTS = st.none() | st.builds(Point, st.floats(), st.floats())
EVIDENCE = st.builds(TimeEvidence, **dict.fromkeys(NAMES, TEXTS), point=POINTS)


@given(EVIDENCE, st.integers(-840, 840))
def test_no_evidence_can_raise_or_contradict_itself(facts: TimeEvidence, zone: int) -> None:
    settled = settle_time(facts, now=NOW, zone_offset_min=zone)
    if settled == UNKNOWN_TIME:
        return
    assert settled.wall is not None
    assert settled.instant is not None
    assert settled.offset_min is not None
    assert settled.wall.tzinfo is None
    assert settled.instant.replace(tzinfo=None) == settled.wall - timedelta(
        minutes=settled.offset_min
    )
    assert settled.instant <= NOW + timedelta(days=1)
    assert settled.wall.year >= 1990


@pytest.fixture
def server_zones() -> Iterator[list[str]]:
    before = os.environ.get("TZ")
    yield ["UTC", "America/Los_Angeles", "Asia/Shanghai", "Pacific/Kiritimati"]
    os.environ.pop("TZ", None)
    if before is not None:
        os.environ["TZ"] = before
    time.tzset()


@pytest.mark.parametrize(
    "facts",
    [
        TimeEvidence(date_time_original="2026:04:25 00:30:00"),
        TimeEvidence(date_time_original="2026:04:25 23:30:00", offset_time_original="+00:00"),
        TimeEvidence(gps_date="2026:04:25", gps_time="20 0 0"),
        TimeEvidence(xmp_date_created="2026-04-25T00:30:00"),
        TimeEvidence(file_name="mmexport1777112467000.jpg"),
    ],
)
def test_local_date_does_not_depend_on_the_servers_zone(
    facts: TimeEvidence, server_zones: list[str]
) -> None:
    settled = set()
    for zone in server_zones:
        os.environ["TZ"] = zone
        time.tzset()
        settled.add(settle_time(facts, now=NOW))
    assert len(settled) == 1


def test_morning_hours_belong_to_the_local_day() -> None:
    settled = settle(date_time_original="2026:05:11 06:00:00")
    assert settled.instant == datetime(2026, 5, 10, 22, tzinfo=UTC)
    assert str(settled.day) == "2026-05-11"
