"""Asking a service, whatever client it is asked through: attempts, waiting between them, a deadline and a breaker."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TypeVar

from app import patience
from app.domain import Attempt
from app.errors import (
    ProviderAuth,
    ProviderBroken,
    ProviderError,
    ProviderPaused,
    ProviderRateLimited,
    ProviderRejected,
    ProviderTimeout,
    ProviderUnreachable,
)
from app.providers.breaker import Breaker, breaker_of
from app.providers.failures import Service, headers_of, status_of

Result = TypeVar("Result")

_REPEATED = {408, 409, 429}  # and 5xx, except what will not change:
_FINAL = {501, 505}
_DOWN = (ProviderTimeout, ProviderUnreachable, ProviderBroken, ProviderRateLimited)
_ALIVE = (ProviderAuth, ProviderRejected)
_LOOK_AGAIN = 0.1  # seconds, while somebody else tries a service
_NOTHING_LEFT = 0.05  # seconds: a timeout measured by somebody else may end a little early
_FIRST_WAIT, _LONGEST_WAIT = 0.5, 8.0  # seconds, doubling


def ask(service: Service, call: Callable[[], Result], *, seconds: float, attempts: int = 3) -> Result:
    """What `call` returns, which raises ProviderError (see `failures.provider_errors`); `seconds` for all of it.

    Asked again, up to `attempts` times, after 408, 409, 429, 5xx and failed connections while the wait fits into the
    time: as long as the service asks (Retry-After), else half a second, doubling, less up to half by chance so that
    many clients do not come back together. A reply that did not come in time is not waited for twice. An outer
    `patience.within` that ends earlier wins; clients of `providers.wire` stop at it even in the middle of a body.

    A service that failed several times in a row is left alone (ProviderPaused, see `breaker`; `patience.waiting_out`
    waits instead); after the pause one call tries it, once. Every attempt is noted (`patience.recorded`).
    """
    breaker = breaker_of(service.name, service.at)
    outer = patience.left()
    hurried = outer is not None and outer < seconds / 2  # what is short of time says little about the service
    trial = _admitted(breaker, service)
    try:
        with patience.within(seconds):
            result = _attempts(service, call, 1 if trial else attempts)
    except ProviderPaused:
        breaker.dropped()
        raise
    except _ALIVE:
        breaker.answered()
        raise
    except _DOWN as error:
        if hurried and isinstance(error, ProviderTimeout):
            breaker.dropped()
        else:
            breaker.failed(error.message, _asked_wait(error.__cause__))
        raise
    except BaseException:
        breaker.dropped()
        raise
    breaker.answered()
    return result


def _admitted(breaker: Breaker, service: Service) -> bool:
    """`Breaker.admit`, after its pause where that may be waited out."""
    until = time.monotonic() + patience.longest_wait()
    while True:
        try:
            return breaker.admit()
        except ProviderPaused as error:
            wait, left = breaker.pause() + _LOOK_AGAIN, patience.left()
            if time.monotonic() + wait > until or (left is not None and wait >= left):
                patience.note(Attempt(service.name, error.message, 0.0))
                raise
            time.sleep(wait)


def _attempts(service: Service, call: Callable[[], Result], most: int) -> Result:
    waited = 0.0
    earlier: ProviderError | None = None
    for number in range(1, most + 1):
        started = time.monotonic()
        try:
            left = patience.left()
            if left is not None and left <= 0:
                raise ProviderTimeout(
                    f"There was no time left to ask {service.name}.",
                    hint=f"Try again, or raise {service.timeout_setting} and QUESTION_TIMEOUT.",
                )
            result = call()
        except ProviderError as error:
            patience.note(Attempt(service.name, error.message, time.monotonic() - started, waited))
            wait = _wait(error, number)
            left = patience.left()
            if left is not None and left <= _NOTHING_LEFT and earlier is not None:
                raise earlier from earlier.__cause__  # says more than that too little time was left for this one
            if number == most or wait is None or (left is not None and wait >= left):
                raise
            time.sleep(wait)
            earlier, waited = error, wait
        else:
            patience.note(Attempt(service.name, "answered", time.monotonic() - started, waited))
            return result
    raise AssertionError("unreachable: the last attempt returns or raises")


def _wait(error: ProviderError, number: int) -> float | None:
    """Seconds to wait before another attempt; None where it would be of no use."""
    cause = error.__cause__
    status = status_of(cause)
    if status is None:
        again = isinstance(error, ProviderUnreachable | ProviderBroken | ProviderRateLimited)
    else:
        again = status in _REPEATED or (status >= 500 and status not in _FINAL)
    if not again or getattr(cause, "code", None) == "insufficient_quota":  # a 429 that waiting does not mend
        return None
    asked = _asked_wait(cause)
    if asked is not None:
        return asked
    return float(min(_FIRST_WAIT * 2 ** (number - 1), _LONGEST_WAIT) * random.uniform(0.5, 1.0))


def _asked_wait(error: BaseException | None) -> float | None:
    """Seconds the service asks to wait (RFC 9110, 10.2.3: seconds or a date); None where it does not say."""
    headers = headers_of(error)
    value = headers.get("retry-after", "").strip()
    if not value:
        return None
    try:
        return max(0.0, float(value))
    except ValueError:
        until, now = _date(value), _date(headers.get("date", ""))  # its own clock, where it tells it
        if until is None:
            return None
        return max(0.0, (until - (datetime.now(UTC) if now is None else now)).total_seconds())


def _date(text: str) -> datetime | None:
    try:
        found = parsedate_to_datetime(text)
    except ValueError:
        return None
    return found if found.tzinfo is not None else found.replace(tzinfo=UTC)
