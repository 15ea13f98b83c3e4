"""What thirty answers would change, before anything is changed: the map, its threshold, and both errors. Pure.

Both errors are about the threshold alone, before rescue, duplicates and the maximum: *relevant lost* is the share of
relevant passages below it, *irrelevant let through* the share of irrelevant ones that are not. They are measured with
the answers alone, each standing for 1 / chance passages (`borderline`, `weighted`), and said a second time as the
corrected map expects them over all candidates: steadier, and only as right as the map.

The new threshold keeps the old promise: the share of relevant passages that the map itself expects to lose is held at
what it was, so that answers which agree with the map change nothing. Intervals of slope, intercept and threshold come
from drawing the questions again with repeats, with all their candidates and answers, and the prior's means with them
(`shift.fit_shifts`; percentiles, their levels widened as in `intervals`). Whether a question is refused does not depend
on p, so neither refusal error moves.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from app.calibration.maps import sigmoid
from app.evaluation.five_minutes.borderline import Asked, Pair, log_odds
from app.evaluation.five_minutes.shift import (
    CHANCE,
    INTERCEPT_SD,
    SLOPE_SD,
    contradiction,
    fit_shift,
    fit_shifts,
    shifted,
)
from app.evaluation.five_minutes.weighted import weighted_share
from app.evaluation.intervals import LEVEL, SEED, Estimate, expanded_levels

Floats = npt.NDArray[np.float64]

LEAST_ANSWERS = 15
LEAST_EACH = 3
_DRAWS = 500


@dataclass(frozen=True, slots=True)
class Errors:
    """Both errors at one threshold. `lost` and `let_through` are measured (None without answers of that kind), the
    `expected` ones are the corrected map's, over all candidates; the counts are answers, unweighted. `irrelevant` is
    the measured share of irrelevant passages among those let through."""

    keep_above: float
    lost: Estimate | None
    let_through: Estimate | None
    irrelevant: Estimate | None
    expected_lost: float
    expected_let_through: float
    relevant_below: int
    irrelevant_above: int


@dataclass(frozen=True, slots=True)
class Effect:
    """What applying the answers would do. `candidates` is how many were drawn from, `expected_relevant` how many of
    them are relevant by the map before and after. `keep_above` is the new threshold with its interval; `agrees`: the
    answers do not contradict the calibration in use (`shift.contradiction` is within chance)."""

    yes: int
    no: int
    questions: int
    candidates: int
    expected_relevant: tuple[float, float]
    agrees: bool
    slope: Estimate
    intercept: Estimate
    keep_above: Estimate
    before: Errors
    after: Errors


def why_not(answers: Mapping[int, bool]) -> str:
    """Why these answers (place among the asked -> yes) allow no correction, in words; empty where they do."""
    yes = sum(answers.values())
    no = len(answers) - yes
    if len(answers) >= LEAST_EACH and (yes == 0 or no == 0):
        kind = "yes" if yes else "no"
        return f"All {len(answers)} answers are {kind}: nothing shows where the one ends and the other begins."
    if len(answers) < LEAST_ANSWERS:
        return f"{len(answers)} answers are too few; it takes {LEAST_ANSWERS} at least."
    if min(yes, no) < LEAST_EACH:
        few = f"{yes} yes" if yes < no else f"{no} no"
        return f"Only {few} among {len(answers)} answers; it takes {LEAST_EACH} of each kind."
    return ""


def effect_of(pairs: Sequence[Pair], asked: Sequence[Asked], answers: Mapping[int, bool], keep_above: float) -> Effect:
    """The effect of `answers`: place among the asked -> whether the passage is relevant; what is not there was skipped.

    Raises ValueError where `why_not` says something.
    """
    if why_not(answers):
        raise ValueError(why_not(answers))
    sample = _Sample(pairs, asked, answers)
    cut = log_odds(keep_above)
    slope, intercept = fit_shift(sample.x, sample.yes.tolist())
    new_cut = sample.same_promise(cut, slope, intercept, sample.once)
    new_keep = _keep(new_cut, slope, intercept)
    times = sample.drawn_again()
    rng = np.random.default_rng(SEED + 1)
    centres = rng.normal(1.0, SLOPE_SD, _DRAWS), rng.normal(0.0, INTERCEPT_SD, _DRAWS)
    slopes, intercepts = fit_shifts(sample.x, sample.yes.tolist(), times[:, sample.question], centres)
    keeps = [
        _keep(sample.same_promise(cut, a, b, each), a, b)
        for a, b, each in zip(slopes, intercepts, times[:, sample.owner], strict=True)
    ]
    questions = int(np.unique(sample.question).size)
    return Effect(
        yes=int(sample.yes.sum()),
        no=int((~sample.yes).sum()),
        questions=questions,
        candidates=len(pairs),
        expected_relevant=(float(sigmoid(sample.pool).sum()), float(shifted(sample.pool, slope, intercept).sum())),
        agrees=contradiction(sample.x, sample.yes.tolist(), slope, intercept) < CHANCE,
        slope=_estimate(slope, slopes, questions),
        intercept=_estimate(intercept, intercepts, questions),
        keep_above=_estimate(new_keep, np.asarray(keeps), questions),
        before=sample.errors(keep_above, cut, slope, intercept),
        after=sample.errors(new_keep, new_cut, slope, intercept),
    )


class _Sample:
    """The candidates as arrays, and the answers among them."""

    def __init__(self, pairs: Sequence[Pair], asked: Sequence[Asked], answers: Mapping[int, bool]) -> None:
        order = sorted(range(len(pairs)), key=lambda i: pairs[i].log_odds)
        self.pool = np.asarray([pairs[i].log_odds for i in order])
        self.owner = np.asarray([pairs[i].question for i in order])
        self.once = np.ones(len(order))
        places = sorted(answers)
        told = [pairs[asked[place].pair] for place in places]
        self.x = np.asarray([pair.log_odds for pair in told])
        self.question = np.asarray([pair.question for pair in told])
        self.yes = np.asarray([answers[place] for place in places])
        self.weights = np.asarray([1.0 / asked[place].chance for place in places])

    def drawn_again(self) -> Floats:
        """How often each question (by its number) is there in each draw, shape (draws, questions)."""
        rng = np.random.default_rng(SEED)
        there = np.unique(self.owner)
        times = np.zeros((_DRAWS, int(there.max()) + 1))
        for row in times:
            np.add.at(row, rng.choice(there, there.size), 1.0)
        return times

    def same_promise(self, cut: float, slope: float, intercept: float, times: Floats) -> float:
        """The cut (log-odds before the correction) at which the corrected map expects to lose the share of relevant
        passages that the uncorrected one expects to lose at `cut`."""
        here = times > 0.0
        x, weights = self.pool[here], times[here]
        if x.size == 0 or not x[0] < cut < np.inf:
            return cut  # nothing is below: there is nothing to hold
        allowed = float(np.interp(cut, x, _below(sigmoid(x) * weights)))
        return float(np.interp(allowed, _below(sigmoid(slope * x + intercept) * weights), x))

    def errors(self, keep_above: float, cut: float, slope: float, intercept: float) -> Errors:
        above, yes = self.x >= cut, self.yes
        p = sigmoid(slope * self.pool + intercept)
        over = self.pool >= cut
        return Errors(
            keep_above=keep_above,
            lost=weighted_share((~above[yes]).tolist(), self.weights[yes].tolist()),
            let_through=weighted_share(above[~yes].tolist(), self.weights[~yes].tolist()),
            irrelevant=weighted_share((~yes[above]).tolist(), self.weights[above].tolist()),
            expected_lost=float(p[~over].sum() / p.sum()),
            expected_let_through=float((1.0 - p)[over].sum() / (1.0 - p).sum()),
            relevant_below=int((~above & yes).sum()),
            irrelevant_above=int((above & ~yes).sum()),
        )


def _below(mass: Floats) -> Floats:
    """The share of the mass below each value."""
    result: Floats = (np.cumsum(mass) - mass) / mass.sum()
    return result


def _keep(cut: float, slope: float, intercept: float) -> float:
    return float(sigmoid(np.asarray([slope * cut + intercept]))[0])


def _estimate(value: float, drawn: Floats, questions: int) -> Estimate:
    if questions < 2:
        return Estimate(value, None, None, questions)
    low, high = np.quantile(drawn, expanded_levels(questions, LEVEL))
    return Estimate(value, float(low), float(high), questions)
