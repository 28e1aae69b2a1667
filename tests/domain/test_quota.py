"""What is enough for a day, and until when."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from birdwatch.domain.errors import TooManyError
from birdwatch.domain.quota import Quota, Uploads, check_quota, quota_day, seconds_to_midnight

NOON = datetime(2026, 4, 20, 4, 0, tzinfo=UTC)  # in China


def test_day_is_the_estuarys() -> None:
    assert quota_day(datetime(2026, 4, 20, 15, 59, tzinfo=UTC)) == date(2026, 4, 20)
    assert quota_day(datetime(2026, 4, 20, 16, 0, tzinfo=UTC)) == date(2026, 4, 21)
    assert seconds_to_midnight(NOON) == 12 * 3600
    assert seconds_to_midnight(datetime(2026, 4, 20, 15, 59, 59, 900_000, tzinfo=UTC)) == 1
    assert seconds_to_midnight(datetime(2026, 4, 20, 16, 0, tzinfo=UTC)) == 24 * 3600


@pytest.mark.parametrize(
    ("quota", "used"),
    [
        (Quota(), Uploads(10**6, 10**15, 10**15)),
        (Quota(files=2), Uploads(1, 10**9, 10**9)),
        (Quota(bytes=200), Uploads(9, 100, 0)),
    ],
)
def test_up_to_the_quota_is_taken(quota: Quota, used: Uploads) -> None:
    check_quota(quota, used, Uploads(1, 100, 10), NOON)


@pytest.mark.parametrize(
    ("quota", "used", "said"),
    [
        (Quota(files=1), Uploads(1, 5, 5), "added 1 photo today, of 1 photo a day"),
        (Quota(bytes=3 * 2**20), Uploads(2, 3 * 2**20 - 99, 0), "added 3.0 MB today, of 3.0 MB"),
        (Quota(pixels=10**6), Uploads(1, 1, 999_991), "1.0 megapixels today, of 1.0 megapixels"),
    ],
)
def test_beyond_the_quota_says_how_much_is_used(quota: Quota, used: Uploads, said: str) -> None:
    with pytest.raises(TooManyError) as caught:
        check_quota(quota, used, Uploads(1, 100, 10), NOON)
    assert said in caught.value.text.en
    assert "零点" in caught.value.text.zh
    assert caught.value.retry_after_s == 12 * 3600
