"""Whether p means what it says, for each scorer: at rank 1 and on the admitted set of questions that have an answer.

Over all candidates a constant scores well, so it is judged where it matters. Reliability diagrams and ECE: Naeini et
al., AAAI 2015; Brier skill: G. Brier 1950, A. Murphy 1973. Pure.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from app.calibration.measure import brier_skill, expected_calibration_error
from app.domain import DecisionKind
from app.evaluation.intervals import Estimate, ratio_interval, share_interval
from app.evaluation.records import QuestionRecord

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Bin:
    """Passages whose p is alike: what p says on average, and what share was relevant (Wilson interval)."""

    said: float
    seen: Estimate


@dataclass(frozen=True, slots=True)
class Reliability:
    """p against labels over `n` passages. Shares are 0..1; `brier_skill` is None where all labels are the same."""

    n: int
    said: float
    seen: float
    ece: float
    brier_skill: float | None
    bins: tuple[Bin, ...]


@dataclass(frozen=True, slots=True)
class CalibrationMeasures:
    """One scorer's calibration. None where no passage of the kind has a p.

    Precision is that of the admitted passages of let-through labelled questions, with the rescued ones and without.
    """

    scorer: str
    rank_1: Reliability | None
    admitted: Reliability | None
    precision_with_rescue: Estimate | None
    precision_without_rescue: Estimate | None


def calibration_by_scorer(records: Iterable[QuestionRecord]) -> dict[str, CalibrationMeasures]:
    """Measures by scorer id, over its labelled questions; p of different scorers is never mixed."""
    by_scorer: dict[str, list[QuestionRecord]] = {}
    for record in records:
        if record.scorer is not None and record.labelled:
            by_scorer.setdefault(record.scorer, []).append(record)
    return {scorer: calibration_measures(scorer, asked) for scorer, asked in sorted(by_scorer.items())}


def calibration_measures(scorer: str, asked: Sequence[QuestionRecord]) -> CalibrationMeasures:
    """The measures of one scorer's labelled questions."""
    firsts = [(c.p, r.grade(c) > 0) for r in asked for c in r.candidates[:1]]
    admitted = [(c.p, r.grade(c) > 0) for r in asked for c in r.admitted]
    return CalibrationMeasures(
        scorer=scorer,
        rank_1=reliability([(p, yes) for p, yes in firsts if p is not None]),
        admitted=reliability([(p, yes) for p, yes in admitted if p is not None]),
        precision_with_rescue=_precision(asked, rescued=True),
        precision_without_rescue=_precision(asked, rescued=False),
    )


def reliability(pairs: Sequence[tuple[float, bool]], *, bins: int = 10) -> Reliability | None:
    """Reliability of (p, relevant) pairs in bins of about equal size; equal p's share a bin. None without pairs."""
    if not pairs:
        return None
    p = np.asarray([pair[0] for pair in pairs], dtype=np.float64)
    labels = np.asarray([pair[1] for pair in pairs], dtype=np.float64)
    return Reliability(
        n=len(pairs),
        said=float(p.mean()),
        seen=float(labels.mean()),
        ece=expected_calibration_error(p, labels, bins=bins),
        brier_skill=brier_skill(p, labels),
        bins=_bins(p, labels, bins),
    )


def _bins(p: Floats, labels: Floats, bins: int) -> tuple[Bin, ...]:
    # the same bins as in expected_calibration_error: by the middle of each value's place among the sorted
    values, place, count = np.unique(p, return_inverse=True, return_counts=True)
    middle = (np.cumsum(count) - 0.5 * count) / p.size
    numbers = np.minimum((middle * bins).astype(int), bins - 1)
    found = []
    for number in np.unique(numbers):
        here = numbers[place] == number
        seen = share_interval(int(labels[here].sum()), int(here.sum()))
        assert seen is not None
        found.append(Bin(float(p[here].mean()), seen))
    return tuple(found)


def _precision(asked: Sequence[QuestionRecord], *, rescued: bool) -> Estimate | None:
    counts = [[r.grade(c) > 0 for c in r.admitted if rescued or c.decision is not DecisionKind.RESCUED] for r in asked]
    return ratio_interval([float(sum(c)) for c in counts], [float(len(c)) for c in counts])
