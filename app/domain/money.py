"""What paid services were used for a question, as they reported it, and what that cost at the known prices."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Usage:
    """What one call of a service used, as the service reported it.

    `units` maps `input_tokens`, `cached_input_tokens` (not counted in the former), `output_tokens` or `searches` to a
    count; {} when nothing was charged for, None when the service did not say. `provider` is a name, or the host of a
    server of one's own. `stage` is a stage of the trace.
    """

    provider: str
    model: str
    units: Mapping[str, float] | None
    stage: str = ""


@dataclass(frozen=True, slots=True)
class Charge:
    """A use and its price in US dollars; None where it is not known, and `why` then says what is missing.

    `read` is the day (ISO) on which the oldest of the prices was read; "" where no price of the list was needed.
    """

    usage: Usage
    usd: float | None
    why: str = ""
    read: str = ""


def total_usd(charges: Sequence[Charge]) -> float | None:
    """The sum; None unless every part is known, because a part of a bill reads like the whole. 0.0 without charges."""
    known = [charge.usd for charge in charges if charge.usd is not None]
    return float(sum(known)) if len(known) == len(charges) else None
