"""What can happen to a request, and what every adapter must make of it: one table, so that none is spared a row."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from app.errors import (
    ProviderAuth,
    ProviderBroken,
    ProviderError,
    ProviderNonsense,
    ProviderRateLimited,
    ProviderRejected,
    ProviderTimeout,
    ProviderUnreachable,
)
from tests.wire.formats import KEY
from tests.wire.server import WireServer

FAILURES: dict[str, type[ProviderError]] = {
    "400": ProviderRejected,
    "401": ProviderAuth,
    "403": ProviderAuth,
    "404": ProviderRejected,
    "408-after-60": ProviderTimeout,
    "409-after-60": ProviderRejected,
    "413": ProviderRejected,
    "422": ProviderRejected,
    "429": ProviderRateLimited,
    "429-after-60": ProviderRateLimited,
    "500-after-60": ProviderBroken,
    "501": ProviderBroken,
    "502-after-60": ProviderBroken,
    "503-after-60": ProviderBroken,
    "504-after-60": ProviderTimeout,
    "html-502": ProviderBroken,
    "timeout": ProviderTimeout,
    "drip": ProviderTimeout,
    "reset": ProviderUnreachable,
    "redirect": ProviderNonsense,
    "malformed": ProviderNonsense,
    "html": ProviderNonsense,
    "empty": ProviderNonsense,
    "null": ProviderNonsense,
    "error-inside": ProviderNonsense,
    "not-an-object": ProviderNonsense,
}
# seconds, where the time runs out or is spent on asking again; the rest is over at once, however slow the machine
WAITED_FOR = {"timeout": 0.4, "drip": 0.4, "reset": 0.6, "429": 0.6, "html-502": 0.6}
SPARE = 2.5  # seconds a busy machine may take beside

any_failure = pytest.mark.parametrize("scenario", FAILURES)


def fails_as_it_should(
    server: WireServer,
    path: str,
    scenario: str,
    ask: Callable[[float], object],
    *,
    but: dict[str, type[ProviderError]] | None = None,
) -> ProviderError:
    """Plays the scenario at a path and asks, with so many seconds to wait; the error is ours, with what to do next and
    without a key. `but`: what a client of its own makes of some scenarios."""
    server.play(path, *[scenario] * 24)
    started = time.monotonic()
    with pytest.raises(ProviderError) as caught:
        ask(WAITED_FOR.get(scenario, 5.0))
    assert type(caught.value) is {**FAILURES, **(but or {})}[scenario], caught.value.message
    assert caught.value.hint
    assert KEY not in caught.value.message + caught.value.hint
    assert time.monotonic() - started < WAITED_FOR.get(scenario, 0.5) + SPARE
    return caught.value
