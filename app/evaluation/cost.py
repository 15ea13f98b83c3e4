"""What a configuration costs: milliseconds a stage, tokens, and money where the prices are known. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from app.evaluation.records import QuestionRecord
from app.trace_json import STAGES


@dataclass(frozen=True, slots=True)
class StageTime:
    """Median and 95th percentile in milliseconds over the `n` questions in which the stage ran."""

    p50: float
    p95: float
    n: int


@dataclass(frozen=True, slots=True)
class Cost:
    """`tokens` is the mean context a question sent, refused ones (0) included.

    `usd_per_1000` is the money 1,000 such questions cost; None unless the cost of every question is known, because a
    part of a bill reads like the whole. 0.0 means free.
    """

    stages: Mapping[str, StageTime]
    tokens: float | None
    usd_per_1000: float | None


def cost_of(records: Sequence[QuestionRecord]) -> Cost:
    """Cost over a question set; stages that never ran are absent."""
    stages = {}
    for stage in STAGES:
        times = [r.timings_ms[stage] for r in records if stage in r.timings_ms]
        if times:
            p50, p95 = np.quantile(np.asarray(times, dtype=np.float64), [0.5, 0.95])
            stages[stage] = StageTime(float(p50), float(p95), len(times))
    prices = [r.cost_usd for r in records]
    known = [price for price in prices if price is not None]
    return Cost(
        stages=stages,
        tokens=sum(r.tokens_sent for r in records) / len(records) if records else None,
        usd_per_1000=1000.0 * sum(known) / len(known) if known and len(known) == len(prices) else None,
    )
