"""Bursts: one camera, within two seconds, alike."""

from __future__ import annotations

import itertools
import random
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from birdwatch.domain.burst import (
    MAX_DIFFERENT_BITS,
    WITHIN,
    Frame,
    bursts,
    cover,
    is_alike,
    kin,
    runs,
)

START = datetime(2026, 4, 14, 6, 0, tzinfo=UTC)
FLOCK, SUNRISE = "0f0f3c3c00ff00ff", "f0f0c3c3ff00ff00"


def frame(seconds: float, looks: str = FLOCK, name: str = "") -> Frame:
    return Frame(name or f"p{seconds}", START + timedelta(seconds=seconds), looks)


def names(found: list[tuple[Frame, ...]]) -> list[list[str]]:
    return [[one.photo_id for one in burst] for burst in found]


def flipped(looks: str, bits: int) -> str:
    return f"{int(looks, 16) ^ ((1 << bits) - 1):016x}"


frames = st.lists(
    st.builds(
        lambda at, looks, name: frame(at / 10, looks, f"p{name}"),
        st.integers(0, 100),
        st.sampled_from([FLOCK, SUNRISE, *(flipped(FLOCK, bits) for bits in (6, 8, 16, 24))]),
        st.integers(0, 10**6),
    ),
    max_size=20,
    unique_by=lambda one: one.photo_id,
)


def test_burst_is_frames_within_two_seconds_and_alike() -> None:
    found = bursts([frame(0), frame(0.1), frame(2.1), frame(4.2), frame(5, SUNRISE)])
    assert names(found) == [["p0", "p0.1", "p2.1"]]


def test_two_subjects_in_turn_are_two_bursts() -> None:
    found = bursts([frame(at / 2, FLOCK if at % 2 else SUNRISE) for at in range(6)])
    assert names(found) == [["p0.0", "p1.0", "p2.0"], ["p0.5", "p1.5", "p2.5"]]


@pytest.mark.parametrize(("bits", "alike"), [(0, True), (10, True), (11, False), (64, False)])
def test_pictures_are_alike_that_differ_in_few_bits(bits: int, alike: bool) -> None:
    assert is_alike(FLOCK, flipped(FLOCK, bits)) == alike
    assert MAX_DIFFERENT_BITS == 10


@given(frames, st.randoms(use_true_random=False))
def test_bursts_do_not_depend_on_the_order_in_which_frames_come(
    given_frames: list[Frame], chance: random.Random
) -> None:
    mixed = given_frames[:]
    chance.shuffle(mixed)
    assert bursts(mixed) == bursts(given_frames)


@given(frames)
def test_no_frame_is_in_two_bursts_and_none_is_alone(given_frames: list[Frame]) -> None:
    found = [one for burst in bursts(given_frames) for one in burst]
    assert len(found) == len({one.photo_id for one in found})
    assert all(len(burst) > 1 for burst in bursts(given_frames))


@given(frames)
def test_each_frame_follows_one_like_it_within_two_seconds(given_frames: list[Frame]) -> None:
    for burst in bursts(given_frames):
        for before, after in itertools.pairwise(burst):
            assert timedelta() <= after.at - before.at <= WITHIN
            assert is_alike(before.fingerprint, after.fingerprint)


@given(frames, st.sets(st.integers(0, 19)))
def test_bursts_of_what_is_seen_do_not_depend_on_what_is_hidden(
    given_frames: list[Frame], hidden: set[int]
) -> None:
    """However many frames are hidden, kin by kin gives what the seen frames alone would give."""
    seen = [frame for at, frame in enumerate(given_frames) if at not in hidden]
    told = [
        burst
        for one in kin(given_frames)
        for burst in bursts(frame for frame in one if frame in seen)
    ]
    assert sorted(names(told)) == sorted(names(bursts(seen)))


def test_kin_are_joined_by_every_frame_between_them() -> None:
    far = flipped(FLOCK, 16)  # like the middle one, and not like the first
    found = kin([frame(0), frame(1, far), frame(1.5, flipped(FLOCK, 8)), frame(9), frame(12)])
    assert names(found) == [["p0", "p1", "p1.5"]]


@given(frames)
def test_run_by_run_gives_the_same_bursts(given_frames: list[Frame]) -> None:
    parted = [burst for run in runs(given_frames) for burst in bursts(run)]
    assert parted == bursts(given_frames)


def test_cover_is_the_frame_that_says_something_else_the_middle_one() -> None:
    assert cover(["a", "b", "c"]) == "b"
    assert cover(["a", "b", "c", "d"]) == "b"
    assert cover(["a", "b", "c"], ["c"]) == "c"
    assert cover(["a"], ["x"]) == "a"
