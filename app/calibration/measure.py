"""How good probabilities are: calibration error, Brier skill, and how well a score tells two groups apart. Pure."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]


def expected_calibration_error(p: Floats, labels: Floats, weights: Floats | None = None, *, bins: int = 10) -> float:
    """Mean distance (0..1) between stated and observed rate, over bins of equal weight (Naeini et al., AAAI 2015).

    >>> expected_calibration_error(np.array([0.25, 0.25]), np.array([0.0, 1.0]))
    0.25
    """
    mass = np.ones_like(p) if weights is None else weights
    _, place = np.unique(p, return_inverse=True)
    tied = np.bincount(place, mass)
    middle = (np.cumsum(tied) - 0.5 * tied) / mass.sum()  # equal p's share a bin
    numbers = np.minimum((middle * bins).astype(int), bins - 1)[place]
    return float(np.abs(np.bincount(numbers, mass * (p - labels))).sum() / mass.sum())


def brier_skill(p: Floats, labels: Floats, weights: Floats | None = None) -> float | None:
    """1 - Brier score / the Brier score of always saying the observed rate; above 0 is better than that constant.

    None where all labels are the same, because nothing can be better than that constant then.

    >>> brier_skill(np.array([1.0, 0.0]), np.array([1.0, 0.0]))
    1.0
    """
    mass = np.ones_like(p) if weights is None else weights
    rate = float(np.average(labels, weights=mass))
    constant = rate * (1.0 - rate)
    if constant == 0.0:
        return None
    return 1.0 - float(np.average((p - labels) ** 2, weights=mass)) / constant


def auroc(scores: Floats, labels: Floats, weights: Floats | None = None) -> float | None:
    """Probability (0..1) that a random positive scores above a random negative; ties count half. None without both.

    >>> auroc(np.array([0.1, 0.9]), np.array([0.0, 1.0]))
    1.0
    """
    mass = np.ones_like(scores) if weights is None else weights
    up, down = mass * labels, mass * (1.0 - labels)
    if up.sum() == 0.0 or down.sum() == 0.0:
        return None
    _, place = np.unique(scores, return_inverse=True)
    ups, downs = np.bincount(place, up), np.bincount(place, down)
    below = np.cumsum(downs) - downs
    return float((ups * (below + 0.5 * downs)).sum() / (up.sum() * down.sum()))


def ndcg(order: Sequence[int], relevant: Sequence[bool], *, k: int = 10) -> float:
    """nDCG@k (0..1) of an order of candidates, binary gains, against their best order (Järvelin and Kekäläinen 2002).

    What retrieval missed counts for nothing here: it is the same under every map. 0 where nothing is relevant.

    >>> round(ndcg([1, 0], [True, False]), 3)
    0.631
    """
    discount = 1.0 / np.log2(np.arange(2, k + 2))
    gains = np.asarray([relevant[i] for i in order[:k]], dtype=np.float64)
    best = float(discount[: min(k, sum(relevant))].sum())
    return float((gains * discount[: gains.size]).sum()) / best if best else 0.0
