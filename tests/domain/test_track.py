"""Tracks: what they say of a moment, and what a file of them may be."""

from __future__ import annotations

import contextlib
import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from birdwatch.domain.errors import InvalidInputError
from birdwatch.domain.gpx import MAX_POINTS, read_gpx
from birdwatch.domain.place import Point
from birdwatch.domain.track import MAX_AWAY, MAX_GAP, Match, Track, match, thinned, trust_in

START = datetime(2026, 4, 13, 21, 40, tzinfo=UTC)
S = timedelta(seconds=1)
Fix = tuple[int, float, float]  # seconds after START, latitude, longitude
JETTY, BRIDGE = (40.640, 122.150), (40.650, 122.170)


def gpx(*segments: list[Fix], head: str = "", time: str = "%Y-%m-%dT%H:%M:%SZ") -> bytes:
    """A file as apps export it."""
    points = "".join(
        "<trkseg>"
        + "".join(
            f'<trkpt lat="{lat}" lon="{lon}"><ele>3</ele>'
            f"<time>{START + at * S:{time}}</time></trkpt>"
            for at, lat, lon in segment
        )
        + "</trkseg>"
        for segment in segments
    )
    return (
        f'<?xml version="1.0" encoding="UTF-8"?>{head}<gpx version="1.1" creator="test"'
        f' xmlns="http://www.topografix.com/GPX/1/1"><trk><name>走</name>{points}</trk></gpx>'
    ).encode()


def track(*segments: list[Fix]) -> Track:
    return read_gpx([gpx(*segments)])


def at(seconds: float) -> datetime:
    return START + seconds * S


fixes = st.lists(
    st.tuples(st.integers(0, 3000), st.floats(40, 41), st.floats(121, 123)),
    min_size=1,
    max_size=12,
)


def test_track_says_where_its_points_are() -> None:
    walk = track([(0, *JETTY), (60, *BRIDGE)])
    assert match(walk, at(0)) == Match(Point(*JETTY), timedelta(), is_between=True, accuracy_m=0.0)
    assert (walk.points, walk.first, walk.last) == (2, at(0), at(60))


def test_way_between_two_points_is_straight() -> None:
    found = match(track([(0, *JETTY), (60, *BRIDGE)]), at(15))
    assert found is not None
    assert (round(found.point.lat, 6), round(found.point.lon, 6)) == (40.6425, 122.155)
    assert (found.gap, found.is_between) == (60 * S, True)
    assert found.accuracy_m == pytest.approx(1011, abs=2)


@pytest.mark.parametrize(
    ("gap", "asked", "known"),
    [
        (300, 150, True),  # five minutes are gone straight
        (301, 150, False),  # more are not
        (301, 60, True),  # but a point counts for a minute
        (301, 61, False),
        (301, 241, True),
        (600, -60, True),
        (600, -61, False),
        (600, 660, True),
        (600, 661, False),
    ],
)
def test_silence_of_the_track_is_not_filled_with_guesses(gap: int, asked: int, known: bool) -> None:
    assert (match(track([(0, *JETTY), (gap, *BRIDGE)]), at(asked)) is not None) == known


def test_nothing_is_made_up_between_two_recordings() -> None:
    walk = track([(0, *JETTY)], [(200, *BRIDGE)])
    assert match(walk, at(100)) is None
    found = match(walk, at(150))
    assert found is not None
    assert (found.point, found.gap) == (Point(*BRIDGE), 50 * S)


def test_two_recordings_at_once_are_not_mixed() -> None:
    walk = track([(0, *JETTY), (100, *JETTY)], [(40, *BRIDGE), (60, *BRIDGE)])
    found = match(walk, at(50))
    assert found is not None
    assert (found.point, found.gap) == (Point(*BRIDGE), 20 * S)


@given(fixes, st.integers(-100, 3100), st.randoms(use_true_random=False))
def test_match_does_not_depend_on_the_order_in_the_file(
    points: list[Fix], asked: int, chance: random.Random
) -> None:
    mixed = points[:]
    chance.shuffle(mixed)
    assert match(track(mixed), at(asked)) == match(track(points), at(asked))


@given(fixes, st.integers(-100, 3100))
@example([(0, 40.0, 121.0), (3000, 41.0, 123.0)], 1500)
def test_match_is_never_outside_of_what_was_walked(points: list[Fix], asked: int) -> None:
    found = match(track(points), at(asked))
    if found is None:
        return
    lats, lons = [p[1] for p in points], [p[2] for p in points]
    assert min(lats) - 1e-7 <= found.point.lat <= max(lats) + 1e-7
    assert min(lons) - 1e-7 <= found.point.lon <= max(lons) + 1e-7
    assert found.gap <= (MAX_GAP if found.is_between else MAX_AWAY)
    assert any(abs(p[0] - asked) * S <= MAX_GAP for p in points)


@given(fixes, st.integers(-100, 3100), st.integers(-86400, 86400))
def test_match_only_knows_differences_of_time(points: list[Fix], asked: int, later: int) -> None:
    moved = [(t + later, lat, lon) for t, lat, lon in points]
    assert match(track(moved), at(asked + later)) == match(track(points), at(asked))


def test_way_over_the_date_line_is_the_short_one() -> None:
    found = match(track([(0, 0.0, 179.9), (60, 0.0, -179.9)]), at(45))
    assert found is not None
    assert found.point.lon == pytest.approx(-179.95)


def test_trust_falls_with_the_silence_and_with_the_clock() -> None:
    walk = track([(0, *JETTY), (60, *JETTY), (300, *BRIDGE)])
    near, far, beyond = (match(walk, at(seconds)) for seconds in (30, 200, 340))
    assert near is not None
    assert far is not None
    assert beyond is not None
    assert [trust_in(one, "high") for one in (near, far, beyond)] == ["high", "medium", "low"]
    assert [trust_in(near, time) for time in ("medium", "low", "none")] == ["medium", "low", "low"]


