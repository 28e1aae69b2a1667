"""The budget of pixels: never more in use than there are, and nobody waits for ever."""

from __future__ import annotations

import os
import random
import threading

import pytest

from birdwatch.imaging.budget import PixelBudget


def test_budget_holds_and_gives_back() -> None:
    budget = PixelBudget(100)
    with budget.hold(60):
        assert budget.free == 40
        with budget.hold(40):
            assert budget.free == 0
    assert budget.free == 100


def test_budget_takes_lies_for_what_they_can_be() -> None:
    budget = PixelBudget(100)
    with budget.hold(-5):
        assert budget.free == 100
    with budget.hold(10**30):
        assert budget.free == 0


def test_budget_is_given_back_after_a_failure() -> None:
    budget = PixelBudget(100)
    with pytest.raises(OSError), budget.hold(70):
        os.close(-1)
    assert budget.free == 100


def test_budget_serves_many_threads_in_turn() -> None:
    budget = PixelBudget(100)
    dice = random.Random(3)
    wanted = [dice.randrange(1, 120) for _ in range(300)]
    seen = []

    def work(pixels: int) -> None:
        with budget.hold(pixels):
            seen.append(budget.free)

    threads = [threading.Thread(target=work, args=(pixels,)) for pixels in wanted]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert len(seen) == 300
    assert min(seen) >= 0
    assert budget.free == 100


def test_large_picture_is_not_overtaken() -> None:
    budget, order = PixelBudget(100), []
    is_in, may_end = threading.Event(), threading.Event()

    def first() -> None:
        with budget.hold(50):
            is_in.set()
            may_end.wait(30)

    def follow(name: str, pixels: int) -> None:
        with budget.hold(pixels):
            order.append(name)

    threads = [threading.Thread(target=first)]
    threads[0].start()
    is_in.wait(30)
    for name, pixels in (("large", 100), ("small", 10)):
        threads.append(threading.Thread(target=follow, args=(name, pixels)))
        threads[-1].start()
        while len(budget._queue) < len(threads) - 1:
            pass
    assert order == []
    may_end.set()
    for thread in threads:
        thread.join(30)
    assert order == ["large", "small"]
