"""Two runs on different questions: a difference of means, without pairs to lean on. Pure."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from app.evaluation.intervals import DRAWS, LEVEL, SEED, Estimate, Floats, expanded_levels, resampled_sums

_SHUFFLES = 2_000


def unpaired_interval(before: Sequence[float], after: Sequence[float]) -> Estimate | None:
    """mean(after) - mean(before) with its bootstrap interval, each side drawn by itself; None unless both have two."""
    first, second = np.asarray(before, dtype=np.float64), np.asarray(after, dtype=np.float64)
    if min(first.size, second.size) < 2:
        return None
    draws = [
        resampled_sums(side[:, None], DRAWS, seed)[:, 0] / side.size
        for side, seed in ((first, SEED), (second, SEED + 1))
    ]
    smaller = min(first.size, second.size)
    low, high = np.quantile(draws[1] - draws[0], expanded_levels(smaller, LEVEL))
    return Estimate(float(second.mean() - first.mean()), float(low), float(high), smaller)


def shuffle_test(before: Sequence[float] | Floats, after: Sequence[float] | Floats) -> float:
    """Two-sided p-value (0..1] of the permutation test on the difference of means: the sides dealt anew at random."""
    first, second = np.asarray(before, dtype=np.float64), np.asarray(after, dtype=np.float64)
    both = np.concatenate([first, second])
    observed = abs(float(second.mean() - first.mean()))
    rng = np.random.default_rng(SEED)
    extreme = 0
    for _ in range(_SHUFFLES):
        rng.shuffle(both)
        extreme += abs(float(both[first.size :].mean() - both[: first.size].mean())) >= observed - 1e-12
    return (extreme + 1) / (_SHUFFLES + 1)
