"""Fitting the maps of a calibration: for passages and for questions, one for each view of the evidence. Pure."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Hashable, Iterable, Sequence
from dataclasses import replace
from math import prod

import numpy as np
import numpy.typing as npt

from app.calibration.features import PASSAGE_FEATURES, QUESTION_FEATURES, View
from app.calibration.maps import LogisticMap, last_of
from app.calibration.observed import Kind, Row
from app.calibration.regression import fit_logistic

Floats = npt.NDArray[np.float64]

# p_answerable expects every second question to be unanswerable; what kinds those are, where a group has them
KIND_WEIGHT: dict[Kind, float] = {"answerable": 0.5, "near_miss": 0.3, "off_topic": 0.2, "lookalike": 0.5}


def fit_maps(rows: Sequence[Row], views: Iterable[View]) -> tuple[dict[View, LogisticMap], dict[View, LogisticMap]]:
    """The passage maps and the question maps of these views. Groups weigh the same, whatever their size.

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
    """Fitted three times: the first map says which passages would stand in front, the second is right about their
    order, and the third, which keeps it, about how sure to be.

    Groups weigh the same, and within one the ways of asking. A passage's weight in the second fit is 1 / rank
    squared. The gate and the page show p of the first few passages; the far more numerous ones behind are easy, and
    would otherwise decide the fit.
    """
    features = {name: np.concatenate([row.passage[name] for row in rows]) for name in names}
    labels = np.concatenate([np.asarray(row.observation.labels, dtype=np.float64) for row in rows])
    known = ~np.isnan(np.stack(list(features.values()))).any(axis=0)
    features = {name: values[known] for name, values in features.items()}
    weights = _evenly([(o.group, o.way) for o in (row.observation for row in rows)])

    def fit(weights: Sequence[Floats]) -> LogisticMap:
        share = np.concatenate(weights)[known]
        return fit_logistic(features, names, labels[known], share, never_below_zero=frozenset(names))

    alike = [np.full(len(row.observation.labels), w) for w, row in zip(weights, rows, strict=True)]
    first = fit(alike)
    return _as_sure(rows, fit([w / _ranks(first.log_odds(r.passage)) ** 2 for w, r in zip(alike, rows, strict=True)]))


def _as_sure(rows: Sequence[Row], fitted: LogisticMap) -> LogisticMap:
    """The same map with its slope, its offset and its level fitted anew; passages weigh 1 / rank.

    Within a group one question and several at once weigh the same here, and only then the ways of asking. How many
    passages are relevant to a question says little about their order and much about how sure to be, and nobody knows
    beforehand which kind a library is asked.
    """
    by_question = [fitted.log_odds(row.passage) for row in rows]
    weights = _evenly([(o.group, o.at_once, o.way) for o in (row.observation for row in rows)])
    log_odds = np.concatenate(by_question)
    last = np.concatenate([np.full(x.size, np.nan if (i := last_of(x)) is None else x[i]) for x in by_question])
    labels = np.concatenate([np.asarray(row.observation.labels, dtype=np.float64) for row in rows])
    share = np.concatenate([w / _ranks(x) for w, x in zip(weights, by_question, strict=True)])
    known = ~np.isnan(log_odds)
    columns = {"log_odds": log_odds[known], "below_last": -last[known]}
    line = fit_logistic(columns, tuple(columns), labels[known], share[known], never_below_zero=frozenset(columns))
    by_name = {n: (w / s, m) for n, w, s, m in zip(line.names, line.weights, line.scale, line.mean, strict=True)}
    slope, mean = by_name.get("log_odds", (0.0, 0.0))
    below, mean_below = by_name.get("below_last", (0.0, 0.0))
    if not below < slope:  # nothing to go by, or the last one's p would fall as it gets better
        return fitted
    return replace(
        fitted,
        weights=tuple(slope * weight for weight in fitted.weights),
        intercept=(slope - below) * fitted.intercept + line.intercept - slope * mean - below * mean_below,
        level=below / slope,
    )


def _evenly(paths: Sequence[tuple[Hashable, ...]]) -> list[float]:
    """A weight for each question: whatever a part of its path weighs is shared evenly among what lies below it."""
    below: defaultdict[tuple[Hashable, ...], set[Hashable]] = defaultdict(set)
    for path in paths:
        for depth in range(1, len(path)):
            below[path[:depth]].add(path[depth])
    questions = Counter(paths)
    return [1.0 / (questions[p] * prod(len(below[p[:depth]]) for depth in range(1, len(p)))) for p in paths]


def _ranks(log_odds: Floats) -> Floats:
    """The rank of each passage, 1 for the highest; NaN comes last."""
    ranks = np.empty(log_odds.size)
    ranks[np.argsort(-log_odds, kind="stable")] = np.arange(1, log_odds.size + 1)
    return ranks


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
