"""A fitted logistic map as plain weights: features in, log-odds and probability out. Pure numpy."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

LAST = 20  # the place that is a question's last, so that asking for 100 candidates changes nothing


@dataclass(frozen=True, slots=True)
class LogisticMap:
    """log-odds = intercept + sum of weight * (feature - mean) / scale.

    With a `level` (0..1) the rows are one question's candidates, and each is measured from its last one: that share
    of what the last candidate's features give is taken from all of them. The order stays. Where even the last looks
    relevant, looks say less.
    """

    names: tuple[str, ...]
    mean: tuple[float, ...]
    scale: tuple[float, ...]
    weights: tuple[float, ...]
    intercept: float
    level: float = 0.0

    def contributions(self, features: Mapping[str, Floats]) -> Floats:
        """What each feature gives to the log-odds, shape (rows, len(names)); NaN where a feature is.

        Raises KeyError when a feature is missing: the caller chooses the map by what there is.
        """
        columns = np.stack([np.atleast_1d(features[name]) for name in self.names], axis=-1)
        standard = (columns - np.asarray(self.mean)) / np.asarray(self.scale)
        result: Floats = standard * np.asarray(self.weights)
        last = last_of(result.sum(axis=-1)) if self.level else None
        return result if last is None else result - self.level * result[last]

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


def last_of(log_odds: Floats) -> int | None:
    """The place of the twentieth highest, or of the lowest of fewer; None where none is known.

    >>> last_of(np.array([0.5, -1.0, np.nan]))
    1
    """
    order = np.argsort(-log_odds, kind="stable")[: np.count_nonzero(~np.isnan(log_odds))][:LAST]
    return int(order[-1]) if order.size else None


def sigmoid(log_odds: Floats) -> Floats:
    """1 / (1 + exp(-x)) without overflow."""
    result: Floats = 0.5 * (1.0 + np.tanh(0.5 * np.asarray(log_odds, dtype=np.float64)))
    return result
