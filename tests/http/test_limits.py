from __future__ import annotations

import pytest

from birdwatch.http.limits import MAX_FAILURES, MAX_KEYS, WITHIN_S, Attempts, TooManyAttemptsError

LI = ("li", "127.0.0.1")


def test_tenth_failure_asks_for_a_wait_until_the_first_is_old() -> None:
    attempts = Attempts()
    for second in range(MAX_FAILURES):
        attempts.check(LI, float(second))
        attempts.fail(LI, float(second))
    with pytest.raises(TooManyAttemptsError) as caught:
        attempts.check(LI, 100.0)
    assert caught.value.retry_after_s == 500
    attempts.check(("wang", "127.0.0.1"), 100.0)
    attempts.check(LI, WITHIN_S)


def test_success_forgets_the_failures() -> None:
    attempts = Attempts()
    for _ in range(MAX_FAILURES):
        attempts.fail(LI, 0.0)
    attempts.clear(LI)
    attempts.check(LI, 1.0)


def test_memory_is_bounded() -> None:
    attempts = Attempts()
    for number in range(MAX_KEYS + 50):
        attempts.fail((str(number), ""), 0.0)
    assert len(attempts._failures) == MAX_KEYS
