"""When a service is left alone, for how long, and who tries it again."""

from __future__ import annotations

import threading
import time

import pytest

from app.errors import ProviderBroken, ProviderNonsense, ProviderPaused, ProviderRejected, ProviderTimeout
from app.patience import recorded, waiting_out, within
from app.providers.asking import ask
from app.providers.breaker import FAILURES, FIRST_PAUSE, LONGEST_PAUSE, Breaker, breaker_of, forget_failures
from app.providers.failures import Service


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def breaker(clock: Clock) -> Breaker:
    return Breaker("Acme", clock=clock)


@pytest.fixture
def service() -> Service:
    forget_failures()
    return Service("Acme", "ACME_KEY", "ACME_URL", "ACME_TIMEOUT", "ACME_MODEL", at="acme.example")


def fail(breaker: Breaker, times: int = FAILURES) -> None:
    for _ in range(times):
        breaker.admit()
        breaker.failed("It did not answer.")


def test_it_opens_after_failures_in_a_row_and_says_when_it_will_try_again(breaker: Breaker) -> None:
    fail(breaker, FAILURES - 1)
    assert breaker.admit() is False
    breaker.answered()
    fail(breaker)  # counted from the beginning
    with pytest.raises(ProviderPaused, match=r"Acme failed 3 times in a row .* at \d\d:\d\d:\d\d, in 15 s") as caught:
        breaker.admit()
    assert caught.value.message.endswith("Last: It did not answer.")
    assert caught.value.hint


def test_one_call_tries_it_after_the_pause_and_the_others_wait(breaker: Breaker, clock: Clock) -> None:
    fail(breaker)
    clock.now += FIRST_PAUSE - 0.1
    with pytest.raises(ProviderPaused):
        breaker.admit()
    clock.now += 0.2
    assert breaker.admit() is True
    with pytest.raises(ProviderPaused, match="in a moment"):
        breaker.admit()
    breaker.answered()
    assert breaker.admit() is False
    assert breaker.admit() is False


def test_each_failed_trial_doubles_the_pause_up_to_a_bound(breaker: Breaker, clock: Clock) -> None:
    fail(breaker)
    pauses = []
    for _ in range(7):
        clock.now += LONGEST_PAUSE + 1
        assert breaker.admit() is True
        breaker.failed("Still not.")
        low = 0.0
        for step in range(int(LONGEST_PAUSE) + 2):
            clock.now += 1
            try:
                breaker.admit()
            except ProviderPaused:
                continue
            breaker.dropped()
            low = step + 1.0
            break
        pauses.append(low)
    assert pauses == [30, 60, 120, 240, 300, 300, 300]


def test_a_service_that_asks_to_be_left_alone_is(breaker: Breaker, clock: Clock) -> None:
    breaker.admit()
    breaker.failed("Too many requests.", asked=40)
    with pytest.raises(ProviderPaused, match="asked to be left alone .* in 40 s"):
        breaker.admit()
    clock.now += 41
    assert breaker.admit() is True


def test_many_threads_agree_on_one_trial(breaker: Breaker, clock: Clock) -> None:
    fail(breaker)
    clock.now += FIRST_PAUSE + 1
    admitted: list[bool] = []
    start = threading.Barrier(16)

    def call() -> None:
        start.wait()
        try:
            admitted.append(breaker.admit())
        except ProviderPaused:
            return

    threads = [threading.Thread(target=call) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert admitted == [True]


def test_a_service_has_one_breaker_at_each_address(service: Service) -> None:
    assert breaker_of("Acme", "a") is breaker_of("Acme", "a")
    assert breaker_of("Acme", "a") is not breaker_of("Acme", "b")


def raising(error: Exception) -> object:
    def call() -> object:
        raise error

    return call


@pytest.mark.parametrize("kind", [ProviderRejected, ProviderNonsense])
def test_what_is_no_outage_does_not_open_it(service: Service, kind: type[ProviderRejected]) -> None:
    for _ in range(FAILURES + 2):
        with pytest.raises(kind):
            ask(service, raising(kind("no")), seconds=1)  # type: ignore[arg-type]


def test_a_timeout_for_want_of_time_says_nothing_about_the_service(service: Service) -> None:
    for _ in range(FAILURES + 2):
        with within(0.2), pytest.raises(ProviderTimeout):
            ask(service, raising(ProviderTimeout("late")), seconds=10)  # type: ignore[arg-type]


def test_a_defect_of_ours_leaves_the_trial_open(service: Service) -> None:
    for _ in range(FAILURES):
        with pytest.raises(ProviderBroken):
            ask(service, raising(ProviderBroken("down")), seconds=0.1, attempts=1)  # type: ignore[arg-type]
    breaker_of("Acme", "acme.example")._until = 0.0  # the pause is over
    with pytest.raises(ZeroDivisionError):
        ask(service, raising(ZeroDivisionError()), seconds=1)  # type: ignore[arg-type]
    assert ask(service, lambda: "up", seconds=1) == "up"
    assert ask(service, lambda: "up", seconds=1) == "up"


def test_a_trial_is_one_attempt_and_a_pause_is_noted(service: Service) -> None:
    for _ in range(FAILURES):
        with pytest.raises(ProviderBroken):
            ask(service, raising(ProviderBroken("down")), seconds=0.1, attempts=1)  # type: ignore[arg-type]
    with recorded() as attempts, pytest.raises(ProviderPaused):
        ask(service, lambda: "up", seconds=1)
    assert len(attempts) == 1
    assert "is not asked for now" in attempts[0].outcome
    breaker_of("Acme", "acme.example")._until = 0.0
    with recorded() as attempts, pytest.raises(ProviderBroken):
        ask(service, raising(ProviderBroken("down")), seconds=5)  # type: ignore[arg-type]
    assert len(attempts) == 1


def paused(service: Service, seconds: float) -> None:
    """Bring the service to its pause, with so much of it left."""
    for _ in range(FAILURES):
        with pytest.raises(ProviderBroken):
            ask(service, raising(ProviderBroken("down")), seconds=0.1, attempts=1)  # type: ignore[arg-type]
    breaker_of("Acme", "acme.example")._until = time.monotonic() + seconds


def test_a_run_that_nobody_waits_for_waits_the_pause_out(service: Service) -> None:
    paused(service, 0.4)
    began = time.monotonic()
    with waiting_out(5):
        assert ask(service, lambda: "up", seconds=1) == "up"
    assert 0.4 <= time.monotonic() - began < 3


def test_it_waits_no_longer_than_it_may(service: Service) -> None:
    paused(service, 30)
    for patient in (waiting_out(5), within(1)):
        with waiting_out(60), patient, pytest.raises(ProviderPaused):
            ask(service, lambda: "up", seconds=1)
    with pytest.raises(ProviderPaused):
        ask(service, lambda: "up", seconds=1)
