"""Fitting the maps of a calibration: for passages and for questions, one for each view of the evidence. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

import numpy as np
import numpy.typing as npt

from app.calibration.features import PASSAGE_FEATURES, QUESTION_FEATURES, View
from app.calibration.maps import LogisticMap
from app.calibration.observed import Kind, Row
from app.calibration.regression import fit_logistic

Floats = npt.NDArray[np.float64]

# p_answerable expects every second question to be unanswerable; what kinds those are, where a group has them
KIND_WEIGHT: dict[Kind, float] = {"answerable": 0.5, "near_miss": 0.3, "off_topic": 0.2, "lookalike": 0.5}


def fit_maps(rows: Sequence[Row], views: Iterable[View]) -> tuple[dict[View, LogisticMap], dict[View, LogisticMap]]:
    """The passage maps and the question maps of these views. Groups weigh the same, whatever their size, and for
    passages so do the ways in which a group is asked.

    Raises ValueError when there is nothing to tell apart: no relevant passage, or no unanswerable question.
    """
    passage: dict[View, LogisticMap] = {}
    question: dict[View, LogisticMap] = {}
    for view in views:
        allowed = [row for row in rows if row.allows(view)]
        # p is about questions that the library answers; whether it does is what p_answerable is for
        answered = [row for row in allowed if row.observation.for_p and row.observation.answerable]
        passage[view] = _fit_passages(answered, PASSAGE_FEATURES[view])
        question[view] = _fit_questions(allowed, QUESTION_FEATURES[view])
    return passage, question


def _fit_passages(rows: Sequence[Row], names: Sequence[str]) -> LogisticMap:
    """Fitted twice: the first map says which passages would stand in front, and the second is right about those.

    A passage's weight in the second fit is 1 / rank squared. The gate and the page show p of the first few passages;
    the far more numerous ones behind are easy, and would otherwise decide the fit.
    """
    count = Counter((row.observation.group, row.observation.way) for row in rows)
    ways = Counter(group for group, _ in count)
    weights = [
        np.full(len(o.labels), 1.0 / (ways[o.group] * count[o.group, o.way])) for o in (r.observation for r in rows)
    ]
    features = {name: np.concatenate([row.passage[name] for row in rows]) for name in names}
    labels = np.concatenate([np.asarray(row.observation.labels, dtype=np.float64) for row in rows])
    known = ~np.isnan(np.stack(list(features.values()))).any(axis=0)
    features = {name: values[known] for name, values in features.items()}

    def fit(weights: Floats) -> LogisticMap:
        return fit_logistic(features, names, labels[known], weights, never_below_zero=frozenset(names))

    first = fit(np.concatenate(weights)[known])
    in_front = [w / (1 + _places(first.log_odds(row.passage))) ** 2 for w, row in zip(weights, rows, strict=True)]
    return fit(np.concatenate(in_front)[known])


def _places(log_odds: Floats) -> Floats:
    """The place of each passage, 0 for the highest; NaN comes last."""
    places = np.empty(log_odds.size)
    places[np.argsort(-log_odds, kind="stable")] = np.arange(log_odds.size)
    return places


def _fit_questions(rows: Sequence[Row], names: Sequence[str]) -> LogisticMap:
    count = Counter((row.observation.group, row.observation.kind) for row in rows)
    kinds = [(row.observation.group, row.observation.kind) for row in rows]
    return fit_logistic(
        {name: np.asarray([row.question[name] for row in rows]) for name in names},
        names,
        np.asarray([float(row.observation.answerable) for row in rows]),
        np.asarray([KIND_WEIGHT[kind] / count[group, kind] for group, kind in kinds]),
        never_below_zero=frozenset(names),
    )
