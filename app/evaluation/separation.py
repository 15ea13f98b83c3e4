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
import numpy.typing as npt

from app.calibration.measure import auroc
from app.domain import GatePolicy
from app.evaluation.intervals import LEVEL, SEED, Estimate, expanded_levels, resampled_sums
from app.evaluation.records import QuestionRecord

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Kind = Literal["clean", "overlap", "none"]

_CUTS = 256
_DRAWS = 1000


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


def separation(
    yes: Sequence[float], no: Sequence[float], *, units: Sequence[int] | None = None, tolerated: float = 0.1
) -> Separation | None:
    """Judge a score on labelled values; None unless there are at least two of each kind.

    `units` numbers the question of each value, yes values first: values of one question are drawn together when the
    interval is made. None: every value is a question of its own.
    """
    if len(yes) < 2 or len(no) < 2:
        return None
    values = np.concatenate([np.asarray(side, dtype=np.float64) for side in (yes, no)])
    labels = np.repeat([1.0, 0.0], [len(yes), len(no)])
    owner = np.arange(values.size) if units is None else np.asarray(units, dtype=np.int64)
    area = _auroc_interval(values, labels, owner)
    above, below = np.sort(values[labels == 1.0]), np.sort(values[labels == 0.0])
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
    found: dict[bool, list[tuple[float, int]]] = {True: [], False: []}
    for number, record in enumerate(asked):
        for c in record.candidates:
            value = c.raw if record.basis == "raw" else c.p
            if value is not None:
                found[record.grade(c) > 0].append((value, number))
    return separation(
        [value for value, _ in found[True]],
        [value for value, _ in found[False]],
        units=[number for side in (True, False) for _, number in found[side]],
    )


def _auroc_interval(values: Floats, labels: Floats, owner: Ints) -> Estimate:
    """AUROC with an interval over questions. For the interval the values are cut into at most 256 steps, so that all
    draws are made at once; values within a step count as ties."""
    exact = auroc(values, labels)
    assert exact is not None
    cuts = np.unique(values)
    if cuts.size > _CUTS:
        cuts = np.unique(np.quantile(values, np.linspace(0.0, 1.0, _CUTS)))
    step = np.searchsorted(cuts, values, side="right") - 1
    _, unit = np.unique(owner, return_inverse=True)
    units = int(unit.max()) + 1
    if units < 2:
        return Estimate(exact, None, None, units)
    cells = np.ravel_multi_index((unit, (1 - labels).astype(np.int64), step), (units, 2, cuts.size))
    table = np.bincount(cells, minlength=units * 2 * cuts.size).reshape(units, -1).astype(np.float64)
    up, down = np.split(resampled_sums(table, _DRAWS, SEED), 2, axis=1)
    wins = (up * (np.cumsum(down, axis=1) - 0.5 * down)).sum(axis=1)
    pairs = up.sum(axis=1) * down.sum(axis=1)
    low, high = np.quantile(wins[pairs > 0.0] / pairs[pairs > 0.0], expanded_levels(units, LEVEL))
    return Estimate(exact, float(low), float(high), units)


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
