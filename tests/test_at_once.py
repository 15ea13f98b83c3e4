"""Several calls at a time: their results in order, no more at a time than allowed, and an end that is one."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from contextvars import ContextVar

import pytest

from app.at_once import in_turn
from app.domain import Usage
from app.metering import metered, report

_note: ContextVar[str] = ContextVar("note", default="")


class Counted:
    """Calls that take a while each, and know how many of them ran at a time."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.running = self.most = self.begun = 0

    def call(self, value: int, seconds: float = 0.02) -> Callable[[], int]:
        def run() -> int:
            with self.lock:
                self.begun += 1
                self.running += 1
                self.most = max(self.most, self.running)
            time.sleep(seconds)
            with self.lock:
                self.running -= 1
            if value < 0:
                raise ValueError(str(value))
            return value

        return run


@pytest.mark.parametrize("at_once", [1, 2, 5, 50])
def test_results_in_order_and_no_more_at_a_time(at_once: int) -> None:
    counted = Counted()
    calls = [counted.call(n, seconds=0.03 - 0.001 * n) for n in range(20)]  # later ones are quicker
    assert list(in_turn(calls, at_once=at_once)) == list(range(20))
    assert counted.most <= at_once
    assert counted.most >= min(at_once, 2)


def test_nothing_is_begun_after_an_error() -> None:
    counted = Counted()
    found = []
    with pytest.raises(ValueError, match="-1"):
        for value in in_turn([counted.call(n) for n in (0, 1, -1, *range(3, 40))], at_once=2):
            found.append(value)
    assert found == [0, 1]
    assert counted.begun <= 5


def test_whoever_stops_listening_stops_it() -> None:
    counted = Counted()
    results = in_turn([counted.call(n) for n in range(40)], at_once=2)
    assert next(results) == 0
    results.close()
    assert counted.begun <= 4
    assert counted.running == 0


def test_each_has_the_callers_context() -> None:
    _note.set("mine")

    def use() -> str:
        report(Usage("chats", "small", {"input_tokens": 1.0}))
        return _note.get()

    with metered() as used:
        assert list(in_turn([use] * 6, at_once=3)) == ["mine"] * 6
    assert len(used) == 6


def test_nothing_to_do() -> None:
    assert list(in_turn([], at_once=4)) == []
