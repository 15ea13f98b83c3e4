"""Two numbers that thirty answers can carry: a slope and an intercept over the log-odds a calibration has. Pure.

    log-odds here = slope * log-odds in general + intercept

This is Platt's map (1999) over the calibration's own log-odds instead of the raw score, so that it corrects a fused map
as well as a map of the score alone, and never changes their order. Thirty labels carry no more than two numbers, and
hardly those: each has a normal prior (slope at 1, intercept at 0), and without answers nothing changes. What slides
between libraries is mostly the offset (docs/calibration.md), so its prior is the wider one.

Every answer counts once in the fit, however many passages it stands for: which passages were asked about depends on
the log-odds alone, which the fit is given, so the draw cannot bias it (Rubin, Inference and missing data, Biometrika
63, 1976), and weights would only hand it to the few answers from far away. The errors are another matter: see `effect`.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from app.calibration.maps import sigmoid

Floats = npt.NDArray[np.float64]

SLOPE_SD = 0.25
INTERCEPT_SD = 1.0
LEAST_SLOPE = 0.2  # a map that runs backwards, or hardly at all, is never made from a handful of answers
_STEPS = 60
_SETTLED = 1e-9


def fit_shift(log_odds: Sequence[float] | Floats, relevant: Sequence[bool]) -> tuple[float, float]:
    """Slope and intercept that make the answers most likely, with the prior; (1, 0) without answers."""
    slopes, intercepts = fit_shifts(log_odds, relevant, np.ones((1, len(relevant))))
    return float(slopes[0]), float(intercepts[0])


def fit_shifts(log_odds: Sequence[float] | Floats, relevant: Sequence[bool], times: Floats) -> tuple[Floats, Floats]:
    """The same for many samples at once: answer i is there times[d, i] times in sample d. Arrays of shape (samples,).

    The log posterior is concave, so Newton's steps find its one top; where that has a slope below `LEAST_SLOPE`, the
    slope is held there and the intercept fitted alone.
    """
    x = np.asarray(log_odds, dtype=np.float64)
    y = np.asarray(relevant, dtype=np.float64)
    slope, intercept = _newton(x, y, times, np.full(len(times), np.nan))
    low = slope < LEAST_SLOPE
    if low.any():
        slope[low], intercept[low] = _newton(x, y, times[low], np.full(int(low.sum()), LEAST_SLOPE))
    return slope, intercept


def shifted(log_odds: Sequence[float] | Floats, slope: float, intercept: float) -> Floats:
    """p (0..1) by the corrected map."""
    return sigmoid(slope * np.asarray(log_odds, dtype=np.float64) + intercept)


def _newton(x: Floats, y: Floats, times: Floats, held: Floats) -> tuple[Floats, Floats]:
    """`held`: the slope where it is not to be fitted, NaN where it is."""
    fixed = ~np.isnan(held)
    slope = np.where(fixed, held, 1.0)
    intercept = np.zeros(len(times))
    for _ in range(_STEPS):
        p = sigmoid(slope[:, None] * x + intercept[:, None])
        off = times * (p - y)
        curve = times * p * (1.0 - p)
        d_slope = off @ x + (slope - 1.0) / SLOPE_SD**2
        d_intercept = off.sum(axis=1) + intercept / INTERCEPT_SD**2
        ss = curve @ (x * x) + 1.0 / SLOPE_SD**2
        si = curve @ x
        ii = curve.sum(axis=1) + 1.0 / INTERCEPT_SD**2
        det = ss * ii - si * si
        step_slope = np.where(fixed, 0.0, (ii * d_slope - si * d_intercept) / det)
        step_intercept = np.where(fixed, d_intercept / ii, (ss * d_intercept - si * d_slope) / det)
        size = np.maximum(np.abs(step_slope), np.abs(step_intercept))
        damped = np.minimum(1.0, 1.0 / np.maximum(size, 1e-12))
        slope = slope - damped * step_slope
        intercept = intercept - damped * step_intercept
        if float(size.max(initial=0.0)) < _SETTLED:
            break
    return slope, intercept
