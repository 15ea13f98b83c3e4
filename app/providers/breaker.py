"""A breaker for each service: after some failures in a row it is left alone for a while, then one call tries it.

Shared by the whole process, because what one session learnt holds for all. Michael Nygard, Release It! (2007), ch. 5.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from datetime import datetime, timedelta

from app.errors import ProviderPaused
from app.patience import LONGEST_PAUSE as LONGEST_PAUSE

FAILURES = 3  # in a row, each after its own attempts
FIRST_PAUSE = 15.0  # seconds; doubled each time the trial fails as well


class Breaker:
    """Counts one service's failures. Safe to use from several threads."""

    def __init__(self, name: str, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._name = name
        self._clock = clock
        self._lock = threading.Lock()
        self._failures = 0
        self._pause = FIRST_PAUSE
        self._until: float | None = None
        self._why = ""
        self._trying = False

    def admit(self) -> bool:
        """Whether this call is the trial after a pause. Raises ProviderPaused while the service is left alone.

        Each admitted call ends with `answered`, `failed` or `dropped`.
        """
        with self._lock:
            if self._until is None:
                return False
            wait = self._until - self._clock()
            if wait > 0 or self._trying:
                raise self._paused(max(0.0, wait))
            self._trying = True
            return True

    def pause(self) -> float:
        """Seconds until it may be tried again; 0.0 when it may, or when somebody is trying it."""
        with self._lock:
            return 0.0 if self._until is None else max(0.0, self._until - self._clock())

    def answered(self) -> None:
        """The service is alive: it answered, or refused for a reason that is ours."""
        with self._lock:
            self._failures, self._pause, self._until, self._trying = 0, FIRST_PAUSE, None, False

    def failed(self, why: str, asked: float | None = None) -> None:
        """It did not answer, or broke. `asked`: the seconds it wants to be left alone (Retry-After)."""
        with self._lock:
            self._failures += 1
            self._why = why
            if self._trying:
                self._pause = min(2 * self._pause, LONGEST_PAUSE)
            pauses = [self._pause] if self._failures >= FAILURES or self._trying else []
            if asked is not None and asked > 0:
                pauses.append(min(asked, LONGEST_PAUSE))
            if pauses:
                self._until = max(self._until or 0.0, self._clock() + max(pauses))
            self._trying = False

    def dropped(self) -> None:
        """The call ended for a reason that says nothing about the service."""
        with self._lock:
            self._trying = False

    def _paused(self, wait: float) -> ProviderPaused:
        at = (datetime.now() + timedelta(seconds=wait)).strftime("%H:%M:%S")
        when = f"at {at}, in {wait:.0f} s" if wait >= 1 else "in a moment"
        times = f"failed {self._failures} times in a row" if self._failures > 1 else "asked to be left alone"
        return ProviderPaused(
            f"{self._name} {times} and is not asked for now; it will be tried again {when}. Last: {self._why}",
            hint="Wait until then, or choose another one meanwhile.",
        )


_breakers: dict[tuple[str, str], Breaker] = {}
_opening = threading.Lock()


def breaker_of(name: str, at: str) -> Breaker:
    """The breaker of a service: the same for all who ask that name at that address."""
    with _opening:
        return _breakers.setdefault((name, at), Breaker(name))


def forget_failures() -> None:
    """Close all breakers, as a new process would."""
    with _opening:
        _breakers.clear()
