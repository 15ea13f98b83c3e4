"""Shares from answers that stand for different numbers of passages. Pure.

The estimate is the ratio of weighted sums (Hájek 1971), which does not depend on how many passages there are in all.
Its interval is Wilson's at the effective number of answers, (sum w)^2 / sum w^2 (Kish, Survey Sampling, 1965), as Korn
and Graubard (Survey Methodology 24, 1998) do it for shares near 0: resampling thirty answers without a single "yes"
would give an interval of no width.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import sqrt
from statistics import NormalDist

from app.evaluation.intervals import LEVEL, Estimate


def weighted_share(hits: Sequence[bool], weights: Sequence[float], *, level: float = LEVEL) -> Estimate | None:
    """The share (0..1) of hits, each answer counting its weight (> 0); `n` is the plain number. None without answers.

    With equal weights it is Wilson's interval of a plain share:

    >>> e = weighted_share([False] * 10, [7.0] * 10)
    >>> (e.value, e.low, round(e.high, 3), e.n)
    (0.0, 0.0, 0.278, 10)
    """
    total = float(sum(weights))
    if total == 0.0:
        return None
    n = total**2 / sum(w * w for w in weights)
    value = sum(w for hit, w in zip(hits, weights, strict=True) if hit) / total
    z = NormalDist().inv_cdf(0.5 + level / 2.0)
    middle = (value + z * z / (2 * n)) / (1 + z * z / n)
    half = z * sqrt(value * (1 - value) / n + z * z / (4 * n * n)) / (1 + z * z / n)
    low = 0.0 if not any(hits) else max(0.0, middle - half)
    high = 1.0 if all(hits) else min(1.0, middle + half)
    return Estimate(value, low, high, len(hits))
