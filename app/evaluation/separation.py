"""Whether two groups can be told apart by a score at all, and what the gate does when they cannot. Pure.

*Clean separation*: some threshold leaves both errors at or below what is tolerated (one in ten, as the shipped
calibrations tolerate wrong refusals). The measure is the smallest reachable larger error, which is the equal error
rate of detection (Martin et al., The DET curve, 1997). *No separation*: the interval of the AUROC reaches one half, so
the score may say nothing here. In between the groups overlap: a threshold helps, and both errors must be shown.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from app.calibration.measure import auroc
from app.domain import GatePolicy
from app.evaluation.intervals import Estimate, statistic_interval
from app.evaluation.records import QuestionRecord

Kind = Literal["clean", "overlap", "none"]


@dataclass(frozen=True, slots=True)
class Separation:
    """How well a score tells `yes` values from `no` values (both in rising order).

    `worst` is the smallest reachable larger error, reached at `threshold`.
    """

    kind: Kind
    auroc: Estimate
    threshold: float
    worst: float
    yes: tuple[float, ...]
    no: tuple[float, ...]

    @property
    def clean(self) -> bool:
        return self.kind == "clean"

    def errors_at(self, threshold: float) -> tuple[float, float]:
        """The share (0..1) of yes values below the threshold, and of no values at or above it."""
        return (
            bisect_left(self.yes, threshold) / len(self.yes),
            1.0 - bisect_left(self.no, threshold) / len(self.no),
        )


def separation(yes: Sequence[float], no: Sequence[float], *, tolerated: float = 0.1) -> Separation | None:
    """Judge a score on labelled values; None unless there are at least two of each kind."""
    if len(yes) < 2 or len(no) < 2:
        return None
    above, below = np.sort(np.asarray(yes, dtype=np.float64)), np.sort(np.asarray(no, dtype=np.float64))
    values = np.concatenate([above, below])
    labels = np.concatenate([np.ones(above.size), np.zeros(below.size)])
    area = statistic_interval(lambda drawn: auroc(values[drawn], labels[drawn]), values.size)
    assert area is not None
    thresholds = np.unique(values)
    missed = np.searchsorted(above, thresholds) / above.size
    passed = 1.0 - np.searchsorted(below, thresholds) / below.size
    larger = np.maximum(missed, passed)
    best = int(np.argmin(larger))
    worst = float(larger[best])
    unsure = area.low is None or area.low <= 0.5
    kind: Kind = "none" if unsure else "clean" if worst <= tolerated else "overlap"
    return Separation(kind, area, float(thresholds[best]), worst, tuple(above.tolist()), tuple(below.tolist()))


def question_separation(records: Sequence[QuestionRecord]) -> Separation | None:
    """Answerable against unanswerable questions by p_answerable."""
    known = [(r.answerable, r.p_answerable) for r in records if r.p_answerable is not None]
    return separation([p for yes, p in known if yes is True], [p for yes, p in known if yes is False])


def passage_separation(records: Sequence[QuestionRecord]) -> Separation | None:
    """Relevant against other candidates of labelled questions, by what the threshold meets (p, or the raw score)."""
    asked = [r for r in records if r.labelled and r.basis != "rank"]
    values = [(r.grade(c) > 0, c.raw if r.basis == "raw" else c.p) for r in asked for c in r.candidates]
    return separation(
        [v for yes, v in values if yes and v is not None], [v for yes, v in values if not yes and v is not None]
    )


def gate_plan(
    policy: GatePolicy, questions: Separation | None, passages: Separation | None
) -> tuple[GatePolicy, tuple[str, str]]:
    """The policy the gate will follow, and why in words, first about questions and then about passages.

    A threshold on a score that tells nothing apart is taken out: refusing by it would be refusing at random. Where
    the groups overlap it stays, and the words give both of its errors.
    """
    if questions is not None and questions.kind == "none":
        policy = replace(policy, answer_above=None)
    if passages is not None and passages.kind == "none":
        policy = replace(policy, keep_above=None, raw_keep_above=None)
    return policy, (_about_questions(policy, questions), _about_passages(policy, passages))


def _about_questions(policy: GatePolicy, found: Separation | None) -> str:
    if found is None:
        return "Too few answerable and unanswerable questions to say how well refusing works here."
    if found.kind == "none":
        return (
            "No clean separation: p_answerable does not tell answerable from unanswerable questions here "
            f"({_auroc(found)}). The gate will not refuse by it."
        )
    if policy.answer_above is None:
        return f"{_opening(found)} No threshold is set: the gate refuses only where no passage clears it."
    refused, answered = found.errors_at(policy.answer_above)
    return (
        f"{_opening(found)} The gate refuses below {policy.answer_above:.2f}: {_of_100(refused)} answerable questions "
        f"are refused and {_of_100(answered)} unanswerable ones let through."
    )


def _about_passages(policy: GatePolicy, found: Separation | None) -> str:
    threshold = policy.keep_above if policy.keep_above is not None else policy.raw_keep_above
    if found is None:
        return "Too few labelled passages to say how well they separate here."
    if found.kind == "none":
        return (
            f"No clean separation: the score does not tell relevant passages from others here ({_auroc(found)}). "
            f"The gate will let the first {policy.max_chunks} through by rank."
        )
    if threshold is None:
        return f"{_opening(found)} No threshold is set: the gate lets the first {policy.max_chunks} through."
    lost, kept = found.errors_at(threshold)
    return (
        f"{_opening(found)} The gate keeps passages from {threshold:.2f} on: {_of_100(lost)} relevant ones fall below "
        f"and {_of_100(kept)} others do not; the order and {policy.max_chunks} at most decide the rest."
    )


def _opening(found: Separation) -> str:
    if found.clean:
        return f"Clean separation ({_auroc(found)})."
    return f"No clean separation ({_auroc(found)}): at any threshold one error is at least {_of_100(found.worst)}."


def _of_100(share: float) -> str:
    return f"{100 * share:.0f} of 100"


def _auroc(found: Separation) -> str:
    area = found.auroc
    interval = "" if area.low is None or area.high is None else f", 95% {area.low:.2f} to {area.high:.2f}"
    return f"AUROC {area.value:.2f}{interval}"
