"""What a calibration is worth on questions it was not fitted on, each number with its bootstrap interval. Pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from app.calibration.measure import auroc, brier_skill, expected_calibration_error
from app.evaluation.intervals import Counts, Estimate, mean_interval, statistic_interval
from app.evaluation.measures_gate import GateMeasures, gate_measures
from app.evaluation.records import QuestionRecord
from app.evaluation.thresholds import relevant_values

Floats = npt.NDArray[np.float64]
Pairs = list[tuple[float, float]]  # p, and 1 for a relevant passage


@dataclass(frozen=True, slots=True)
class Calibrated:
    """p against labels over some passages: what it says and what is so on average, ECE and Brier skill."""

    passages: int
    said: float
    seen: float
    ece: Estimate | None
    brier_skill: Estimate | None


@dataclass(frozen=True, slots=True)
class HeldOut:
    """The other part, under one calibration and policy. `rank_1` and `admitted` are None where nothing has a p.

    `lost` is the share of a question's relevant candidates below keep_above. `auroc`: answerable against unanswerable.
    """

    questions: int
    rank_1: Calibrated | None
    admitted: Calibrated | None
    gate: GateMeasures
    lost: Estimate | None
    auroc: Estimate | None


def held_out(records: Sequence[QuestionRecord], keep_above: float | None) -> HeldOut:
    """Measure the records of the test side."""
    labelled = [r for r in records if r.labelled]
    firsts = [[(c.p, float(r.grade(c) > 0)) for c in r.candidates[:1] if c.p is not None] for r in labelled]
    admitted = [[(c.p, float(r.grade(c) > 0)) for c in r.admitted if c.p is not None] for r in labelled]
    below = -np.inf if keep_above is None else keep_above
    values = [v for r in labelled if (v := relevant_values(r))]
    known = [
        (r.p_answerable, float(r.answerable))
        for r in records
        if r.answerable is not None and r.p_answerable is not None
    ]
    sure, labels = (np.asarray(side, dtype=np.float64) for side in (zip(*known, strict=True) if known else ((), ())))
    return HeldOut(
        questions=len(records),
        rank_1=_calibrated(firsts),
        admitted=_calibrated(admitted),
        gate=gate_measures(records),
        lost=mean_interval([sum(v < below for v in of) / len(of) for of in values]),
        auroc=statistic_interval(lambda drawn: auroc(sure[drawn], labels[drawn]), len(known)) if known else None,
    )


def _calibrated(by_question: Sequence[Pairs]) -> Calibrated | None:
    """Passages of a question are drawn together: they are not independent."""
    asked = [pairs for pairs in by_question if pairs]
    if not asked:
        return None
    p, labels = np.asarray([pair for pairs in asked for pair in pairs], dtype=np.float64).T
    owner = np.repeat(np.arange(len(asked)), [len(pairs) for pairs in asked])

    def over(measure: Callable[[Floats, Floats, Floats], float | None]) -> Estimate | None:
        def statistic(drawn: Counts) -> float | None:
            times = np.bincount(drawn, minlength=len(asked)).astype(np.float64)
            return measure(p, labels, times[owner])

        return statistic_interval(statistic, len(asked))

    return Calibrated(
        passages=len(p),
        said=float(p.mean()),
        seen=float(labels.mean()),
        ece=over(expected_calibration_error),
        brier_skill=over(brier_skill),
    )
