"""Platt scaling: two numbers that make a map's p, or a raw score, mean what it says here. The order stays. Pure.

J. Platt, Probabilistic outputs for support vector machines, 1999. p = sigmoid(slope * x + offset), where x is the
log-odds that the shipped map gives, or the raw score of a scorer that has none.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from app.calibration.features import View
from app.calibration.maps import LogisticMap
from app.calibration.observed import Row
from app.calibration.regression import fit_logistic

Floats = npt.NDArray[np.float64]
RAW_SCORE = LogisticMap(("score",), (0.0,), (1.0,), (1.0,), 0.0)  # log-odds that are the raw score itself


def scaled_passages(rows: Sequence[Row], maps: Mapping[View, LogisticMap]) -> dict[View, LogisticMap]:
    """Each view's passage map, scaled on these questions. Maps these rows cannot be judged by stay as they are."""
    return {view: _scaled_passage(rows, fitted) for view, fitted in maps.items()}


def scaled_questions(rows: Sequence[Row], maps: Mapping[View, LogisticMap]) -> dict[View, LogisticMap]:
    """Each view's question map, scaled on these questions; answerable and unanswerable ones weigh the same."""
    return {view: _scaled_question(rows, fitted) for view, fitted in maps.items()}


def rescaled(fitted: LogisticMap, slope: float, offset: float) -> LogisticMap:
    """The map whose log-odds are slope times those of `fitted`, plus offset."""
    weights = tuple(slope * weight for weight in fitted.weights)
    return replace(fitted, weights=weights, intercept=slope * fitted.intercept + offset)


def _scaled_passage(rows: Sequence[Row], fitted: LogisticMap) -> LogisticMap:
    """Of questions with an answer, and passages weigh 1 / rank squared, because p is shown and used at the front."""
    answered = (row for row in rows if row.observation.for_p and row.observation.answerable)
    used = [row for row in answered if all(name in row.passage for name in fitted.names)]
    log_odds, labels, weights = [], [], []
    for row in used:
        values = fitted.log_odds(row.passage)
        places = np.empty(values.size)
        places[np.argsort(-values, kind="stable")] = np.arange(values.size)
        log_odds.append(values)
        labels.append(np.asarray(row.observation.relevant, dtype=np.float64))
        weights.append(1.0 / (1.0 + places) ** 2)
    if not used:
        return fitted
    x, y, w = (np.concatenate(part) for part in (log_odds, labels, weights))
    known = ~np.isnan(x)
    return _fit(fitted, x[known], y[known], w[known])


def _scaled_question(rows: Sequence[Row], fitted: LogisticMap) -> LogisticMap:
    used = [row for row in rows if all(name in row.question for name in fitted.names)]
    labels = np.asarray([float(row.observation.answerable) for row in used])
    yes = labels.sum()
    if not 0.0 < yes < labels.size:
        return fitted
    x = np.asarray([float(fitted.log_odds({n: np.asarray([v]) for n, v in row.question.items()})[0]) for row in used])
    return _fit(fitted, x, labels, np.where(labels == 1.0, 0.5 / yes, 0.5 / (labels.size - yes)))


def _fit(fitted: LogisticMap, x: Floats, labels: Floats, weights: Floats) -> LogisticMap:
    if not 0.0 < np.average(labels, weights=weights) < 1.0:
        return fitted
    line = fit_logistic({"x": x}, ("x",), labels, weights, never_below_zero=frozenset({"x"}))
    slope = line.weights[0] / line.scale[0]
    if slope <= 0.0:  # it says nothing here; turning the order round would be worse than leaving it
        return fitted
    return rescaled(fitted, slope, line.intercept - slope * line.mean[0])
