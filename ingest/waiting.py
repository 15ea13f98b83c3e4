"""What is said while another process writes the library."""

from __future__ import annotations

import time
from collections.abc import Callable

from app.errors import LibraryLocked
from app.library.turns import Holder
from app.printable import printable
from ingest.meter import clock


class WaitNotice:
    """Says that another process writes the library, at first and every half minute; ends the wait when told to stop.

    Implements `app.library.locks.Waiting`.
    """

    def __init__(self, say: Callable[[Holder, float], None], stopping: Callable[[], bool], every: float = 30.0) -> None:
        self._say = say
        self._stopping = stopping
        self._every = every
        self._next = 0.0

    def __call__(self, holder: Holder, waited: float) -> None:
        """Raises LibraryLocked when told to stop."""
        if self._stopping():
            raise LibraryLocked(
                f"Stopped while waiting for {holder.named}; nothing was read.", hint="Run the same command again."
            )
        if waited >= self._next:
            self._next = waited + self._every
            self._say(holder, waited)


def waiting_in_words(holder: Holder, waited: float) -> str:
    """`Waiting for process 12 (ingest docs), at it for 3:05; 0:30 so far. Nothing is lost by stopping.`"""
    held = holder.held(time.time())
    at_it = "" if held is None else f", at it for {clock(held)}"
    so_far = f"; waited {clock(waited)} so far" if waited >= 1 else ""
    return f"Waiting for {printable(holder.named)}, which writes this library{at_it}{so_far}. (--no-wait: do not.)"
