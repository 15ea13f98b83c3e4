"""A fitted logistic map as plain weights: features in, log-odds and probability out. Pure numpy."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class LogisticMap:
    """log-odds = intercept + sum of weight * (feature - mean) / scale."""

    names: tuple[str, ...]
    mean: tuple[float, ...]
    scale: tuple[float, ...]
    weights: tuple[float, ...]
    intercept: float

    def contributions(self, features: Mapping[str, Floats]) -> Floats:
        """What each feature gives to the log-odds, shape (rows, len(names)); NaN where a feature is.

        Raises KeyError when a feature is missing: the caller chooses the map by what there is.
        """
        columns = np.stack([np.atleast_1d(features[name]) for name in self.names], axis=-1)
        standard = (columns - np.asarray(self.mean)) / np.asarray(self.scale)
        result: Floats = standard * np.asarray(self.weights)
        return result

    def log_odds(self, features: Mapping[str, Floats]) -> Floats:
        """Shape (rows,)."""
        total: Floats = self.contributions(features).sum(axis=-1) + self.intercept
        return total


@dataclass(frozen=True, slots=True)
class Steps:
    """What log-odds turned out to be worth: rising points, straight lines between them, level beyond them.

    Isotonic regression (Zadrozny and Elkan, KDD 2002), where a sample allows it. Never turns an order round.
    """

    log_odds: tuple[float, ...]
    p: tuple[float, ...]

    def p_of(self, log_odds: Floats) -> Floats:
        """Shape (rows,); NaN stays NaN."""
        result: Floats = np.interp(log_odds, self.log_odds, self.p)
        return np.where(np.isnan(log_odds), np.nan, result)


def sigmoid(log_odds: Floats) -> Floats:
    """1 / (1 + exp(-x)) without overflow."""
    result: Floats = 0.5 * (1.0 + np.tanh(0.5 * np.asarray(log_odds, dtype=np.float64)))
    return result
