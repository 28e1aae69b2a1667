from __future__ import annotations

from datetime import UTC, date, datetime

from birdwatch.domain.photo import Camera, Photo, PhotoFacts, SettledTime
from birdwatch.web.gallery import FULL_GROUP, group_by_day

UNKNOWN = SettledTime(None, None, None, "unknown", "none")


def photo(day: date | None, season: str | None = "2026-spring") -> Photo:
    wall = datetime(day.year, day.month, day.day, 18) if day else None  # noqa: DTZ001 - wall time
    time = SettledTime(None, wall, 480, "exif_offset", "high") if wall else UNKNOWN
    facts = PhotoFacts(time, None, season=season)
    return Photo(
        id="0" * 16,
        sha256="",
        format="jpeg",
        width=3,
        height=2,
        size_bytes=1,
        received_at=datetime(2026, 5, 1, tzinfo=UTC),
        owner_id=None,
        original_name="",
        state="ready",
        camera=Camera(),
        facts=facts,
        original=facts,
        version=1,
    )


def spring(day: int) -> date:
    return date(2026, 4, day)


def spans(photos: list[Photo]) -> list[tuple[date | None, date | None, int]]:
    return [(group.first, group.last, len(group.photos)) for group in group_by_day(photos)]


def test_group_by_day_keeps_a_full_day_to_itself() -> None:
    shown = [photo(spring(25))] + [photo(spring(24))] * 3 + [photo(spring(23))]
    assert spans(shown) == [
        (spring(25), spring(25), 1),
        (spring(24), spring(24), 3),
        (spring(23), spring(23), 1),
    ]


def test_group_by_day_lets_sparse_days_share_a_heading() -> None:
    shown = [photo(spring(25)), photo(spring(24)), photo(spring(24)), photo(spring(20))]
    assert spans(shown) == [(spring(25), spring(20), 4)]


def test_group_by_day_starts_anew_when_a_group_is_full() -> None:
    shown = [photo(spring(day)) for day in range(30, 30 - FULL_GROUP - 2, -1)]
    assert [size for _, _, size in spans(shown)] == [FULL_GROUP, 2]


def test_group_by_day_never_mixes_seasons_or_unknown_times() -> None:
    shown = [photo(spring(25)), photo(date(2025, 9, 1), "2025-autumn"), photo(None, None)]
    assert spans(shown) == [
        (spring(25), spring(25), 1),
        (date(2025, 9, 1), date(2025, 9, 1), 1),
        (None, None, 1),
    ]


def test_group_by_day_of_nothing_is_nothing() -> None:
    assert group_by_day([]) == ()
