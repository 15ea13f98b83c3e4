"""How the use of paid services gets from the adapter that made a call to whoever has to pay for the question.

Adapters report (`billed`), callers collect (`metered`); what stands between, such as a cache, need not know of either.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace
from urllib.parse import urlsplit

from app.collecting import Collection
from app.domain import Usage
from app.errors import (
    ProviderAuth,
    ProviderBroken,
    ProviderError,
    ProviderPaused,
    ProviderRateLimited,
    ProviderRejected,
    ProviderUnreachable,
)

_REFUSED = (
    ProviderAuth,
    ProviderRateLimited,
    ProviderRejected,
    ProviderBroken,
    ProviderUnreachable,
    ProviderPaused,
)
_used = Collection[Usage]("used")


def metered() -> AbstractContextManager[list[Usage]]:
    """Collects what is reported inside, on this thread; an outer collection gets it too when this one ends."""
    return _used.around()


def summed() -> AbstractContextManager[list[Usage]]:
    """What is reported inside is reported at its end, one use for each model: many small calls are one item of a bill.

    Not known where any of them is not: a part of a bill reads like the whole.
    """
    return _used.around(_sums)


def _sums(used: Sequence[Usage]) -> list[Usage]:
    sums: dict[tuple[str, str, str], dict[str, float] | None] = {}
    for usage in used:
        key = (usage.provider, usage.model, usage.stage)
        so_far = sums.get(key, {})
        if usage.units is None or so_far is None:
            sums[key] = None
        else:
            units = {*so_far, *usage.units}
            sums[key] = {unit: so_far.get(unit, 0.0) + usage.units.get(unit, 0.0) for unit in sorted(units)}
    return [Usage(provider, model, units, stage) for (provider, model, stage), units in sums.items()]


def at_stage(stage: str, used: Sequence[Usage]) -> tuple[Usage, ...]:
    """The uses, as those of a stage of the trace."""
    return tuple(replace(usage, stage=stage) for usage in used)


def report(usage: Usage) -> None:
    """Say what a call used; heard by nobody where nothing collects."""
    _used.add(usage)


def paid_to(base_url: str | None, service: str, *hosts: str) -> str:
    """Whose prices apply at an address: the service's at none or at one of its hosts, else those of the host named.

    >>> paid_to(None, "openai", "api.openai.com"), paid_to("http://127.0.0.1:11434/v1", "openai", "api.openai.com")
    ('openai', '127.0.0.1:11434')
    """
    host = "" if base_url is None else urlsplit(base_url).netloc
    return service if host in ("", *hosts) else host


@dataclass(slots=True)
class Bill:
    """`units` as in `Usage`, filled in when the service has said what it used."""

    units: Mapping[str, float] | None = None


@contextmanager
def billed(provider: str, model: str) -> Iterator[Bill]:
    """Around one call: reports what is on the bill at the end.

    A call that the service refused used nothing. One that was not answered in time, or answered with nonsense, may
    have been charged for all the same: unless the bill says so, its use is not known.
    """
    bill = Bill()
    try:
        yield bill
    except ProviderError as error:
        refused = bill.units is None and isinstance(error, _REFUSED)
        report(Usage(provider, model, {} if refused else bill.units))
        raise
    report(Usage(provider, model, bill.units))
