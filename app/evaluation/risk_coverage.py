"""Risk against coverage: what is wrong among the questions answered, as more of them are answered. Pure.

Y. Geifman and R. El-Yaniv, Selective classification for deep neural networks, 2017 (arXiv 1705.08500); the area under
the curve and its excess over the best possible order: Geifman, Uziel and El-Yaniv, 2019 (arXiv 1805.08206).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from app.evaluation.intervals import Counts, Estimate, statistic_interval
from app.evaluation.records import QuestionRecord

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class RiskCoverage:
    """`risk[i]` is the mean loss (0..1) of the share `coverage[i]` of questions that is most confident.

    `area` (AURC) is the mean risk over all coverages, lower is better; `excess` is what it lies above the area of an
    order that knows the losses (E-AURC), so 0 is perfect whatever the share of questions that go wrong.
    """

    coverage: Floats
    risk: Floats
    area: Estimate
    excess: float


def risk_coverage(confidence: Sequence[float], losses: Sequence[float]) -> RiskCoverage | None:
    """The curve with the interval of its area; None without questions.

    `confidence` is p_answerable or any score that says "answer this first"; `losses` are 0 (right) to 1 (wrong).
    """
    sure, lost = np.asarray(confidence, dtype=np.float64), np.asarray(losses, dtype=np.float64)
    if sure.size == 0:
        return None
    area = statistic_interval(lambda drawn: aurc(sure[drawn], lost[drawn]), sure.size)
    assert area is not None
    risk = _risks(sure, lost)
    return RiskCoverage(
        coverage=np.arange(1, sure.size + 1) / sure.size,
        risk=risk,
        area=area,
        excess=float(risk.mean()) - aurc(-lost, lost),
    )


def aurc(confidence: Floats, losses: Floats) -> float:
    """Mean over k = 1..n of the mean loss of the k most confident. Equal confidences share their losses evenly: the
    expectation over the orders they could come in.

    >>> aurc(np.array([0.9, 0.5]), np.array([0.0, 1.0]))
    0.25
    """
    return float(_risks(confidence, losses).mean())


def losses_of_answering(records: Iterable[QuestionRecord], chunks: int = 5) -> dict[str, float]:
    """What it costs to answer instead of refusing, by question id: 1 where the library has no answer, 1 where none of
    the first `chunks` after scoring is relevant, else 0. Questions of which nothing is known are left out.
    """
    losses: dict[str, float] = {}
    for record in records:
        if record.answerable is False:
            losses[record.id] = 1.0
        elif record.labelled:
            losses[record.id] = float(not any(record.grade(c) for c in record.candidates[:chunks]))
    return losses


def paired_areas(first: Floats, second: Floats, losses: Floats) -> Estimate | None:
    """AURC by the second confidence minus AURC by the first, on the same questions; below 0 the second is better."""

    def difference(drawn: Counts) -> float:
        return aurc(second[drawn], losses[drawn]) - aurc(first[drawn], losses[drawn])

    return statistic_interval(difference, losses.size) if losses.size else None


def _risks(confidence: Floats, losses: Floats) -> Floats:
    order = np.argsort(-confidence, kind="stable")
    _, tie = np.unique(-confidence[order], return_inverse=True)
    shared = np.bincount(tie, losses[order]) / np.bincount(tie)
    risks: Floats = np.cumsum(shared[tie]) / np.arange(1, losses.size + 1)
    return risks