def test_thinned_track_keeps_its_ends() -> None:
    (segment,) = track([(second, 40 + second / 1000, 122.0) for second in range(500)]).segments
    line = thinned(segment, 20)
    assert (len(line), line[0].lat, line[-1].lat) == (20, 40.0, 40.499)
    assert len(thinned(segment, 1000)) == 500


# --- files -----------------------------------------------------------------------------------


def test_times_backwards_are_put_in_order_and_told() -> None:
    walk = track([(0, *JETTY), (60, *BRIDGE), (30, 40.645, 122.160), (90, *BRIDGE)])
    assert walk.backwards == 1
    found = match(walk, at(15))
    assert found is not None
    assert (round(found.point.lat, 6), found.gap) == (40.6425, 30 * S)


def test_points_without_place_or_time_are_skipped_and_told() -> None:
    data = gpx([(0, *JETTY)]).replace(
        b"</trkseg>",
        b'<trkpt lat="40.1" lon="122"/><trkpt lat="91" lon="122"><time>2026-04-13T21:41:00Z</time>'
        b'</trkpt><trkpt lat="nan" lon="1"><time>2026-04-13T21:41:00Z</time></trkpt>'
        b'<trkpt lat="40" lon="122"><time>yesterday</time></trkpt>'
        b'<trkpt lat="40" lon="122"><time>0001-01-01T00:00:00Z</time></trkpt>'
        b'<trkpt lat="40" lon="122"><extensions><time>2026-04-13T21:41:00Z</time></extensions>'
        b"</trkpt></trkseg>",
    )
    walk = read_gpx([data])
    assert (walk.points, walk.skipped) == (1, 6)


@pytest.mark.parametrize(
    "time", ["%Y-%m-%dT%H:%M:%S.250Z", "%Y-%m-%dT%H:%M:%S+00:00", "%Y-%m-%dT%H:%M:%S"]
)
def test_times_are_read_as_apps_write_them(time: str) -> None:
    walk = read_gpx([gpx([(0, *JETTY)], time=time)])
    assert walk.first - START in (timedelta(), timedelta(milliseconds=250))


def test_names_with_a_prefix_are_read() -> None:
    data = gpx([(0, *JETTY)]).decode()
    for name in ("gpx", "trkpt", "trkseg", "time"):
        data = data.replace(f"<{name}", f"<g:{name}").replace(f"</{name}", f"</g:{name}")
    data = data.replace("xmlns=", "xmlns:g=")
    assert read_gpx([data.encode()]).points == 1


@given(st.integers(1, 40))
def test_file_may_come_in_pieces_of_any_size(size: int) -> None:
    data = gpx([(0, *JETTY), (60, *BRIDGE)])
    pieces = (data[start : start + size] for start in range(0, len(data), size))
    assert read_gpx(pieces) == read_gpx([data])


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"", "track.broken"),
        (b"\xff\xd8\xff\xe0", "track.broken"),
        (b"<html/>", "track.not_gpx"),
        (b"<gpx/>", "track.empty"),
        (b"<gpx><wpt lat='40' lon='122'><time>2026-04-13T21:40:00Z</time></wpt></gpx>",
         "track.empty"),
        (gpx([(0, *JETTY)])[:-20], "track.broken"),
        (gpx([(0, *JETTY)], head='<!DOCTYPE gpx [<!ENTITY a "b">]>'), "track.doctype"),
        (gpx([(0, *JETTY)], head='<!DOCTYPE gpx SYSTEM "file:///etc/passwd">'), "track.doctype"),
        (b"<gpx>" + b"<a>" * 70, "track.too_many"),
        (b'<?xml version="1.0" encoding="ebcdic-nonsense"?><gpx/>', "track.broken"),
        (b"<gpx>&undeclared;</gpx>", "track.broken"),
    ],
)  # fmt: skip
def test_file_that_is_no_track_is_refused(data: bytes, code: str) -> None:
    with pytest.raises(InvalidInputError) as caught:
        read_gpx([data])
    assert caught.value.code == code


def test_entities_that_unfold_are_refused_before_they_do() -> None:
    laughs = "".join(
        f'<!ENTITY l{n} "{f"&l{n - 1};" * 10 if n else "ha" * 10}">' for n in range(10)
    )
    data = gpx([(0, *JETTY)], head=f"<!DOCTYPE gpx [{laughs}]>").replace(b">3<", b">&l9;<")
    with pytest.raises(InvalidInputError) as caught:
        read_gpx([data])
    assert caught.value.code == "track.doctype"


def test_five_million_points_are_refused_without_being_read() -> None:
    taken = 0

    def endless() -> Iterator[bytes]:
        nonlocal taken
        yield b"<gpx><trk><trkseg>"
        point = b'<trkpt lat="40.64" lon="122.15"><time>2026-04-13T21:40:00Z</time></trkpt>'
        while taken < 5_000_000:
            taken += 1000
            yield point * 1000

    with pytest.raises(InvalidInputError) as caught:
        read_gpx(endless())
    assert caught.value.code == "track.too_many"
    assert taken <= MAX_POINTS + 1000


@given(st.binary(max_size=200))
@example(b"<gpx><trk><trkpt lat='1' lon='1'><time>2026-04-13T21:40:00Z</time></trkpt></trk></gpx>")
def test_any_bytes_are_a_track_or_refused(data: bytes) -> None:
    with contextlib.suppress(InvalidInputError):
        assert read_gpx([data]).points > 0
