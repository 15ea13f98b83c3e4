"""Fitting a calibration on one's own questions: as much of it as the sample allows, cross-fitted by document. Pure.

    at least FUSED with a relevant candidate, and UNANSWERABLE without an answer: new maps from score and evidence
    at least LEAST: Platt scaling of the shipped passage map (of the raw score, where none is shipped)
    at least isotonic.LEAST_PASSAGES judged passages: isotonic steps in place of the logistic curve, where they win
    at least SCALED of each kind: Platt scaling of the shipped map to p_answerable; below, it stays as it is

The numbers are ten questions for each thing fitted (P. Peduzzi et al., J. Clinical Epidemiology 49, 1996): the passage
map looks at thirteen features, the question map at eleven, Platt scaling has two numbers.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from math import ceil
from typing import Literal

from app.calibration.features import SCORE, View
from app.calibration.fit import answer_above, fit_calibration, keep_above
from app.calibration.fitted import FittedCalibration, FittedOn
from app.calibration.maps import LogisticMap
from app.calibration.observed import Observation, Unseen, rows_of
from app.domain import GatePolicy, ScorerId
from app.errors import UsageError
from app.evaluation.calibrating.isotonic import straighten
from app.evaluation.calibrating.platt import RAW_SCORE, scaled_passages, scaled_questions

LEAST = 20
FUSED = 130
UNANSWERABLE = 110
SCALED = 10
LOST = 0.05
WRONG_REFUSALS = 0.1

PassagesBy = Literal["fused", "score alone", "scaled", "raw score"]
QuestionsBy = Literal["fitted", "scaled", "as shipped", "none"]
Fit = Callable[[Sequence[Observation]], FittedCalibration]


@dataclass(frozen=True, slots=True)
class FittedHere:
    """A calibration with its policy, how its maps came about, and every question judged by maps that did not see its
    fold: what thresholds are chosen on."""

    calibration: FittedCalibration
    unseen: tuple[Unseen, ...]
    passages: PassagesBy
    questions: QuestionsBy


def fit_here(
    observations: Sequence[Observation],
    *,
    scorer: ScorerId,
    fitted_on: FittedOn,
    shipped: FittedCalibration | None,
    evidence: FittedCalibration | None,
) -> FittedHere:
    """Fit on the calibration side, then straighten p where that wins.

    `shipped` is this scorer's calibration for general use, `evidence` the maps from retrieval evidence alone; None
    where there are none.

    Raises UsageError with fewer than LEAST questions that have a relevant passage among their candidates.
    """
    found, unanswerable = counts(observations)
    if found < LEAST:
        raise UsageError(
            f"Calibrating takes {LEAST} questions with a relevant passage among the candidates in the part it is "
            f"fitted on; here are {found}.",
            hint=f"Add about {wanted(observations)} labelled questions on both sides together, or give that part more: "
            "--test-share.",
        )
    if found >= FUSED and unanswerable >= UNANSWERABLE:
        return _straightened(_new_maps(observations, scorer, fitted_on))
    base = _base(scorer, fitted_on, shipped, evidence)
    return _straightened(_scaled_maps(observations, base, "raw score" if shipped is None else "scaled"))


def _straightened(here: FittedHere) -> FittedHere:
    found = straighten(here.unseen)
    if found is None:
        return here
    view, steps, unseen = found
    calibration = replace(here.calibration, steps={view: steps})
    return replace(here, calibration=with_policy(calibration, unseen), unseen=unseen)


def _new_maps(observations: Sequence[Observation], scorer: ScorerId, fitted_on: FittedOn) -> FittedHere:
    fitted, unseen = fit_calibration(
        observations, scorer=scorer, fitted_on=fitted_on, lost=LOST, wrong_refusals=WRONG_REFUSALS
    )
    order = fitted.errors.get("order")
    used = order.get("used") if isinstance(order, dict) else None
    return FittedHere(fitted, tuple(unseen), "score alone" if used == "score" else "fused", "fitted")


def _scaled_maps(observations: Sequence[Observation], base: FittedCalibration, passages: PassagesBy) -> FittedHere:
    answerable = sum(o.answerable for o in observations)
    scale_questions = min(answerable, len(observations) - answerable) >= SCALED and bool(base.question)
    row_of = {id(o): row for o, row in zip(observations, rows_of(observations), strict=True)}

    def scaled(part: Sequence[Observation]) -> FittedCalibration:
        rows = [row_of[id(o)] for o in part]
        views = {view: fitted for view, fitted in base.passage.items() if _scores(fitted)}
        passage = {**base.passage, **scaled_passages(rows, views)}
        return replace(
            base, passage=passage, question=scaled_questions(rows, base.question) if scale_questions else base.question
        )

    unseen = cross_judged(observations, scaled)
    return FittedHere(
        with_policy(scaled(observations), unseen),
        tuple(unseen),
        passages,
        "scaled" if scale_questions else "as shipped" if base.question else "none",
    )


def cross_judged(observations: Sequence[Observation], fit: Fit) -> list[Unseen]:
    """Each question judged by maps fitted on the other groups."""
    groups = sorted({o.group for o in observations})
    without = {group: fit([o for o in observations if o.group != group]) for group in groups}
    return [Unseen(o, without[o.group].judge(o.retrieved, o.scores())) for o in observations]


def with_policy(calibration: FittedCalibration, unseen: Sequence[Unseen]) -> FittedCalibration:
    """With the default thresholds: at most a twentieth of relevant passages lost, a tenth of answerable questions
    refused."""
    judged = any(u.observation.answerable and u.judgement.p_answerable is not None for u in unseen)
    above = answer_above(unseen, WRONG_REFUSALS) if judged else None
    return replace(calibration, policy=GatePolicy(keep_above=keep_above(unseen, LOST), answer_above=above))


def counts(observations: Sequence[Observation]) -> tuple[int, int]:
    """Questions with a relevant candidate, and unanswerable ones."""
    found = sum(o.answerable and o.for_p and any(o.relevant) for o in observations)
    return found, sum(not o.answerable for o in observations)


def wanted(observations: Sequence[Observation]) -> int:
    """About how many more labelled questions would do, if as many of them are found and half are on this side."""
    found, _ = counts(observations)
    labelled = sum(o.answerable and o.for_p for o in observations)
    share = found / labelled if found else 0.8
    return ceil(2 * (LEAST - found) / share)


def _base(
    scorer: ScorerId, on: FittedOn, shipped: FittedCalibration | None, evidence: FittedCalibration | None
) -> FittedCalibration:
    """What is scaled: the shipped calibration, or the raw score with the evidence maps beside it."""
    if shipped is not None:
        return replace(shipped, fitted_on=on, errors={}, policy=GatePolicy(), steps={})
    raw: tuple[View, ...] = ("full", "dense", "score")
    passage: dict[View, LogisticMap] = dict.fromkeys(raw, RAW_SCORE)
    question: dict[View, LogisticMap] = {}
    if evidence is not None:
        passage |= evidence.passage
        question |= evidence.question
        same: tuple[tuple[View, View], ...] = (("full", "evidence"), ("dense", "evidence_dense"))
        question |= {ours: evidence.question[theirs] for ours, theirs in same if theirs in evidence.question}
    return FittedCalibration(scorer, on, passage, question, GatePolicy())


def _scores(fitted: LogisticMap) -> bool:
    return any(name in SCORE for name in fitted.names)
