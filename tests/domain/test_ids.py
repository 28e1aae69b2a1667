from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from birdwatch.domain.ids import is_id, new_id

YEARS = st.datetimes(min_value=datetime(1990, 1, 1), max_value=datetime(2900, 1, 1))  # noqa: DTZ001


@given(YEARS)
def test_new_id_has_the_form_of_an_id(moment: datetime) -> None:
    assert is_id(new_id(moment.replace(tzinfo=UTC)))


@given(YEARS, st.integers(min_value=1, max_value=10**9))
def test_new_id_sorts_by_time(moment: datetime, later_ms: int) -> None:
    first = moment.replace(tzinfo=UTC)
    assert new_id(first) < new_id(first + timedelta(milliseconds=later_ms + 1))


def test_new_id_differs_within_a_millisecond() -> None:
    now = datetime(2026, 4, 25, tzinfo=UTC)
    assert len({new_id(now) for _ in range(10_000)}) == 10_000


def test_is_id_refuses_other_words() -> None:
    for word in ("", "short", "../../etc/passwd", "ILOU" * 4, "0" * 17, "鸟" * 16):
        assert is_id(word) is False
