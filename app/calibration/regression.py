"""Fitting a logistic map: weighted logistic regression by Newton's method. Pure numpy.

An isotonic correction on top was measured and left out: on question sets it had not seen it made the calibration error
worse (mean ECE at rank 1 .102 instead of .091), because what it bends to is each set's own.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from app.calibration.maps import LogisticMap, sigmoid

Floats = npt.NDArray[np.float64]

_STEPS = 50
_SETTLED = 1e-8


def fit_logistic(
    features: Mapping[str, Floats],
    names: Sequence[str],
    labels: Floats,
    weights: Floats,
    *,
    ridge: float = 1e-3,
    never_below_zero: frozenset[str] = frozenset(),
) -> LogisticMap:
    """Maximum likelihood with a small ridge (per unit of total weight) on standardised features.

    `features` are arrays of shape (rows,), `labels` 0 or 1, `weights` >= 0. Features in `never_below_zero` that come
    out with a negative weight are left out and the rest is fitted again: more of that evidence must never lower p.
    Raises ValueError when the labels are all the same.
    """
    if not 0.0 < np.average(labels, weights=weights) < 1.0:
        raise ValueError("a logistic map needs both kinds of label")
    used = list(names)
    while True:
        fitted = _newton(features, used, labels, weights, ridge)
        wrong = [n for n, w in zip(used, fitted.weights, strict=True) if n in never_below_zero and w < 0.0]
        if not wrong:
            return fitted
        if len(wrong) == len(used):  # nothing here speaks for relevance: every row gets the observed rate
            rate = float(np.average(labels, weights=weights))
            return LogisticMap((used[0],), (0.0,), (1.0,), (0.0,), float(np.log(rate / (1.0 - rate))))
        used = [n for n in used if n not in wrong]


def _newton(
    features: Mapping[str, Floats], names: Sequence[str], labels: Floats, weights: Floats, ridge: float
) -> LogisticMap:
    rows = np.stack([features[name] for name in names], axis=-1)
    share = weights / weights.sum()
    mean = share @ rows
    spread = np.sqrt(share @ (rows - mean) ** 2)
    scale = np.where(spread > 1e-12, spread, 1.0)
    design = np.concatenate([(rows - mean) / scale, np.ones((len(rows), 1))], axis=1)
    penalty = np.full(design.shape[1], ridge)
    penalty[-1] = 0.0
    beta = np.zeros(design.shape[1])
    for _ in range(_STEPS):
        p = sigmoid(design @ beta)
        gradient = design.T @ (share * (p - labels)) + penalty * beta
        curvature = (design * (share * np.maximum(p * (1.0 - p), 1e-9))[:, None]).T @ design + np.diag(penalty)
        step = np.linalg.solve(curvature, gradient)
        beta -= step * min(1.0, 5.0 / max(float(np.abs(step).max()), 1e-12))
        if np.abs(step).max() < _SETTLED:
            break
    return LogisticMap(
        names=tuple(names),
        mean=tuple(map(float, mean)),
        scale=tuple(map(float, scale)),
        weights=tuple(map(float, beta[:-1])),
        intercept=float(beta[-1]),
    )
