"""The place ladder: what counts as a position, and how far it is believed."""

from __future__ import annotations

from dataclasses import fields, replace
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from birdwatch.domain.photo import SettledTime
from birdwatch.domain.place import Point, SettledPlace
from birdwatch.domain.place_ladder import GpsEvidence, raw_point, settle_gps
from birdwatch.domain.time_ladder import UNKNOWN_TIME, TimeEvidence, settle_time

GOOD = GpsEvidence("40/1 38/1 24/1", "N", "122/1 7/1 48/1", "E")
POINT = Point(40.64, 122.13)
TAKEN = settle_time(
    TimeEvidence(date_time_original="2026:04:25 18:21:07", offset_time_original="+08:00"),
    now=datetime(2026, 6, 1, tzinfo=UTC),
)


def settle(taken: SettledTime | None = TAKEN, **changes: str) -> SettledPlace | None:
    return settle_gps(replace(GOOD, **changes), taken=taken)


def test_position_with_references_is_sure() -> None:
    assert settle() == SettledPlace(POINT, "gps", "high")


@pytest.mark.parametrize(
    "latitude",
    ["40/1 38/1 24/1", "40/1 384/10", "4064/100", "40.64", "40 38 24", "40/1 3840/100 0/1"],
)
def test_one_two_or_three_components_say_the_same(latitude: str) -> None:
    assert settle(latitude=latitude) == SettledPlace(POINT, "gps", "high")


@pytest.mark.parametrize(("lat_ref", "lon_ref"), [("n", "e"), ("North", "East"), ("N\0", " E")])
def test_reference_may_be_written_otherwise(lat_ref: str, lon_ref: str) -> None:
    assert settle(latitude_ref=lat_ref, longitude_ref=lon_ref) == SettledPlace(POINT, "gps", "high")


@pytest.mark.parametrize("latitude", ["40/1 38/1 24/1", "-40/1 38/1 24/1"])
def test_south_and_west_are_negative_whatever_the_sign(latitude: str) -> None:
    place = settle(latitude=latitude, latitude_ref="s", longitude_ref="W")
    assert place == SettledPlace(Point(-40.64, -122.13), "gps", "high")


def test_negative_value_in_the_north_is_doubtful() -> None:
    place = settle(latitude="-40/1 38/1 24/1")
    assert place == SettledPlace(Point(-40.64, 122.13), "gps_no_ref", "low")


@pytest.mark.parametrize("ref", ["", "\0", "?", "0"])
def test_missing_reference_is_filled_in_at_the_estuary_only(ref: str) -> None:
    here = settle(latitude_ref=ref, longitude_ref=ref)
    assert here == SettledPlace(POINT, "gps_no_ref", "low")
    assert settle(latitude_ref=ref, latitude="1/1 17/1 24/1") is None


@pytest.mark.parametrize(
    "latitude",
    [
        "",
        "0/0",
        "0/0 0/0 0/0",
        "40/1 0/0 0/0",
        "nan",
        "inf",
        "200/1",
        "9001/100",
        "40/1 61/1 0/1",
        "40/1 1/1 1/1 1/1",
        "4294967295/1",
        "north",
    ],
)
def test_latitude_that_cannot_be_is_absent(latitude: str) -> None:
    assert settle(latitude=latitude) is None


@pytest.mark.parametrize("longitude", ["181.5", "-180.5", "nan", "0/0", "2000/3"])
def test_longitude_that_cannot_be_is_absent(longitude: str) -> None:
    assert settle(longitude=longitude) is None


def test_null_island_is_absent() -> None:
    assert settle(latitude="0/1 0/1 0/1", longitude="0/1 0/1 0/1") is None


def test_exact_integers_are_absent() -> None:
    assert settle(latitude="40/1 0/1 0/1", longitude="122/1 0/1 0/1") is None


def test_africa_is_kept() -> None:
    place = settle(latitude="1.29", latitude_ref="S", longitude="36.82")
    assert place == SettledPlace(Point(-1.29, 36.82), "gps", "high")


def test_fix_older_than_ten_minutes_is_stale() -> None:
    fresh = settle(date="2026:04:25", time="10/1 12/1 0/1")
    stale = settle(date="2026:04:25", time="10/1 11/1 0/1")
    assert fresh == SettledPlace(POINT, "gps", "high")
    assert stale == SettledPlace(POINT, "gps_stale", "low")


@pytest.mark.parametrize(
    "taken",
    [None, UNKNOWN_TIME, replace(TAKEN, source="file_name"), replace(TAKEN, source="gps_clock")],
)
def test_age_of_a_fix_is_told_by_a_camera_clock_only(taken: SettledTime | None) -> None:
    assert settle(taken, date="2020:04:25", time="10 11 0") == SettledPlace(POINT, "gps", "high")


def test_accuracy_and_direction_are_kept() -> None:
    assert settle(error_m="48/10", direction="2705/10") == SettledPlace(
        POINT, "gps", "high", 4.8, 270.5
    )


def test_direction_of_a_full_turn_is_north() -> None:
    assert settle(direction="360/1") == SettledPlace(POINT, "gps", "high", None, 0.0)


@pytest.mark.parametrize("text", ["0/0", "nan", "-3/1", "400/1", ""])
def test_direction_that_cannot_be_is_absent(text: str) -> None:
    assert settle(direction=text, error_m="0/0") == SettledPlace(POINT, "gps", "high")


def test_vague_fix_is_believed_less() -> None:
    assert settle(error_m="1500/1") == SettledPlace(POINT, "gps", "medium", 1500.0)


@pytest.mark.parametrize("datum", ["", "WGS-84", "WGS84", "WGS 84\0", "CGCS2000"])
def test_datum_of_the_archive_is_believed(datum: str) -> None:
    assert settle(map_datum=datum) == SettledPlace(POINT, "gps", "high")


@pytest.mark.parametrize("datum", ["TOKYO", "GCJ-02"])
def test_another_datum_makes_a_position_doubtful(datum: str) -> None:
    assert settle(map_datum=datum) == SettledPlace(POINT, "gps", "low")


TEXTS = st.one_of(
    st.text(max_size=30),
    st.sampled_from(["", "N", "e", "nan", "inf", "0/0", "-0 30 0", "1e400", "40/1 38/1 24/1"]),
    st.floats().map(str),
    st.from_regex(r"-?[0-9]{1,10}/[0-9]{1,10}( [0-9]{1,3}/[0-9]{1,3}){0,3}"),
)
NAMES = [field.name for field in fields(GpsEvidence)]


@given(st.builds(GpsEvidence, **dict.fromkeys(NAMES, TEXTS)), st.sampled_from([None, TAKEN]))
def test_no_tag_can_raise_or_leave_the_earth(
    evidence: GpsEvidence, taken: SettledTime | None
) -> None:
    place = settle_gps(evidence, taken=taken)
    assert raw_point(evidence) == (place.point if place else None)
    if place is not None:
        assert -90 <= place.point.lat <= 90
        assert -180 <= place.point.lon <= 180


@given(st.floats(-89.9, 89.9), st.floats(-179.9, 179.9))
def test_any_position_comes_back_as_it_went_in(lat: float, lon: float) -> None:
    evidence = GpsEvidence(
        repr(abs(lat)), "S" if lat < 0 else "N", repr(abs(lon)), "W" if lon < 0 else "E"
    )
    is_whole = lat % 1 == 0 and lon % 1 == 0
    assert raw_point(evidence) == (None if is_whole else Point(lat, lon))
