"""All gate numbers over both thresholds, from a sweep: moving a slider moves them together. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from app.evaluation.sweep import Bools, Floats, Ints, Sweep


@dataclass(frozen=True, slots=True)
class GateCurves:
    """Gate numbers, arrays of shape (keep_above thresholds, answer_above thresholds); NaN where nothing is measured.

    As in `measures_gate`: `precision`, `recall` and `f1` are means over labelled questions, refused ones counting 0;
    `pooled_precision` is over their passages. `wrong_refusals` and `wrong_answers` are the two refusal errors.
    `tokens` and `passages` (chunks) are sent per question, over all questions.
    """

    keep_above: Floats
    answer_above: Floats
    precision: Floats
    recall: Floats
    f1: Floats
    pooled_precision: Floats
    wrong_refusals: Floats
    wrong_answers: Floats
    tokens: Floats
    passages: Floats


def let_through(swept: Sweep, answer_above: float) -> Bools:
    """Whether each question is let through, shape (questions, keep_above thresholds).

    Refused are questions with p_answerable below the threshold (-inf: none), those of which nothing would be
    admitted, and those whose scorer failed.
    """
    result: Bools = _open(swept) & ~(swept.p_answerable < answer_above)[:, None]  # NaN is never below
    return result


def gate_curves(swept: Sweep, answer_above: Sequence[float] | Floats) -> GateCurves:
    """Every gate number at every pair of thresholds."""
    answers = np.asarray(answer_above, dtype=np.float64)
    above = (~(swept.p_answerable[:, None] < answers)).astype(np.float64)
    is_open = _open(swept).astype(np.float64)

    def mean(values: Floats, rows: Bools) -> Floats:
        """(questions, keep) -> (keep, answer): the mean over these questions, refused ones counting 0."""
        if not rows.any():
            return np.full((swept.thresholds.size, answers.size), np.nan)
        result: Floats = (values * is_open)[rows].T @ above[rows] / rows.sum()
        return result

    precision, recall, f1 = set_measures(swept)
    everything = np.ones(len(swept.ids), dtype=np.bool_)
    hits, sent = mean(_float(swept.hits), swept.labelled), mean(_float(swept.sent), swept.labelled)
    return GateCurves(
        keep_above=swept.thresholds,
        answer_above=answers,
        precision=mean(precision, swept.labelled),
        recall=mean(recall, swept.labelled),
        f1=mean(f1, swept.labelled),
        pooled_precision=np.divide(hits, sent, out=np.full_like(hits, np.nan), where=sent > 0),
        wrong_refusals=1.0 - mean(is_open, swept.answerable),
        wrong_answers=mean(is_open, swept.unanswerable),
        tokens=mean(_float(swept.tokens), everything),
        passages=mean(_float(swept.chunks), everything),
    )


def set_measures(swept: Sweep) -> tuple[Floats, Floats, Floats]:
    """Precision, recall and F1 of each question at each keep_above, shape (questions, thresholds); 0 where undefined.

    They know nothing of p_answerable: `let_through` says which questions it refuses.
    """
    hits, sent, relevant = _float(swept.hits), _float(swept.sent), _float(swept.relevant)[:, None]
    precision = np.divide(hits, sent, out=np.zeros_like(hits), where=sent > 0)
    recall = np.divide(hits, relevant, out=np.zeros_like(hits), where=relevant > 0)
    f1 = np.divide(2.0 * hits, sent + relevant, out=np.zeros_like(hits), where=sent + relevant > 0)
    return precision, recall, f1


def threshold_grid(values: npt.NDArray[np.float64], most: int = 101) -> Floats:
    """Thresholds worth trying: -inf (none), then the values that occur, thinned to quantiles where there are many."""
    known = np.unique(values[~np.isnan(values)])
    if known.size > most:
        known = np.unique(np.quantile(known, np.linspace(0.0, 1.0, most), method="nearest"))
    return np.concatenate([[-np.inf], known])


def _open(swept: Sweep) -> Bools:
    result: Bools = (swept.chunks > 0) & ~swept.failed[:, None]
    return result


def _float(values: Ints) -> Floats:
    return values.astype(np.float64)
