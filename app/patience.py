"""How long a question may wait for services, and how often they were asked.

Whoever answers for a question sets the time (`within`) and collects the attempts (`recorded`); whoever calls a service
keeps to the one (`left`) and reports the other (`note`); what stands between need not know of either. Both follow the
context: a thread of one's own needs `contextvars.copy_context().run`.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from contextvars import ContextVar

from app.collecting import Collection
from app.domain import Attempt

LONGEST_PAUSE = 300.0  # seconds that a service is left alone at most

_deadline: ContextVar[float | None] = ContextVar("deadline", default=None)
_waits: ContextVar[float] = ContextVar("waits", default=0.0)
_attempts = Collection[Attempt]("attempts")


@contextmanager
def within(seconds: float) -> Iterator[None]:
    """What happens inside has so many seconds, or what is left of an outer limit where that is less."""
    outer, own = _deadline.get(), time.monotonic() + seconds
    token = _deadline.set(own if outer is None else min(own, outer))
    try:
        yield
    finally:
        _deadline.reset(token)


def left() -> float | None:
    """Seconds until the nearest limit, below zero when it has passed; None where nobody set one."""
    deadline = _deadline.get()
    return None if deadline is None else deadline - time.monotonic()


@contextmanager
def waiting_out(seconds: float) -> Iterator[None]:
    """Inside, a service that is left alone for a while (`ProviderPaused`) is waited for, up to so many seconds and
    within the time there is: for runs that nobody sits in front of, where going on would fail one question after the
    other. Works as a decorator too."""
    token = _waits.set(seconds)
    try:
        yield
    finally:
        _waits.reset(token)


def longest_wait() -> float:
    """Seconds that a pause may be waited out; 0.0 where somebody is waiting for an answer."""
    return _waits.get()


def recorded() -> AbstractContextManager[list[Attempt]]:
    """Collects the attempts made inside; an outer collection gets them too when this one ends."""
    return _attempts.around()


def note(attempt: Attempt) -> None:
    """Report an attempt; heard by nobody where nothing collects."""
    _attempts.add(attempt)


def in_words(tries: Sequence[Attempt]) -> str:
    """What came of more than one attempt; "" for one that was answered, or none.

    >>> in_words([Attempt("Acme", "Acme failed.", 0.2), Attempt("Acme", "answered", 0.3, waited=0.5)])
    'Asked 2 times in 1.0 s: Acme failed; answered.'
    """
    if len(tries) < 2:
        return ""
    took = sum(attempt.seconds + attempt.waited for attempt in tries)
    said = "; ".join(dict.fromkeys(attempt.outcome.rstrip(".") for attempt in tries))
    return f"Asked {len(tries)} times in {took:.1f} s: {said}."
